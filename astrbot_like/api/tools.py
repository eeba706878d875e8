"""Tools that a model can call."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from mcp.types import CallToolResult

    from astrbot_like.api.message_event import AstrMessageEvent
    from astrbot_like.api.star.context import Context

    ToolExecResult: TypeAlias = str | CallToolResult
else:
    ToolExecResult = str | Any

ContextT = TypeVar("ContextT")

ParametersType: TypeAlias = dict[str, Any]
ToolHandler: TypeAlias = Callable[..., Any]

_SCHEMA_TYPES = frozenset(("string", "number", "integer", "boolean", "array", "object", "null"))


@dataclass
class AstrAgentContext:
    """What a tool finds in its run: ``context.context.event`` is the event being answered."""

    context: Context
    event: AstrMessageEvent
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class ContextWrapper(Generic[ContextT]):
    """First argument of ``FunctionTool.call``.

    Attributes:
        messages: The conversation as the model sees it, so far.
        tool_call_timeout: Seconds the call may take.
    """

    context: ContextT
    messages: list[Any] = field(default_factory=list)
    tool_call_timeout: int = 120


AgentContextWrapper: TypeAlias = ContextWrapper[AstrAgentContext]


@dataclass
class FunctionTool(Generic[ContextT]):
    """A tool. Subclass it with field defaults and override ``call``, or give a ``handler``.

    Attributes:
        parameters: JSON Schema of the arguments, an object.
        handler: ``handler(event, **arguments)``; has priority over ``call``.
        handler_module_path: Module that owns it.
        active: Offered to models.
        is_background_task: Returns at once while the work goes on.

    Raises:
        ValueError: ``parameters`` is not a JSON Schema.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    handler: Any = None
    handler_module_path: str | None = None
    active: bool = True
    is_background_task: bool = False

    def __post_init__(self) -> None:
        check_schema(self.parameters)

    def __repr__(self) -> str:
        return f"FuncTool(name={self.name}, parameters={self.parameters}, description={self.description})"

    async def call(self, context: ContextWrapper[ContextT], **kwargs: Any) -> ToolExecResult:
        """Run the tool. Text returned is given to the model; None gives it nothing."""
        raise NotImplementedError("A FunctionTool needs a handler, or a subclass that overrides call().")


class MCPTool(FunctionTool[ContextT]):
    """A tool that an MCP server offers; the host makes them, plugins tell them by this class.

    Attributes:
        mcp_server_name: The server's name.
    """

    @property
    def mcp_server_name(self) -> str:
        """Name of the server."""
        raise NotImplementedError


def check_schema(schema: Any, where: str = "parameters") -> None:
    """Refuse what can't be a JSON Schema of tool arguments.

    Raises:
        ValueError: With the place of the mistake.
    """
    if schema is None or isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise ValueError(f"{where}: a JSON Schema must be an object, not {type(schema).__name__}")
    kinds = schema.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind is not None and kind not in _SCHEMA_TYPES:
            raise ValueError(f"{where}: {kind!r} is not a JSON Schema type")
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        raise ValueError(f"{where}.properties must be an object")
    for name, one in properties.items():
        check_schema(one, f"{where}.{name}")
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(one, str) for one in required):
        raise ValueError(f"{where}.required must be a list of names")
    if isinstance(schema.get("items"), dict):
        check_schema(schema["items"], f"{where}[]")


def parameters_from_list(func_args: list[dict[str, Any]]) -> dict[str, Any]:
    """JSON Schema from AstrBot's old list form: ``[{"type", "name", "description"}, …]``."""
    properties = {arg["name"]: {key: value for key, value in arg.items() if key != "name"} for arg in func_args}
    return {"type": "object", "properties": properties}


