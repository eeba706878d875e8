"""Measures the embedded recogniser: ``python -m scripts.measure_recognition [--only NAME] [--show]``.

The embedded speech engine says a table of requests in several voices and surroundings. Printed for each: the share of
wrong words, sentences that were heard whole, processor time over the length of the speech, and of what is left to
decode when the user has stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.spoken import say_all
from tests.support.spoken_requests import REQUESTS, error_rate, louder, noisy, silence

PLUGIN = Path(__file__).parents[1] / "plugins" / "pocketsphinx_stt"
STEP = 3200


class Condition(NamedTuple):
    """How the requests are said.

    Attributes:
        config: Of the speech engine.
        treat: What happens to the sound on its way.
    """

    config: dict[str, Any]
    treat: Callable[[bytes], bytes] = bytes


CONDITIONS = {
    "usual voice": Condition({}),
    "british": Condition({"voice": "en"}),
    "female": Condition({"voice": "en-us+f3"}),
    "fast": Condition({"rate": 200}),
    "silence around it": Condition({}, lambda pcm: silence(2.5) + pcm + silence(2.0)),
    "quiet room around it": Condition({}, lambda pcm: silence(2.5, 30) + noisy(pcm, 30) + silence(2.0, 30, seed=2)),
    "noise": Condition({}, lambda pcm: noisy(pcm, 400)),
    "far away": Condition({}, lambda pcm: noisy(louder(pcm, 0.06), 6)),
}


class Heard(NamedTuple):
    """One request as it was heard; times are seconds of the processor."""

    said: str
    text: str
    length: float
    spent: float
    left: float


def recogniser() -> Any:
    """The plugin's recogniser, in this process."""
    sys.path.insert(0, str(PLUGIN))
    from recognizer import Recognizer  # pyright: ignore[reportMissingImports]

    with tempfile.TemporaryDirectory() as folder:
        return Recognizer(Path(folder))


def hear(recogniser: Any, said: str, pcm: bytes) -> Heard:
    """Recognise one request as its audio comes."""
    started = time.process_time()
    recogniser.start()
    for at in range(0, len(pcm), STEP):
        recogniser.push(pcm[at : at + STEP])
        while recogniser.work():
            pass
    at_end = time.process_time()
    text = recogniser.finish()
    ended = time.process_time()
    recogniser.tidy()
    return Heard(said, text, len(pcm) / 32_000, ended - started, ended - at_end)


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="conditions whose name holds this")
    parser.add_argument("--show", action="store_true", help="print what was misheard")
    chosen = parser.parse_args()
    recognises = recogniser()
    print(f"{'':24}{'words wrong':>12}{'whole':>9}{'cpu/speech':>12}{'left, mean':>12}{'left, most':>12}")
    together: list[Heard] = []
    for name, condition in CONDITIONS.items():
        if chosen.only not in name:
            continue
        spoken = asyncio.run(say_all(list(REQUESTS), **condition.config))
        found = [hear(recognises, said, condition.treat(pcm)) for said, pcm in zip(REQUESTS, spoken, strict=True)]
        together += found
        print(row(name, found), flush=True)
        if chosen.show:
            for one in found:
                if one.said != one.text:
                    print(f"    {one.said!r}: {one.text!r}")
    print(row("all", together))


def row(name: str, found: list[Heard]) -> str:
    """A line of the table."""
    wrong = error_rate((one.said, one.text) for one in found)
    whole = sum(one.said == one.text for one in found)
    load = sum(one.spent for one in found) / sum(one.length for one in found)
    left = [one.left for one in found]
    return (
        f"{name:24}{wrong:>12.3f}{whole:>5}/{len(found):<3}{load:>12.2f}"
        f"{sum(left) / len(left):>10.2f} s{max(left):>10.2f} s"
    )


if __name__ == "__main__":
    main()
