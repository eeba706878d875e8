"""What goes to providers and what comes back."""

from __future__ import annotations

import asyncio
import base64
import enum
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from astrbot_like.api.agent_messages import AssistantMessageSegment, ContentPart, ToolCall, ToolCallMessageSegment
from astrbot_like.api.chain import MessageChain
from astrbot_like.api.components.basic import Plain
from astrbot_like.api.tools import ToolSet

if TYPE_CHECKING:
    from astrbot_like.api.conversations import Conversation

log = logging.getLogger(__name__)


class ProviderType(enum.Enum):
    """What a provider does."""

    CHAT_COMPLETION = "chat_completion"
    SPEECH_TO_TEXT = "speech_to_text"
    TEXT_TO_SPEECH = "text_to_speech"
    EMBEDDING = "embedding"
    RERANK = "rerank"


@dataclass
class ProviderMeta:
    """A provider instance.

    Attributes:
        id: Id of the instance.
        model: Model it uses now.
        type: Type name of its adapter.
    """

    id: str
    model: str | None
    type: str
    provider_type: ProviderType = ProviderType.CHAT_COMPLETION


@dataclass
class ProviderMetaData(ProviderMeta):
    """A provider adapter as it was registered.

    Attributes:
        cls_type: The class.
        default_config_tmpl: Configuration a new instance starts with.
    """

    desc: str = ""
    cls_type: Any = None
    default_config_tmpl: dict[str, Any] | None = None
    provider_display_name: str | None = None


class Personality(TypedDict, total=False):
    """A persona in AstrBot's v3 form."""

    prompt: str
    name: str
    begin_dialogs: list[str]
    mood_imitation_dialogs: list[str]
    tools: list[str] | None
    skills: list[str] | None
    custom_error_message: str | None


@dataclass
class TokenUsage:
    """Tokens of one request."""

    input_other: int = 0
    input_cached: int = 0
    output: int = 0

    @property
    def input(self) -> int:
        """Tokens sent, cached ones included."""
        return self.input_other + self.input_cached

    @property
    def total(self) -> int:
        """Tokens sent and received."""
        return self.input + self.output

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            self.input_other + other.input_other, self.input_cached + other.input_cached, self.output + other.output
        )

    def __sub__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            self.input_other - other.input_other, self.input_cached - other.input_cached, self.output - other.output
        )


@dataclass
class ToolCallsResult:
    """A model's tool calls and the answers to them."""

    tool_calls_info: AssistantMessageSegment
    tool_calls_result: list[ToolCallMessageSegment]

    def to_openai_messages(self) -> list[dict[str, Any]]:
        """As OpenAI chat messages."""
        return [message.model_dump() for message in self.to_openai_messages_model()]

    def to_openai_messages_model(self) -> list[AssistantMessageSegment | ToolCallMessageSegment]:
        """As message objects."""
        return [self.tool_calls_info, *self.tool_calls_result]


@dataclass
class ProviderRequest:
    """A request to a chat model, before it is sent. Hooks of ``on_llm_request`` change it.

    Attributes:
        prompt: What the user says, without the wake prefix.
        image_urls, audio_urls: URLs, paths or ``base64://``.
        extra_user_content_parts: More parts of the user's message.
        func_tool: Tools offered to the model.
        contexts: Earlier messages in OpenAI's form.
        conversation: Where ``contexts`` come from and the answer is stored; None: nowhere.
        tool_calls_result: Tool calls already answered.
        model: Model to use; None: the provider's.
    """

    prompt: str | None = None
    session_id: str | None = ""
    image_urls: list[str] = field(default_factory=list)
    audio_urls: list[str] = field(default_factory=list)
    extra_user_content_parts: list[Any] = field(default_factory=list)
    func_tool: ToolSet | None = None
    contexts: list[dict[str, Any]] = field(default_factory=list)
    system_prompt: str = ""
    conversation: Conversation | None = None
    tool_calls_result: list[ToolCallsResult] | ToolCallsResult | None = None
    model: str | None = None

    def __repr__(self) -> str:
        # What people say stays out of logs: sizes, not texts.
        return (
            f"ProviderRequest(session_id={self.session_id!r}, prompt=<{len(self.prompt or '')} chars>, "
            f"images={len(self.image_urls or ())}, audio={len(self.audio_urls or ())}, "
            f"contexts={len(self.contexts or ())}, tools={self.func_tool.names() if self.func_tool else []}, "
            f"model={self.model!r})"
        )

    def append_tool_calls_result(self, tool_calls_result: ToolCallsResult) -> None:
        """Add answered tool calls."""
        present = self.tool_calls_result or []
        self.tool_calls_result = [*(present if isinstance(present, list) else [present]), tool_calls_result]

    async def assemble_context(self) -> dict[str, Any]:
        """The user's message in OpenAI's form: text alone where there is nothing else, else parts."""
        parts: list[dict[str, Any]] = []
        if self.prompt and self.prompt.strip():
            parts.append({"type": "text", "text": self.prompt})
        elif self.image_urls:
            parts.append({"type": "text", "text": "[图片]"})
        elif self.audio_urls:
            parts.append({"type": "text", "text": "[音频]"})
        parts.extend(
            part.model_dump_for_context() if isinstance(part, ContentPart) else dict(part)
            for part in self.extra_user_content_parts or ()
        )
        for kind, references in (("image", self.image_urls), ("audio", self.audio_urls)):
            for reference in references or ():
                url = await data_url(reference, kind)
                if url is not None:
                    parts.append({"type": f"{kind}_url", f"{kind}_url": {"url": url}})
        if len(parts) == 1 and parts[0]["type"] == "text" and not self.extra_user_content_parts:
            return {"role": "user", "content": parts[0]["text"]}
        return {"role": "user", "content": parts}


