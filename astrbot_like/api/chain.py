"""Message chains and results of handlers."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Self

from astrbot_like.api.components.base import BaseMessageComponent
from astrbot_like.api.components.basic import At, AtAll, Plain
from astrbot_like.api.components.media import Image


@dataclass
class MessageChain:
    """Components in order, with methods to build them one after another.

    Attributes:
        use_t2i_: Whether the text is to be sent as a picture; None: what the configuration says.
        use_markdown_: Whether the text is Markdown; None: the platform decides.
        type: A mark for what the chain is, such as ``reasoning`` or ``tool_call``.
    """

    chain: list[BaseMessageComponent] = field(default_factory=list)
    use_t2i_: bool | None = None
    use_markdown_: bool | None = None
    type: str | None = None

    def derive(self, chain: list[BaseMessageComponent] | None = None) -> MessageChain:
        """A chain with other components and the same choices."""
        return MessageChain(
            chain=[] if chain is None else chain,
            use_t2i_=self.use_t2i_,
            use_markdown_=self.use_markdown_,
            type=self.type,
        )

    def message(self, message: str) -> Self:
        """Append text."""
        self.chain.append(Plain(message))
        return self

    def error(self, message: str) -> Self:
        """Append text (old name of ``message``)."""
        return self.message(message)

    def at(self, name: str, qq: str | int) -> Self:
        """Append a mention."""
        self.chain.append(At(name=name, qq=qq))
        return self

    def at_all(self) -> Self:
        """Append a mention of everybody."""
        self.chain.append(AtAll())
        return self

    def url_image(self, url: str) -> Self:
        """Append a picture on the web."""
        self.chain.append(Image.fromURL(url))
        return self

    def file_image(self, path: str) -> Self:
        """Append a local picture."""
        self.chain.append(Image.fromFileSystem(path))
        return self

    def base64_image(self, base64_str: str) -> Self:
        """Append a picture given as Base64."""
        self.chain.append(Image.fromBase64(base64_str))
        return self

    def use_t2i(self, use_t2i: bool) -> Self:
        """Choose whether the text is sent as a picture."""
        self.use_t2i_ = use_t2i
        return self

    def use_markdown(self, use: bool | None = True) -> Self:
        """Choose whether the text is Markdown."""
        self.use_markdown_ = use
        return self

    def get_plain_text(self, with_other_comps_mark: bool = False) -> str:
        """The texts joined with one space.

        Args:
            with_other_comps_mark: Show every other component as ``[ClassName]``.
        """
        if not with_other_comps_mark:
            return " ".join(part.text for part in self.chain if isinstance(part, Plain))
        return " ".join(part.text if isinstance(part, Plain) else f"[{part.__class__.__name__}]" for part in self.chain)

    def squash_plain(self) -> Self | None:
        """Join all texts into the first one; other components keep their order behind their place."""
        if not self.chain:
            return None
        squashed: list[BaseMessageComponent] = []
        first: Plain | None = None
        texts: list[str] = []
        for part in self.chain:
            if not isinstance(part, Plain):
                squashed.append(part)
                continue
            texts.append(part.text)
            if first is None:
                first = part
                squashed.append(part)
        if first is not None:
            first.text = "".join(texts)
        self.chain = squashed
        return self


class EventResultType(enum.Enum):
    """Whether the event goes on to further handlers."""

    CONTINUE = enum.auto()
    STOP = enum.auto()


class ResultContentType(enum.Enum):
    """Where a result comes from."""

    LLM_RESULT = enum.auto()
    AGENT_RUNNER_ERROR = enum.auto()
    GENERAL_RESULT = enum.auto()
    STREAMING_RESULT = enum.auto()
    STREAMING_FINISH = enum.auto()


@dataclass
class MessageEventResult(MessageChain):
    """What a handler answers, and whether the event goes on.

    Attributes:
        async_stream: For a streaming result, the chains as they come.
    """

    result_type: EventResultType | None = EventResultType.CONTINUE
    result_content_type: ResultContentType | None = ResultContentType.GENERAL_RESULT
    async_stream: AsyncGenerator[Any, None] | None = None

    def stop_event(self) -> Self:
        """Let no further handler run; this result is still sent."""
        self.result_type = EventResultType.STOP
        return self

    def continue_event(self) -> Self:
        """Let further handlers run."""
        self.result_type = EventResultType.CONTINUE
        return self

    def is_stopped(self) -> bool:
        """Whether the event stops with this result."""
        return self.result_type == EventResultType.STOP

    def set_async_stream(self, stream: AsyncGenerator[Any, None]) -> Self:
        """Give the result's content as a stream of chains."""
        self.async_stream = stream
        return self

    def set_result_content_type(self, typ: ResultContentType) -> Self:
        """Say where the result comes from."""
        self.result_content_type = typ
        return self

    def is_llm_result(self) -> bool:
        """Whether a model wrote it."""
        return self.result_content_type == ResultContentType.LLM_RESULT

    def is_model_result(self) -> bool:
        """Whether a model wrote it, or the agent reports an error in its place."""
        return self.result_content_type in (ResultContentType.LLM_RESULT, ResultContentType.AGENT_RUNNER_ERROR)


CommandResult = MessageEventResult
