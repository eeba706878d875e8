"""What the frames of a page cost: processor time of its main thread, by what it was spent on.

The time between two frames also holds what other processes took; that of the thread itself is the page's own.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page

CATEGORIES = ["devtools.timeline", "v8", "blink"]
FRAME = "FireAnimationFrame"

KINDS = {
    "script": ("FunctionCall", "EvaluateScript", FRAME, "RunMicrotasks", "EventDispatch", "TimerFire", "v8.", "V8."),
    "layout": ("UpdateLayoutTree", "Layout", "Document::", "LocalFrameView::", "InlineNode::"),
    "paint": ("Paint", "PrePaint", "Layerize", "Commit", "Blink."),
}
"""Beginnings of the names of trace events; what has another name belongs to what surrounds it."""


@dataclass(frozen=True)
class Frames:
    """Milliseconds of processor time of each frame, the cheapest first, each with its shares."""

    costs: tuple[tuple[float, dict[str, float]], ...]

    def at(self, share: float) -> float:
        """The cost that this share of the frames does not exceed."""
        return self.costs[min(len(self.costs) - 1, int(len(self.costs) * share))][0]

    def __str__(self) -> str:
        longest, shares = self.costs[-1]
        parts = ", ".join(f"{kind} {cost:.1f}" for kind, cost in sorted(shares.items()))
        return f"median {self.at(0.5):.1f}, p95 {self.at(0.95):.1f}, longest {longest:.1f} ({parts})"


async def frames_of(page: Page, script: str, argument: Any) -> tuple[Any, Frames]:
    """What a script in the page answers, and what the frames cost while it ran."""
    devtools = await page.context.new_cdp_session(page)
    events: list[dict[str, Any]] = []
    complete = asyncio.Event()
    devtools.on("Tracing.dataCollected", lambda message: events.extend(message["value"]))
    devtools.on("Tracing.tracingComplete", lambda _: complete.set())
    config = {"includedCategories": CATEGORIES}
    await devtools.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": config})
    answer = await page.evaluate(script, argument)
    await devtools.send("Tracing.end")
    async with asyncio.timeout(60):
        await complete.wait()
    await devtools.detach()
    return answer, _frames(events)


def _frames(events: list[dict[str, Any]]) -> Frames:
    threads = Counter((event["pid"], event["tid"]) for event in events if event.get("name") == FRAME)
    main = threads.most_common(1)[0][0]
    own = [event for event in events if event.get("ph") == "X" and (event["pid"], event["tid"]) == main]
    own.sort(key=lambda event: (event["ts"], -event.get("dur", 0)))
    starts = [event["ts"] for event in own if event["name"] == FRAME]
    spent: list[Counter[str]] = [Counter() for _ in starts[1:]]
    around: list[tuple[float, str]] = []
    for event in own:
        while around and around[-1][0] <= event["ts"]:
            around.pop()
        outer = around[-1][1] if around else ""
        kind = _kind(event["name"]) or outer or "other"
        frame, cost = bisect_right(starts, event["ts"]) - 1, event.get("tdur", 0) / 1000
        if 0 <= frame < len(spent):
            spent[frame][kind] += cost
            if around:
                spent[frame][outer] -= cost
        around.append((event["ts"] + event.get("dur", 0), kind))
    return Frames(tuple(sorted(((sum(shares.values()), dict(shares)) for shares in spent), key=lambda one: one[0])))


def _kind(name: str) -> str:
    return next((kind for kind, beginnings in KINDS.items() if name.startswith(beginnings)), "")
