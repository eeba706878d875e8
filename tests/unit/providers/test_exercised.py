"""The table of what was exercised is true: all providers have rows, no cell lacks a test, the document holds it."""

from __future__ import annotations

import importlib

import pytest

from astrbot_like.api.provider.register import PROVIDER_ATTRIBUTE
from tests.unit.providers.contract.rows import OF_A_KIND, ROWS
from tests.unit.providers.exercised import DOCUMENT, ROOT, Cells, exercised, unexplained, written


@pytest.fixture(scope="module")
def cells() -> Cells:
    """What the marked tests exercise."""
    return exercised("--collect-only", outcome="collected")


def bundled_types() -> set[str]:
    """Type names of all bundled providers."""
    found: set[str] = set()
    for path in sorted((ROOT / "plugins").glob("*/main.py")):
        module = importlib.import_module(f"plugins.{path.parent.name}.main")
        for value in vars(module).values():
            if isinstance(value, type) and PROVIDER_ATTRIBUTE in vars(value):
                registration = vars(value)[PROVIDER_ATTRIBUTE]
                found.add(getattr(registration, "type", None) or registration.meta.type)
    return found


def test_every_provider_has_a_row() -> None:
    assert set(ROWS) == bundled_types()
    assert all(set(row.lacks) <= set(OF_A_KIND[row.kind]) for row in ROWS.values())


def test_no_cell_is_empty_without_a_reason(cells: Cells) -> None:
    assert unexplained(cells) == []


def test_the_document_holds_the_table(cells: Cells) -> None:
    document = DOCUMENT.read_text("utf-8")
    assert document == written(document, cells), "run: python -m tests.unit.providers.exercised"
