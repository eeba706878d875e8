"""What is sent to a model fits its window, whatever the conversation's length."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.domain.errors import TooLarge
from astrbot_like.domain.history import StoredMessage
from astrbot_like.domain.messages import PlainPart
from astrbot_like.domain.profiles import ProviderConfig
from astrbot_like.engine.compression import excerpts, older_part
from astrbot_like.engine.providers import ProviderEntry
from astrbot_like.engine.window import CHARS_PER_TOKEN, ContextWindow, message_tokens, says_too_long, text_tokens
from tests.standins.small_window import SmallWindow
from tests.support.talking import LiveClient, texts
from tests.unit.test_live_turns import house, live

LIBRARY = '''
from astrbot.api.event import AstrMessageEvent, filter
from astrbot.api.star import Context, Star


class Library(Star):
    @filter.llm_tool(name="read_book")
    async def read_book(self, event: AstrMessageEvent):
        """Read a long book."""
        return "chapter and verse " * 20000
'''


def exchange(n: int, words: int = 50) -> list[dict]:
    return [
        {"role": "user", "content": f"question {n} " + "word " * words},
        {"role": "assistant", "content": f"answer {n} " + "word " * words},
    ]


@pytest.mark.parametrize(
    ("text", "least", "most"), [("hello world", 2, 6), ("你好世界", 4, 5), ("a" * 3600, 900, 1100)]
)
def test_estimates_are_near(text: str, least: int, most: int):
    assert least <= text_tokens(text) <= most


def test_the_newest_exchanges_stay_and_calls_keep_their_results():
    window = ContextWindow(8000)
    history = [{"role": "system", "content": "summary"}]
    for n in range(20):
        history += exchange(n)
        history += [
            {"role": "assistant", "content": None, "tool_calls": [{"id": f"c{n}"}]},
            {"role": "tool", "tool_call_id": f"c{n}", "content": "result"},
        ]
    fitted, tokens = window.fit(history, 900)
    assert sum(map(message_tokens, fitted)) == tokens <= 900
    assert fitted[0]["content"] == "summary"
    assert fitted[2]["role"] == "user"
    calls = {c["id"] for m in fitted for c in m.get("tool_calls") or []}
    assert {m["tool_call_id"] for m in fitted if m["role"] == "tool"} == calls
    assert fitted[-1] == history[-1]


def test_a_provider_that_counts_more_is_believed():
    window = ContextWindow(1000)

    entry = ProviderEntry(ProviderConfig("p", "fake_chat", "chat_completion", {}))
    before = window.limit_of(entry)
    window.learn("p", 100, 200)
    assert window.limit_of(entry) == pytest.approx(before / 2, abs=1)


def test_what_must_be_sent_is_cut_to_fit_results_of_tools_first():
    window = ContextWindow(8000)
    user = {"role": "user", "content": "What does it say? " + "x" * 3000}
    call = {"id": "c", "function": {"name": "read", "arguments": "{}"}}
    asked = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "c", "content": "begin " + "y " * 9000 + "end"}
    cut, tokens = window.squeeze([user, asked, result], 2000)
    assert sum(map(message_tokens, cut)) == tokens <= 2000
    assert cut[:2] == [user, asked]
    assert cut[2]["content"].startswith("begin ") and cut[2]["content"].endswith("end")
    assert "characters were cut out here" in cut[2]["content"]
    cut, tokens = window.squeeze([user, asked, result], 700)
    assert sum(map(message_tokens, cut)) == tokens <= 700
    assert cut[0]["content"].startswith("What does it say?")
    parts = [{"type": "text", "text": "z" * 9000}, {"type": "image_url", "image_url": {"url": "data:…"}}]
    cut, tokens = window.squeeze([{"role": "user", "content": parts}], 2000)
    assert sum(map(message_tokens, cut)) == tokens <= 2000 and cut[0]["content"][1] == parts[1]
    with pytest.raises(TooLarge, match="Send less at once"):
        window.squeeze([{"role": "user", "content": parts}], 1000)
    assert window.squeeze([user], 2000).messages == [user]


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "the request exceeds the available context size, try increasing it",
    ],
)
def test_a_refusal_for_length_is_known(said: str):
    assert says_too_long(ServiceError(f"OpenAI rejected the request (400). It said: {said}"))
    assert not says_too_long(ServiceError("OpenAI is over its rate limit: too many tokens per minute (429)"))


def row(n: int, turn: str, words: int) -> StoredMessage:
    context = tuple(exchange(n, words))
    return StoredMessage(n, "s", "c", turn, "bot", (PlainPart("x"),), context, "x", "2026-01-01T00:00:00.000Z")


def test_whole_turns_are_summarised_and_the_last_one_stays():
    rows = [row(n, f"t{n}", 50) for n in range(10)]
    size = sum(map(message_tokens, rows[0].context))
    assert [r.id for r in older_part(rows, size * 3.5)] == list(range(7))
    assert [r.id for r in older_part(rows, 0)] == list(range(9))
    assert older_part(rows, 1e9) == []


def test_excerpts_keep_what_the_user_said():
    assert "question 1" in excerpts("earlier", exchange(1)) and "earlier" in excerpts("earlier", exchange(1))


@asynccontextmanager
async def small_window(data: Path, service: SmallWindow, **profile: object):
    """A client of a house whose model has a small window, of which it is told nothing but its size, if that."""
    async with service.running():
        model = {"id": "small", "type": "openai_chat_completion", "key": "right-key", "model": "m"}
        model |= {"api_base": f"{service.url}/v1", **profile}
        parts = {"providers": [model], "profile": {"llm": ["small"], "tts": ["nobody"]}}
        async with house(data, **parts) as (_, http), live(http) as client:
            yield client


async def said(client: LiveClient, text: str) -> str:
    await client.send("text_input", text=text)
    frames = await client.until("end")
    assert not [frame for frame in frames if frame["t"] == "error"]
    return texts(frames, "bot_delta_chunk")


async def test_it_is_never_sent_more_than_its_window_and_still_knows_how_it_began(tmp_path: Path):
    service = SmallWindow(window=4000)
    async with small_window(tmp_path, service, max_context_tokens=4000) as client:
        await said(client, "the secret word is rosebud and the spare key is copper")
        for number in range(40):
            assert await said(client, f"entry {number}: " + "some words about nothing. " * 30) == "Noted."
        assert await said(client, "what is the secret word") == "rosebud"
        assert await said(client, "what is the spare key") == "copper"
        assert await said(client, "a whole book: " + "word by word " * 2000) == "Noted."
        assert await said(client, "what is the secret word") == "rosebud"
    assert service.refused == 0
    assert max(service.sent) <= service.window
    assert max(service.sent) > service.window / 2, "the window is made use of"


async def test_a_window_smaller_than_it_was_said_to_be_is_learnt_from_the_refusal(tmp_path: Path):
    service = SmallWindow(window=2500)
    async with small_window(tmp_path, service, max_context_tokens=32_000) as client:
        for number in range(30):
            assert await said(client, f"entry {number}: " + "some words about nothing. " * 30) == "Noted."
    assert 0 < service.refused <= 4
    assert max(service.sent) <= service.window


async def test_a_long_result_of_a_tool_is_cut_to_the_window(tmp_path: Path):
    plugin = tmp_path / "plugins" / "library"
    plugin.mkdir(parents=True)
    (plugin / "metadata.yaml").write_text("name: library\ndesc: x\nversion: 1.0.0\nauthor: x\n")
    (plugin / "main.py").write_text(LIBRARY)
    service = SmallWindow(window=4000, tool="read_book")
    async with small_window(tmp_path, service, max_context_tokens=4000) as client:
        assert await said(client, "use the tool") == "Noted."
        frames = client.frames
    [result] = [json.loads(frame["data"]) for frame in frames if frame["t"] == "tool_call_result"]
    assert "cut off" in result["result"]
    assert service.refused == 0 and max(service.sent) > 3000


async def test_a_long_conversation_goes_on_and_remembers(tmp_path: Path):
    chat = {"reply": "#digest", "max_context_tokens": 3000}
    async with house(tmp_path, chat=chat, profile={"tts": ["nobody"]}) as (_, http), live(http) as client:
        for n in range(15):
            await client.send("text_input", text=f"fact number {n}: " + "blah " * 200)
            seen = json.loads(texts(await client.until("end"), "bot_delta_chunk"))
            assert seen["size"] / CHARS_PER_TOKEN <= chat["max_context_tokens"]
    heads = seen["heads"]
    assert heads[0].startswith("Summary of the earlier conversation")
    assert not any(head.startswith("fact number 0:") for head in heads)
    assert any(head.startswith("fact number 13:") for head in heads)
