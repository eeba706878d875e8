"""Every fault of the table in docs/operations.md is shown by a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
DOCUMENT = TESTS.parent / "docs" / "operations.md"
ROW = re.compile(r"^\| (?P<fault>[^|]+) \| (?P<seen>[^|]+) \| (?P<test>[^|]*) \|$")

NEEDED = (
    *("port", "two servers", "can't be written", "disk is full", "database is damaged", "newer version"),
    *("earlier version", "kill -9", "SIGTERM", "clock is set back", "clock is set ahead", "service refuses"),
    *("plugin fails", "client vanishes", "does not read", "more live sessions", "no frames", "thousands of connects"),
    *("revoked", "somebody else's", "another origin", "guessed", "signing secret", "upload is too large"),
    *("leads out of its folder", "links or devices", "case alone", "bomb", "backup is foreign", "restore is cut"),
    *("grace time", "more connections", "flood of connections", "never finished", "trickle in", "body that trickles"),
    *("private network", "redirect", "changes its answer", "secrets pass", "proxy", "clock is set, "),
)
"""Words of the faults that must have their row."""


def rows() -> list[dict[str, str]]:
    """The rows of the table."""
    section = DOCUMENT.read_text("utf-8").partition("## What happens when")[2].partition("\n## ")[0]
    found = [match.groupdict() for line in section.splitlines() if (match := ROW.match(line))]
    return [row for row in found if row["fault"] not in ("fault", "---")]


def test_no_fault_is_missing():
    faults = [row["fault"] for row in rows()]
    assert len(faults) == len(set(faults))
    for words in NEEDED:
        assert any(words in fault for fault in faults), f"no row tells of: {words}"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["fault"])
def test_every_row_has_its_test(row: dict[str, str]):
    file, _, function = row["test"].strip("`").partition("::")
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert function in defined, f"{file} has no test {function}"
