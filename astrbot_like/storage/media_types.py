"""What a file is, from its first bytes; the name given by a client decides nothing but the flavour of plain text."""

from __future__ import annotations

import mimetypes
from pathlib import PurePosixPath

import msgspec

from astrbot_like.domain.messages import MediaKind

HEAD = 64 * 1024
"""Bytes that ``detect`` wants to see."""

OCTETS = "application/octet-stream"

_KINDS: dict[str, MediaKind] = {"image": "image", "audio": "record", "video": "video"}

_ALIASES = {"audio/x-wav": "audio/wav", "audio/x-flac": "audio/flac", "video/x-m4v": "video/mp4"}

# What a text may be called by its name; anything else is text/plain.
_TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript", "image/svg+xml"})


class MediaType(msgspec.Struct, frozen=True):
    """A file's kind, MIME type and a fitting suffix (with its dot, or empty)."""

    kind: MediaKind
    mime_type: str
    suffix: str


def detect(head: bytes, filename: str = "") -> MediaType:
    """The type of a file.

    Args:
        head: Its first ``HEAD`` bytes.
        filename: The client's name.
    """
    import filetype

    found = filetype.guess(head)
    if found is not None:
        guessed = str(found.mime)
        mime = _ALIASES.get(guessed, guessed)
        if mime == "video/webm" and not _has_video_track(head):
            mime = "audio/webm"
        elif mime == "video/mp4" and head[8:12] in (b"M4A ", b"M4B "):
            mime = "audio/mp4"
        kind = _KINDS.get(mime.partition("/")[0], "file")
        return MediaType(kind, mime, f".{found.extension}")
    if head.startswith((b"\x02#!SILK_V3", b"#!SILK_V3")):
        return MediaType("record", "audio/silk", ".silk")
    if _is_text(head):
        return MediaType("file", _text_type(head, filename), _safe_suffix(filename) or ".txt")
    return MediaType("file", OCTETS, "")


def _has_video_track(head: bytes) -> bool:
    """Whether a WebM file announces a video codec (https://www.matroska.org/technical/codec_specs.html);
    browsers record speech into WebM without one."""
    return b"V_" in head or (b"A_OPUS" not in head and b"A_VORBIS" not in head)


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return True
    if b"\x00" in head:
        return False
    control = sum(head.count(code) for code in range(32) if code not in (7, 8, 9, 10, 12, 13, 27))
    return control == 0 and _decodes(head)


def _decodes(head: bytes) -> bool:
    for encoding in ("utf-8", "gb18030", "cp1252"):
        try:
            head.decode(encoding)
            return True
        except UnicodeDecodeError as error:
            # The piece may end within a character.
            if len(head) >= HEAD - 4 and error.start >= len(head) - 4:
                return True
    return False


def _text_type(head: bytes, filename: str) -> str:
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")):
        return "text/html"
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in head[:4096].lower()):
        return "image/svg+xml"
    guessed, _ = mimetypes.guess_type(filename)
    if guessed is not None and (guessed.startswith("text/") or guessed in _TEXT_TYPES):
        return guessed
    return "text/plain"


def _safe_suffix(filename: str) -> str:
    suffix = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    return suffix if suffix[1:].isascii() and suffix[1:].isalnum() and len(suffix) <= 9 else ""