async def data_url(reference: str, kind: str) -> str | None:
    """What ``reference`` names as a ``data:`` URL, or None when it can't be read (which is logged).

    Args:
        kind: ``image`` or ``audio``; audio becomes WAV.
    """
    import mimetypes

    from astrbot_like.api import media

    try:
        path = await media.local_path(reference, kind)
        if kind == "audio":
            path = await media.as_wav(path)
        data = await asyncio.to_thread(Path(path).read_bytes)
    except (media.MediaError, OSError) as error:
        log.warning("medium left out of the request", extra={"kind": kind, "reason": str(error)})
        return None
    suffix = media.suffix_of_bytes(data[:16], Path(path).suffix)
    mime = mimetypes.guess_type(f"x{suffix}")[0] or ("audio/wav" if kind == "audio" else "image/jpeg")
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


class LLMResponse:
    """A model's answer, or a piece of it while it is streamed. Hooks of ``on_llm_response`` change it.

    Attributes:
        role: ``assistant``, ``tool`` (it wants tools called) or ``err``.
        result_chain: The answer as a chain; ``completion_text`` is its text.
        tools_call_name, tools_call_args, tools_call_ids: Tool calls, parallel lists.
        reasoning_content: Reasoning, kept apart from the answer.
        is_chunk: A piece; the last response of a stream is whole and not a chunk.
        usage: Tokens, when the provider tells.
    """

    def __init__(
        self,
        role: str,
        completion_text: str | None = None,
        result_chain: MessageChain | None = None,
        tools_call_args: list[dict[str, Any]] | None = None,
        tools_call_name: list[str] | None = None,
        tools_call_ids: list[str] | None = None,
        tools_call_extra_content: dict[str, dict[str, Any]] | None = None,
        reasoning_content: str | None = None,
        reasoning_signature: str | None = None,
        raw_completion: Any = None,
        is_chunk: bool = False,
        id: str | None = None,
        usage: TokenUsage | None = None,
    ) -> None:
        self.role = role
        self._completion_text = completion_text or ""
        self.result_chain = result_chain
        self.tools_call_args = tools_call_args if tools_call_args is not None else []
        self.tools_call_name = tools_call_name if tools_call_name is not None else []
        self.tools_call_ids = tools_call_ids if tools_call_ids is not None else []
        self.tools_call_extra_content = tools_call_extra_content if tools_call_extra_content is not None else {}
        self.reasoning_content = reasoning_content
        self.reasoning_signature = reasoning_signature
        self.raw_completion = raw_completion
        self.is_chunk = is_chunk
        self.id = id
        self.usage = usage

    @property
    def completion_text(self) -> str:
        """The answer's text: that of ``result_chain`` where there is one.

        Setting it takes all texts out of the chain and puts the new one first; other components stay.
        """
        return self.result_chain.get_plain_text() if self.result_chain else self._completion_text

    @completion_text.setter
    def completion_text(self, value: str) -> None:
        if self.result_chain:
            others = [part for part in self.result_chain.chain if not isinstance(part, Plain)]
            self.result_chain.chain = [Plain(value), *others]
        else:
            self._completion_text = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LLMResponse) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]  # mutable, compared by value

    def __repr__(self) -> str:
        return (
            f"LLMResponse(role={self.role!r}, text=<{len(self.completion_text or '')} chars>, "
            f"tools={self.tools_call_name}, is_chunk={self.is_chunk}, usage={self.usage})"
        )

    def to_openai_tool_calls_model(self) -> list[ToolCall]:
        """The tool calls as objects of an OpenAI message."""
        return [
            ToolCall(
                id=call_id,
                function={"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)},
                extra_content=self.tools_call_extra_content.get(call_id),
            )
            for call_id, name, arguments in zip(
                self.tools_call_ids, self.tools_call_name, self.tools_call_args, strict=True
            )
        ]

    def to_openai_tool_calls(self) -> list[dict[str, Any]]:
        """The tool calls as plain data."""
        return [call.model_dump() for call in self.to_openai_tool_calls_model()]

    def to_openai_to_calls_model(self) -> list[ToolCall]:
        """Old, misspelt name of ``to_openai_tool_calls_model``."""
        return self.to_openai_tool_calls_model()


@dataclass
class RerankResult:
    """One document's place in a ranking.

    Attributes:
        index: Its index among the documents given.
        relevance_score: Higher is better.
    """

    index: int
    relevance_score: float
