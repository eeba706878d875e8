"""All tools of a host by name, under AstrBot's method names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from astrbot_like.api.tools import FunctionTool, ToolSet, parameters_from_list

FuncTool = FunctionTool
"""AstrBot's old name of ``FunctionTool``."""


class FunctionToolManager:
    """The tools offered to models: those of plugins, of MCP servers and of the host.

    Attributes:
        func_list: The tools, in order of registration. A plain list: plugins edit it.
        on_change: Called after a change made through the methods; the host sets it.
    """

    def __init__(self) -> None:
        self.func_list: list[FunctionTool[Any]] = []
        self.mcp_client_dict: dict[str, Any] = {}
        self.on_change: Callable[[], None] | None = None

    def add_tool(self, tool: FunctionTool[Any]) -> None:
        """Add a tool, in place of one of the same name."""
        for index, present in enumerate(self.func_list):
            if present.name == tool.name:
                self.func_list[index] = tool
                break
        else:
            self.func_list.append(tool)
        self._changed()

    def add_func(
        self, name: str, func_args: list[dict[str, Any]], desc: str, handler: Callable[..., Awaitable[Any]]
    ) -> None:
        """Add a function, its arguments as ``[{"type", "name", "description"}, …]``."""
        self.add_tool(self.spec_to_func(name, func_args, desc, handler))

    def spec_to_func(
        self, name: str, func_args: list[dict[str, Any]], desc: str, handler: Callable[..., Awaitable[Any]]
    ) -> FunctionTool[Any]:
        """The tool that ``add_func`` would add."""
        return FunctionTool(
            name=name,
            description=desc,
            parameters=parameters_from_list(func_args),
            handler=handler,
            handler_module_path=getattr(handler, "__module__", None),
        )

    def remove_func(self, name: str) -> None:
        """Take a tool out; unknown names are ignored."""
        self.func_list[:] = [tool for tool in self.func_list if tool.name != name]
        self._changed()

    def remove_tool(self, name: str) -> None:
        """The same as ``remove_func``."""
        self.remove_func(name)

    def get_func(self, name: str) -> FunctionTool[Any] | None:
        """The tool of that name; of several the last active one."""
        named = [tool for tool in self.func_list if tool.name == name]
        return next((tool for tool in reversed(named) if tool.active), named[-1] if named else None)

    def get_full_tool_set(self) -> ToolSet:
        """The active tools as a set of their own."""
        tools = ToolSet()
        for tool in self.func_list:
            if tool.active:
                tools.add_tool(tool)
        return tools

    def names(self) -> list[str]:
        """Names of all tools."""
        return [tool.name for tool in self.func_list]

    def empty(self) -> bool:
        """Whether there is none."""
        return not self.func_list

    def activate_llm_tool(self, name: str, star_map: Any = None) -> bool:
        """Offer a tool again; False when there is none of that name."""
        return self._set_active(name, True)

    def deactivate_llm_tool(self, name: str) -> bool:
        """Stop offering a tool; False when there is none of that name."""
        return self._set_active(name, False)

    def get_func_desc_openai_style(self, omit_empty_parameter_field: bool = False) -> list[dict[str, Any]]:
        """The active tools as OpenAI takes them."""
        return self.get_full_tool_set().openai_schema(omit_empty_parameter_field)

    def get_func_desc_anthropic_style(self) -> list[dict[str, Any]]:
        """The active tools as Anthropic takes them."""
        return self.get_full_tool_set().anthropic_schema()

    def get_func_desc_google_genai_style(self) -> dict[str, Any]:
        """The active tools as Gemini takes them."""
        return self.get_full_tool_set().google_schema()

    def _set_active(self, name: str, active: bool) -> bool:
        tool = self.get_func(name)
        if tool is None:
            return False
        tool.active = active
        self._changed()
        return True

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()


FuncCall = FunctionToolManager
"""AstrBot's old name of the manager."""


def as_tool_set(given: ToolSet | FunctionToolManager | None) -> ToolSet | None:
    """The tools to offer to a model; AstrBot's first plugins hand over the whole manager."""
    return given.get_full_tool_set() if isinstance(given, FunctionToolManager) else given
