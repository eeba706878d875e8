"""Small helpers under AstrBot's names: downloads, files, audio conversion."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import shutil
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

from astrbot_like.api import media


async def download_file(
    url: str,
    path: str,
    show_progress: bool = False,
    progress_callback: Callable[..., Any] | None = None,
    allow_insecure_ssl_fallback: bool = False,
) -> None:
    """Fetch ``url`` into the file ``path``.

    Args:
        show_progress, progress_callback: Accepted; nothing is reported.
        allow_insecure_ssl_fallback: Accepted; certificates are always checked.

    Raises:
        ValueError: It can't be fetched, or is too large.
    """
    await media.download(url, path)


async def download_image_by_url(
    url: str, post: bool = False, post_data: dict[str, Any] | None = None, path: str | None = None
) -> str:
    """Fetch a picture; returns the file's path.

    Args:
        post: Ask with POST, sending ``post_data`` as JSON.
        path: Where to put it; None: the temp directory.

    Raises:
        ValueError: It can't be fetched, or is too large.
    """
    if not post:
        if path is None:
            return await media.local_path(url, "image")
        await media.download(url, path)
        return path
    import aiohttp

    target = Path(path) if path else media.temp_file("image", ".jpg")
    try:
        async with (
            asyncio.timeout(media.DOWNLOAD_DEADLINE),
            aiohttp.ClientSession(trust_env=True) as session,
            session.post(url, json=post_data) as response,
        ):
            response.raise_for_status()
            data = await response.content.read(media.LARGEST_MEDIA)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise media.MediaError(f"The download failed: {type(error).__name__}.") from error
    await asyncio.to_thread(target.write_bytes, data)
    return str(target)


def save_temp_img(img: Any) -> str:
    """Store a Pillow picture or encoded bytes in the temp directory; returns the path."""
    target = media.temp_file("image", ".jpg")
    if isinstance(img, bytes):
        target.write_bytes(img)
    else:
        img.convert("RGB").save(target)
    return str(target)


def file_to_base64(file_path: str) -> str:
    """A file as ``base64://…``."""
    return "base64://" + base64.b64encode(Path(file_path).read_bytes()).decode()


def ensure_dir(dir_path: str | Path) -> None:
    """Make a directory and those above it."""
    Path(dir_path).mkdir(parents=True, exist_ok=True)


def remove_dir(file_path: str) -> bool:
    """Delete a directory with all in it; returns whether it is gone."""
    shutil.rmtree(file_path, ignore_errors=True)
    return not Path(file_path).exists()


