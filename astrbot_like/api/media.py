"""Turning what a component names (URL, ``file://``, ``base64://``, ``data:``, path) into a local file or bytes.

Nothing here blocks the event loop: files are read and written on threads, downloads are streamed with a deadline and
a limit.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import uuid
from pathlib import Path
from urllib.parse import unquote, urlsplit

from astrbot_like.api.paths import get_astrbot_temp_path

LARGEST_MEDIA = 512 * 1024 * 1024
"""Bytes a download or decoded medium may have."""

DOWNLOAD_DEADLINE = 120.0
"""Seconds for one whole download."""

CHUNK = 256 * 1024

DEFAULT_SUFFIX = {"image": ".jpg", "audio": ".wav", "video": ".mp4", "file": ".bin"}

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"OggS", ".ogg"),
    (b"ID3", ".mp3"),
    (b"\xff\xfb", ".mp3"),
    (b"fLaC", ".flac"),
    (b"#!AMR", ".amr"),
    (b"\x02#!SILK", ".silk"),
    (b"#!SILK", ".silk"),
)


class MediaError(ValueError):
    """A medium that can't be read: wrong address, too large, not Base64, download failed."""


def is_file_uri(value: object) -> bool:
    """Whether ``value`` is a ``file:`` URI."""
    return isinstance(value, str) and value[:5].lower() == "file:"


def file_uri_to_path(uri: str) -> str:
    """The local path of a ``file:`` URI, percent-encoding undone; other strings are returned as they are."""
    if not is_file_uri(uri):
        return uri
    from urllib.request import url2pathname

    parts = urlsplit(uri)
    path = url2pathname(parts.path) if parts.path.startswith("/") else unquote(parts.path)
    return f"//{parts.netloc}{path}" if parts.netloc not in ("", "localhost") else path


def suffix_of_bytes(data: bytes, fallback: str) -> str:
    """File name suffix that fits the content's first bytes."""
    if data[:4] == b"RIFF":
        return {b"WAVE": ".wav", b"WEBP": ".webp"}.get(data[8:12], fallback)
    if data[4:8] == b"ftyp":
        return ".mp4"
    return next((suffix for magic, suffix in _MAGIC if data.startswith(magic)), fallback)


def temp_file(prefix: str, suffix: str) -> Path:
    """A fresh path in the temp directory, which is made."""
    folder = Path(get_astrbot_temp_path())
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{prefix}_{uuid.uuid4().hex}{suffix}"


def decode_base64(reference: str) -> bytes:
    """Bytes of a ``base64://`` or ``data:`` reference.

    Raises:
        MediaError: It is not Base64, or too large.
    """
    if reference.startswith("base64://"):
        payload = reference[len("base64://") :]
    else:
        header, _, payload = reference.partition(",")
        if not header.endswith(";base64"):
            return unquote(payload).encode()
    if len(payload) * 3 // 4 > LARGEST_MEDIA:
        raise MediaError(f"The medium is larger than {LARGEST_MEDIA} bytes.")
    try:
        return base64.b64decode(payload, validate=False)
    except (binascii.Error, ValueError) as error:
        raise MediaError("The medium is not valid Base64.") from error


async def download(url: str, path: str | Path, *, limit: int = LARGEST_MEDIA) -> None:
    """Stream ``url`` into the file ``path``.

    Raises:
        MediaError: The server did not answer with the content, it is too large, or it took too long.
    """
    import aiohttp

    target = Path(path)
    await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
    try:
        async with (
            asyncio.timeout(DOWNLOAD_DEADLINE),
            aiohttp.ClientSession(trust_env=True) as session,
            session.get(url) as response,
        ):
            if response.status >= 400:
                raise MediaError(f"The download was answered with status {response.status}.")
            await _write_stream(response.content, target, limit)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        await asyncio.to_thread(target.unlink, missing_ok=True)
        if isinstance(error, MediaError):
            raise
        raise MediaError(f"The download from {urlsplit(url).netloc} failed: {type(error).__name__}.") from error


async def _write_stream(content: object, target: Path, limit: int) -> None:
    size = 0
    with await asyncio.to_thread(target.open, "wb") as file:
        async for chunk in content.iter_chunked(CHUNK):  # type: ignore[attr-defined]
            size += len(chunk)
            if size > limit:
                raise MediaError(f"The download is larger than {limit} bytes.")
            await asyncio.to_thread(file.write, chunk)


