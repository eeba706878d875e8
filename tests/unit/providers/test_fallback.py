"""What a refused connection costs: one attempt and no waiting, before the next provider of the chain is asked."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.wav import wav_bytes
from astrbot_like.domain.errors import BotError, ProviderError
from astrbot_like.engine.speech_in import Utterance
from astrbot_like.engine.speech_out import SpeechOut
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.runtime.clock import SystemClock
from tests.support.virtual_time import VirtualTimeLoop
from tests.unit.providers.contract.chat_rows import CHAT_MODELS
from tests.unit.providers.contract.embedding_rows import EMBEDDERS
from tests.unit.providers.contract.recognition_rows import RECOGNISERS
from tests.unit.providers.contract.speech_rows import SPEAKERS
from tests.unit.providers.contract.subjects import Fault, Subject, ended

BUDGET = 0.05
"""Seconds that a fall-back after a refused connection may cost."""
WAV = wav_bytes(bytes(3200), 16000)

Ask = Callable[[Any, Path], Awaitable[Any]]


class CountingLoop(VirtualTimeLoop):
    """Counts connection attempts. Its clock moves only when somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts = 0

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        self.attempts += 1
        await super().sock_connect(sock, address)


def counted(work: Callable[[], Awaitable[Any]]) -> tuple[int, float, Any]:
    """Connection attempts, seconds waited, and the result."""
    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, CountingLoop)

        async def run() -> Any:
            return await work()

        result = runner.run(run())
        return loop.attempts, loop.time(), result


@pytest.fixture
def closed_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An address at which nobody listens."""
    monkeypatch.setenv("ASTRBOT_ROOT", str(tmp_path))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{closed.getsockname()[1]}"


async def _chat(provider: Any, _: Path) -> None:
    async for _response in provider.text_chat_stream(prompt="hello"):
        pass


async def _speak(provider: Any, _: Path) -> None:
    await provider.get_audio("hello")


async def _recognise(provider: Any, folder: Path) -> None:
    (folder / "a.wav").write_bytes(WAV)
    await provider.get_text(str(folder / "a.wav"))


async def _embed(provider: Any, _: Path) -> None:
    await provider.get_embedding("hello")


ROWS = [
    pytest.param(subject, ask, id=subject.name)
    for subjects, ask in ((CHAT_MODELS, _chat), (SPEAKERS, _speak), (RECOGNISERS, _recognise), (EMBEDDERS, _embed))
    for subject in subjects
    if Fault.REFUSED in subject.faults
]


@pytest.mark.parametrize(("subject", "ask"), ROWS)
def test_a_refused_connection_is_tried_once_and_not_waited_for(
    subject: Subject, ask: Ask, closed_url: str, tmp_path: Path
) -> None:
    async def work() -> ServiceError:
        provider = subject.provider(closed_url)
        with subject.moved(closed_url), pytest.raises(ServiceError) as caught:
            await ask(provider, tmp_path)
        await ended(provider)
        return caught.value

    attempts, waited, error = counted(work)
    assert error.failure == "unreachable"
    assert attempts <= 1  # a library with a loop of its own thread connects there
    assert waited < BUDGET


class Reports:
    """Notes who answered and who did not."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []

    def succeeded(self, entry: Any) -> None:
        self.log.append((entry.id, "ok"))

    def failed(self, entry: Any, error: BaseException) -> BotError:
        self.log.append((entry.id, getattr(error, "failure", type(error).__name__)))
        return ProviderError(str(error), entry.id)


class Source:
    """A place in a chain."""

    def __init__(self, name: str, instance: Any) -> None:
        self.id = self.type = name
        self.instance = instance


class Works:
    """Speaks and recognises at once, and notes when it was asked."""

    asked_at = float("inf")

    def support_stream(self) -> bool:
        return True

    async def get_audio_stream(self, texts: asyncio.Queue[Any], audio: asyncio.Queue[Any]) -> None:
        self.asked_at = asyncio.get_running_loop().time()
        while (text := await texts.get()) is not None:
            await audio.put((text, WAV))
        await audio.put(None)

    async def get_text(self, audio_url: str) -> str:
        self.asked_at = asyncio.get_running_loop().time()
        return "heard"


async def _chunks() -> AsyncIterator[str]:
    yield "Hello there. "


@pytest.mark.parametrize("subject", [one for one in SPEAKERS if Fault.REFUSED in one.faults], ids=lambda one: one.name)
def test_the_next_voice_of_the_chain_speaks_at_once(subject: Subject, closed_url: str) -> None:
    works = Works()

    async def work() -> list[tuple[str, str]]:
        reports = Reports()
        dead = subject.provider(closed_url)
        chain = [Source("dead", dead), Source("alive", works)]
        with subject.moved(closed_url):
            speech = SpeechOut(chain, reports, VoiceSettings(), SystemClock())  # type: ignore[arg-type]
            async with aclosing(speech.run(_chunks())) as events:
                async for _ in events:
                    pass
        await ended(dead)
        return reports.log

    attempts, _, log = counted(work)
    assert log == [("dead", "unreachable"), ("alive", "ok")]
    assert attempts <= 1
    assert works.asked_at < BUDGET


@pytest.mark.parametrize("subject", RECOGNISERS, ids=lambda one: one.name)
def test_the_next_recogniser_of_the_chain_hears_at_once(subject: Subject, closed_url: str, tmp_path: Path) -> None:
    works = Works()

    async def work() -> tuple[str, list[tuple[str, str]]]:
        reports = Reports()
        dead = subject.provider(closed_url)
        chain = [Source("dead", dead), Source("alive", works)]
        utterance = Utterance(chain, reports, VoiceSettings(), SystemClock(), temp_dir=tmp_path)  # type: ignore[arg-type]
        utterance.push(bytes(6400))
        transcript = await utterance.finish()
        await ended(dead)
        return transcript.text, reports.log

    attempts, _, (text, log) = counted(work)
    assert text == "heard"
    assert log == [("dead", "unreachable"), ("alive", "ok")]
    assert attempts == 1
    assert works.asked_at < BUDGET


def test_how_long_it_takes(closed_url: str, tmp_path: Path) -> None:
    async def work() -> float:
        provider = SPEAKERS[0].provider(closed_url)
        for _ in range(2):  # the first one imports the HTTP library
            start = time.perf_counter()
            with pytest.raises(ServiceError):
                await _speak(provider, tmp_path)
        await provider.terminate()
        return time.perf_counter() - start

    seconds = asyncio.run(work())
    print(f"\na refused connection costs {seconds * 1000:.1f} ms of wall time")
