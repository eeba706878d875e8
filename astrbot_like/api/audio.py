"""Audio bytes: WAV, Base64, resampling with state, and media files of any format.

Inside the house audio is mono s16le (``domain.audio``). WAV is read here without ffmpeg; everything else goes through
the ffmpeg program in a process of its own, which can be cut off.
"""

# NumPy's own annotations are only partly known to a strict check.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
from __future__ import annotations

import asyncio
import binascii
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from astrbot_like.domain.audio import SAMPLE_WIDTH, Pcm
from astrbot_like.domain.errors import InvalidAudio, TurnTimeout, UnsupportedMediaType

if TYPE_CHECKING:
    import numpy as np

WAV_HEADER_BYTES = 44
"""Length of the header that ``wav_bytes`` writes."""

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM_FORMAT = 1
_FLOAT_FORMAT = 3
_EXTENSIBLE_FORMAT = 0xFFFE
_DECODE_SECONDS = 60.0
_LONGEST_MEDIA_SECONDS = 3600


def wav_header(size: int, rate: int) -> bytes:
    """The header of a mono s16le WAV file with ``size`` bytes of samples."""
    byte_rate = rate * SAMPLE_WIDTH
    return _HEADER.pack(
        b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, _PCM_FORMAT, 1, rate, byte_rate, SAMPLE_WIDTH, 16, b"data", size
    )


def wav_bytes(pcm: bytes, rate: int) -> bytes:
    """A complete WAV file of mono s16le samples."""
    return wav_header(len(pcm), rate) + pcm


def parse_wav(data: bytes) -> Pcm:
    """The samples of a WAV file as mono s16le.

    The plain header that most programs write is only sliced off. Other layouts (further chunks, stereo, 8, 24 or 32
    bits, float, a data length of 0 or -1 as streaming writers leave it) are converted.

    Raises:
        InvalidAudio: It is no WAV file, or one of a compressed kind.
    """
    if len(data) >= WAV_HEADER_BYTES and data[36:40] == b"data":
        riff, _, wave, fmt, fmt_size, kind, channels, rate, _, _, bits, _, size = _HEADER.unpack_from(data)
        if riff == b"RIFF" and wave == b"WAVE" and fmt == b"fmt " and fmt_size == 16:
            plain = kind == _PCM_FORMAT and channels == 1 and bits == 16 and rate > 0
            body = data[WAV_HEADER_BYTES : WAV_HEADER_BYTES + size] if size > 0 else data[WAV_HEADER_BYTES:]
            if plain:
                return Pcm(body if len(body) % 2 == 0 else body[:-1], rate)
    return _parse_any_wav(data)


def _parse_any_wav(data: bytes) -> Pcm:
    if len(data) < 12 or data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        raise InvalidAudio("This is not a WAV file.")
    position = 12
    layout: tuple[int, int, int, int] | None = None
    while position + 8 <= len(data):
        name, size = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        body = position + 8
        if name == b"fmt " and size >= 16 and body + 16 <= len(data):
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, body)
            if kind == _EXTENSIBLE_FORMAT and size >= 26:
                kind = int.from_bytes(data[body + 24 : body + 26], "little")
            layout = (kind, channels, rate, bits)
        elif name == b"data":
            if layout is None:
                raise InvalidAudio("The WAV file has no format before its samples.")
            # Programs that write to a pipe can't go back to fill in the length.
            end = body + size if 0 < size < 0xFFFFFF00 else len(data)
            return _to_mono_s16(data[body:end], *layout)
        position = body + size + (size & 1)
    raise InvalidAudio("The WAV file holds no samples.")


