"""Figures of a benchmark run: percentiles, what they must be, and how they are shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One measured number.

    Attributes:
        row: The table's row it belongs to.
        name: What it is.
        value: In ``unit``.
        must: The bound, or None when it is only told.
        sense: Whether the bound is the largest or the smallest value allowed.
        note: What else a reader should know (how many samples, for comparison …).
    """

    row: str
    name: str
    value: float
    unit: str
    must: float | None = None
    sense: Literal["at most", "at least"] = "at most"
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the bound holds; None without one."""
        if self.must is None:
            return None
        if math.isnan(self.value):
            return False
        return self.value <= self.must if self.sense == "at most" else self.value >= self.must


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of ``values`` lie; NaN for none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1 if share else 0)]


def milliseconds(values: Sequence[float], share: float) -> float:
    """A percentile of seconds, in milliseconds."""
    return percentile(values, share) * 1000


def table(figures: Sequence[Figure]) -> str:
    """Figures as aligned text, with the bound beside each."""
    lines = [("", "figure", "measured", "must", "note")]
    for figure in figures:
        mark = {True: "ok", False: "MISS", None: ""}[figure.met]
        must = (
            "" if figure.must is None else f"{'≤' if figure.sense == 'at most' else '≥'} {figure.must:g} {figure.unit}"
        )
        lines.append((mark, figure.name, f"{shown(figure.value)} {figure.unit}", must, figure.note))
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def markdown(figures: Sequence[Figure]) -> str:
    """Figures as a Markdown table."""
    rows = ["| figure | measured | must | met | note |", "| --- | ---: | ---: | :---: | --- |"]
    for figure in figures:
        must = (
            "" if figure.must is None else f"{'≤' if figure.sense == 'at most' else '≥'} {figure.must:g} {figure.unit}"
        )
        mark = {True: "yes", False: "**no**", None: ""}[figure.met]
        rows.append(f"| {figure.name} | {shown(figure.value)} {figure.unit} | {must} | {mark} | {figure.note} |")
    return "\n".join(rows)


def shown(value: float) -> str:
    """A number with three figures that matter."""
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
