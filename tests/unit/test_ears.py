"""A person speaks over a reply, in virtual time: signs of listening let it go on, words and long speech stop it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from astrbot_like.domain.events import (
    LiveEvent,
    PlaybackPaused,
    PlaybackResumed,
    SpeechChunk,
    SpeechStarted,
    SpeechStopped,
)
from astrbot_like.engine.ears import Ears
from astrbot_like.engine.speech_in import Transcript, Utterance
from astrbot_like.engine.vad import SileroModel, VadModels
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.runtime.clock import SystemClock
from tests.support.spoken import say_all
from tests.support.spoken_requests import noisy, silence
from tests.support.virtual_time import run_virtual
from tests.unit.test_speech_out import Reports, Source

FRAME = 640
VOICES: list[dict[str, Any]] = [{}, {"voice": "en"}, {"voice": "en-us+f3"}, {"rate": 130}]
SIGNS = ["uh huh", "uh huh, uh huh", "yeah", "okay, okay", "right", "oh, I see", "aha"]
SINGLE = ("uh huh", "yeah", "right", "aha")
"""Those so short that no words are needed to know them."""


class Hears:
    """A recogniser: its words come so many seconds after the first sound of an utterance, and once more at the end."""

    def __init__(self, words: str, after: float) -> None:
        self.words = words
        self.after = after

    def open_stream(self, *, language: str | None = None, on_partial: Callable[[str], None] | None = None) -> Any:
        return _Stream(self, on_partial)


class _Stream:
    def __init__(self, owner: Hears, on_partial: Any) -> None:
        self.owner = owner
        self.partial = on_partial
        self.size = 0

    def push(self, pcm: bytes) -> None:
        self.size += len(pcm)
        if self.owner.words and self.size >= self.owner.after * 32_000 and self.partial is not None:
            self.partial(self.owner.words)

    async def finish(self) -> str:
        return self.owner.words

    async def abort(self) -> None:
        self.partial = None


class Session:
    """What ears ask of a session that is answering; notes what they do, and when."""

    def __init__(self, model: SileroModel, recogniser: Hears) -> None:
        self.clock = SystemClock()
        self.ears = Ears(self, model, VoiceSettings(), self.clock)
        self.recogniser = recogniser
        self.replying = True
        self.told: list[tuple[float, LiveEvent]] = []
        self.stopped: float | None = None
        self.turns: list[Utterance | Transcript] = []
        self.jobs: set[asyncio.Task[None]] = set()

    def open_utterance(self) -> Utterance:
        return Utterance(
            [Source(self.recogniser, "stt")], Reports(), VoiceSettings(), self.clock, on_partial=self.ears.partial
        )

    def tell(self, event: LiveEvent) -> None:
        self.told.append((self.clock.monotonic(), event))

    def interrupt(self) -> None:
        if self.replying:
            self.replying = False
            self.stopped = self.clock.monotonic()
            self.ears.reply_stopped()

    def hold(self, paused: bool) -> None:
        pass

    def finished(self, utterance: Utterance | Transcript) -> None:
        self.turns.append(utterance)

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self.jobs.add(task)
        task.add_done_callback(self.jobs.discard)

    async def close(self) -> None:
        """The connection is gone."""
        self.ears.close()
        for job in list(self.jobs):
            await job

    def seconds_of(self, kind: type) -> list[float]:
        return [at for at, event in self.told if isinstance(event, kind)]


def over_a_reply(model: SileroModel, pcm: bytes, words: str, *, after: float = 1.0) -> Session:
    """Say something over a long reply."""

    async def scenario() -> Session:
        session = Session(model, Hears(words, after))
        session.ears.spoken("Once upon a time a small bell hung in a tall tower by the sea.")
        session.ears.speaking(SpeechChunk(pcm=bytes(2 * 24_000 * 20), rate=24_000))
        sound = silence(1.0, 20) + noisy(pcm, 20) + silence(3.5, 20)
        for at in range(0, len(sound), FRAME):
            session.ears.hear(sound[at : at + FRAME])
            await asyncio.sleep(0.02)
        await session.close()
        return session

    return run_virtual(scenario())


@pytest.fixture(scope="module")
def model() -> SileroModel:
    return VadModels().get()


@pytest.fixture(scope="module", params=VOICES, ids=str)
def signs(request: pytest.FixtureRequest) -> list[bytes]:
    return asyncio.run(say_all(SIGNS, **request.param))


@pytest.fixture(scope="module")
def commands() -> dict[str, bytes]:
    texts = ["stop", "wait", "no, I meant the other one", "could you please tell me something else instead"]
    return dict(zip(texts, asyncio.run(say_all(texts)), strict=True))


@pytest.mark.parametrize("heard", ["as it is", "misheard", "not at all"])
def test_signs_of_listening_let_the_reply_go_on(model: SileroModel, signs: list[bytes], heard: str) -> None:
    for said, pcm in zip(SIGNS, signs, strict=True):
        if heard == "not at all" and said not in SINGLE:
            continue
        words = {"as it is": said, "misheard": "of the", "not at all": ""}[heard]
        # The embedded recogniser's first words come after most of a second of voice.
        session = over_a_reply(model, pcm, words, after=1.1)
        assert session.stopped is None, said
        assert session.turns == [], said
        paused, resumed = session.seconds_of(PlaybackPaused), session.seconds_of(PlaybackResumed)
        assert len(paused) == len(resumed), said
        for at, again in zip(paused, resumed, strict=True):
            assert again - at <= 2.05, said


@pytest.mark.parametrize("text", ["stop", "wait", "no, I meant the other one"])
def test_words_that_mean_something_stop_it_when_they_are_known(
    model: SileroModel, commands: dict[str, bytes], text: str
) -> None:
    session = over_a_reply(model, commands[text], text, after=0.8)
    assert session.stopped is not None
    # 0.3 s of the utterance are from before the voice.
    assert session.stopped - session.seconds_of(PlaybackPaused)[0] <= 0.8 - 0.3 + 0.2
    assert len(session.turns) == 1


def test_long_speech_stops_it_before_its_words_are_known(model: SileroModel, commands: dict[str, bytes]) -> None:
    session = over_a_reply(model, commands["could you please tell me something else instead"], "", after=60.0)
    assert session.stopped is not None
    assert session.stopped - session.seconds_of(PlaybackPaused)[0] <= 1.3


def before_its_first_word(
    model: SileroModel, pcm: bytes, words: str, *, begins: float | None, after: float = 1.0
) -> Session:
    """Say something while the bot still thinks, or its tools work; its speech comes ``begins`` seconds later."""

    async def scenario() -> Session:
        session = Session(model, Hears(words, after))
        session.ears.reply_began()
        sound = silence(1.0, 20) + noisy(pcm, 20) + silence(3.5, 20)
        for at in range(0, len(sound), FRAME):
            if begins is not None and session.replying and session.clock.monotonic() >= begins:
                session.ears.speaking(SpeechChunk(pcm=bytes(2 * 2400), rate=24_000))
            session.ears.hear(sound[at : at + FRAME])
            await asyncio.sleep(0.02)
        await session.close()
        return session

    return run_virtual(scenario())


def test_speech_stops_a_reply_that_has_not_begun_to_speak(model: SileroModel, commands: dict[str, bytes]) -> None:
    text = "could you please tell me something else instead"
    for words, after in (("", 60.0), (text, 1.0)):
        session = before_its_first_word(model, commands[text], words, begins=None, after=after)
        began = session.seconds_of(SpeechStarted)[0]
        assert session.stopped is not None and session.stopped - began <= 1.2
        assert len(session.turns) == 1
        # There was nothing to put on hold.
        assert session.seconds_of(PlaybackPaused) == []


def test_a_reply_that_begins_to_speak_into_a_voice_is_on_hold_at_once(
    model: SileroModel, commands: dict[str, bytes]
) -> None:
    text = "could you please tell me something else instead"
    session = before_its_first_word(model, commands[text], "", begins=1.5, after=60.0)
    assert session.seconds_of(PlaybackPaused) == pytest.approx([1.5], abs=0.03)
    assert session.stopped is not None


def test_a_sign_of_listening_before_the_reply_is_nothing(model: SileroModel, signs: list[bytes]) -> None:
    session = before_its_first_word(model, signs[SIGNS.index("yeah")], "yeah", begins=None)
    assert session.stopped is None
    assert session.turns == []
    assert {type(event) for _, event in session.told} <= {SpeechStarted, SpeechStopped}


def _while_judged(model: SileroModel, pcm: bytes, act: Callable[[Session], None]) -> list[LiveEvent]:
    """What is told when something happens while playback is on hold and an utterance is open."""

    async def scenario() -> list[LiveEvent]:
        session = Session(model, Hears("", 60.0))
        session.ears.speaking(SpeechChunk(pcm=bytes(2 * 24_000 * 20), rate=24_000))
        sound = iter(range(0, len(pcm), FRAME))
        while not session.seconds_of(SpeechStarted):
            at = next(sound)
            session.ears.hear(pcm[at : at + FRAME])
            await asyncio.sleep(0.02)
        act(session)
        await session.close()
        return [event for _, event in session.told]

    return run_virtual(scenario())


def test_what_is_on_hold_is_let_go_when_nobody_judges_it_any_more(
    model: SileroModel, commands: dict[str, bytes]
) -> None:
    pcm = commands["no, I meant the other one"]
    begun = [PlaybackPaused, SpeechStarted]
    closed = _while_judged(model, pcm, lambda session: None)
    assert [type(event) for event in closed] == [*begun, PlaybackResumed, SpeechStopped]
    ended = _while_judged(model, pcm, lambda session: session.ears.reply_ended())
    assert [type(event) for event in ended] == [*begun, PlaybackResumed, SpeechStopped]
    stopped = _while_judged(model, pcm, lambda session: session.ears.reply_stopped())
    assert [type(event) for event in stopped] == [*begun, SpeechStopped]
