"""A live connection's side of the pump: live mode, chat mode, or both by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeAlias

import msgspec

from astrbot_like.dashboard.chat import wire as chat_wire
from astrbot_like.dashboard.chat.frames import CHAT_FRAMES, ChatOutFrame
from astrbot_like.dashboard.chat.peer import ChatPeer
from astrbot_like.dashboard.live import frames as f
from astrbot_like.dashboard.live.wire import BINARY_REFUSED, LiveDecoder, LiveWire, apply, push_audio
from astrbot_like.domain.errors import BotError, InvalidMessageFormat
from astrbot_like.domain.events import LiveEvent, SessionFailed
from astrbot_like.domain.live import LiveSessionPort
from astrbot_like.runtime.channels import Channel

Mode: TypeAlias = Literal["live", "chat", "both"]

CT_WRONG = "ct must be 'live' or 'chat'"


class _Envelope(msgspec.Struct):
    ct: Any = "live"


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


class LivePeer:
    """One connection of the three live endpoints.

    Args:
        mode: ``both``: each frame's ``ct`` says which it is.
        output: Everything to be sent.
        open_session: Makes the live session, when the first live frame needs it.
        wire: Events to live frames.
        chat: The chat side; None in live mode.
        binary: Binary frames carry audio.
        max_text: Longest text input, in characters.
    """

    def __init__(
        self,
        *,
        mode: Mode,
        output: Channel[Any],
        open_session: Callable[[], LiveSessionPort],
        wire: LiveWire,
        chat: ChatPeer | None,
        binary: bool,
        max_text: int,
    ) -> None:
        self.output = output
        self._mode = mode
        self._open_session = open_session
        self._session: LiveSessionPort | None = None
        self._wire = wire
        self._chat = chat
        self._binary = binary
        self._max_text = max_text
        self._decoder = LiveDecoder()

    @property
    def busy(self) -> bool:
        """Whether a turn of this connection is running."""
        return (self._session is not None and self._session.busy) or (self._chat is not None and self._chat.busy)

    @property
    def session(self) -> LiveSessionPort:
        """The live session, opened when there is none yet.

        Raises:
            AtCapacity: The process takes no further one.
        """
        if self._session is None:
            self._session = self._open_session()
        return self._session

    def receive(self, raw: str | bytes) -> Any:
        """Deal with a frame; see ``Peer``."""
        if isinstance(raw, bytes):
            if not self._binary or self._mode == "chat":
                return self.refused(InvalidMessageFormat(BINARY_REFUSED))
            push_audio(raw, self.session)
            return None
        if self._mode == "live":
            return self._apply(self._decoder.decode(raw))
        if self._mode == "chat":
            assert self._chat is not None
            return self._chat.receive(raw)
        return self._either(raw)

    def refused(self, error: BotError) -> SessionFailed | ChatOutFrame:
        """The item that tells of a refusal."""
        if self._mode == "chat":
            return chat_wire.ChatWire(session_id="", message_id="").error(error)
        return SessionFailed(error.code, error.message)

    def frames(self, item: LiveEvent | ChatOutFrame) -> Iterable[str | bytes]:
        """What is sent for an item: chat frames are made where their request runs, live ones here."""
        if isinstance(item, CHAT_FRAMES):
            return (chat_wire.encode(item),)  # type: ignore[arg-type] - the bases of its classes
        return self._wire.frames(item)  # type: ignore[arg-type] - the rest of them

    async def aclose(self) -> None:
        """End the turns of this connection."""
        self.output.close()
        try:
            if self._chat is not None:
                await self._chat.aclose()
        finally:
            if self._session is not None:
                await self._session.aclose()

    def _apply(self, frame: f.LiveInFrame) -> LiveEvent | None:
        return apply(frame, self.session, max_text=self._max_text)

    def _either(self, raw: str) -> Any:
        """Live frames, among them all audio, are decoded once; a chat frame is known by its ``ct``."""
        assert self._chat is not None
        try:
            frame = self._decoder.decode(raw)
        except BotError:
            if _ct(raw) == "chat":
                return self._chat.receive(raw)
            raise
        if frame.ct == "live":
            return self._apply(frame)
        if frame.ct == "chat":
            return self._chat.receive(raw)
        raise InvalidMessageFormat(CT_WRONG)


def _ct(raw: str) -> Any:
    try:
        return _decode_envelope(raw).ct
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