@dataclass
class ToolSet:
    """Tools offered together, by unique name."""

    tools: list[FunctionTool[Any]] = field(default_factory=list)

    def empty(self) -> bool:
        """Whether there is none."""
        return not self.tools

    def add_tool(self, tool: FunctionTool[Any]) -> None:
        """Add a tool. One of the same name is replaced, unless it is active and the new one is not."""
        for index, present in enumerate(self.tools):
            if present.name == tool.name:
                if tool.active or not present.active:
                    self.tools[index] = tool
                return
        self.tools.append(tool)

    def remove_tool(self, name: str) -> None:
        """Take a tool out; unknown names are ignored."""
        self.tools = [tool for tool in self.tools if tool.name != name]

    def get_tool(self, name: str) -> FunctionTool[Any] | None:
        """The tool of that name, or None."""
        return next((tool for tool in self.tools if tool.name == name), None)

    def names(self) -> list[str]:
        """Names in order."""
        return [tool.name for tool in self.tools]

    def merge(self, other: ToolSet) -> None:
        """Add all tools of another set."""
        for tool in other.tools:
            self.add_tool(tool)

    def add_func(self, name: str, func_args: list[dict[str, Any]], desc: str, handler: ToolHandler) -> None:
        """Add a function with its arguments as AstrBot's old list form."""
        self.add_tool(FunctionTool(name, desc, parameters_from_list(func_args), handler=handler))

    def remove_func(self, name: str) -> None:
        """Old name of ``remove_tool``."""
        self.remove_tool(name)

    def get_func(self, name: str) -> FunctionTool[Any] | None:
        """Old name of ``get_tool``."""
        return self.get_tool(name)

    @property
    def func_list(self) -> list[FunctionTool[Any]]:
        """Old name of ``tools``."""
        return self.tools

    def get_light_tool_set(self) -> ToolSet:
        """The active tools with name and description alone."""
        empty: dict[str, Any] = {"type": "object", "properties": {}}
        return ToolSet(
            [FunctionTool(tool.name, tool.description, copy.deepcopy(empty)) for tool in self.tools if tool.active]
        )

    def get_param_only_tool_set(self) -> ToolSet:
        """The active tools with name and parameters alone."""
        return ToolSet(
            [FunctionTool(tool.name, "", copy.deepcopy(tool.parameters)) for tool in self.tools if tool.active]
        )

    def openai_schema(self, omit_empty_parameter_field: bool = False) -> list[dict[str, Any]]:
        """The tools as OpenAI's Chat Completions API takes them.

        Args:
            omit_empty_parameter_field: Leave ``parameters`` out where a tool has none, as some servers want.
        """
        schemas = []
        for tool in self.tools:
            function: dict[str, Any] = {"name": tool.name}
            if tool.description:
                function["description"] = tool.description
            has_parameters = bool(tool.parameters and tool.parameters.get("properties"))
            if tool.parameters is not None and (has_parameters or not omit_empty_parameter_field):
                function["parameters"] = tool.parameters
            schemas.append({"type": "function", "function": function})
        return schemas

    def anthropic_schema(self) -> list[dict[str, Any]]:
        """The tools as Anthropic's Messages API takes them."""
        schemas = []
        for tool in self.tools:
            parameters = tool.parameters or {}
            schema: dict[str, Any] = {
                "name": tool.name,
                "input_schema": {
                    "type": "object",
                    "properties": parameters.get("properties", {}),
                    "required": parameters.get("required", []),
                },
            }
            if tool.description:
                schema["description"] = tool.description
            schemas.append(schema)
        return schemas

    def google_schema(self) -> dict[str, Any]:
        """The tools as Gemini's ``generateContent`` takes them: ``{"function_declarations": […]}``, or ``{}``."""
        from astrbot_like.api.tool_schemas import gemini_declaration

        declarations = [gemini_declaration(tool) for tool in self.tools]
        return {"function_declarations": declarations} if declarations else {}

    def get_func_desc_openai_style(self, omit_empty_parameter_field: bool = False) -> list[dict[str, Any]]:
        """Old name of ``openai_schema``."""
        return self.openai_schema(omit_empty_parameter_field)

    def get_func_desc_anthropic_style(self) -> list[dict[str, Any]]:
        """Old name of ``anthropic_schema``."""
        return self.anthropic_schema()

    def get_func_desc_google_genai_style(self) -> dict[str, Any]:
        """Old name of ``google_schema``."""
        return self.google_schema()

    def __len__(self) -> int:
        return len(self.tools)

    def __bool__(self) -> bool:
        return bool(self.tools)

    def __iter__(self) -> Iterator[FunctionTool[Any]]:
        return iter(self.tools)
