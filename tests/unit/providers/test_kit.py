"""The helpers that providers are made of."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrbot_like.api.kit import options
from astrbot_like.api.kit.errors import Blame, redact, service_message
from astrbot_like.api.kit.media import load_media, resolve_media
from astrbot_like.api.kit.sse import SseParser
from astrbot_like.api.kit.wav import read_wav, wav_bytes
from astrbot_like.domain.errors import BadRequest, TooLarge

STREAM = b'event: x\r\ndata: {"a":1}\r\n\r\n: comment\n\ndata:two\ndata: lines\n\nid: 1\ndata: [DONE]\n\n'


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_events_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    parser = SseParser()
    places = [0, *sorted(cuts), len(STREAM)]
    found = [event for start, end in pairwise(places) for event in parser.feed(STREAM[start:end])]
    assert found + parser.close() == [b'{"a":1}', b"two\nlines", b"[DONE]"]


def test_a_last_event_without_its_blank_line_counts() -> None:
    parser = SseParser()
    assert parser.feed(b"data: x") == []
    assert parser.close() == [b"x"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"no such model"}}', "no such model"),
        (b'{"error":"model not found"}', "model not found"),
        (b'{"type":"error","error":{"type":"x","message":"overloaded"}}', "overloaded"),
        (b'[{"error":{"code":400,"message":"API key not valid"}}]', "API key not valid"),
        (b'{"detail":[{"msg":"field required"}]}', "field required"),
        (b"plain words", "plain words"),
        (b"<html>nginx</html>", ""),
        (b"", ""),
    ],
)
def test_what_services_say(body: bytes, message: str) -> None:
    assert service_message(body) == message


def test_errors_never_quote_keys() -> None:
    error = Blame("gpt", "OpenAI").status(401, b'{"error":{"message":"Incorrect API key: sk-proj-abcdefgh1234."}}')
    assert "abcdefgh" not in error.message
    assert redact("Bearer abcdefghijkl and AIzaSyA1234567890") == "[redacted] and [redacted]"


@given(st.binary(max_size=400).map(lambda data: data[: len(data) & ~1]), st.sampled_from([8000, 16000, 24000, 48000]))
def test_wav_there_and_back(pcm: bytes, rate: int) -> None:
    assert read_wav(wav_bytes(pcm, rate)) == (pcm, rate, 1, 2)


@given(st.binary(max_size=200))
def test_what_is_no_wav_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="WAV"):
        read_wav(data)


async def test_media_from_anywhere(tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n0000"
    path = tmp_path / "a picture.png"
    path.write_bytes(png)
    for reference in (str(path), path.as_uri(), "base64://iVBORw0KGgowMDAw", "data:image/png;base64,iVBORw0KGgowMDAw"):
        media = await load_media(reference)
        assert (media.data, media.mime) == (png, "image/png")


async def test_media_that_is_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(BadRequest):
        await load_media(str(tmp_path / "nothing.png"))
    (tmp_path / "large").write_bytes(bytes(2000))
    with pytest.raises(TooLarge):
        await load_media(str(tmp_path / "large"), most=1000)
    with pytest.raises(TooLarge):
        await load_media("base64://" + "A" * 4000, most=1000)


async def test_messages_without_media_are_not_copied() -> None:
    messages = [{"role": "user", "content": "x"}, {"role": "user", "content": [{"type": "text", "text": "y"}]}]
    resolved = await resolve_media(messages)
    assert all(one is other for one, other in zip(messages, resolved, strict=True))


def test_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    assert options.keys({"key": ["env:MY_KEY", "", "b"]}) == ["sk-secret", "b"]
    assert options.keys({"api_key": "a"}) == ["a"]
    assert options.keys({"key": "env:NOT_THERE"}) == []
    assert options.number({"timeout": "20"}, "timeout", default=5) == 20
    assert options.number({"timeout": "soon"}, "timeout", default=5) == 5
    assert options.model({"model_config": {"model": "old"}}) == "old"
    assert options.flag({"a": "false"}, "a", True) is False


def test_importing_the_bundled_providers_is_cheap_and_loads_no_engine() -> None:
    program = (
        "import sys, time, importlib, pathlib\n"
        "import astrbot_like.api.provider, astrbot_like.api.star\n"
        "start = time.process_time()\n"
        "for path in sorted(pathlib.Path('plugins').glob('*/main.py')):\n"
        "    importlib.import_module(f'plugins.{path.parent.name}.main')\n"
        "heavy = {'aiohttp', 'hassil', 'yaml', 'mcp', 'httpx', 'numpy', 'openai', 'anthropic', 'google.genai',\n"
        "         'pocketsphinx', 'edge_tts', 'faster_whisper', 'sherpa_onnx', 'piper', 'onnxruntime', 'pydantic'}\n"
        "print(round((time.process_time() - start) * 1000), sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    milliseconds, _, loaded = done.stdout.strip().partition(" ")
    print(f"\nall plugin mains imported in {milliseconds} ms of processor time")
    assert loaded == "[]"
