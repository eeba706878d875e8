"""DashScope's speech services.

Source: https://help.aliyun.com/zh/model-studio/cosyvoice-websocket-api,
https://www.alibabacloud.com/help/en/model-studio/paraformer-client-events (order and shape of the frames),
https://www.alibabacloud.com/help/en/model-studio/qwen-tts-api, https://help.aliyun.com/zh/model-studio/error-code, and
the official client (https://github.com/dashscope/dashscope-sdk-python).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.standins.base import Cut, Reported, StandIn, event
from tests.standins.speech_services import TRANSCRIPT, pieces, speech


@dataclass
class DashScopeStandIn(StandIn):
    """Speaks texts, and hears ``transcript`` in any sound, a word for each piece."""

    transcript: str = TRANSCRIPT
    tasks: list[dict[str, Any]] = field(default_factory=list)

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.get("/api-ws/v1/inference", self._serve),
            web.post("/api/v1/services/aigc/multimodal-generation/generation", self._qwen),
        ]

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("Authorization", "").removeprefix("bearer ")

    def error(self, status: int, message: str) -> web.Response:
        return web.json_response({"code": "InvalidApiKey", "message": message}, status=status)

    def out_of_quota(self) -> web.Response:
        said = "Access denied, please make sure your account is in good standing."
        return web.json_response({"code": "Arrearage", "message": said, "request_id": "1"}, status=400)

    async def refuse_for_quota(self, request: web.Request) -> web.StreamResponse:
        if not request.path.endswith("/inference"):
            return self.out_of_quota()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        task_id = (await socket.receive_json())["header"]["task_id"]
        await _event(socket, task_id, "task-failed", code="Arrearage", message="Access denied: overdue payment.")
        return socket

    async def _qwen(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if request.headers.get("X-DashScope-SSE") != "enable" or not body["input"].get("voice"):
            return self.error(400, "the stand-in streams, and wants a voice")
        outputs = [
            {"audio": {"data": base64.b64encode(piece).decode()}, "finish_reason": "null"}
            for piece in pieces(speech(body["input"]["text"]))
        ]
        outputs.append({"audio": {"data": "", "url": "http://a.invalid/whole.wav"}, "finish_reason": "stop"})
        events = [b"id:1\nevent:result\n:HTTP_STATUS/200\n" + event({"output": output}) for output in outputs]
        reported = event({"code": "InternalError", "message": "told to fail here"}, "error")
        return await self.stream(request, events, content_type="text/event-stream", reported=reported)

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        begun = await socket.receive_json()
        assert begun["header"]["action"] == "run-task" and begun["payload"]["input"] == {}
        self.tasks.append(begun["payload"])
        task_id = begun["header"]["task_id"]
        if begun["payload"]["model"] == "no-such-model":
            await _event(socket, task_id, "task-failed", code="ModelNotFound", message="Model not exist.")
            return socket
        await _event(socket, task_id, "task-started")
        try:
            if begun["payload"]["task"] == "tts":
                await self._speak(socket, task_id)
            else:
                await self._listen(socket, task_id)
            await _event(socket, task_id, "task-finished")
        except Cut:
            assert request.transport is not None
            request.transport.abort()
        except Reported:
            await _event(socket, task_id, "task-failed", code="InternalError", message="told to fail here")
        return socket

    async def _speak(self, socket: web.WebSocketResponse, task_id: str) -> None:
        text = ""
        while True:
            frame = await socket.receive_json()
            assert frame["header"]["task_id"] == task_id
            if frame["header"]["action"] == "finish-task":
                break
            text += frame["payload"]["input"]["text"]
        async for piece in self.paced(pieces(speech(text))):
            await socket.send_bytes(piece)
            await _event(socket, task_id, "result-generated", payload={"output": {"sentence": {"words": []}}})

    async def _listen(self, socket: web.WebSocketResponse, task_id: str) -> None:
        self.heard = 0
        words = self.transcript.split()
        said = 0
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                assert json.loads(message.data)["header"]["action"] == "finish-task"
                break
            self.heard += len(message.data)
            if said < len(words) - 1:
                said += 1
                await self._partial(socket, task_id, " ".join(words[:said]), None)
        async for heard in self.paced(range(1, len(words))):
            await self._partial(socket, task_id, " ".join(words[:heard]), None)
        await self._partial(socket, task_id, self.transcript, 1200)

    async def _partial(self, socket: web.WebSocketResponse, task_id: str, text: str, end: int | None) -> None:
        sentence = {"begin_time": 0, "end_time": end, "text": text, "words": []}
        await _event(socket, task_id, "result-generated", payload={"output": {"sentence": sentence}})


async def _event(
    socket: web.WebSocketResponse,
    task_id: str,
    name: str,
    *,
    payload: dict[str, Any] | None = None,
    code: str = "",
    message: str = "",
) -> None:
    header = {"task_id": task_id, "event": name, "attributes": {}}
    if code:
        header |= {"error_code": code, "error_message": message}
    await socket.send_json({"header": header, "payload": payload or {}})
