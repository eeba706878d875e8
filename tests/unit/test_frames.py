"""Frames and wire modules by themselves: transcripts in both directions, and every frame against malformed input."""

import base64
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from astrbot_like.dashboard.chat import frames as chat
from astrbot_like.dashboard.chat.wire import ChatDecoder, ChatWire, encode, send_parts
from astrbot_like.dashboard.frame_schemas import FRAMES, frame_schema_text
from astrbot_like.dashboard.live import frames as live
from astrbot_like.dashboard.live.wire import AudioOptions, LiveDecoder, LiveWire, apply
from astrbot_like.domain import errors
from astrbot_like.domain import events as e
from astrbot_like.domain.messages import ImagePart, PlainPart, ReplyPart

REPOSITORY = Path(__file__).resolve().parents[2]
FORMAT = "INVALID_MESSAGE_FORMAT"


class Recorder:
    """A session that writes down what it is asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.calls.append((name, *arguments))


def drive(*frames: Any) -> list[tuple[Any, ...]]:
    """What live frames ask of the session, refusals as ``(code, text)``."""
    session, decoder = Recorder(), LiveDecoder()
    for frame in frames:
        try:
            apply(decoder.decode(frame if isinstance(frame, str) else json.dumps(frame)), session, max_text=50)
        except errors.BotError as error:
            session.calls.append((error.code, error.message))
    return session.calls


def pcm64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# --- every frame and every way to get it wrong -------------------------------------------------------

ANY = "any text"
LIVE_BAD: dict[type, list[tuple[dict[str, Any], str, str]]] = {
    live.StartSpeaking: [
        ({}, FORMAT, "stamp is required"),
        ({"stamp": ""}, FORMAT, "stamp is required"),
        ({"stamp": 7}, FORMAT, "stamp is required"),
        ({"stamp": None}, FORMAT, "stamp is required"),
    ],
    live.SpeakingPart: [
        ({}, FORMAT, "data is required"),
        ({"data": None}, FORMAT, "data is required"),
        ({"data": 5}, FORMAT, ANY),
        ({"data": ["AAAA"]}, FORMAT, ANY),
        ({"data": "%%%%"}, "INVALID_AUDIO", ANY),
        ({"data": "AAA"}, "INVALID_AUDIO", ANY),
        ({"data": "AA AA"}, "INVALID_AUDIO", ANY),
        ({"data": pcm64(b"\0\0\0")}, "INVALID_AUDIO", ANY),
    ],
    live.EndSpeaking: [
        ({}, FORMAT, "stamp is required"),
        ({"stamp": ""}, FORMAT, "stamp is required"),
        ({"stamp": {}}, FORMAT, "stamp is required"),
    ],
    live.TextInput: [
        ({}, FORMAT, "message must be non-empty text"),
        ({"text": ""}, FORMAT, "message must be non-empty text"),
        ({"text": " \n"}, FORMAT, "message must be non-empty text"),
        ({"text": 5}, FORMAT, "message must be non-empty text"),
        ({"text": "x" * 51}, FORMAT, ANY),
        ({"message": []}, FORMAT, "message must include plain text or attachment_id media"),
        ({"message": [], "text": "hi"}, FORMAT, "message must include plain text or attachment_id media"),
        ({"message": [{"type": "image"}]}, FORMAT, "message must include plain text or attachment_id media"),
        (
            {"message": [{"type": "plain", "text": ""}]},
            FORMAT,
            "message must include plain text or attachment_id media",
        ),
        ({"message": [{"type": "reply", "message_id": 5}]}, FORMAT, ANY),
        ({"message": [{"type": "plain", "text": "a"}, {"type": "file"}]}, FORMAT, ANY),
        ({"message": [{"type": "plain", "text": 5}]}, FORMAT, ANY),
        ({"message": [{"type": "plain"}]}, FORMAT, ANY),
        ({"message": [{"type": "reply", "message_id": True}, {"type": "plain", "text": "a"}]}, FORMAT, ANY),
        ({"message": [{"type": "dance"}]}, FORMAT, "Unsupported message type: dance"),
        ({"message": ["hi"]}, FORMAT, ANY),
        ({"message": 5}, FORMAT, ANY),
        ({"message": [{"type": "plain", "text": "a"}] * 101}, FORMAT, ANY),
    ],
    live.Interrupt: [({"ct": 5}, FORMAT, ANY)],
    live.Ping: [({"ct": []}, FORMAT, ANY)],
    live.Playback: [
        ({}, FORMAT, "data is required"),
        ({"data": {}}, FORMAT, "data.played_ms is required"),
        ({"data": {"played_ms": -1}}, FORMAT, ANY),
        ({"data": {"played_ms": "5"}}, FORMAT, ANY),
        ({"data": 5}, FORMAT, ANY),
    ],
    live.SessionUpdate: [
        ({}, FORMAT, "data is required"),
        ({"data": {"colour": "red"}}, FORMAT, ANY),
        ({"data": {"turn_detection": "magic"}}, FORMAT, ANY),
        ({"data": {"barge_in": "yes"}}, FORMAT, ANY),
        ({"data": {"voice": 5}}, FORMAT, ANY),
        ({"data": {"voice": ""}}, FORMAT, ANY),
        ({"data": {"session_id": None}}, FORMAT, ANY),
        ({"data": []}, FORMAT, ANY),
    ],
}

CHAT_BAD: dict[type, list[tuple[dict[str, Any], str]]] = {
    chat.Bind: [({"session_id": "s", "after": "x"}, ANY), ({"session_id": "s", "after": 1.5}, ANY)],
    chat.Send: [
        ({"message": [], "session_id": 5}, ANY),
        ({"message": [], "message_id": []}, ANY),
        ({"message": [], "enable_streaming": "yes"}, ANY),
        ({"message": [], "username": 5}, ANY),
        ({"message": [], "selected_model": {}}, ANY),
    ],
    chat.ChatInterrupt: [({"message_id": 5}, ANY)],
    chat.ChatPing: [({"ct": 5}, ANY)],
}


def test_every_client_frame_has_a_row():
    assert set(LIVE_BAD) == set(get_args(live.LiveInFrame))
    assert set(CHAT_BAD) == set(get_args(chat.ChatInFrame))


@pytest.mark.parametrize(
    ("frame", "code", "text"),
    [
        pytest.param({"t": cls.__struct_config__.tag, **fields}, code, text, id=f"{cls.__name__}-{number}")
        for cls, rows in LIVE_BAD.items()
        for number, (fields, code, text) in enumerate(rows)
    ],
)
def test_malformed_live_frames(frame, code, text):
    [(got_code, got_text)] = drive(frame)
    assert got_code == code
    assert text in (ANY, got_text)
    assert "msgspec" not in got_text
    assert "$" not in got_text


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        pytest.param({"t": cls.__struct_config__.tag, **fields}, text, id=f"{cls.__name__}-{number}")
        for cls, rows in CHAT_BAD.items()
        for number, (fields, text) in enumerate(rows)
    ],
)
def test_malformed_chat_frames(frame, text):
    with pytest.raises(errors.InvalidMessageFormat) as refused:
        ChatDecoder().decode(json.dumps(frame))
    assert text in (ANY, refused.value.message)


@pytest.mark.parametrize("decoder", [LiveDecoder(), ChatDecoder()])
@pytest.mark.parametrize(
    "raw",
    [
        *("", "{", "nonsense", "[]", "5", "null", '"text"', "{}", '{"t":null}', '{"t":5}', '{"t":"dance"}', '{"t":""}'),
        *('{"t":["ping"]}', "\ud800", "[" * 100_000, '{"t":"ping"', '{"t":"ping","t":"dance"}', "NaN", '{"t":"ping"}x'),
    ],
    ids=lambda raw: raw[:20] if isinstance(raw, str) else "",
)
def test_what_is_no_frame_at_all(decoder, raw):
    with pytest.raises(errors.InvalidMessageFormat):
        decoder.decode(raw)


# --- transcripts: frames to calls --------------------------------------------------------------------


def test_a_voice_segment():
    assert drive(
        {"t": "start_speaking", "stamp": "s", "extra": "ignored"},
        {"t": "speaking_part", "data": pcm64(b"\1\0\2\0")},
        {"t": "speaking_part", "data": ""},
        {"t": "end_speaking", "stamp": "s"},
        {"t": "interrupt"},
        {"t": "playback", "data": {"played_ms": 40}},
        {"t": "session_update", "data": {"voice": None, "barge_in": True}},
        {"t": "ping"},
    ) == [
        ("start_speaking", "s"),
        ("audio", b"\1\0\2\0"),
        ("end_speaking", "s"),
        ("interrupt",),
        ("playback", 40.0),
        ("update", {"barge_in": True, "voice": None}),
    ]


def test_inputs():
    image, text = ImagePart("a1"), PlainPart("look")
    assert drive(
        {"t": "text_input", "text": " hi "},
        {"t": "text_input", "text": "no", "message": [{"type": "plain", "text": "yes"}]},
        {"t": "text_input", "message": "words"},
        {"t": "text_input", "message": [{"type": "image", "attachment_id": "a1"}, {"type": "plain", "text": "look"}]},
        {"t": "text_input", "message": [{"type": kind, "attachment_id": "a1"} for kind in ("image", "file", "image")]},
        {
            "t": "text_input",
            "message": [
                {"type": "reply", "message_id": "m", "selected_text": "that"},
                {"type": "plain", "text": "a"},
                {"type": "plain", "text": "b"},
            ],
        },
    ) == [
        ("input", (PlainPart(" hi "),), " hi "),
        ("input", (PlainPart("yes"),), "yes"),
        ("input", (PlainPart("words"),), "words"),
        ("input", (image, text), "look"),
        ("input", drive_parts("image", "file", "image"), "[attachment] 1 file, 2 image"),
        ("input", (ReplyPart("m", "that"), PlainPart("a"), PlainPart("b")), "a\nb"),
    ]


def drive_parts(*kinds: str) -> Any:
    return send_parts([{"type": kind, "attachment_id": "a1"} for kind in kinds])


# --- transcripts: one scenario through every front end -------------------------------------------------

SCENARIO: list[e.TurnEvent] = [
    e.UserMessageSaved(1, "2026-01-01T00:00:00.000Z", "hi", 5, (PlainPart("hi"),)),
    e.ReasoningDelta("hm"),
    e.TextDelta("One "),
    e.ToolCallStarted("c", "clock", {}, 1.0),
    e.ToolCallFinished("c", "clock", "noon", True, 2.0),
    e.TextDelta("two."),
    e.SpokenText("One two."),
    e.SpeechChunk(b"\0\0" * 4, 24_000),
    e.MediaReply("video", "a9", "v.mp4"),
    e.MetricsReported({"llm_ttft": 0.5}),
    e.AgentStats(0.5, 1.0, 2.0, e.TokenUsage(3, 2, 1)),
    e.TurnFailed("PROVIDER_ERROR", "no voice", fatal=False),
    e.ReplyText("One two.", streamed=True, reasoning="hm"),
    e.BotMessageSaved(2, "2026-01-01T00:00:01.000Z", "One two.", 6),
    e.TurnEnded("completed"),
]


def live_frames(events: list[Any], audio: AudioOptions | None = None) -> list[Any]:
    wire = LiveWire(audio or AudioOptions(), lambda: 99)
    raw = [frame for event in events for frame in wire.frames(event)]
    return [frame if isinstance(frame, bytes) else json.loads(frame) for frame in raw]


def chat_frames(events: list[Any], **options: Any) -> list[dict[str, Any]]:
    wire = ChatWire(session_id="s", message_id="m", **options)
    return [json.loads(encode(frame)) for event in events for frame in wire.frames(event)]


def test_the_scenario_in_live_mode():
    frames = live_frames([e.TurnStarted("t", "m", "s"), *SCENARIO])
    assert [frame["t"] for frame in frames] == [
        *("user_msg", "bot_delta_chunk", "tool_call", "tool_call_result", "bot_delta_chunk", "bot_text_chunk"),
        *("response", "video", "metrics", "error", "end"),
    ]
    assert frames[2]["message_id"] == frames[3]["message_id"] == frames[7]["message_id"] == "m"
    assert (frames[2]["chain_type"], frames[3]["chain_type"]) == ("tool_call", "tool_call_result")
    assert frames[7]["data"] == {"attachment_id": "a9", "filename": "v.mp4", "type": "video"}


@pytest.mark.parametrize("ct", ["chat", None])
def test_the_scenario_in_chat_mode_and_open_api(ct):
    frames = chat_frames(SCENARIO, ct=ct, show_reasoning=True)
    assert [frame.get("type") or frame["t"] for frame in frames] == [
        *("user_message_saved", "plain", "plain", "plain", "plain", "plain", "video", "attachment_saved"),
        *("agent_stats", "error", "complete", "message_saved", "end"),
    ]
    assert [frame.get("ct") for frame in frames] == [ct] * len(frames)
    assert frames[-3] == {
        **({"ct": "chat"} if ct else {}),
        "type": "complete",
        "data": "One two.",
        "reasoning": "hm",
        "streaming": True,
        "message_id": "m",
        "session_id": "s",
    }


def test_every_front_end_tells_the_same_story():
    live_text = "".join(f["data"]["text"] for f in live_frames(SCENARIO) if f["t"] == "bot_delta_chunk")
    stories = [live_text]
    for options in ({"ct": "chat"}, {"ct": None}, {"foreign": True}):
        frames = chat_frames(SCENARIO, **options)
        stories.append("".join(f["data"] for f in frames if f.get("type") == "plain" and f["chain_type"] is None))
    assert set(stories) == {"One two."}


def test_nothing_of_the_reply_follows_stop_play():
    late = [e.TextDelta("x"), e.SpokenText("x"), e.SpeechChunk(b"\0\0", 24_000), e.ReplyText("x", streamed=False)]
    frames = live_frames([e.TextDelta("a"), e.TurnInterrupted(), *late, e.TurnEnded("interrupted"), e.TextDelta("b")])
    assert [frame["t"] for frame in frames] == ["bot_delta_chunk", "stop_play", "end", "bot_delta_chunk"]


def test_texts_that_were_not_streamed_are_deltas_and_one_bot_msg():
    frames = live_frames(
        [e.ReplyText("One.", streamed=False), e.ReplyText("Two.", streamed=False), e.TurnEnded("completed")]
    )
    assert "".join(f["data"]["text"] for f in frames if f["t"] == "bot_delta_chunk") == "One.\nTwo."
    assert frames[-2:] == [{"t": "bot_msg", "data": {"text": "One.\nTwo.", "ts": 99}}, {"t": "end"}]


def test_audio_forms():
    chunk = e.SpeechChunk(b"\1\0\2\0", 16_000)
    [wav] = live_frames([chunk])
    assert base64.b64decode(wav["data"])[:4] == b"RIFF"
    assert base64.b64decode(wav["data"])[44:] == chunk.pcm
    assert live_frames([chunk], AudioOptions("pcm16", 16_000)) == [{"t": "response", "data": pcm64(chunk.pcm)}]
    assert live_frames([chunk], AudioOptions("pcm16", 16_000, binary=True)) == [chunk.pcm]
    assert live_frames([chunk], AudioOptions("wav", 16_000, binary=True))[0][44:] == chunk.pcm


def test_codes_outside_the_protocol_are_told_by_the_nearest_one():
    [frame] = live_frames([e.TurnFailed("STORAGE_ERROR", "The disk is full.")])
    assert frame == {"t": "error", "data": "The disk is full.", "code": "PROCESSING_ERROR"}
    [frame] = chat_frames([e.TurnFailed("LLM_NOT_CONFIGURED", "No chat model.")])
    assert frame["code"] == "CONFIG_ERROR"


# --- the schemas -----------------------------------------------------------------------------------------


def test_the_kept_schemas_are_those_of_the_code():
    kept = (REPOSITORY / "docs" / "frames.schema.json").read_text(encoding="utf-8")
    assert kept == frame_schema_text(), "run: astrbot-like openapi --frames > docs/frames.schema.json"


def test_frames_of_the_scenario_fit_the_schemas():
    from jsonschema import Draft202012Validator

    document = json.loads(frame_schema_text())

    def check(frame: Any, group: str) -> None:
        Draft202012Validator({**document, "$ref": f"#/$defs/{group}"}).validate(frame)

    for frame in live_frames(SCENARIO):
        check(frame, "live_server")
    for frame in chat_frames(SCENARIO):
        check(frame, "chat_server")
    check({"t": "start_speaking", "stamp": "s"}, "live_client")
    check({"t": "send", "message": []}, "chat_client")
    assert set(FRAMES) <= set(document["$defs"])


def test_no_test_reads_frames_past_the_checking_readers():
    own_ways = re.compile(r"receive_json\(|loads\(.*\.recv\(|startswith\(b?.data: .\)")
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}"
        for path in (REPOSITORY / "tests").rglob("*.py")
        if path.parent.name != "support" and "standins" not in path.parts and path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if own_ways.search(line)
    ]
    assert not found, "read streams with tests.support.frames, live_client or talking"
