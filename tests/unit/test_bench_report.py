"""Figures of the benchmark: percentiles, bounds, tables and plots."""

import math
from pathlib import Path
from xml.etree import ElementTree

from astrbot_like.bench.figures import Figure, markdown, percentile, table
from astrbot_like.bench.run import Report, row_names, write_report

FIGURES = [
    Figure("a", "fast enough", 2.5, "ms", 3),
    Figure("a", "too slow", 12, "ms", 10),
    Figure("a", "enough of it", 400, "turns/s", 300, "at least"),
    Figure("a", "not measured", math.nan, "", 0),
    Figure("a", "only told", 7, "µs"),
    *(Figure("conversations", f"{n} conversations, client detection, p95", n / 2, "ms") for n in (40, 80)),
]


def test_percentiles():
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1.0)) == (50, 99, 100)
    assert percentile([3.0], 0.99) == 3.0
    assert math.isnan(percentile([], 0.5))


def test_bounds_are_shown_beside_the_figures():
    assert [figure.met for figure in FIGURES[:5]] == [True, False, True, False, None]
    text = table(FIGURES)
    assert text.count("MISS") == 2
    assert "≥ 300 turns/s" in text
    assert "**no**" in markdown(FIGURES)


def test_the_report_and_its_plots(tmp_path: Path):
    report = Report("1", "3.13", "Linux", 4, 0.5, "2026-01-01T00:00:00Z", FIGURES)
    write_report(report, tmp_path / "benchmarks.md")
    assert "fast enough" in (tmp_path / "benchmarks.md").read_text()
    for name in ("shares", "conversations"):
        ElementTree.parse(tmp_path / f"benchmarks-{name}.svg")


def test_rows_have_names():
    assert {"first-audio", "deltas", "interrupt", "conversations", "audio-frame", "memory", "chat", "start"} <= set(
        row_names()
    )