def get_local_ip_addresses() -> list[str]:
    """This machine's IPv4 addresses."""
    import socket

    found = {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    return sorted(found | {"127.0.0.1"})


def calculate_md5(path: str | Path) -> str:
    """MD5 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


async def get_media_duration(file_path: str) -> int | None:
    """Milliseconds of an audio file; None when they can't be told."""
    return await asyncio.to_thread(_duration, file_path)


def _duration(file_path: str) -> int | None:
    try:
        with wave.open(file_path, "rb") as file:
            return round(file.getnframes() * 1000 / file.getframerate())
    except (wave.Error, EOFError):
        pass
    try:
        from pydub.utils import mediainfo

        return round(float(mediainfo(file_path)["duration"]) * 1000)
    except (ImportError, OSError, KeyError, ValueError):
        return None


async def tencent_silk_to_wav(silk_path: str, output_path: str) -> str:
    """Decode Tencent's SILK audio into a WAV file; returns ``output_path``.

    Raises:
        ValueError: The package ``silk-python`` (pysilk) is not installed, or the audio can't be decoded.
    """
    return await asyncio.to_thread(_silk_to_wav, silk_path, output_path)


def _silk_to_wav(silk_path: str, output_path: str) -> str:
    import io

    try:
        import pysilk  # type: ignore[import-not-found]
    except ImportError as error:
        raise media.MediaError("Decoding SILK audio needs the package 'silk-python'.") from error
    rate = 24_000
    data = Path(silk_path).read_bytes()
    # Tencent puts one byte before the standard header.
    source = io.BytesIO(data[1:] if data[:1] == b"\x02" else data)
    decoded = io.BytesIO()
    pysilk.decode(source, decoded, rate)
    with wave.open(output_path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(decoded.getvalue())
    return output_path


async def wav_to_tencent_silk(wav_path: str, output_path: str) -> float:
    """Encode a WAV file as Tencent's SILK; returns the duration in seconds.

    Raises:
        ValueError: The package ``silk-python`` (pysilk) is not installed.
    """
    return await asyncio.to_thread(_wav_to_silk, wav_path, output_path)


def _wav_to_silk(wav_path: str, output_path: str) -> float:
    import io

    try:
        import pysilk  # type: ignore[import-not-found]
    except ImportError as error:
        raise media.MediaError("Encoding SILK audio needs the package 'silk-python'.") from error
    with wave.open(wav_path, "rb") as file:
        rate, frames = file.getframerate(), file.getnframes()
        pcm = io.BytesIO(file.readframes(frames))
    with Path(output_path).open("wb") as target:
        pysilk.encode(pcm, target, rate, rate, tencent=True)
    return frames / rate


def build_tls_connector(**options: Any) -> Any:
    """An aiohttp connector that checks certificates against the system's and certifi's authorities."""
    import ssl

    import aiohttp

    return aiohttp.TCPConnector(ssl=ssl.create_default_context(), **options)


class Metric:
    """AstrBot's counter of use. This host sends nothing anywhere."""

    @staticmethod
    async def upload(**_: Any) -> None:
        """Nothing is sent."""


class VersionComparator:
    """Compares versions as AstrBot's helper of that name."""

    @staticmethod
    def compare_version(v1: str, v2: str) -> int:
        """1 when ``v1`` is newer, -1 when it is older, 0 when they are the same."""
        from packaging.version import InvalidVersion, Version

        try:
            first, second = Version(v1), Version(v2)
        except InvalidVersion:
            return (v1 > v2) - (v1 < v2)
        return (first > second) - (first < second)


class MediaResolver:
    """Turns a reference (URL, ``file:`` URI, ``base64://``, ``data:``, path) into a local file or bytes.

    Args:
        media_ref: The reference.
        media_type: ``image``, ``audio``, ``video`` or ``file``.
        default_suffix: Accepted; the content decides.
    """

    def __init__(self, media_ref: str, *, media_type: str = "file", default_suffix: str | None = None) -> None:
        self.media_ref = media_ref
        self.media_type = media_type

    async def to_path(self, *, target_format: str | None = None, **_: Any) -> str:
        """Absolute path of a local file.

        Args:
            target_format: ``wav`` converts audio.

        Raises:
            ValueError: It can't be read or converted.
        """
        path = await media.local_path(self.media_ref, self.media_type)
        if target_format == "wav":
            return await media.as_wav(path)
        return await media.convert_audio_format(path, target_format) if target_format else path

    async def to_bytes(self, *, target_format: str | None = None, **_: Any) -> bytes:
        """The content."""
        path = await self.to_path(target_format=target_format)
        return await asyncio.to_thread(Path(path).read_bytes)

    async def to_base64(self, *, target_format: str | None = None, **_: Any) -> str:
        """The content as Base64, without prefix."""
        return base64.b64encode(await self.to_bytes(target_format=target_format)).decode()

    async def to_data_url(self, *, strict: bool = False, target_format: str | None = None, **_: Any) -> str | None:
        """The content as a ``data:`` URL; None when it can't be read, unless ``strict``.

        Raises:
            ValueError: It can't be read, and ``strict`` is set.
        """
        import mimetypes

        try:
            data = await self.to_bytes(target_format=target_format)
        except media.MediaError:
            if strict:
                raise
            return None
        suffix = media.suffix_of_bytes(data[:16], media.DEFAULT_SUFFIX.get(self.media_type, ".bin"))
        mime = mimetypes.guess_type(f"x{suffix}")[0] or "application/octet-stream"
        return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def describe_media_ref(media_ref: object) -> str:
    """A reference as it may stand in a log: inline data and queries left out."""
    text = str(media_ref or "")
    if text.startswith(("base64://", "data:")):
        return f"{text.split(':', 1)[0]}:<{len(text)} chars>"
    return text.split("?", 1)[0][:200]
