"""The process that recognises: frames of bytes in on standard input, out on standard output.

A process of its own, because pocketsphinx holds Python's global lock while it decodes, which would delay every
session's frames by tens of milliseconds. Run as a script; it ends when its input ends.

A frame: one byte kind, four bytes utterance, four bytes length (little-endian), then the body.
In: ``S`` start (body empty), ``A`` audio, ``E`` end, ``X`` abort. Out: ``R`` ready, ``P`` partial text, ``F`` final
text, ``!`` an error's text, ``X`` aborted.
"""

from __future__ import annotations

import json
import os
import queue
import struct
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import BinaryIO

HEADER = struct.Struct("<cII")
_STEP = 3_200
"""Bytes (0.1 s) decoded between two looks for an abort."""
_PARTIAL_EVERY = 9_600
"""Bytes of audio (0.3 s) between interim results."""


def read_frame(source: BinaryIO) -> tuple[bytes, int, bytes] | None:
    """The next frame; None at the end."""
    header = source.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    kind, number, length = HEADER.unpack(header)
    body = source.read(length) if length else b""
    return (kind, number, body) if len(body) == length else None


def write_frame(target: BinaryIO, kind: bytes, number: int, body: bytes = b"") -> None:
    """Write a frame and see it off."""
    target.write(HEADER.pack(kind, number, len(body)) + body)
    target.flush()


class _Inbox(threading.Thread):
    """Reads ahead, so that an abort overtakes the audio that waits before it."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__(daemon=True)
        self._source = source
        self.frames: queue.SimpleQueue[tuple[bytes, int, bytes] | None] = queue.SimpleQueue()
        self.aborted = -1

    def run(self) -> None:
        while (frame := read_frame(self._source)) is not None:
            if frame[0] == b"X":
                self.aborted = max(self.aborted, frame[1])
            self.frames.put(frame)
        self.frames.put(None)

    def dropped(self, number: int) -> bool:
        """Whether that utterance was aborted."""
        return number <= self.aborted


def main() -> None:
    """Recognise until the input ends."""
    # Anything a library prints must not get between the frames.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    settings = json.loads(sys.argv[1])
    sys.path.insert(0, str(Path(__file__).parent))
    from recognizer import Recognizer

    inbox = _Inbox(sys.stdin.buffer)
    inbox.start()
    with tempfile.TemporaryDirectory(prefix="pocketsphinx-") as folder:
        recognizer = Recognizer(Path(folder), settings["phrases"], settings["options"])
    write_frame(out, b"R", 0)
    since_partial = 0
    interim = ""
    while True:
        # The general model is the slow one: it works when nothing else is to be done.
        while inbox.frames.empty() and recognizer.work():
            pass
        if (frame := inbox.frames.get()) is None:
            return
        kind, number, body = frame
        if inbox.dropped(number):
            if kind == b"X":
                recognizer.abort()
                write_frame(out, b"X", number)
            continue
        try:
            match kind:
                case b"S":
                    recognizer.start()
                    since_partial, interim = 0, ""
                case b"A":
                    for at in range(0, len(body), _STEP):
                        if inbox.dropped(number):
                            break
                        recognizer.push(body[at : at + _STEP])
                    since_partial += len(body)
                    if since_partial >= _PARTIAL_EVERY:
                        since_partial = 0
                        if (text := recognizer.partial()) and text != interim:
                            interim = text
                            write_frame(out, b"P", number, text.encode())
                case b"E":
                    text = recognizer.finish(partial(inbox.dropped, number))
                    if not inbox.dropped(number):
                        write_frame(out, b"F", number, text.encode())
                        recognizer.tidy()
                case _:
                    continue
        except (RuntimeError, ValueError, MemoryError) as error:
            recognizer.abort()
            write_frame(out, b"!", number, f"{type(error).__name__}: {error}".encode())


if __name__ == "__main__":
    main()
