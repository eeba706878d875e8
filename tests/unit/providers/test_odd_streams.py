"""Streams that are not as they should be: each ends in a right reply or in a coded error that says what to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.provider import LLMResponse, TokenUsage
from plugins.openai.chat import OpenAIChat
from plugins.openai.responses import OpenAIResponses
from plugins.openai.thinking import ThinkSplitter
from tests.standins.compatible import DONE, Compatible, call, calls, chunk


class Raw(Compatible):
    """Sends bytes as they are.

    Attributes:
        data: The body of the answer.
        stays: Leaves the connection open behind it.
        status: HTTP status.
        headers: Of the answer.
    """

    data: bytes = b""
    stays: bool = False
    status: int = 200
    headers: dict[str, str]

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/chat/completions", self._raw), web.post("/v1/responses", self._raw)]

    async def _raw(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=self.status, headers={"Content-Type": "text/event-stream", **self.headers})
        await response.prepare(request)
        await response.write(self.data)
        while self.stays and request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.01)
        return response


@pytest.fixture
async def service() -> AsyncIterator[Raw]:
    raw = Raw()
    raw.headers = {}
    async with raw.running():
        yield raw


async def answer(service: Raw, data: str | bytes, kind: type[OpenAIChat] = OpenAIChat) -> LLMResponse:
    service.data = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    config = {"id": "odd", "type": "t", "api_base": f"{service.url}/v1", "model": "m", "timeout": 30}
    provider = kind(config, {})
    try:
        return [response async for response in provider.text_chat_stream(prompt="hello")][-1]
    finally:
        await provider.terminate()


def stream(*lines: str) -> str:
    return "".join(f"{line}\n\n" for line in lines)


SAID = chunk({"content": "a b"}, "stop")


@pytest.mark.parametrize(
    "data",
    [
        stream(SAID, DONE).replace("\n", "\r\n"),
        stream(": keep-alive", SAID, ":", DONE),
        "\ufeff" + stream(SAID, DONE),
        stream(SAID, "data: [DONE] "),
        stream(SAID, DONE, chunk({"content": "more"})),
        stream(chunk(None, usage=None), SAID),
        stream(json.dumps({"choices": [{"index": 1, "delta": {"content": "no"}}]})) + stream(SAID, DONE),
        stream(chunk({"content": "a "}), chunk({"reasoning": {"an": "object"}, "content": "b"}, "stop"), DONE),
        stream('data: {"choices":[{"delta":\ndata: {"content":"a b"},"finish_reason":"stop"}]}', DONE),
    ],
)
async def test_the_answer_is_found(service: Raw, data: str) -> None:
    assert (await answer(service, data)).completion_text == "a b"


async def test_a_server_that_leaves_the_connection_open_keeps_nobody_waiting(service: Raw) -> None:
    service.stays = True
    assert (await answer(service, stream(SAID, DONE))).completion_text == "a b"


async def test_usage_is_never_worth_an_answer(service: Raw) -> None:
    odd = chunk(None, usage={"prompt_tokens": "3", "completion_tokens": 2.0, "prompt_tokens_details": {}})
    assert (await answer(service, stream(SAID, odd, DONE))).usage == TokenUsage(3, 0, 2)
    worse = chunk(None, usage={"prompt_tokens": "many", "completion_tokens": -1})
    assert (await answer(service, stream(SAID, worse, DONE))).usage == TokenUsage(0, 0, 0)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'data: {"choices":[{"delta":{"content":"a \xff b"},"finish_reason":"stop"}]}\n\n', "a \ufffd b"),
        (
            b'data: {"choices":[{"delta":{"content":"a \\ud83d"}}]}\n\n'
            b'data: {"choices":[{"delta":{"content":"\\ude00 b"},"finish_reason":"stop"}]}\n\n',
            "a 😀 b",
        ),
        (b'data: {"choices":[{"delta":{"content":"\\ude00 b"},"finish_reason":"stop"}]}\n\n', "\ufffd b"),
    ],
)
async def test_characters_that_are_none(service: Raw, data: bytes, text: str) -> None:
    assert (await answer(service, data)).completion_text == text


async def test_reasoning_in_openrouters_list(service: Raw) -> None:
    details = [{"type": "reasoning.text", "text": "hm"}, {"type": "reasoning.encrypted", "data": "x"}]
    told = await answer(service, stream(chunk({"reasoning_details": details}), SAID, DONE))
    assert (told.reasoning_content, told.completion_text) == ("hm", "a b")


@pytest.mark.parametrize("pieces", [["<think>hm</think>\n\na\nb"], list("<think>hm</think>\n\na\nb")])
def test_what_parts_reasoning_from_the_answer_is_not_said(pieces: list[str]) -> None:
    splitter = ThinkSplitter()
    parts = [*map(splitter.feed, pieces), splitter.close()]
    assert ["".join(texts) for texts in zip(*parts, strict=True)] == ["hm", "a\nb"]


A, B = '{"city":"A"}', '{"city":"B"}'


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([call(3, "w", A[:4], "c1"), call(3, None, A[4:])], [("c1", "A")]),
        ([call(1, "w", A[:4], "c1"), call(2, "w", B, "c2"), call(1, None, A[4:])], [("c1", "A"), ("c2", "B")]),
        ([call(0, "w", A, "c1"), call(1, "w", B, "c1")], [("c1", "A"), ("call_1", "B")]),
        ([call(0, "w", A, "c1"), call(0, "w", B, "c2")], [("c1", "A"), ("c2", "B")]),
        ([call(0, "w", "", "c1"), call(0, "w", A[:4], "c1"), call(0, "w", A[4:], "c1")], [("c1", "A")]),
        ([call(None, "w", A[:4]), call(None, None, A[4:]), call(None, "w", B)], [("call_0", "A"), ("call_1", "B")]),
    ],
)
async def test_pieces_of_tool_calls_find_together(service: Raw, pieces: list[dict], found: list) -> None:
    lines = [chunk(calls(piece)) for piece in pieces]
    told = await answer(service, stream(*lines, chunk({}, "tool_calls"), DONE))
    assert list(zip(told.tools_call_ids, [given["city"] for given in told.tools_call_args], strict=True)) == found


@pytest.mark.parametrize(
    ("data", "failure", "words"),
    [
        (stream(chunk({"content": "a b"})), "cut", "broke off"),
        ("", "cut", "broke off"),
        (stream("data: {nonsense"), "protocol", "not of its protocol"),
        (stream('event: error\ndata: {"message":"boom","code":500}'), "server", "It said: boom. Try again later."),
        (stream('data: {"error":"boom"}'), "server", "It said: boom. Try again later."),
        (stream(chunk({"content": ""}, "content_filter"), DONE), "bad_request", "withheld by its content filter"),
        (stream(chunk({"content": "a"}, "content_filter"), DONE), "bad_request", "cut short by its content filter"),
    ],
)
async def test_failures(service: Raw, data: str, failure: str, words: str) -> None:
    with pytest.raises(ServiceError, match=words) as caught:
        await answer(service, data)
    assert caught.value.failure == failure


async def test_a_redirect_is_not_followed_and_says_so(service: Raw) -> None:
    service.status, service.headers = 307, {"Location": "http://127.0.0.1:1/elsewhere?key=secret"}
    with pytest.raises(ServiceError, match=r"redirects to another address \(307\)") as caught:
        await answer(service, "")
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("data", "failure", "words"),
    [
        (stream('data: {"type":"response.output_text.delta","delta":"a"}'), "cut", "broke off"),
        (
            stream(
                'data: {"type":"response.incomplete","response":'
                '{"id":"r","status":"incomplete","incomplete_details":{"reason":"content_filter"}}}'
            ),
            "bad_request",
            "content filter",
        ),
        (b'data: {"type":"response.output_text.delta","delta":"\xff"}\n\n', "protocol", "not of its protocol"),
    ],
)
async def test_failures_of_responses(service: Raw, data: str, failure: str, words: str) -> None:
    with pytest.raises(ServiceError, match=words) as caught:
        await answer(service, data, OpenAIResponses)
    assert caught.value.failure == failure
