"""Live turns through the whole house with scripted providers: order, interruption, failures, history."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from astrbot_like.domain.events import MetricsReported, TurnEnded
from astrbot_like.domain.messages import PlainPart
from astrbot_like.domain.turns import TurnOptions, TurnRequest
from tests.support.applications import application, make_key, sign_in
from tests.support.talking import LiveClient, texts

FAKES = Path(__file__).parent.parent / "support" / "fake_providers"

LONG = " ".join(f"This is sentence number {n} of a long story." for n in range(1, 41))


@asynccontextmanager
async def house(
    data: Path, *, chat: dict | None = None, stt: dict | None = None, tts: dict | None = None, **parts: Any
):
    """The application on scripted providers ``chat``, ``ears`` and ``mouth``."""
    shutil.copytree(FAKES, data / "plugins" / "fake_providers", dirs_exist_ok=True)
    providers = [
        {"id": "chat", "type": "fake_chat", **(chat or {})},
        {"id": "ears", "type": "fake_stt", **(stt or {})},
        {"id": "mouth", "type": "fake_tts", **(tts or {})},
        *parts.pop("providers", []),
    ]
    profile = {"llm": ["chat"], "stt": ["ears"], "tts": ["mouth"], **parts.pop("profile", {})}
    profiles = {"default": profile}
    async with (
        application(data, providers=providers, profiles=profiles, **parts) as app,
        aiohttp.ClientSession(app.url) as http,
    ):
        yield app, http


@asynccontextmanager
async def live(http: aiohttp.ClientSession, query: str = "") -> AsyncIterator[LiveClient]:
    token = await sign_in(http)
    async with http.ws_connect(f"/api/live_chat/ws?token={token}{query}", max_msg_size=0) as socket:
        yield LiveClient(socket)


async def test_a_voice_turn_has_the_usual_order(tmp_path: Path):
    async with house(tmp_path, stt={"text": "good morning"}) as (_, http), live(http) as client:
        await client.speak()
        frames = await client.until("end")
        frames += await client.until("metrics")
        frames += await client.quiet()
    order = [frame["t"] for frame in frames]
    assert frames[0]["t"] == "metrics" and frames[0]["data"].keys() >= {"wav_assemble_time", "input_type"}
    assert frames[1]["t"] == "metrics" and frames[1]["data"]["stt"] == "fake_stt"
    assert order[2] == "user_msg" and frames[2]["data"]["text"] == "good morning"
    assert texts(frames, "bot_delta_chunk") == "You said: good morning"
    assert "".join(texts(frames, "bot_text_chunk").split()) == "Yousaid:goodmorning"
    assert order.index("bot_text_chunk") < order.index("response") < order.index("end")
    assert order.count("end") == 1
    assert "bot_msg" not in order
    assert frames[-1]["t"] == "metrics" and "wav_to_tts_total_time" in frames[-1]["data"]
    known = {key for frame in frames if frame["t"] == "metrics" for key in frame["data"]}
    assert known >= {"llm_ttft", "llm_total_time", "tts", "chat_model", "tts_first_frame_time", "speak_to_first_frame"}


async def test_an_interruption_stops_at_once_and_history_holds_what_was_heard(tmp_path: Path):
    chat = {"reply": LONG, "gap": 0.01}
    async with house(tmp_path, chat=chat, tts={"seconds": 2.0}) as (_, http):
        async with live(http) as client:
            await client.send("text_input", text="tell me a story")
            for _ in range(4):
                await client.until("response")
            await client.send("playback", data={"played_ms": 900})
            await client.send("interrupt")
            await client.until("stop_play")
            after = await client.until("end")
            after += await client.quiet()
        stale = {"response", "bot_text_chunk", "bot_delta_chunk"}
        assert not stale & {frame["t"] for frame in after}
        assert [frame["t"] for frame in after].count("end") == 1
    async with house(tmp_path, chat={"reply": "#contexts"}) as (_, http), live(http) as client:
        token = await sign_in(http)
        async with http.get("/api/chat/sessions", headers={"Authorization": f"Bearer {token}"}) as answer:
            session = (await answer.json())["data"]["sessions"][0]["session_id"]
        await client.send("session_update", data={"session_id": session})
        await client.until("session_updated")
        await client.send("text_input", text="and then?")
        frames = await client.until("end")
    context = json.loads(texts(frames, "bot_delta_chunk"))
    assert context[0] == {"role": "user", "content": "tell me a story"}
    heard = context[1]["content"]
    assert "interrupted" in heard and "This is sentence" in heard
    assert "number 40" not in heard


async def test_input_right_behind_a_change_of_options_goes_by_it(tmp_path: Path):
    async with house(tmp_path) as (_, http), live(http) as client:
        await client.send("text_input", text="remember the harbour")
        await client.until("end")
        await client.send("session_update", data={"locale": "en"})
        session = (await client.until("session_updated"))[-1]["data"]["session_id"]
    # In a new process the session is read from the store, beside what follows.
    for options in ({"session_id": session}, {"session_id": session, "turn_detection": "server"}):
        async with house(tmp_path, chat={"reply": "#contexts"}) as (_, http), live(http) as client:
            await asyncio.gather(
                client.send("session_update", data=options), client.send("text_input", text="what did I say?")
            )
            assert "remember the harbour" in texts(await client.until("end"), "bot_delta_chunk")


async def test_an_interruption_in_the_same_breath_ends_the_turn_too(tmp_path: Path):
    # The server may read both frames before the turn's task has begun.
    async with house(tmp_path) as (_, http), live(http) as client:
        for _ in range(40):
            together = [client.send("text_input", text="hello"), client.send("interrupt")]
            await asyncio.gather(*together)
            frames = await client.until("end")
            assert [frame["t"] for frame in frames].count("end") == 1
            assert not [frame for frame in frames if frame["t"] == "error"]


async def test_turns_that_interrupt_each_other_end_in_their_order(tmp_path: Path):
    # The second one is interrupted while it still waits for the first one to be stored.
    async with house(tmp_path, chat={"reply": LONG, "gap": 0.01}) as (_, http), live(http) as client:
        await client.send("session_update", data={"barge_in": True})
        await client.send("text_input", text="one")
        await client.until("response")
        await asyncio.gather(*(client.send("text_input", text=text) for text in ("two", "three")))
        frames = await client.until("user_msg")
        if frames[-1]["data"]["text"] == "two":
            # It was not interrupted before it could begin.
            frames += await client.until("user_msg")
        assert [frame["t"] for frame in frames].count("end") == 2
        assert frames[-1]["data"]["text"] == "three"
        frames = await client.until("response")
        assert "end" not in {frame["t"] for frame in frames}
        await client.send("interrupt")
        await client.until("end")


async def test_a_turn_does_not_end_while_its_playback_is_on_hold(tmp_path: Path):
    # All of it was sent; whether the user speaks into its last words or coughs is still being judged.
    async with house(tmp_path, chat={"reply": "Good morning."}, voice={"resume_after": 600.0}) as (running, _):
        assert running.app._stores is not None and running.app._engine is not None
        session = await running.app._stores.sessions.open(None, username="ann")
        parts = (PlainPart("hello"),)
        request = TurnRequest(
            turn_id="t", message_id="t", session_id=session.session_id, username="ann", parts=parts, text="hello",
            options=TurnOptions(speak=True), origin="live", started_at=running.app.clock.monotonic(),
        )  # fmt: skip
        stream = await running.app._engine.queues.submit(request)
        stream.hold(True)
        events = aiter(stream)
        seen = [await anext(events)]
        while not (isinstance(seen[-1], MetricsReported) and "tts_total_time" in seen[-1].values):
            seen.append(await anext(events))
        end = asyncio.ensure_future(anext(events))
        assert not (await asyncio.wait({end}, timeout=0.3))[0]
        stream.interrupt(reason="barge_in", heard_ms=100)
        rest = [await end, *[event async for event in events]]
    assert [event.outcome for event in rest if isinstance(event, TurnEnded)] == ["interrupted"]


async def test_every_failure_ends_the_turn(tmp_path: Path):
    cases = [
        ({"chat": {"fail": "raise"}}, "PROVIDER_ERROR"),
        ({"chat": {"fail": "hang"}, "turn": {"first_token_deadline": 0.3}}, "TIMEOUT"),
        ({"chat": {"reply": "one two three", "cut_after": 2}}, "PROVIDER_ERROR"),
        ({"stt": {"fail": "raise"}}, "PROVIDER_ERROR"),
        ({"stt": {"text": ""}}, "NO_SPEECH"),
        ({"stt": {"fail": "hang"}, "voice": {"recognition_deadline": 0.3}}, "TIMEOUT"),
        ({"profile": {"stt": ["nobody"]}}, "STT_NOT_CONFIGURED"),
        ({"profile": {"llm": ["nobody"]}}, "LLM_NOT_CONFIGURED"),
    ]
    for number, (parts, code) in enumerate(cases):
        async with house(tmp_path / str(number), **parts) as (_, http), live(http) as client:
            await client.speak()
            frames = await client.until("end")
            errors = [frame for frame in frames if frame["t"] == "error"]
            assert [error["code"] for error in errors] == [code], (parts, frames)
            assert "secret" not in errors[0]["data"]
            await client.send("ping")
            assert (await client.until("pong"))[-1]["t"] == "pong"


async def test_speech_failing_on_a_sentence_does_not_end_the_turn(tmp_path: Path):
    chat = {"reply": "The first one works. The second is broken. The third works again."}
    async with house(tmp_path, chat=chat, tts={"fail_on": "broken"}) as (_, http), live(http) as client:
        await client.send("text_input", text="go")
        frames = await client.until("end")
    assert texts(frames, "bot_delta_chunk") == chat["reply"]
    assert [frame["code"] for frame in frames if frame["t"] == "error"] == ["PROVIDER_ERROR"]
    assert "third" in texts(frames, "bot_text_chunk")


async def test_without_speech_the_whole_reply_comes_as_bot_msg(tmp_path: Path):
    async with house(tmp_path, profile={"tts": ["nobody"]}) as (_, http), live(http) as client:
        await client.send("text_input", text="hi")
        frames = await client.until("end")
    assert [frame["data"]["text"] for frame in frames if frame["t"] == "bot_msg"] == ["You said: hi"]


async def test_busy_without_barge_in_and_interrupted_with_it(tmp_path: Path):
    async with house(tmp_path, chat={"reply": LONG, "gap": 0.02}) as (_, http), live(http) as client:
        await client.send("text_input", text="one")
        await client.until("bot_delta_chunk")
        await client.send("text_input", text="two")
        error = (await client.until("error"))[-1]
        assert (error["code"], error["data"]) == ("PROCESSING_ERROR", "Session is busy")
        await client.send("session_update", data={"barge_in": True})
        await client.until("session_updated")
        await client.send("text_input", text="three")
        await client.until("stop_play")
        frames = await client.until("user_msg")
        assert [frame["t"] for frame in frames].count("end") == 1
        assert frames[-1]["data"]["text"] == "three"


async def test_an_empty_chain_in_the_settings_file_is_none(tmp_path: Path):
    for kind, code in (("stt", "STT_NOT_CONFIGURED"), ("llm", "LLM_NOT_CONFIGURED"), ("tts", None)):
        async with house(tmp_path / kind, profile={kind: []}) as (_, http), live(http) as client:
            await client.speak()
            frames = await client.until("end")
        assert [f["code"] for f in frames if f["t"] == "error"] == ([code] if code else [])
        assert ("bot_msg" in [frame["t"] for frame in frames]) is (kind == "tts")


async def test_a_provider_or_persona_that_is_not_there_is_refused_when_it_is_chosen(tmp_path: Path):
    async with house(tmp_path) as (_, http), live(http) as client:
        for kind in ("stt_provider", "llm_provider", "tts_provider", "persona"):
            await client.send("session_update", data={kind: "nobody", "barge_in": True})
            assert "'nobody'" in (await client.until("error"))[-1]["data"]
        await client.send("session_update", data={"llm_provider": "chat"})
        effective = (await client.until("session_updated"))[-1]["data"]
        assert (effective["llm_provider"], effective["barge_in"]) == ("chat", False)


async def test_a_message_of_the_bots_own_reaches_a_session_by_its_listed_id(tmp_path: Path):
    async with house(tmp_path) as (_, http), live(http) as client:
        await client.send("text_input", text="hi")
        await client.until("end")
        await client.send("session_update", data={})
        session = (await client.until("session_updated"))[-1]["data"]["session_id"]
        headers = {"X-API-Key": await make_key(http, "im")}
        for name, status in ((session, 200), ("elsewhere", 404)):
            body = {"umo": f"webchat:FriendMessage:{name}", "message": "good news"}
            async with http.post("/api/v1/im/message", json=body, headers=headers) as answer:
                assert answer.status == status


async def test_a_model_that_only_calls_tools_is_told_of(tmp_path: Path):
    async with (
        house(tmp_path, chat={"tool_unasked": "nothing"}, turn={"max_steps": 2}) as (_, http),
        live(http) as client,
    ):
        await client.send("text_input", text="hi")
        frames = await client.until("end")
    assert [frame["t"] for frame in frames].count("tool_call") == 2
    errors = [frame for frame in frames if frame["t"] == "error"]
    assert [error["code"] for error in errors] == ["PROCESSING_ERROR"]
    assert "2 rounds of tool calls" in errors[0]["data"]


async def test_the_next_provider_takes_over_before_the_first_output(tmp_path: Path):
    spare = {"id": "spare", "type": "fake_chat", "reply": "the spare one answers"}
    parts = {"chat": {"fail": "raise"}, "providers": [spare], "profile": {"llm": ["chat", "spare"]}}
    async with house(tmp_path, **parts) as (_, http), live(http) as client:
        await client.send("text_input", text="hi")
        frames = await client.until("end")
    assert texts(frames, "bot_delta_chunk") == "the spare one answers"
    assert not [frame for frame in frames if frame["t"] == "error"]


async def test_a_model_that_says_nothing_is_replaced_and_if_there_is_no_other_that_is_said(tmp_path: Path):
    for number, (model, words) in enumerate(
        {"": "gave an empty reply", "#thoughts": "thought and gave no answer"}.items()
    ):
        mute = {"chat": {"reply": model or "#nothing"}}
        spare = {"id": "spare", "type": "fake_chat", "reply": "the spare one answers"}
        parts = {"providers": [spare], "profile": {"llm": ["chat", "spare"], "tts": ["nobody"]}}
        async with house(tmp_path / f"{number}a", **mute, **parts) as (_, http), live(http) as client:
            await client.send("text_input", text="hi")
            assert texts(await client.until("end"), "bot_delta_chunk") == "the spare one answers"
        async with house(tmp_path / f"{number}b", **mute) as (_, http), live(http) as client:
            await client.send("text_input", text="hi")
            [error] = [frame for frame in await client.until("end") if frame["t"] == "error"]
            assert error["code"] == "PROVIDER_ERROR" and words in error["data"]


async def test_tokens_count_whether_reported_or_not_and_also_of_a_turn_cut_short(tmp_path: Path):
    chat = {"reply": LONG, "gap": 0.01}
    async with house(tmp_path, chat=chat, stt={"text": "tell me a story"}) as (app, http), live(http) as client:
        await client.speak()
        await client.until("response")
        await client.send("interrupt")
        await client.until("end")
        await client.send("session_update", data={"llm_provider": "offline"})
        await client.send("text_input", text="what is two plus two")
        await client.until("end")
        statistics = app.app._stores.statistics
        async with asyncio.timeout(60):
            while (overview := await statistics.overview(0, time.time() + 1)).totals.turns < 2:
                await asyncio.sleep(0.01)
    tokens = {share.name: (share.totals.input_tokens, share.totals.output_tokens) for share in overview.providers}
    assert tokens["offline"] == (0, 0)
    assert min(tokens["chat"]) > 3
    assert overview.totals.interrupted == 1
    assert [stage.count for stage in overview.stages if stage.stage == "stt_time"] == [1]
