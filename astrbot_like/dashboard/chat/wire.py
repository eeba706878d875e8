"""Chat mode between frames and events, pure. Streams of the Open API are the same frames without ``ct``."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Literal, assert_never

import msgspec

from astrbot_like.dashboard import wire_errors
from astrbot_like.dashboard.chat import frames as f
from astrbot_like.dashboard.live.wire import tool_call_json, tool_result_json
from astrbot_like.dashboard.parts import parse_parts
from astrbot_like.domain import events as e
from astrbot_like.domain.errors import BotError, InvalidMessageFormat
from astrbot_like.domain.history import StoredMessage
from astrbot_like.domain.messages import (
    MediaKind,
    MessagePart,
    PlainPart,
    ReplyPart,
    media_kind,
)

EMPTY = "Message content is empty"
SESSION_REQUIRED = "session_id is required"
MUST_BE_LIST = "message must be list"
INTERRUPTED_TEXT = "The reply was interrupted."

MEDIA_FRAMES: dict[MediaKind, type[f.ImageMedia] | type[f.RecordMedia] | type[f.FileMedia] | type[f.VideoMedia]] = {
    "image": f.ImageMedia,
    "record": f.RecordMedia,
    "file": f.FileMedia,
    "video": f.VideoMedia,
}

IN_TAGS = {str(cls.__struct_config__.tag): cls for cls in f.ChatInFrame.__args__}
"""Frame classes by the name they have on the wire."""

encode_bytes = msgspec.json.Encoder().encode


def encode(frame: f.ChatOutFrame) -> str:
    """A frame as JSON text."""
    return encode_bytes(frame).decode()


class ChatDecoder:
    """From a raw frame to a typed one."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(f.ChatInFrame).decode

    def decode(self, raw: str) -> f.ChatInFrame:
        """The frame.

        Raises:
            InvalidMessageFormat: Not JSON, not an object, an unknown ``t``, a field missing or of the wrong type.
        """
        try:
            return self._decode(raw)
        except msgspec.ValidationError as error:
            wire_errors.explain(wire_errors.read_object(raw), error, key="t", known=tuple(IN_TAGS))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise InvalidMessageFormat(wire_errors.NOT_JSON) from None


class _Names(msgspec.Struct, frozen=True):
    message_id: Any = None
    session_id: Any = None


_names = msgspec.json.Decoder(_Names).decode


