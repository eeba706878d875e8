"""The client's one entry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Literal

from astrbot_like.client.chat import Chat
from astrbot_like.client.files import Files
from astrbot_like.client.live import LiveSocket
from astrbot_like.client.sessions import Sessions
from astrbot_like.client.transport import Transport


class BotClient:
    """Talks with one server as one user.

    Args:
        base_url: Such as ``http://localhost:6185``.
        api_key: A key of the server (``astrbot-like api-key create``).
        username: The end user that sessions belong to.

    Attributes:
        chat: Messages with streamed replies, and the chat socket.
        files: Uploads and downloads.
        sessions: The user's sessions.
    """

    def __init__(self, base_url: str, *, api_key: str, username: str) -> None:
        self._transport = Transport(base_url, api_key)
        self._username = username
        self.chat = Chat(self._transport, username)
        self.files = Files(self._transport)
        self.sessions = Sessions(self._transport, username)

    async def __aenter__(self) -> BotClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    @asynccontextmanager
    async def live(
        self,
        *,
        audio: Literal["wav", "pcm16"] = "wav",
        rate: Literal[16000, 24000, 48000] = 24000,
        binary: bool = False,
    ) -> AsyncIterator[LiveSocket]:
        """A live voice connection.

        Args:
            audio: Speech as complete WAV files, or as raw samples.
            rate: Hz.
            binary: Audio in binary frames, both ways.
        """
        query = {"username": self._username, "ct": "live", "audio": audio, "rate": str(rate)}
        if binary:
            query["binary"] = "1"
        async with self._transport.socket("/api/v1/live/ws", query) as socket:
            yield LiveSocket(socket, binary=binary)
