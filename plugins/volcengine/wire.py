"""Volcano Engine's binary frames over WebSocket.

Source: https://www.volcengine.com/docs/6561/1257584 (message format of ``ws_binary``) and
https://www.volcengine.com/docs/6561/1354869 (the recogniser's, which is the same). All integers are big-endian. The
first four bytes: version 1 and header size in words; message type and its flags; serialisation and compression; zero.
Then, as the flags tell, a sequence number; then size and payload.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from astrbot_like.api.kit.errors import Failure

FULL_REQUEST, AUDIO_REQUEST = 0b0001, 0b0010
FULL_RESPONSE, AUDIO_RESPONSE, ERROR = 0b1001, 0b1011, 0b1111
NO_SEQUENCE, SEQUENCE, LAST, LAST_SEQUENCE = 0b0000, 0b0001, 0b0010, 0b0011
_JSON, _GZIP = 0b0001, 0b0001
# One code stands for several reasons; their documented texts tell.
_TOLD: dict[str, Failure] = {"quota exceeded": "rate_limit", "authenticate": "auth", "access denied": "auth"}


class Frame(msgspec.Struct, frozen=True):
    """A frame of the service.

    Attributes:
        kind: Message type.
        last: Nothing comes after it.
        code: Of an error; 0 otherwise.
        payload: Samples, or JSON.
    """

    kind: int
    last: bool
    code: int
    payload: bytes


def encoded(kind: Literal[1, 2], payload: bytes, *, flags: int = NO_SEQUENCE) -> bytes:
    """A frame of ours, not compressed: sound does not get smaller, and the rest is small.

    Args:
        kind: ``FULL_REQUEST`` (JSON) or ``AUDIO_REQUEST``.
        flags: ``LAST`` for the last piece of sound.
    """
    serialisation = _JSON if kind == FULL_REQUEST else 0
    return struct.pack(">BBBBI", 0x11, kind << 4 | flags, serialisation << 4, 0, len(payload)) + payload


def request(body: Any) -> bytes:
    """A full request with this body."""
    return encoded(FULL_REQUEST, msgspec.json.encode(body))


def decoded(data: bytes) -> Frame:
    """A frame of the service.

    Raises:
        ValueError: It is none.
    """
    try:
        return _decoded(data)
    except (struct.error, IndexError, OSError, EOFError, zlib.error) as error:
        raise ValueError("no frame of this protocol") from error


def _decoded(data: bytes) -> Frame:
    if data[0] >> 4 != 1:
        raise ValueError("another version of the protocol")
    kind, flags, compressed = data[1] >> 4, data[1] & 0b1111, data[2] & 0b1111 == _GZIP
    position = (data[0] & 0b1111) * 4
    code = 0
    last = bool(flags & LAST)
    if kind == ERROR:
        (code,) = struct.unpack_from(">I", data, position)
        position += 4
    elif flags & SEQUENCE:
        (sequence,) = struct.unpack_from(">i", data, position)
        last = last or sequence < 0
        position += 4
    elif kind == AUDIO_RESPONSE and len(data) == position:
        return Frame(kind, last, 0, b"")  # an acknowledgement
    (size,) = struct.unpack_from(">I", data, position)
    payload = data[position + 4 : position + 4 + size]
    if len(payload) != size:
        raise ValueError("a frame that is too short")
    return Frame(kind, last, code, gzip.decompress(payload) if compressed and payload else payload)


def kind_of(code: int, message: str, kinds: Mapping[int, Failure]) -> Failure:
    """What kind of failure an error is.

    Args:
        kinds: What the codes mean where the text does not tell.
    """
    told: list[Failure] = [kind for part, kind in _TOLD.items() if part in message]
    return told[0] if told else kinds.get(code, "server")
