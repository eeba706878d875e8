"""Chat: one message with a streamed reply, or a socket with many requests and subscriptions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias, TypedDict, Unpack

import msgspec

from astrbot_like.client.errors import ClientError, ConnectionClosed, Refused
from astrbot_like.client.transport import Socket, Transport
from astrbot_like.dashboard.chat import frames as f

Message: TypeAlias = str | Sequence[Mapping[str, Any]]

FIRST_DELAY = 0.25
LONGEST_DELAY = 15.0
"""Seconds between attempts to connect again."""

_typed = msgspec.json.Decoder(f.ChatTypedFrame).decode
_error = msgspec.json.Decoder(f.ChatError).decode


class SendOptions(TypedDict, total=False):
    """What a message may say besides its text, on every way to the bot.

    Attributes:
        message_id: Your name for the request; made by the server when missing.
        selected_provider: Id of the provider that answers.
        selected_model: A model of that provider.
        enable_streaming: Deltas as they come (as without it), or the whole text at the end.
        show_reasoning: Reasoning of the model, too.
        persona_prompt: Replaces the persona's system prompt.
        locale: BCP 47 tag of what the screen shows: answers of commands come in that language.
    """

    message_id: str
    selected_provider: str
    selected_model: str
    enable_streaming: bool
    show_reasoning: bool
    persona_prompt: str
    locale: str


class ChatOptions(SendOptions, total=False):
    """What a message over HTTP may say, too.

    Attributes:
        config_id: Bind the session to this profile; ``default`` resets it.
        config_name: The same by name.
    """

    config_id: str
    config_name: str


class Reconnected(msgspec.Struct, frozen=True):
    """The connection was lost and is there again.

    A message whose stream was cut off comes again, whole; what was shown of it can be dropped.

    Attributes:
        after: History id up to which nothing was missed.
    """

    after: int


def read_frame(raw: str) -> f.ChatOutFrame | None:
    """A frame from the server; None for a kind this client does not know."""
    try:
        return _typed(raw)
    except msgspec.ValidationError:
        try:
            return _error(raw)
        except msgspec.ValidationError:
            return None


class ChatSocket:
    """A chat connection; make one with ``Chat.connect``."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    async def send(self, message: Message, *, session_id: str | None = None, **options: Unpack[SendOptions]) -> None:
        """Send a message; a new session is made when ``session_id`` is None."""
        parts = [{"type": "plain", "text": message}] if isinstance(message, str) else list(message)
        await self._socket.send({"ct": "chat", "t": "send", "message": parts, "session_id": session_id, **options})

    async def bind(self, session_id: str, *, after: int | None = None) -> None:
        """Subscribe to a session; with ``after``, stored messages come first."""
        await self._socket.send(f.Bind(session_id=session_id, after=after))

    async def interrupt(self, message_id: str | None = None) -> None:
        """Stop one request, or all of this connection."""
        await self._socket.send(f.ChatInterrupt(message_id=message_id))

    async def next(self) -> f.ChatOutFrame:
        """The next frame.

        Raises:
            ConnectionClosed: The connection is closed.
        """
        while True:
            raw = await self._socket.receive()
            if isinstance(raw, str) and (frame := read_frame(raw)) is not None:
                return frame


class Chat:
    """The chat routes and sockets (scope ``chat``)."""

    def __init__(self, transport: Transport, username: str) -> None:
        self._transport = transport
        self._username = username

    async def send(
        self, message: Message, *, session_id: str | None = None, **options: Unpack[ChatOptions]
    ) -> AsyncGenerator[f.ChatOutFrame, None]:
        """Send a message; the frames of the reply as they come, the last one ``ChatEnd``.

        Args:
            message: Text, or a list of parts.
            session_id: Where to; a new session is made (and named by the first frame) when it is None.
            **options: See ``ChatOptions``.

        Raises:
            ApiError: The request was refused.
        """
        body = {"message": message, "username": self._username, "session_id": session_id, **options}
        async with self._transport.request("POST", "/api/v1/chat", json=body) as response:
            async for line in response.content:
                if line.startswith(b"data: ") and (frame := read_frame(line[6:].decode())) is not None:
                    yield frame

    async def ask(self, message: Message, *, session_id: str | None = None, **options: Unpack[ChatOptions]) -> str:
        """Send a message and wait for the whole text of the reply.

        Raises:
            Refused: The turn failed.
        """
        texts: list[str] = []
        async with aclosing(self.send(message, session_id=session_id, **options)) as frames:
            async for frame in frames:
                if isinstance(frame, f.ChatError):
                    raise Refused(frame.code, frame.data)
                if isinstance(frame, f.Plain) and frame.chain_type is None:
                    texts.append(frame.data)
        return "".join(texts)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ChatSocket]:
        """A chat socket."""
        query = {"username": self._username, "ct": "chat"}
        async with self._transport.socket("/api/v1/live/ws", query) as socket:
            yield ChatSocket(socket)

    async def follow(self, session_id: str, *, after: int = 0) -> AsyncIterator[f.ChatOutFrame | Reconnected]:
        """Everything that happens in a session, through lost connections, without a gap or a repeat.

        Args:
            session_id: A session of the user.
            after: History id up to which everything is known; 0 starts with the first message.

        Raises:
            Refused: The session is not the user's.
            ConnectionClosed: The credential is not accepted (any more).
        """
        delay = FIRST_DELAY
        connected_before = False
        while True:
            try:
                async with self.connect() as socket:
                    await socket.bind(session_id, after=after)
                    while True:
                        frame = await socket.next()
                        if isinstance(frame, f.SessionBound):
                            delay = FIRST_DELAY
                            if connected_before:
                                yield Reconnected(after)
                            connected_before = True
                            continue
                        if isinstance(frame, f.ChatError) and frame.code == "SESSION_ERROR":
                            raise Refused(frame.code, frame.data)
                        if isinstance(frame, f.UserMessageSavedFrame | f.MessageSaved):
                            after = max(after, frame.data.id)
                        yield frame
            except Refused:
                raise
            except ClientError as error:
                if isinstance(error, ConnectionClosed) and error.final:
                    raise
            # Spread out, so that many clients don't come back at one moment.
            await asyncio.sleep(delay * (0.5 + random.random() / 2))
            delay = min(delay * 2, LONGEST_DELAY)
