"""The table of ``docs/providers.md``, made from the results of the tests.

``python -m tests.unit.providers.exercised`` runs the tests that are marked ``exercises(type, ability)`` and writes what
has passed; it writes nothing when one of them failed, or when a cell would stay empty without a reason. It is also the
pytest plugin that notes the results (``-p tests.unit.providers.exercised --exercised FILE``).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.unit.providers.contract.rows import ABILITIES, OF_A_KIND, ROWS

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "providers.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
TESTS = ("tests/unit/providers", "tests/unit/test_espeak_tts.py", "tests/unit/test_pocketsphinx_stt.py")
PLUGIN = "tests.unit.providers.exercised"

Cells = set[tuple[str, str]]


class Recorder:
    """Notes which marked tests there are, and what became of them."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._outcomes: dict[str, dict[str, list[str]]] = {}

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        for cell in _cells_of(item):
            self._note(json.dumps(cell), "collected", item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # Where tests run in several processes this one alone hears of all of them.
        if report.outcome == "rerun":
            return  # the engines of this machine are tried again on a busy one
        if report.when == "call" or not report.passed:
            for name, cell in report.user_properties:
                if name == "exercises":
                    self._note(str(cell), "passed" if report.passed else "other", report.nodeid)

    def _note(self, cell: str, outcome: str, test: str) -> None:
        self._outcomes.setdefault(cell, {"collected": [], "passed": [], "other": []})[outcome].append(test)

    def pytest_sessionfinish(self) -> None:
        self._file.write_text(json.dumps(self._outcomes), "utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--exercised", help="Write the results of tests marked exercises(type, ability) to this file.")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(config.getoption("--exercised"))))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    report.user_properties.extend(("exercises", json.dumps(cell)) for cell in _cells_of(item))
    return report


def _cells_of(item: pytest.Item) -> Cells:
    return {(mark.args[0], ability) for mark in item.iter_markers("exercises") for ability in mark.args[1:]}


def outcomes(*arguments: str) -> dict[tuple[str, str], Mapping[str, list[str]]]:
    """What became of the marked tests.

    Args:
        arguments: Further arguments of pytest, such as ``--collect-only``.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "outcomes.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "--exercised", str(file), *arguments, *TESTS]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if not file.exists():
            raise RuntimeError(f"pytest did not run: {done.stdout}{done.stderr}")
        return {tuple(json.loads(cell)): found for cell, found in json.loads(file.read_text("utf-8")).items()}


def exercised(*arguments: str, outcome: str) -> Cells:
    """The cells of which a test has that outcome (``collected``, ``passed``)."""
    return {cell for cell, found in outcomes(*arguments).items() if found[outcome]}


def unexplained(cells: Cells) -> list[str]:
    """Cells that are empty without a reason, and filled ones that have no place in the table."""
    wanted = {
        (name, ability) for name, row in ROWS.items() for ability in OF_A_KIND[row.kind] if ability not in row.lacks
    }
    empty = [f"no test exercises {name}: {ability}" for name, ability in sorted(wanted - cells)]
    return empty + [f"not in the table's rows: {name}: {ability}" for name, ability in sorted(cells - wanted)]


def table(cells: Cells) -> str:
    """The table as Markdown: a tick for what was exercised, a number for what the service has not, with the reason."""
    reasons: list[str] = []
    lines = [("type", *ABILITIES, "against"), ("---",) * (len(ABILITIES) + 2)]
    for name, row in ROWS.items():
        lines.append((f"`{name}`", *(_cell(name, ability, cells, reasons) for ability in ABILITIES), row.against))
    notes = [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    return "\n".join(["| " + " | ".join(line) + " |" for line in lines] + ["", *notes])


def _cell(name: str, ability: str, cells: Cells, reasons: list[str]) -> str:
    if (name, ability) in cells:
        return "✓"
    reason = ROWS[name].lacks.get(ability)
    if reason is None:
        return ""
    if reason not in reasons:
        reasons.append(reason)
    return f"({reasons.index(reason) + 1})"


def written(document: str, cells: Cells) -> str:
    """The document with the table as these cells make it."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(cells)}\n{END}{after}"


def main() -> int:
    """Run the tests and write the table."""
    found = outcomes("-n", "2", "--reruns", "2")
    failed = sorted({test for results in found.values() for test in results["other"]})
    passed = {cell for cell, results in found.items() if results["passed"]}
    if problems := [f"did not pass: {test}" for test in failed] + unexplained(passed):
        sys.stderr.write("\n".join(problems) + "\n")
        return 1
    DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8"), passed), "utf-8")
    sys.stdout.write(f"{len(passed)} cells, {sum(len(one['passed']) for one in found.values())} tests\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
