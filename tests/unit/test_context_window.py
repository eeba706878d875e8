"""What is sent to a model fits its window, whatever the conversation's length."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from astrbot_like.domain.history import StoredMessage
from astrbot_like.domain.messages import PlainPart
from astrbot_like.domain.profiles import ProviderConfig
from astrbot_like.engine.compression import excerpts, older_part
from astrbot_like.engine.providers import ProviderEntry
from astrbot_like.engine.window import CHARS_PER_TOKEN, ContextWindow, message_tokens, text_tokens
from tests.support.talking import texts
from tests.unit.test_live_turns import house, live


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
    fitted = window.fit(history, fixed=[{"role": "user", "content": "now"}], system_prompt="", tools=None, limit=900)
    assert sum(map(message_tokens, fitted)) <= 900
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