async def local_path(reference: str, kind: str = "file") -> str:
    """The absolute local path of what ``reference`` names; remote and inline media are stored in the temp directory.

    Args:
        reference: URL, ``file:`` URI, ``base64://…``, ``data:`` URL or path.
        kind: ``image``, ``audio``, ``video`` or ``file``; decides the suffix when the content does not.

    Raises:
        MediaError: It names nothing that can be read.
    """
    fallback = DEFAULT_SUFFIX.get(kind, ".bin")
    if reference.startswith(("http://", "https://")):
        import mimetypes

        guessed = mimetypes.guess_type(urlsplit(reference).path)[0]
        suffix = Path(urlsplit(reference).path).suffix if guessed else fallback
        target = temp_file(kind, suffix)
        await download(reference, target)
        return str(target)
    if reference.startswith(("base64://", "data:")):
        return await asyncio.to_thread(_store_inline, reference, kind, fallback)
    path = Path(file_uri_to_path(reference))
    if not await asyncio.to_thread(_is_file, path):
        raise MediaError(f"not a valid file: {reference[:200]}")
    return os.path.abspath(path)  # noqa: ASYNC240, PTH100 - no file system access, unlike Path.resolve


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # over-long names, NUL
        return False


def _store_inline(reference: str, kind: str, fallback: str) -> str:
    data = decode_base64(reference)
    target = temp_file(kind, suffix_of_bytes(data[:16], fallback))
    target.write_bytes(data)
    return str(target)


async def as_base64(reference: str, kind: str = "file") -> str:
    """What ``reference`` names as Base64, without any prefix.

    Raises:
        MediaError: It names nothing that can be read.
    """
    if reference.startswith("base64://"):
        return reference[len("base64://") :]
    if reference.startswith("data:"):
        data = await asyncio.to_thread(decode_base64, reference)
    elif reference.startswith(("http://", "https://")):
        path = Path(await local_path(reference, kind))
        data = await asyncio.to_thread(path.read_bytes)
        await asyncio.to_thread(path.unlink, missing_ok=True)
    else:
        data = await asyncio.to_thread(Path(await local_path(reference, kind)).read_bytes)
    return (await asyncio.to_thread(base64.b64encode, data)).decode()


async def first_usable(*candidates: str | None) -> str:
    """The first candidate that is a URL, inline data or an existing file; else the first one that is not empty."""
    given = [candidate for candidate in candidates if candidate]
    for candidate in given:
        if candidate.startswith(("http://", "https://", "base64://", "data:")):
            return candidate
        if await asyncio.to_thread(_is_file, Path(file_uri_to_path(candidate))):
            return candidate
    return given[0] if given else ""


async def as_wav(path: str) -> str:
    """A WAV file with the content of the audio file ``path``; ``path`` itself when it is WAV already.

    Raises:
        MediaError: The audio can't be decoded.
    """
    return await asyncio.to_thread(_convert_audio, path, "wav", None)


def _convert_audio(path: str, output_format: str, output_path: str | None) -> str:
    source = Path(path)
    with source.open("rb") as file:
        head = file.read(16)
    if output_format == "wav" and output_path is None and head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return str(source.absolute())
    target = Path(output_path) if output_path else temp_file("audio", f".{output_format}")
    if suffix_of_bytes(head, "") == ".silk":
        raise MediaError("SILK audio needs the package 'pysilk' (see tencent_silk_to_wav).")
    try:
        from pydub import AudioSegment
        from pydub.exceptions import CouldntDecodeError
    except ImportError as error:
        raise MediaError("Converting audio needs the package 'pydub'.") from error
    try:
        AudioSegment.from_file(source).export(target, format=output_format)
    except (CouldntDecodeError, OSError) as error:
        raise MediaError("The audio could not be decoded; other formats than WAV need ffmpeg.") from error
    return str(target)


async def convert_audio_format(audio_path: str, output_format: str = "amr", output_path: str | None = None) -> str:
    """Convert an audio file; returns the new file's path.

    Raises:
        MediaError: It can't be decoded or encoded.
    """
    return await asyncio.to_thread(_convert_audio, audio_path, output_format, output_path)


async def convert_audio_to_wav(audio_path: str, output_path: str | None = None) -> str:
    """Convert an audio file to WAV; returns the new file's path (``audio_path`` itself when it is WAV already).

    Raises:
        MediaError: It can't be decoded.
    """
    return await asyncio.to_thread(_convert_audio, audio_path, "wav", output_path)
