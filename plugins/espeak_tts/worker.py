"""The process that speaks: requests in on standard input, samples out on standard output.

A process of its own, because espeak-ng keeps its state in globals: two speakers in one process would talk into each
other, and a crash of the library would take everything with it. Run as a script; it ends when its input ends.

A frame: one byte kind, four bytes request, four bytes length (little-endian), then the body.
In: ``S`` speak (JSON), ``X`` stop. Out: ``R`` ready (JSON with rate and voices), ``A`` samples, ``E`` end, ``!`` an
error's text.
"""

from __future__ import annotations

import json
import os
import queue
import struct
import sys
import threading
from pathlib import Path
from typing import BinaryIO

HEADER = struct.Struct("<cII")


def _frames(source: BinaryIO, requests: queue.SimpleQueue[tuple[int, bytes] | None], stopped: set[int]) -> None:
    """Read ahead, so that a stop overtakes what waits before it."""
    while len(header := source.read(HEADER.size)) == HEADER.size:
        kind, number, length = HEADER.unpack(header)
        body = source.read(length) if length else b""
        if kind == b"X":
            stopped.add(number)
        else:
            requests.put((number, body))
    requests.put(None)


def main() -> None:
    """Speak until the input ends."""
    # Anything the library prints must not get between the frames.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.path.insert(0, str(Path(__file__).parent))
    from engine import Engine, EngineError

    def write(kind: bytes, number: int, body: bytes = b"") -> None:
        out.write(HEADER.pack(kind, number, len(body)) + body)
        out.flush()

    try:
        engine = Engine()
    except (EngineError, ImportError, RuntimeError) as error:
        write(b"!", 0, str(error).encode())
        return
    write(b"R", 0, json.dumps({"rate": engine.rate, "voices": engine.voices()}).encode())
    requests: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
    stopped: set[int] = set()
    threading.Thread(target=_frames, args=(sys.stdin.buffer, requests, stopped), daemon=True).start()
    while (request := requests.get()) is not None:
        number, body = request
        try:
            if number not in stopped:
                wanted = json.loads(body)

                def sink(samples: bytes, number: int = number) -> bool:
                    if number in stopped:
                        return False
                    write(b"A", number, samples)
                    return True

                engine.speak(wanted.pop("text"), sink, **wanted)
            write(b"E", number)
        except EngineError as error:
            write(b"!", number, str(error).encode())
        stopped.discard(number)


if __name__ == "__main__":
    main()
