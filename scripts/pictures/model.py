"""A chat model that says what the pictures need: Markdown, reasoning, tool calls, in the language it is asked in."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

TIDES = r"""High water on Tuesday is at **10:25**, with 4.1 m above the chart's zero.

| Time | Height | What it means |
|------|-------:|---------------|
| 04:12 | 0.8 m | The sandbank is dry |
| 10:25 | 4.1 m | Boats leave the harbour |
| 16:40 | 0.9 m | Mudflat walk, *with a guide* |

The height follows $h(t) = A \cos(\omega t + \varphi)$, which is one line of Python:

```python
def height(t: float) -> float:
    return 2.4 + 1.7 * cos(2 * pi * t / 12.42)  # t in hours
```

1. Read the gauge at the pier.
2. Fit the curve, then check it against yesterday's.
"""

TIDES_ZH = r"""周二的高潮在 **10:25**，高出海图基准面 4.1 米。

| 时间 | 潮高 | 说明 |
|------|-----:|------|
| 04:12 | 0.8 米 | 沙洲露出水面 |
| 10:25 | 4.1 米 | 船只可以出港 |
| 16:40 | 0.9 米 | 适合在向导陪同下走滩涂 |

潮高满足 $h(t) = A \cos(\omega t + \varphi)$，用 Python 只需一行：

```python
def height(t: float) -> float:
    return 2.4 + 1.7 * cos(2 * pi * t / 12.42)  # t 的单位是小时
```

1. 先读码头上的水位计。
2. 再拟合曲线，并与昨天的记录核对。
"""

PICTURE = """That is a screenshot of the harbour's tide gauge:

- the needle stands at **3.2 m**, rising;
- the dashed line is the forecast.

So you have about an hour until high water."""

SUM = """The ferry burns **1,267.2 litres** on the way there and back.

> 14.4 nautical miles × 2 × 44 litres per mile

That is a little more than last month's average."""

STORY = (
    "Once upon a time there was a lighthouse at the end of a long pier. Its keeper could neither read nor write, "
    "but he knew the sea by its voice. When it whispered, he slept. When it sang, he put the kettle on. And when it "
    "fell silent, he lit the lamp, whatever the hour, for he had learned that the sea holds its breath before a "
    "storm. One evening in November it fell silent in the middle of a song. The keeper climbed the hundred and "
    "twelve steps and lit the lamp. Far out, between two waves, a small boat turned its bow towards the light. In "
    "it sat a girl with a cat on her knees, and she was not afraid at all. She had been counting the flashes since "
    "noon, though there had been none, because she was sure that somebody would light them. The keeper lent her a "
    "blanket and the cat a herring. In the morning the sea sang again, and the three of them had breakfast."
)


class Answer(NamedTuple):
    """What is said when a word occurs in the last message of the user."""

    word: str
    text: str
    reasoning: str = ""
    tool: str = ""
    arguments: str = "{}"


ANSWERS = (
    Answer("high water", TIDES),
    Answer("高潮", TIDES_ZH),
    Answer("picture", PICTURE),
    Answer(
        "ferry",
        SUM,
        "The distance is 14.4 nautical miles one way. There and back doubles it. I had better use the calculator.",
        "calculate",
        '{"expression": "14.4 * 2 * 44"}',
    ),
    Answer("story", STORY),
)
OTHERWISE = Answer("", "Gladly. Tell me a little more about what you have in mind, and I'll make a plan of it.")
USAGE = {"prompt_tokens": 412, "completion_tokens": 168, "total_tokens": 580}


class TalkativeModel:
    """An OpenAI-compatible service of two routes.

    Attributes:
        pause: Seconds between two words.
    """

    def __init__(self) -> None:
        self.pause = 0.0

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes([web.get("/v1/models", self._models), web.post("/v1/chat/completions", self._chat)])
        return app

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": name} for name in ("sea-large", "sea-small")]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        with contextlib.suppress(ConnectionResetError):  # the server that asked was stopped in the middle of the answer
            return await self._answer(request, response)
        return response

    async def _answer(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        body = msgspec.json.decode(await request.read(), type=dict[str, Any])
        messages: list[dict[str, Any]] = body["messages"]
        said = _text(next((message["content"] for message in reversed(messages) if message["role"] == "user"), ""))
        answer = next((answer for answer in ANSWERS if answer.word in said.lower()), OTHERWISE)
        calls = bool(answer.tool) and bool(body.get("tools")) and messages[-1]["role"] != "tool"
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": answer.text}, "finish_reason": "stop"}
            return web.json_response({"id": "1", "object": "chat.completion", "choices": [choice], "usage": USAGE})
        await response.prepare(request)
        if calls:
            await _send(response, {"reasoning_content": answer.reasoning})
            function = {"name": answer.tool, "arguments": answer.arguments}
            await _send(response, {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": function}]})
        else:
            for word in answer.text.split(" "):
                await _send(response, {"content": f"{word} "})
                await asyncio.sleep(self.pause)
        await _send(response, {}, finish="tool_calls" if calls else "stop")
        await response.write(b"data: " + msgspec.json.encode({"choices": [], "usage": USAGE}) + b"\n\ndata: [DONE]\n\n")
        return response


async def serve(model: TalkativeModel) -> tuple[web.AppRunner, str]:
    """Start it on a free port; clean the runner up afterwards. Returns its base URL, too."""
    runner = web.AppRunner(model.application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/v1"


async def _send(response: web.StreamResponse, delta: dict[str, Any], finish: str | None = None) -> None:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "1", "object": "chat.completion.chunk", "choices": [choice]}
    await response.write(b"data: " + msgspec.json.encode(chunk) + b"\n\n")


def _text(content: Any) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)
