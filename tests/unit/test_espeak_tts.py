"""The embedded speech provider."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import pytest

from astrbot_like.api.audio import parse_wav
from astrbot_like.api.speech import SpeechOptions, speech_options
from astrbot_like.domain.errors import ConfigError, ProviderError
from plugins.espeak_tts.languages import language_voice, voice_of_script
from tests.support.spoken import espeak
from tests.unit.providers.contract.button import button_shows


@pytest.mark.exercises("espeak_tts", "stream")
async def test_speech_comes_as_it_is_made() -> None:
    async with espeak() as provider:
        pieces = [piece async for piece in provider.synthesise("Hello there. It is ten past four.")]
        assert provider.sample_rate == 22_050
        assert len(pieces) > 10
        seconds = sum(len(p) for p in pieces) / 44_100
        assert 1.5 < seconds < 5.0
        assert max(len(p) for p in pieces) <= 44_100 // 10


@pytest.mark.exercises("espeak_tts", "text")
async def test_stream_and_file(tmp_path: Path) -> None:
    async with espeak() as provider:
        texts: asyncio.Queue[str | None] = asyncio.Queue()
        items: asyncio.Queue[bytes | tuple[str, bytes] | None] = asyncio.Queue()
        for text in ("One.", "Two.", None):
            texts.put_nowait(text)
        await provider.get_audio_stream(texts, items)
        collected = []
        while (item := items.get_nowait()) is not None:
            collected.append(item)
        assert [item[0] for item in collected if isinstance(item, tuple)] == ["One.", "Two."]
        streamed = b"".join(parse_wav(i[1] if isinstance(i, tuple) else i).data for i in collected)
        path = Path(await provider.get_audio("One."))
        whole = parse_wav(path.read_bytes())
        path.unlink()
        assert whole.rate == 22_050
        assert len(whole.data) < len(streamed) < 3 * len(whole.data)


async def test_voice_rate_and_language_of_a_reply() -> None:
    async with espeak() as provider:

        async def length(**options: object) -> int:
            with speech_options(SpeechOptions(**options)):  # type: ignore[arg-type]
                return sum([len(p) async for p in provider.synthesise("One two three four five six seven.")])

        usual, fast, german = await length(), await length(rate=2.0), await length(language="ja")
        assert fast < usual * 0.7
        assert german != pytest.approx(usual, rel=0.05)
        with pytest.raises(ProviderError, match="no voice 'klingon-x'"):
            await length(voice="klingon-x")
        assert await length() == pytest.approx(usual, rel=0.05)


async def test_chinese_is_read_by_a_voice_that_can() -> None:
    async with espeak() as provider:
        seconds = sum([len(p) async for p in provider.synthesise("你好，今天天气很好。")]) / 44_100
        # An English voice would say "Chinese letter" ten times.
        assert seconds < 5.0


@pytest.mark.exercises("espeak_tts", "listing")
async def test_it_lists_its_voices() -> None:
    async with espeak() as provider:
        languages = {voice.language for voice in await provider.get_voices()}
        assert {"en-us", "de", "cmn", "ja", "fr-fr"} <= languages


@pytest.mark.exercises("espeak_tts", "test button")
async def test_the_test_button_shows_that_it_speaks() -> None:
    from plugins.espeak_tts.main import EspeakTTS

    assert "bytes of speech" in (await button_shows(EspeakTTS, {})).answer


@pytest.mark.exercises("espeak_tts", "cancel")
async def test_an_interruption_stops_the_synthesis() -> None:
    async with espeak() as provider:
        stream = provider.synthesise("This is a very long sentence indeed. " * 4000)
        await anext(stream)
        started = time.perf_counter()
        await stream.aclose()
        assert [p async for p in provider.synthesise("Hello.")]
        # What was asked for later did not wait for the long text to be spoken to its end (twenty seconds and more).
        assert time.perf_counter() - started < 5.0


async def test_an_interruption_while_it_starts_leaves_it_able_to_speak() -> None:
    for steps in range(1, 8):
        async with espeak() as provider:
            speaking = asyncio.create_task(provider.get_audio("Hello."))
            for _ in range(steps):
                await asyncio.sleep(0)
            speaking.cancel()
            await asyncio.wait({speaking})
            assert [p async for p in provider.synthesise("Hello.")], steps


async def test_several_speak_at_once_without_mixing() -> None:
    async with espeak() as provider:

        async def speak(text: str) -> bytes:
            return b"".join([p async for p in provider.synthesise(text)])

        texts = ["One apple.", "Twenty five bananas.", "Good morning.", "你好。"]
        alone = [await speak(text) for text in texts]
        together = await asyncio.gather(*(speak(text) for text in texts))
        # The engine varies its pitch a little each time; another text's samples would change the length by far more.
        assert [len(p) for p in together] == pytest.approx([len(p) for p in alone], rel=0.05)


async def test_a_process_that_dies_is_replaced() -> None:
    async with espeak() as provider:
        await provider.get_voices()
        process = provider._speakers[0]._process
        assert process is not None
        stream = provider.synthesise("This is a very long sentence indeed. " * 400)
        await anext(stream)
        os.kill(process.pid, 9)
        with pytest.raises(ProviderError, match="ended unexpectedly"):
            async for _ in stream:
                pass
        assert [p async for p in provider.synthesise("Hello.")]


async def test_nothing_is_left_behind() -> None:
    before = len(asyncio.all_tasks())
    async with espeak() as provider:
        await provider.initialize()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await provider.get_audio("Hello. " * 2000)
        await provider.get_voices()
        process = provider._speakers[0]._process
        assert process is not None
    assert process.returncode is not None
    assert len(asyncio.all_tasks()) == before


@pytest.mark.parametrize("config", [{"rate": 10}, {"pitch": "high"}, {"workers": 0}, {"volume": 999}])
@pytest.mark.exercises("espeak_tts", "error mapping")
def test_wrong_options_are_named(config: dict[str, object]) -> None:
    from plugins.espeak_tts.main import EspeakTTS

    with pytest.raises(ConfigError, match=next(iter(config))):
        EspeakTTS({"id": "espeak", **config}, {})


@pytest.mark.parametrize(
    ("tag", "default", "voice"),
    [
        ("en", "en-us", "en-us"),
        ("en-GB", "en-us", "en-gb"),
        ("zh-CN", "en-us", "cmn"),
        ("zh-HK", "en-us", "yue"),
        ("de_DE", "en-us", "de"),
        ("de", "de+f3", "de+f3"),
        ("pt-BR", "en-us", "pt-br"),
    ],
)
def test_language_tags(tag: str, default: str, voice: str) -> None:
    assert language_voice(tag, default) == voice


@pytest.mark.parametrize(
    ("text", "voice", "expected"),
    [
        ("Hello", "en-us", "en-us"),
        ("Café", "en-us", "en-us"),
        ("你好", "en-us", "cmn"),
        ("こんにちは世界", "en-us", "ja"),
        ("Привет", "en-us", "ru"),
        ("Привіт", "uk", "uk"),
        ("The word 你 means you in Chinese", "en-us", "en-us"),
        ("你好", "yue", "yue"),
    ],
)
def test_scripts(text: str, voice: str, expected: str) -> None:
    assert voice_of_script(text, voice) == expected
