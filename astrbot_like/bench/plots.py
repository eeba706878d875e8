"""Plots of a run as SVG, drawn by hand: two pictures need no library."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from astrbot_like.bench.figures import Figure, shown

WIDTH = 760
LEFT = 330
BAR = 22
STEP = re.compile(r"(\d+) conversations, (\w+) detection, p95")
BOUND_MS = 100.0
COLOURS = {"client": "#2563eb", "server": "#d97706"}


def shares(figures: Sequence[Figure]) -> str:
    """Each figure as a share of its bound: a bar that stays left of the line is good."""
    bounded = [figure for figure in figures if figure.must]
    height = 40 + BAR * len(bounded)
    scale = (WIDTH - LEFT - 120) / 1.5
    lines = [_text(LEFT + scale, 16, "bound", "middle")]
    for number, figure in enumerate(bounded):
        must = figure.must or 1.0
        share = figure.value / must if figure.sense == "at most" else must / figure.value if figure.value else math.inf
        top = 26 + number * BAR
        width = min(share, 1.7) * scale if math.isfinite(share) else 1.7 * scale
        colour = "#16a34a" if figure.met else "#dc2626"
        lines.append(_text(LEFT - 8, top + 13, figure.name, "end"))
        lines.append(f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="{BAR - 6}" fill="{colour}"/>')
        lines.append(_text(LEFT + width + 6, top + 13, f"{shown(figure.value)} {figure.unit}"))
    x = LEFT + scale
    lines.append(f'<line x1="{x}" y1="20" x2="{x}" y2="{height - 8}" stroke="currentColor" stroke-dasharray="4 3"/>')
    return _svg(height, lines)


def conversations(figures: Sequence[Figure]) -> str:
    """First audio (p95) against the number of people talking at once."""
    points: dict[str, list[tuple[int, float]]] = {}
    for figure in figures:
        if (found := STEP.fullmatch(figure.name)) and not math.isnan(figure.value):
            points.setdefault(found[2], []).append((int(found[1]), figure.value))
    most = max((x for line in points.values() for x, _ in line), default=1)
    height, bottom, left = 320, 280, 60

    def place(x: float, y: float) -> tuple[float, float]:
        # A logarithmic scale from 1 ms to 10 s.
        return left + x / most * (WIDTH - left - 120), bottom - math.log10(max(y, 1.0)) / 4 * 250

    lines: list[str] = []
    for milliseconds in (1, 10, 100, 1000, 10_000):
        _, y = place(0, milliseconds)
        dash = ' stroke-dasharray="4 3" stroke-width="2"' if milliseconds == BOUND_MS else ' stroke-width="0.3"'
        lines.append(f'<line x1="{left}" y1="{y:.1f}" x2="{WIDTH - 100}" y2="{y:.1f}" stroke="currentColor"{dash}/>')
        lines.append(_text(left - 6, y + 4, f"{milliseconds} ms", "end"))
    for name, line in points.items():
        places = [place(x, y) for x, y in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        for (count, _), (x, y) in zip(line, places, strict=True):
            lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[name]}"/>')
            lines.append(_text(x, bottom + 16, str(count), "middle"))
        lines.append(_text(places[-1][0] + 8, places[-1][1], f"{name} detection"))
    lines.append(_text(WIDTH / 2, height - 6, "conversations at once, server on one core", "middle"))
    return _svg(height, lines)


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(height: int, lines: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="12" fill="currentColor" color="#444">'
    )
    return "\n".join((head, *lines, "</svg>", ""))
