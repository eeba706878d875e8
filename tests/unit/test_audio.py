"""WAV, Base64, resampling without clicks, media files."""

from __future__ import annotations

import math
import shutil
import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from astrbot_like.domain.errors import InvalidAudio, UnsupportedMediaType
from astrbot_like.engine.audio import (
    Resampler,
    decode_base64_pcm,
    decode_media,
    encode_base64,
    parse_wav,
    resample,
    wav_bytes,
)

SINE = struct.pack("<4800h", *(int(8000 * math.sin(2 * math.pi * 440 * n / 24_000)) for n in range(4800)))


def riff(fmt: bytes, data: bytes, *, extra: bytes = b"", size: int | None = None) -> bytes:
    body = b"WAVE" + b"fmt " + len(fmt).to_bytes(4, "little") + fmt + extra
    body += b"data" + (len(data) if size is None else size).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def fmt(kind: int, channels: int, rate: int, bits: int) -> bytes:
    width = channels * bits // 8
    return struct.pack("<HHIIHH", kind, channels, rate, rate * width, width, bits)


def samples(pcm: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(pcm) // 2}h", pcm)


def test_what_is_written_is_read() -> None:
    pcm = parse_wav(wav_bytes(SINE, 24_000))
    assert (pcm.data, pcm.rate) == (SINE, 24_000)
    assert pcm.seconds == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("wav", "expected"),
    [
        (riff(fmt(1, 1, 8000, 16), b"\1\0\2\0", extra=b"LIST\3\0\0\0abc\0"), (1, 2)),
        (riff(fmt(1, 2, 8000, 16), struct.pack("<4h", 10, 20, -10, -20)), (15, -15)),
        (riff(fmt(1, 1, 8000, 8), bytes([128, 255, 0])), (0, 32512, -32768)),
        (riff(fmt(1, 1, 8000, 24), b"\0\1\0\0\0\x80"), (1, -32768)),
        (riff(fmt(1, 1, 8000, 32), struct.pack("<2i", 65536, -65536)), (1, -1)),
        (riff(fmt(3, 1, 8000, 32), struct.pack("<3f", 0.5, -1.0, 2.0)), (16384, -32767, 32767)),
        (riff(fmt(0xFFFE, 1, 8000, 16) + b"\x16\0\x10\0\4\0\0\0\1\0" + bytes(14), b"\7\0"), (7,)),
        (riff(fmt(1, 1, 8000, 16), b"\1\0\2\0", size=0), (1, 2)),
        (riff(fmt(1, 1, 8000, 16), b"\1\0\2\0", size=0xFFFFFFFF), (1, 2)),
        (riff(fmt(1, 1, 8000, 16), b"\1\0\2\0\3"), (1, 2)),
    ],
)
def test_other_layouts_of_wav(wav: bytes, expected: tuple[int, ...]) -> None:
    pcm = parse_wav(wav)
    assert pcm.rate == 8000
    assert samples(pcm.data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"RIFF\0\0\0\0WAVE",
        b"OggS" + bytes(100),
        riff(fmt(1, 0, 8000, 16), b"\1\0"),
        riff(fmt(1, 1, 0, 16), b"\1\0"),
        riff(fmt(6, 1, 8000, 8), b"\1\0"),
        riff(fmt(1, 1, 8000, 16), b"\1\0")[:20],
    ],
)
def test_what_is_no_wav_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidAudio):
        parse_wav(data)


def test_base64() -> None:
    assert decode_base64_pcm(encode_base64(SINE)) == SINE
    assert decode_base64_pcm("") == b""
    for bad in ("AAA", "A===", "AAAA!", "AA\nAA", "é", "AAA="[:3] + "=="):
        with pytest.raises(InvalidAudio):
            decode_base64_pcm(bad)
    with pytest.raises(InvalidAudio):
        decode_base64_pcm(encode_base64(b"abc"))


@pytest.mark.parametrize(("source", "target"), [(22_050, 24_000), (24_000, 16_000), (24_000, 48_000), (8000, 24_000)])
def test_resampling_in_pieces_has_no_clicks(source: int, target: int) -> None:
    tone = [8000 * math.sin(2 * math.pi * 300 * n / source) for n in range(source)]
    pcm = struct.pack(f"<{source}h", *(int(v) for v in tone))
    whole = samples(resample(pcm, source, target))
    stream = Resampler(source, target)
    out = b""
    at = 0
    for piece in (1, 441, 7, 2000, 333, 5001) * 20:
        out += stream.push(pcm[at : at + piece])
        at += piece
    out += stream.push(pcm[at:]) + stream.flush()
    got = samples(out)
    assert len(got) == pytest.approx(target, abs=2)
    assert max(abs(a - b) for a, b in zip(got, whole, strict=False)) <= 2
    # A click would be a step larger than the tone's own steepest one.
    steepest = 8000 * 2 * math.pi * 300 / target
    assert max(abs(b - a) for a, b in pairwise(got[100:-100])) < steepest * 1.05


def test_equal_rates_pass_through() -> None:
    stream = Resampler(24_000, 24_000)
    assert stream.push(b"\1\0\2") == b"\1\0"
    assert stream.push(b"\0\3\0") == b"\2\0\3\0"
    assert stream.flush() == b""


async def test_wav_needs_no_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(SINE, 24_000))
    assert (await decode_media(path)).data == SINE
    assert (await decode_media(path, rate=16_000)).rate == 16_000
    with pytest.raises(UnsupportedMediaType, match="ffmpeg"):
        await decode_media(b"ID3" + bytes(1000))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
async def test_other_formats_go_through_ffmpeg(tmp_path: Path) -> None:
    wav, mp3 = tmp_path / "a.wav", tmp_path / "a.mp3"
    wav.write_bytes(wav_bytes(SINE * 5, 24_000))
    subprocess.run(["ffmpeg", "-v", "error", "-i", wav, mp3], check=True)
    for source in (mp3, mp3.read_bytes()):
        pcm = await decode_media(source, rate=16_000)
        assert pcm.rate == 16_000
        assert pcm.seconds == pytest.approx(1.0, abs=0.1)
    with pytest.raises(InvalidAudio):
        await decode_media(b"nonsense" * 200)
    playlist = tmp_path / "a.m3u8"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(InvalidAudio):
        await decode_media(playlist)
