"""The table of what was exercised is true: all providers have rows, the tests exist, the document holds it."""

from __future__ import annotations

import importlib

from astrbot_like.api.provider.register import PROVIDER_ATTRIBUTE
from tests.unit.providers.exercised import COLUMNS, DOCUMENT, EXERCISED, ROOT, missing_tests, written


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
    assert set(EXERCISED) == bundled_types()
    assert all(set(tests) <= set(COLUMNS) for tests in EXERCISED.values())


def test_every_test_that_is_named_is_there() -> None:
    assert missing_tests() == []


def test_the_document_holds_the_table() -> None:
    document = DOCUMENT.read_text("utf-8")
    assert document == written(document), "run: python -m tests.unit.providers.exercised"
