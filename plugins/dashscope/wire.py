"""DashScope's duplex protocol over WebSocket.

Source: https://help.aliyun.com/zh/model-studio/cosyvoice-websocket-api and
https://help.aliyun.com/zh/model-studio/websocket-for-paraformer-real-time-service. A task is begun with ``run-task``,
fed with ``continue-task`` (text) or binary frames (audio), ended with ``finish-task``; the service answers with
``task-started``, ``result-generated`` or binary frames, ``task-finished`` or ``task-failed``.
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from astrbot_like.api.kit.errors import Blame, Failure
from astrbot_like.api.kit.sockets import ServiceSocket

ADDRESS = "wss://dashscope.aliyuncs.com/api-ws/v1/inference"
# https://help.aliyun.com/zh/model-studio/error-code: parts of the codes of a failed task.
_FAILURES: dict[str, Failure] = {
    "InvalidApiKey": "auth",
    "AccessDenied": "auth",
    "Throttling": "rate_limit",
    "Arrearage": "rate_limit",
    "ModelNotFound": "not_found",
    "InvalidParameter": "bad_request",
    "Timeout": "timeout",
    "TimeOut": "timeout",
}


class Header(msgspec.Struct):
    """Header of an event."""

    event: str = ""
    error_code: str = ""
    error_message: str = ""


class Event(msgspec.Struct):
    """A text frame of the service."""

    header: Header
    payload: dict[str, Any] = {}


class Task:
    """One task on an open socket.

    Args:
        socket: The socket.
        blame: Names the service in errors.
    """

    def __init__(self, socket: ServiceSocket, blame: Blame) -> None:
        self._socket = socket
        self._blame = blame
        self._id = uuid.uuid4().hex
        self._decoder = msgspec.json.Decoder(Event)

    async def begin(self, payload: dict[str, Any]) -> None:
        """Start the task and wait until the service is ready.

        Raises:
            ServiceError: It refused.
        """
        await self._send("run-task", {**payload, "input": {}})
        while (event := await self.next()) is not None:
            if isinstance(event, Event) and event.header.event == "task-started":
                return
        raise self._blame.cut()

    async def text(self, text: str) -> None:
        """Feed text."""
        await self._send("continue-task", {"input": {"text": text}})

    async def audio(self, pcm: bytes) -> None:
        """Feed sound."""
        await self._socket.send(pcm)

    async def finish(self) -> None:
        """Say that nothing more comes."""
        await self._send("finish-task", {"input": {}})

    async def next(self) -> Event | bytes | None:
        """The next event or piece of sound; None when the task has finished.

        Raises:
            ServiceError: The task failed, the socket closed too early, or the service fell silent.
        """
        frame = await self._socket.expect()
        if isinstance(frame, bytes):
            return frame
        try:
            event = self._decoder.decode(frame)
        except msgspec.DecodeError as error:
            raise self._blame.nonsense() from error
        if event.header.event == "task-failed":
            code = event.header.error_code
            known: list[Failure] = [kind for name, kind in _FAILURES.items() if name in code]
            raise self._blame.said(f"{code}: {event.header.error_message}", known[0] if known else "server")
        return None if event.header.event == "task-finished" else event

    async def _send(self, action: str, payload: dict[str, Any]) -> None:
        header = {"action": action, "task_id": self._id, "streaming": "duplex"}
        await self._socket.send(msgspec.json.encode({"header": header, "payload": payload}).decode())
