"""Images and audio that plugins and users refer to, as bytes and as the content parts of chat models.

A reference is a path, ``file://``, ``base64://``, ``data:`` or http(s). Files are read off the event loop.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from astrbot_like.domain.errors import BadRequest, TooLarge

_MOST = 30 * 1024 * 1024
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"\x1aE\xdf\xa3", "audio/webm"),
    (b"%PDF", "application/pdf"),
)


class Media(msgspec.Struct, frozen=True):
    """Bytes of a known kind.

    Attributes:
        data: The bytes.
        mime: Media type, from the content where it shows, else from the reference.
    """

    data: bytes
    mime: str

    @property
    def base64(self) -> str:
        """The bytes in Base64."""
        return base64.b64encode(self.data).decode("ascii")

    @property
    def data_url(self) -> str:
        """The bytes as a ``data:`` address."""
        return f"data:{self.mime};base64,{self.base64}"

    @property
    def extension(self) -> str:
        """The usual ending of a file of this kind, without the dot."""
        return {"image/jpeg": "jpg", "audio/mpeg": "mp3", "audio/mp4": "m4a"}.get(
            self.mime, self.mime.rpartition("/")[2]
        )


def sniff(data: bytes, fallback: str = "application/octet-stream") -> str:
    """The media type that the first bytes show."""
    if data[:4] == b"RIFF":
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(data[8:12], fallback)
    if data[4:8] == b"ftyp":
        return "audio/mp4" if data[8:11] == b"M4A" else "video/mp4"
    return next((mime for magic, mime in _MAGIC if data.startswith(magic)), fallback)


async def load_media(reference: str, *, most: int = _MOST) -> Media:
    """The bytes a reference stands for.

    Args:
        reference: Path, ``file://``, ``base64://``, ``data:`` or http(s) address.
        most: Largest size in bytes.

    Raises:
        BadRequest: There is nothing there, or the reference makes no sense.
        TooLarge: It is over ``most``.
        AddressRefused: An address that may not be fetched.
    """
    if reference.startswith("data:"):
        head, _, body = reference.partition(",")
        declared = head[5:].partition(";")[0] or "application/octet-stream"
        data = _decoded(body, most) if ";base64" in head else unquote(body).encode()
        return Media(data, sniff(data, declared))
    if reference.startswith("base64://"):
        data = _decoded(reference[9:], most)
        return Media(data, sniff(data))
    if reference.startswith(("http://", "https://")):
        from astrbot_like.api.net import AddressRules, fetch

        fetched = await fetch(reference, AddressRules(max_bytes=most))
        return Media(fetched.data, sniff(fetched.data, fetched.content_type))
    path = Path(unquote(urlsplit(reference).path) if reference.startswith("file://") else reference)
    data = await asyncio.to_thread(_read, path, most)
    return Media(data, sniff(data))


async def resolve_media(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages with every image and audio part holding data.

    ``image_url`` parts get a ``data:`` address; ``audio_url`` parts become OpenAI's ``input_audio``. Messages without
    media are handed through as they are, the others copied.
    """
    return [await _resolved(message) for message in messages]


async def _resolved(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    if not isinstance(content, list) or not any(_is_media(part) for part in content):
        return message
    return {**message, "content": [await _resolved_part(part) if _is_media(part) else part for part in content]}


def _is_media(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in {"image_url", "audio_url"}


async def _resolved_part(part: dict[str, Any]) -> dict[str, Any]:
    kind = part["type"]
    inner = part.get(kind)
    reference = inner.get("url", "") if isinstance(inner, dict) else str(inner or "")
    if kind == "image_url":
        if reference.startswith("data:image/"):
            return part
        media = await load_media(reference)
        extra = {"detail": inner["detail"]} if isinstance(inner, dict) and inner.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": media.data_url, **extra}}
    media = await load_media(reference)
    return {"type": "input_audio", "input_audio": {"data": media.base64, "format": media.extension}}


def _decoded(body: str, most: int) -> bytes:
    if len(body) > most * 4 // 3 + 4:
        raise TooLarge(f"The media is larger than {most // 1024} KiB.")
    try:
        return base64.b64decode(body, validate=False)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("The media is not valid Base64.") from error


def _read(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise TooLarge(f"The file {path.name} is larger than {most // 1024} KiB.")
        return path.read_bytes()
    except OSError as error:
        raise BadRequest(f"The file {path.name} can't be read.") from error
