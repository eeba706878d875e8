"""An OpenAI-compatible service for tests and benchmarks, in a process of its own.

``python -m astrbot_like.bench.mock_upstream [--port N]`` prints its base URL as its first line. What it answers is said
by the model's name (see ``mock_behaviour``), by the header ``X-Mock`` in the same form, or for everything by
``POST /mock/behaviour``. ``GET /mock/requests`` shows what it was sent, ``GET /mock/stats`` what became of it.

Routes and shapes: https://platform.openai.com/docs/api-reference (chat, responses, audio, embeddings, models); the
official client (openai 3.52) reads everything that this service answers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec

from astrbot_like.bench.mock_answers import (
    EventStream,
    call_items,
    calls_of,
    failure_of,
    halves,
    json_of,
    reasoning_events,
    text_of,
    usage_of,
)
from astrbot_like.bench.mock_behaviour import Behaviour, answer_tokens, read_behaviour, stamped, stamped_pcm

if TYPE_CHECKING:
    from aiohttp import web


_KEPT_REQUESTS = 1000
_PCM_RATE = 24000
_AUDIO_PIECE_MS = 20


class Stats(msgspec.Struct):
    """What became of the requests.

    Attributes:
        open: Answers under way.
        aborted: Answers whose client went away before their end.
        latest_ms: How late the latest token was sent against its schedule, at the worst.
    """

    requests: int = 0
    open: int = 0
    finished: int = 0
    aborted: int = 0
    latest_ms: float = 0.0


class MockUpstream:
    """The service's state and routes."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.stats = Stats()
        self.requests: deque[dict[str, Any]] = deque(maxlen=_KEPT_REQUESTS)
        self.released = asyncio.Event()
        """Once set, answers that fell silent (``hang``) go on; only who serves this in its own process can set it."""

    def application(self) -> web.Application:
        """The aiohttp application."""
        from aiohttp import web

        app = web.Application(client_max_size=256 * 1024 * 1024)
        app.add_routes(
            [
                web.get("/v1/models", self._models),
                web.post("/v1/chat/completions", self._chat),
                web.post("/v1/responses", self._responses),
                web.post("/v1/audio/transcriptions", self._transcribe),
                web.post("/v1/audio/speech", self._speak),
                web.post("/v1/embeddings", self._embed),
                web.get("/mock/requests", self._show_requests),
                web.delete("/mock/requests", self._forget_requests),
                web.get("/mock/stats", self._show_stats),
                web.post("/mock/behaviour", self._set_behaviour),
            ]
        )
        return app

    async def _models(self, request: web.Request) -> web.Response:
        return json_of(
            {"object": "list", "data": [{"id": "mock", "object": "model"}, {"id": "mock-2", "object": "model"}]}
        )

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body, behaviour = await self._begin(request)
        if (refused := await self._refusal(request, behaviour)) is not None:
            return refused
        messages: list[dict[str, Any]] = body.get("messages") or []
        offered = {tool["function"]["name"] for tool in body.get("tools") or ()}
        last = messages[-1] if messages else {}
        calls = behaviour.tool in offered and last.get("role") != "tool"
        if last.get("role") == "tool" and not behaviour.reply:
            behaviour = msgspec.structs.replace(behaviour, reply=f"The tool said: {text_of(last.get('content'))}")
        said = text_of(next((m.get("content") for m in reversed(messages) if m.get("role") == "user"), ""))
        if body.get("stream"):
            return await self._chat_stream(request, behaviour, said, calls, bool(body.get("stream_options")))
        message: dict[str, Any] = {"role": "assistant", "content": "".join(answer_tokens(behaviour, said))}
        if calls:
            message = {"role": "assistant", "content": None, "tool_calls": calls_of(behaviour)}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
        return json_of(
            {"id": "chatcmpl-mock", "object": "chat.completion", "choices": [choice], "usage": usage_of(behaviour)}
        )

    async def _chat_stream(
        self, request: web.Request, behaviour: Behaviour, said: str, calls: bool, with_usage: bool
    ) -> web.StreamResponse:
        async with EventStream(self, request) as events:
            await events.chat({"role": "assistant", "content": ""})
            if behaviour.garbage:
                await events.raw(b"data: {this is no JSON\n\n")
                return events.response
            for index in range(behaviour.reasoning):
                await events.chat({"reasoning_content": f"thought{index} "})
            if calls:
                for index, call in enumerate(calls_of(behaviour)):
                    await events.chat(
                        {"tool_calls": [{**call, "index": index, "function": {**call["function"], "arguments": ""}}]}
                    )
                    for piece in halves(call["function"]["arguments"]):
                        await events.chat({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
            else:
                async for token in self._paced(behaviour, said, events):
                    await events.chat({"content": token})
                if events.broken:
                    return events.response
            await events.chat({}, finish="tool_calls" if calls else "stop")
            if with_usage:
                await events.data(
                    {
                        "id": "chatcmpl-mock",
                        "object": "chat.completion.chunk",
                        "choices": [],
                        "usage": usage_of(behaviour),
                    }
                )
            await events.raw(b"data: [DONE]\n\n")
            return events.response

    async def _responses(self, request: web.Request) -> web.StreamResponse:
        body, behaviour = await self._begin(request)
        if (refused := await self._refusal(request, behaviour)) is not None:
            return refused
        items = body.get("input") or []
        items = [{"role": "user", "content": items}] if isinstance(items, str) else items
        offered = {tool.get("name") for tool in body.get("tools") or ()}
        answered = bool(items) and items[-1].get("type") == "function_call_output"
        calls = behaviour.tool in offered and not answered
        if answered and not behaviour.reply:
            behaviour = msgspec.structs.replace(behaviour, reply=f"The tool said: {items[-1].get('output')}")
        said = text_of(next((item.get("content") for item in reversed(items) if item.get("role") == "user"), ""))
        usage = usage_of(behaviour)
        done: dict[str, Any] = {
            "id": "resp-mock",
            "status": "completed",
            "usage": {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]},
        }
        if not body.get("stream"):
            text = "".join(answer_tokens(behaviour, said))
            output = (
                call_items(behaviour)
                if calls
                else [{"type": "message", "content": [{"type": "output_text", "text": text}]}]
            )
            return json_of({**done, "output": output})
        async with EventStream(self, request) as events:
            if behaviour.garbage:
                await events.raw(b"data: {this is no JSON\n\n")
                return events.response
            await events.data(
                {"type": "response.created", "response": {"id": "resp-mock", "status": "in_progress", "output": []}}
            )
            if behaviour.reasoning:
                await reasoning_events(events, behaviour.reasoning)
            if calls:
                for index, item in enumerate(call_items(behaviour)):
                    await events.data(
                        {"type": "response.output_item.added", "output_index": index, "item": {**item, "arguments": ""}}
                    )
                    for piece in halves(item["arguments"]):
                        await events.data(
                            {"type": "response.function_call_arguments.delta", "output_index": index, "delta": piece}
                        )
                    await events.data({"type": "response.output_item.done", "output_index": index, "item": item})
            else:
                place = {"item_id": "msg_1", "output_index": 1 if behaviour.reasoning else 0}
                item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
                part = {"type": "output_text", "text": "", "annotations": []}
                await events.data({"type": "response.output_item.added", **place, "item": item})
                place["content_index"] = 0
                await events.data({"type": "response.content_part.added", **place, "part": part})
                async for token in self._paced(behaviour, said, events):
                    await events.data({"type": "response.output_text.delta", **place, "delta": token})
                if events.broken:
                    return events.response
                item = {**item, "status": "completed"}
                place.pop("content_index")
                await events.data({"type": "response.output_item.done", **place, "item": item})
            await events.data({"type": "response.completed", "response": {**done, "output": []}})
            return events.response

    async def _paced(self, behaviour: Behaviour, said: str, events: EventStream) -> AsyncIterator[str]:
        """Tokens when they are due; sets ``events.broken`` where the answer is to end badly."""
        start = time.monotonic()
        for index, token in enumerate(answer_tokens(behaviour, said)):
            if index == behaviour.cut:
                events.broken = True
                events.abort()
                return
            if index == behaviour.hang:
                await self.released.wait()
            if index == behaviour.error_in_stream:
                events.broken = True
                await events.data({"error": {"message": "the mock was told to fail here", "type": "server_error"}})
                return
            if behaviour.rate:
                due = start + index / behaviour.rate
                if (wait := due - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                self.stats.latest_ms = max(self.stats.latest_ms, (time.monotonic() - due) * 1000)
            yield stamped(index, token) if behaviour.stamp else token

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        upload = form.get("file")
        size = len(upload.file.read()) if upload is not None and not isinstance(upload, (str, bytes, bytearray)) else 0
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        behaviour = self._note(request, {**fields, "file_bytes": size})
        if (refused := await self._refusal(request, behaviour)) is not None:
            return refused
        if not size:
            return failure_of(400, "the field file is missing or empty")
        return json_of({"text": behaviour.transcript})

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        from astrbot_like.api.kit.wav import wav_header

        body, behaviour = await self._begin(request)
        if (refused := await self._refusal(request, behaviour)) is not None:
            return refused
        pcm = stamped_pcm(str(body.get("input", "")), behaviour.audio_ms, _PCM_RATE)
        wav = body.get("response_format") != "pcm"
        response = web.StreamResponse(headers={"Content-Type": "audio/wav" if wav else "audio/pcm"})
        await response.prepare(request)
        self.stats.open += 1
        try:
            if wav:
                await response.write(wav_header(_PCM_RATE, len(pcm)))
            size = _PCM_RATE * _AUDIO_PIECE_MS // 1000 * 2
            start = time.monotonic()
            for index, position in enumerate(range(0, len(pcm), size)):
                if index == behaviour.cut and request.transport is not None:
                    request.transport.abort()
                    return response
                if index == behaviour.hang:
                    await self.released.wait()
                if behaviour.audio_rate:
                    due = start + index * _AUDIO_PIECE_MS / 1000 / behaviour.audio_rate
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                await response.write(pcm[position : position + size])
            await response.write_eof()
            self.stats.finished += 1
        except (asyncio.CancelledError, ConnectionError):
            self.stats.aborted += 1
            raise
        finally:
            self.stats.open -= 1
        return response

    async def _embed(self, request: web.Request) -> web.StreamResponse:
        body, behaviour = await self._begin(request)
        if (refused := await self._refusal(request, behaviour)) is not None:
            return refused
        texts = body.get("input") or []
        texts = [texts] if isinstance(texts, str) else texts
        size = int(body.get("dimensions") or behaviour.dimensions)
        vectors = [[((len(text) + place) % 7) / 7 for place in range(size)] for text in texts]
        data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
        return json_of(
            {"object": "list", "data": data, "usage": {"prompt_tokens": sum(map(len, texts)), "total_tokens": 0}}
        )

    async def _begin(self, request: web.Request) -> tuple[dict[str, Any], Behaviour]:
        from aiohttp import web

        try:
            body = msgspec.json.decode(await request.read(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise web.HTTPBadRequest(text='{"error":{"message":"the body is not a JSON object"}}') from error
        return body, self._note(request, body)

    def _note(self, request: web.Request, body: dict[str, Any]) -> Behaviour:
        from aiohttp import web

        self.stats.requests += 1
        authorised = request.headers.get("Authorization", "")
        self.requests.append(
            {"path": request.path, "at": time.monotonic_ns(), "key": authorised.removeprefix("Bearer "), "body": body}
        )
        try:
            behaviour = read_behaviour(str(body.get("model", "")), self.behaviour)
            return (
                read_behaviour(f"mock:{request.headers['X-Mock']}", behaviour)
                if "X-Mock" in request.headers
                else behaviour
            )
        except ValueError as error:
            raise web.HTTPBadRequest(text=msgspec.json.encode({"error": {"message": str(error)}}).decode()) from error

    async def _refusal(self, request: web.Request, behaviour: Behaviour) -> web.Response | None:
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
        if behaviour.drop and request.transport is not None:
            request.transport.abort()
            return json_of({})  # goes nowhere: the connection is gone
        if behaviour.error:
            headers = {"Retry-After": behaviour.retry_after} if behaviour.retry_after else None
            return failure_of(behaviour.error, f"the mock was told to answer {behaviour.error}", headers)
        return None

    async def _show_requests(self, request: web.Request) -> web.Response:
        return json_of(list(self.requests))

    async def _forget_requests(self, request: web.Request) -> web.Response:
        self.requests.clear()
        self.stats = Stats(open=self.stats.open)
        return json_of({})

    async def _show_stats(self, request: web.Request) -> web.Response:
        return json_of(msgspec.to_builtins(self.stats))

    async def _set_behaviour(self, request: web.Request) -> web.Response:
        try:
            self.behaviour = msgspec.json.decode(await request.read(), type=Behaviour)
        except msgspec.DecodeError as error:
            return failure_of(400, str(error))
        return json_of(msgspec.to_builtins(self.behaviour))


async def start(mock: MockUpstream, *, host: str = "127.0.0.1", port: int = 0) -> tuple[web.AppRunner, str]:
    """Serve within this process; returns the runner (``await runner.cleanup()`` stops it) and the base URL."""
    from aiohttp import web

    runner = web.AppRunner(mock.application(), access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    bound = runner.addresses[0][1]
    return runner, f"http://{host}:{bound}/v1"


async def _serve(host: str, port: int) -> None:
    runner, url = await start(MockUpstream(), host=host, port=port)
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="An OpenAI-compatible service for tests and benchmarks.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one; the base URL is the first line printed")
    options = parser.parse_args()
    try:
        import uvloop

        runner = uvloop.run
    except ImportError:
        runner = asyncio.run
    with contextlib.suppress(KeyboardInterrupt):
        runner(_serve(options.host, options.port))


if __name__ == "__main__":
    main()
