"""DashScope's duplex protocol over WebSocket.

Source: https://help.aliyun.com/zh/model-studio/cosyvoice-websocket-api,
https://www.alibabacloud.com/help/en/model-studio/paraformer-client-events and the official client
(https://github.com/dashscope/dashscope-sdk-python, ``audio/tts_v2`` and ``audio/asr``). A task is begun with
``run-task``, fed with ``continue-task`` (text) or binary frames (audio), ended with ``finish-task``; the service
answers with ``task-started``, ``result-generated`` or binary frames, ``task-finished`` or ``task-failed``.
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


def authorised(key: str) -> dict[str, str]:
    """The header with the key."""
    return {"Authorization": f"bearer {key}"}


def kind_of_code(code: str) -> Failure:
    """What kind of failure an error code stands for."""
    known: list[Failure] = [kind for name, kind in _FAILURES.items() if name in code]
    return known[0] if known else "server"


class Header(msgspec.Struct):
    """Header of an event."""

    event: str = ""
    error_code: str = ""
    error_message: str = ""


class Sentence(msgspec.Struct):
    """What a recogniser heard of a sentence.

    Attributes:
        end_time: Milliseconds from the start; None as long as the sentence goes on.
        heartbeat: A sign of life in silence, nothing that was said.
    """

    text: str = ""
    end_time: int | None = None
    sentence_end: bool = False
    heartbeat: bool = False


class Output(msgspec.Struct):
    """Results."""

    sentence: Sentence = msgspec.field(default_factory=Sentence)


class Payload(msgspec.Struct):
    """Payload of an event; what a synthesiser tells beside its sound is skipped."""

    output: Output = msgspec.field(default_factory=Output)


class Event(msgspec.Struct):
    """A text frame of the service."""

    header: Header
    payload: Payload = msgspec.field(default_factory=Payload)


class Task:
    """One task on a socket.

    Args:
        blame: Names the service in errors.
    """

    def __init__(self, blame: Blame) -> None:
        self._blame = blame
        self._id = uuid.uuid4().hex
        self._decoder = msgspec.json.Decoder(Event)

    async def begin(self, socket: ServiceSocket, payload: dict[str, Any]) -> None:
        """Start the task and wait until the service is ready.

        Raises:
            ServiceError: It refused.
        """
        await self._send(socket, "run-task", {**payload, "input": {}})
        while (event := self.read(await socket.expect())) is not None:
            if isinstance(event, Event) and event.header.event == "task-started":
                return
        raise self._blame.cut()

    async def text(self, socket: ServiceSocket, text: str) -> None:
        """Feed text."""
        await self._send(socket, "continue-task", {"input": {"text": text}})

    async def finish(self, socket: ServiceSocket) -> None:
        """Say that nothing more comes."""
        await self._send(socket, "finish-task", {"input": {}})

    def read(self, frame: str | bytes) -> Event | bytes | None:
        """A frame as an event or a piece of sound; None when the task has finished.

        Raises:
            ServiceError: The task failed, or the frame is none of the protocol.
        """
        if isinstance(frame, bytes):
            return frame
        event = self._blame.decoded(self._decoder, frame)
        if event.header.event == "task-failed":
            code = event.header.error_code
            raise self._blame.said(f"{code}: {event.header.error_message}", kind_of_code(code))
        return None if event.header.event == "task-finished" else event

    async def _send(self, socket: ServiceSocket, action: str, payload: dict[str, Any]) -> None:
        header = {"action": action, "task_id": self._id, "streaming": "duplex"}
        await socket.send(msgspec.json.encode({"header": header, "payload": payload}).decode())
