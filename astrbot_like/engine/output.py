"""A turn's output: what the pipeline, the agent and plugins say goes through here, onto the sink and into the record.

With speech wanted, every text is a delta and is spoken, whoever said it; without, a plugin's text is one whole piece
and the model's are deltas, or one whole piece too where the client asked for that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from astrbot_like.domain.errors import BotError
from astrbot_like.domain.events import (
    MediaReply,
    ReasoningDelta,
    ReplyText,
    TextDelta,
    ToolCallFinished,
    ToolCallStarted,
    TurnFailed,
)
from astrbot_like.domain.messages import MEDIA_PART_TYPES, MediaKind, MessagePart, PlainPart
from astrbot_like.domain.ports import Attachments
from astrbot_like.engine.chains import split_chain
from astrbot_like.engine.live_agent import LiveReply
from astrbot_like.engine.sink import TurnSink
from astrbot_like.engine.synthesis import TURNS_TO_CLIENT
from astrbot_like.runtime.tasks import give_way

if TYPE_CHECKING:
    from astrbot_like.api.event import MessageChain, MessageEventResult


class ReplyRecord:
    """What a turn has said, for the history."""

    def __init__(self) -> None:
        self.parts: list[MessagePart] = []
        self.tools: list[dict[str, Any]] = []
        self.reasoning = ""
        self._open = ""

    def text(self, delta: str) -> None:
        """Text of the piece that is being said."""
        self._open += delta

    def close_text(self) -> None:
        """The piece is complete; the next text starts a new one."""
        if self._open:
            self.parts.append(PlainPart(self._open))
            self._open = ""

    def media(self, kind: MediaKind, attachment_id: str, filename: str) -> None:
        """An attachment was sent."""
        self.close_text()
        self.parts.append(MEDIA_PART_TYPES[kind](attachment_id, filename))

    @property
    def full_text(self) -> str:
        """All text said so far."""
        texts = [part.text for part in self.parts if isinstance(part, PlainPart)]
        return "\n".join([*texts, self._open] if self._open else texts)

    @property
    def empty(self) -> bool:
        """Whether nothing was said."""
        return not self.parts and not self._open


class TurnOutput:
    """Writes a turn's reply. One per turn; also the agent's output (``AgentOutput``).

    Args:
        live: The merged reply when speech is wanted, else None.
        streaming: The model's text is sent as it is made; else whole. What is spoken always is.
        show_reasoning: Reasoning is sent on (it is always recorded).
        on_tool: Told when a tool starts (True) or ended (False), for spoken fillers.
    """

    def __init__(
        self,
        sink: TurnSink,
        attachments: Attachments,
        *,
        live: LiveReply | None,
        streaming: bool,
        show_reasoning: bool,
        on_tool: Callable[[bool], None] | None = None,
    ) -> None:
        self.sink = sink
        self.record = ReplyRecord()
        self.live = live
        self._attachments = attachments
        self._streaming = streaming or live is not None
        self._show_reasoning = show_reasoning
        self._on_tool = on_tool
        self._answer = ""

    # --- the model's output (AgentOutput) ----------------------------------------------------------

    async def text(self, delta: str) -> None:
        """A raw piece of the model's answer."""
        self.record.text(delta)
        self._answer += delta
        if self.live is not None:
            await self.live.delta(delta)
        elif self._streaming:
            await self.sink.send(TextDelta(delta))

    async def reasoning(self, delta: str) -> None:
        """A piece of the model's reasoning."""
        self.record.reasoning += delta
        if self._show_reasoning and self._streaming:
            await self.sink.send(ReasoningDelta(delta))

    async def tool_started(self, event: ToolCallStarted) -> None:
        """A tool call begins; what was said before it is complete."""
        if self.live is not None:
            self.live.flush()
        elif not self._streaming:
            await self.close_stream()
        self.record.tools.append({"id": event.id, "name": event.name, "args": event.args, "ts": event.ts})
        if self._on_tool is not None:
            self._on_tool(True)
        await self.sink.send(event)

    async def tool_finished(self, event: ToolCallFinished) -> None:
        """A tool call ended."""
        for call in self.record.tools:
            if call["id"] == event.id:
                call.update(result=event.result, ok=event.ok, finished_ts=event.ts)
        if self._on_tool is not None:
            self._on_tool(False)
        await self.sink.send(event)

    async def message(self, result: MessageEventResult) -> None:
        """A tool sends something to the user itself."""
        await self.send_chain(result)

    async def speak_out(self) -> None:
        """All of the model's answer is here: what is held back of it is spoken, before anything else is done."""
        if self.live is not None and self._answer:
            self.live.flush()
            await give_way(1 + TURNS_TO_CLIENT)

    async def close_stream(self, final_text: str | None = None) -> None:
        """The model's answer is complete.

        Args:
            final_text: The answer as the hooks left it, when that is not what was streamed.
        """
        if self.live is not None:
            self.live.flush()
        self.record.close_text()
        if self._answer:
            text = self._answer if final_text is None else final_text
            await self.sink.send(ReplyText(text, streamed=self._streaming, reasoning=self.record.reasoning))
            self._answer = ""

    # --- whole messages ----------------------------------------------------------------------------

    async def send_chain(self, chain: MessageChain, *, by_model: bool = False) -> None:
        """Send a message chain: its text, then its media, in the chain's order.

        Args:
            by_model: It is the model's answer, which is spoken however long it is.
        """
        await self.close_stream()
        for piece in await split_chain(chain, self._attachments):
            if isinstance(piece, PlainPart):
                await self._whole_text(piece.text, by_model)
            else:
                kind = media_kind_of(piece)
                filename = getattr(piece, "filename", "")
                attachment_id = getattr(piece, "attachment_id", "")
                self.record.media(kind, attachment_id, filename)
                await self.sink.send(MediaReply(kind, attachment_id, filename))

    async def _whole_text(self, text: str, by_model: bool) -> None:
        self.record.text(text)
        self.record.close_text()
        if self.live is not None:
            if by_model:
                await self.live.delta(text)
                self.live.flush()
            else:
                await self.live.told(text)
            await self.sink.send(ReplyText(text, streamed=True, final=False))
        else:
            await self.sink.send(ReplyText(text, streamed=False))

    async def fail(self, error: BotError, *, fatal: bool = True) -> None:
        """Tell that something failed."""
        await self.sink.send(TurnFailed(error.code, error.message, fatal))


def media_kind_of(part: MessagePart) -> MediaKind:
    """The kind of a media part; ``file`` for whatever else it is."""
    for kind, cls in MEDIA_PART_TYPES.items():
        if isinstance(part, cls):
            return kind
    return "file"


def tool_meta(record: ReplyRecord) -> list[dict[str, Any]]:
    """Tool calls of a reply as they are stored and shown; arguments that are no JSON become text."""
    return json.loads(json.dumps(record.tools, ensure_ascii=False, default=str))