def refusal(error: BotError, raw: str, *, ct: Literal["chat"] | None = "chat") -> f.ChatError:
    """The error frame that answers ``raw``; it says which request it is about, where that can be read."""
    try:
        names = _names(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        names = _Names()
    return ChatWire(message_id=_shown(names.message_id), session_id=_shown(names.session_id), ct=ct).error(error)


def _shown(name: Any) -> str:
    return name if isinstance(name, str) and len(name) <= f.LONGEST_NAME else ""


def send_parts(message: Any) -> tuple[MessagePart, ...]:
    """The parts of a ``send`` frame.

    Raises:
        InvalidMessageFormat: ``message must be list``, ``Message content is empty``, ``Unsupported message type: X``.
    """
    if not isinstance(message, list):
        raise InvalidMessageFormat(MUST_BE_LIST)
    return parse_parts(message, empty=EMPTY)


class ChatWire:
    """From events of one request to its frames.

    Args:
        session_id: The session of the request.
        message_id: The request's name.
        ct: ``chat`` on the chat sockets, None on Open API streams.
        show_reasoning: Whether the model's reasoning is wanted.
        foreign: The reader did not send this message, so it is shown the message itself.
    """

    __slots__ = ("_ct", "_foreign", "_message_id", "_reasoning", "_session_id", "_streaming", "_type")

    def __init__(
        self,
        *,
        session_id: str,
        message_id: str,
        ct: Literal["chat"] | None = "chat",
        show_reasoning: bool = False,
        foreign: bool = False,
    ) -> None:
        self._session_id = session_id
        self._message_id = message_id
        self._ct: Literal["chat"] | msgspec.UnsetType = ct or msgspec.UNSET
        self._type: Literal["error"] | msgspec.UnsetType = msgspec.UNSET if ct else "error"
        self._reasoning = show_reasoning
        self._foreign = foreign
        self._streaming = False

    def frames(self, event: e.TurnEvent) -> tuple[f.ChatOutFrame, ...]:
        """What the client is sent for ``event``."""
        match event:
            case e.TextDelta():
                self._streaming = True
                return (self._plain(event.text, streaming=True),)
            case e.ReasoningDelta():
                self._streaming = True
                return (self._plain(event.text, streaming=True, chain_type="reasoning"),) if self._reasoning else ()
            case e.UserMessageSaved():
                shown = _raw_parts(event.parts) if self._foreign else ()
                return (self._user_saved(event.id, event.created_at, shown),)
            case e.ToolCallStarted():
                return (self._plain(tool_call_json(event), streaming=self._streaming, chain_type="tool_call"),)
            case e.ToolCallFinished():
                return (self._plain(tool_result_json(event), streaming=self._streaming, chain_type="tool_call_result"),)
            case e.MediaReply():
                return self._media(event.kind, event.filename, event.attachment_id)
            case e.AgentStats():
                return (self._stats(event),)
            case e.TurnFailed():
                return (self.error_of(event.code, event.message),)
            case e.ReplyText():
                return self._reply_text(event)
            case e.TurnInterrupted():
                return (self.error_of("INTERRUPTED", INTERRUPTED_TEXT),)
            case e.BotMessageSaved():
                return (self._saved(event.id, event.created_at),)
            case e.TurnEnded():
                return (f.ChatEnd(ct=self._ct, message_id=self._message_id, session_id=self._session_id),)
            case e.SpokenText() | e.SpeechChunk() | e.MetricsReported():
                return ()
            case _:
                assert_never(event)

    def told(self, events: Iterable[e.TurnEvent]) -> tuple[f.ReplyFrame, ...]:
        """What was told of a reply so far, each stretch of text as one frame."""
        frames: list[f.ReplyFrame] = []
        for kind, group in groupby(events, type):
            for event in _joined(group) if kind in (e.TextDelta, e.ReasoningDelta) else group:
                frames.extend(frame for frame in self.frames(event) if isinstance(frame, f.ReplyFrame))
        return tuple(frames)

    def whole(self, parts: Iterable[MessagePart], text: str) -> tuple[f.ChatOutFrame, ...]:
        """A bot's message as it is stored, for a reader who missed its making."""
        frames: list[f.ChatOutFrame] = []
        plain = [part.text for part in parts if isinstance(part, PlainPart)]
        for part in parts:
            if not isinstance(part, PlainPart | ReplyPart):
                frames.extend(self._media(media_kind(part), part.filename, part.attachment_id))
        if shown := "\n".join(plain) or ("" if frames else text):
            frames.insert(0, self._plain(shown, streaming=False))
        return tuple(frames)

    def error(self, error: BotError) -> f.ChatError:
        """The frame that tells of a refusal."""
        return self.error_of(error.code, error.message)

    def error_of(self, code: str, message: str) -> f.ChatError:
        """The frame of an error known by its code."""
        return f.ChatError(
            type=self._type,
            ct=self._ct,
            code=wire_errors.chat_code(code),
            data=message,
            message_id=self._message_id or msgspec.UNSET,
            session_id=self._session_id or msgspec.UNSET,
        )

    def stored(self, message: StoredMessage) -> tuple[f.ChatOutFrame, ...]:
        """The frames of a message from the store (catch-up)."""
        if message.role == "user":
            return (self._user_saved(message.id, message.created_at, _raw_parts(message.parts)),)
        end = f.ChatEnd(ct=self._ct, message_id=self._message_id, session_id=self._session_id)
        return *self.whole(message.parts, message.text), self._saved(message.id, message.created_at), end

    def _plain(self, text: str, *, streaming: bool, chain_type: f.ChainType | None = None) -> f.Plain:
        return f.Plain(
            data=text,
            streaming=streaming,
            chain_type=chain_type,
            ct=self._ct,
            message_id=self._message_id,
            session_id=self._session_id,
        )

    def _user_saved(self, history_id: int, created_at: str, shown: tuple[dict[str, Any], ...]) -> f.ChatOutFrame:
        data = f.UserSavedData(history_id, created_at, shown)
        return f.UserMessageSavedFrame(data=data, ct=self._ct, message_id=self._message_id, session_id=self._session_id)

    def _saved(self, history_id: int, created_at: str) -> f.MessageSaved:
        data = f.SavedData(history_id, created_at)
        return f.MessageSaved(data=data, ct=self._ct, message_id=self._message_id, session_id=self._session_id)

    def _media(self, kind: MediaKind, filename: str, attachment_id: str) -> tuple[f.ChatOutFrame, ...]:
        known: dict[str, Any] = {"ct": self._ct, "message_id": self._message_id, "session_id": self._session_id}
        shown = MEDIA_FRAMES[kind](data=f"[{kind.upper()}]{filename}", **known)
        return shown, f.AttachmentSaved(data=f.AttachmentData(attachment_id, kind), **known)

    def _reply_text(self, event: e.ReplyText) -> tuple[f.ChatOutFrame, ...]:
        if event.streamed:
            complete = f.Complete(
                data=event.text,
                reasoning=event.reasoning,
                ct=self._ct,
                message_id=self._message_id,
                session_id=self._session_id,
            )
            return (complete,)
        frames: list[f.ChatOutFrame] = []
        if self._reasoning and event.reasoning:
            frames.append(self._plain(event.reasoning, streaming=False, chain_type="reasoning"))
        if event.text:
            frames.append(self._plain(event.text, streaming=False))
        return tuple(frames)

    def _stats(self, event: e.AgentStats) -> f.AgentStatsFrame:
        usage = event.usage
        data = f.StatsData(
            time_to_first_token=event.time_to_first_token,
            start_time=event.start_time,
            end_time=event.end_time,
            token_usage=f.UsageData(
                input_other=max(0, usage.input - usage.cached),
                input_cached=usage.cached,
                output=usage.output,
                total=usage.input + usage.output,
            ),
            provider=event.provider_id,
            model=event.model,
        )
        return f.AgentStatsFrame(data=data, ct=self._ct, message_id=self._message_id, session_id=self._session_id)


def _joined(deltas: Iterable[e.TurnEvent]) -> tuple[e.TurnEvent]:
    """Deltas of one kind as one."""
    first, *others = [delta for delta in deltas if isinstance(delta, e.TextDelta | e.ReasoningDelta)]
    return (type(first)("".join([first.text, *(other.text for other in others)])),)


def _raw_parts(parts: Iterable[MessagePart]) -> tuple[dict[str, Any], ...]:
    return tuple(msgspec.to_builtins(part) for part in parts)
