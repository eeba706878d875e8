"""Files as answers: ranges, validators, and a disposition that can do no harm."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from quart import Response, request
from werkzeug.http import parse_etags, parse_range_header

from astrbot_like.domain import errors

CHUNK = 256 * 1024
"""Bytes read at once; one thread hop each."""

STALLED_AFTER = 60.0
SLOWEST = 16 * 1024
"""A download is given up after ``STALLED_AFTER`` seconds and one more for each ``SLOWEST`` bytes."""

INLINE_TYPES = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/bmp",
        "audio/wav",
        "audio/x-wav",
        "audio/mpeg",
        "audio/ogg",
        "audio/flac",
        "audio/aac",
        "audio/mp4",
        "audio/webm",
        "video/mp4",
        "video/webm",
        "video/ogg",
        "text/plain",
        "application/pdf",
    }
)
"""Types a browser shows without running anything; everything else is saved, HTML and SVG above all."""


def content_disposition(filename: str, mime_type: str) -> str:
    """``Content-Disposition`` (RFC 6266) for a name a stranger chose."""
    kind = "inline" if mime_type.partition(";")[0].strip() in INLINE_TYPES else "attachment"
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(char for char in name if char.isprintable())[:200].strip() or "file"
    plain = "".join(char if char.isascii() and (char.isalnum() or char in " ._-()") else "_" for char in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def file_response(
    path: Path, *, mime_type: str, filename: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """The file, or the part of it the request's ``Range`` names (RFC 9110, section 14), or 304.

    Args:
        path: On disk.
        mime_type: As stored; HTML and SVG are sent as downloads.
        filename: For ``Content-Disposition``; None: no such header.
        headers: Further ones.

    Raises:
        NotFound: The file is gone.
    """
    try:
        handle, stat = await asyncio.to_thread(_open, path)
    except OSError as error:
        raise errors.NotFound from error
    size = stat.st_size
    etag = f'"{stat.st_mtime_ns:x}-{size:x}"'
    sent = {"ETag": etag, "Accept-Ranges": "bytes", **(headers or {})}
    if filename is not None:
        sent["Content-Disposition"] = content_disposition(filename, mime_type)
    content_type = f"{mime_type}; charset=utf-8" if mime_type.startswith("text/") else mime_type
    start, stop, status = _wanted_part(size, etag)
    if status == 416:
        sent["Content-Range"] = f"bytes */{size}"
    if status == 206:
        sent["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    if status in (304, 416) or request.method == "HEAD":
        await asyncio.to_thread(handle.close)
        response = Response(b"", status, sent, content_type=content_type)
        response.headers["Content-Length"] = str(stop - start)
        return response
    response = Response(_read(handle, start, stop), status, sent, content_type=content_type)
    response.headers["Content-Length"] = str(stop - start)
    # A client that does not read must not keep the file open for ever.
    response.timeout = STALLED_AFTER + (stop - start) / SLOWEST
    return response


def _open(path: Path) -> tuple[BinaryIO, os.stat_result]:
    handle = path.open("rb")
    return handle, os.fstat(handle.fileno())


def _wanted_part(size: int, etag: str) -> tuple[int, int, int]:
    """First byte, the one after the last, and the status that goes with them."""
    known = parse_etags(request.headers.get("If-None-Match"))
    if known.star_tag or known.contains_weak(etag.strip('"')):
        return 0, size, 304
    header = request.headers.get("Range")
    if_range = request.headers.get("If-Range")
    if header is None or request.method != "GET" or (if_range is not None and if_range != etag):
        return 0, size, 200
    parsed = parse_range_header(header)
    # Several ranges at once are answered with the whole file, which the standard allows.
    if parsed is None or parsed.units != "bytes" or len(parsed.ranges) != 1:
        return 0, size, 200
    first, after_last = parsed.ranges[0]
    # "The last n bytes" of a file that has fewer are all of it (RFC 9110, section 14.1.2).
    start = max(0, size + first) if first < 0 else first
    stop = size if after_last is None else min(after_last, size)
    return (start, stop, 206) if start < stop else (0, 0, 416)


async def _read(handle: BinaryIO, start: int, stop: int) -> AsyncIterator[bytes]:
    try:
        if start:
            handle.seek(start)
        left = stop - start
        while left > 0:
            chunk = await asyncio.to_thread(handle.read, min(CHUNK, left))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk
    finally:
        handle.close()