def _to_mono_s16(body: bytes, kind: int, channels: int, rate: int, bits: int) -> Pcm:
    import numpy as np

    if channels < 1 or rate < 1:
        raise InvalidAudio("The WAV file has no channels or no sampling rate.")
    body = body[: len(body) - len(body) % (channels * max(bits // 8, 1))]
    samples: np.ndarray[Any, Any]
    match kind, bits:
        case 1, 16:
            samples = np.frombuffer(body, "<i2").astype(np.float32)
        case 1, 8:
            samples = (np.frombuffer(body, "u1").astype(np.float32) - 128.0) * 256.0
        case 1, 24:
            triples = np.frombuffer(body, "u1").reshape(-1, 3)
            wide = np.zeros((len(triples), 4), "u1")
            wide[:, 1:] = triples
            samples = wide.view("<i4").reshape(-1).astype(np.float32) / 65536.0
        case 1, 32:
            samples = np.frombuffer(body, "<i4").astype(np.float32) / 65536.0
        case 3, 32:
            samples = np.frombuffer(body, "<f4") * np.float32(32767.0)
        case 3, 64:
            samples = np.frombuffer(body, "<f8").astype(np.float32) * np.float32(32767.0)
        case _:
            raise InvalidAudio("The WAV file is compressed in a way that is not read here.")
    if channels > 1:
        samples = samples.reshape(-1, channels).mean(axis=1)
    whole = np.clip(np.nan_to_num(np.rint(samples)), -32768, 32767).astype("<i2")
    return Pcm(whole.tobytes(), rate)


def decode_base64_pcm(data: str) -> bytes:
    """Base64 of s16le samples, checked.

    Raises:
        InvalidAudio: Bad Base64, or an odd number of bytes.
    """
    try:
        pcm = binascii.a2b_base64(data, strict_mode=True)
    except ValueError as error:
        raise InvalidAudio from error
    if len(pcm) % SAMPLE_WIDTH:
        raise InvalidAudio
    return pcm


def encode_base64(data: bytes) -> str:
    """Base64 as text."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


class _SoxrStream(Protocol):
    def resample_chunk(self, x: Any, last: bool = False) -> Any: ...


class Resampler:
    """Changes the sampling rate of a stream; state is kept, so there is no click where its pieces meet.

    Equal rates pass through. A stream is over after ``flush``; then a new one may begin.

    Args:
        source: Rate of what comes in, in Hz.
        target: Rate of what goes out, in Hz.
    """

    __slots__ = ("_odd", "_source", "_stream", "_target")

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._target = target
        self._stream: _SoxrStream | None = None
        self._odd = b""

    @property
    def source(self) -> int:
        """Rate of what comes in, in Hz."""
        return self._source

    def push(self, pcm: bytes) -> bytes:
        """Take s16le samples in; what is ready comes out (possibly nothing yet)."""
        return self._run(pcm, last=False)

    def flush(self) -> bytes:
        """End the stream; its tail comes out."""
        tail = self._run(b"", last=True) if self._stream is not None else b""
        self._stream = None
        self._odd = b""
        return tail

    def _run(self, pcm: bytes, *, last: bool) -> bytes:
        if self._odd:
            pcm = self._odd + pcm
            self._odd = b""
        if len(pcm) % SAMPLE_WIDTH:
            pcm, self._odd = pcm[:-1], pcm[-1:]
        if self._source == self._target:
            return pcm
        if not pcm and not last:
            return b""
        import numpy as np

        if self._stream is None:
            import soxr

            # MQ: 16-bit speech gains nothing from more, and its filter is short, so little audio waits inside.
            self._stream = soxr.ResampleStream(self._source, self._target, 1, dtype="int16", quality="MQ")
        return bytes(self._stream.resample_chunk(np.frombuffer(pcm, "<i2"), last=last).astype("<i2", copy=False))


def resample(pcm: bytes, source: int, target: int) -> bytes:
    """A whole piece of s16le audio at another rate. Seconds of audio take milliseconds; more belongs off the loop."""
    if source == target:
        return pcm
    stream = Resampler(source, target)
    return stream.push(pcm) + stream.flush()


async def decode_media(source: Path | bytes, *, rate: int | None = None, deadline: float = _DECODE_SECONDS) -> Pcm:
    """Any media file as mono s16le, off the loop.

    Args:
        source: A file, or its bytes.
        rate: Sampling rate wanted, in Hz; None: that of the file (WAV), else 24,000.
        deadline: Seconds it may take.

    Raises:
        InvalidAudio: It can't be decoded.
        UnsupportedMediaType: It is no WAV and ffmpeg is not installed.
        TurnTimeout: It took too long.
    """
    try:
        async with asyncio.timeout(deadline):
            known = await asyncio.to_thread(_decode_wav, source, rate)
            if known is not None:
                return known
            return await _decode_with_ffmpeg(source, rate or 24_000)
    except TimeoutError as error:
        raise TurnTimeout("Decoding the audio took too long and was given up.") from error


def _decode_wav(source: Path | bytes, rate: int | None) -> Pcm | None:
    data = source if isinstance(source, bytes) else source.read_bytes()
    if data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        return None
    try:
        pcm = parse_wav(data)
    except InvalidAudio:
        if shutil.which("ffmpeg"):
            return None
        raise
    return Pcm(resample(pcm.data, pcm.rate, rate), rate) if rate else pcm


async def _decode_with_ffmpeg(source: Path | bytes, rate: int) -> Pcm:
    program = shutil.which("ffmpeg")
    if program is None:
        raise UnsupportedMediaType(
            "This audio format needs ffmpeg, which is not installed on the server. Install ffmpeg, or send WAV."
        )
    # "file:" keeps a name that begins with a dash or looks like an address from being taken for an option or one.
    name = "pipe:0" if isinstance(source, bytes) else f"file:{source}"
    # A playlist inside an upload must not make ffmpeg open addresses or other files.
    allowed = "pipe" if isinstance(source, bytes) else "file"
    process = await asyncio.create_subprocess_exec(
        program, "-hide_banner", "-v", "error",
        "-protocol_whitelist", f"{allowed},pipe", "-i", name, "-vn", "-t", str(_LONGEST_MEDIA_SECONDS),
        "-ac", "1", "-ar", str(rate), "-f", "s16le", "pipe:1",
        stdin=asyncio.subprocess.PIPE if isinstance(source, bytes) else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        pcm, _ = await process.communicate(source if isinstance(source, bytes) else None)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or not pcm:
        raise InvalidAudio("The audio file could not be decoded. It may be damaged or hold no sound.")
    return Pcm(pcm[: len(pcm) - len(pcm) % SAMPLE_WIDTH], rate)
