"""The tutorial's plugin passes the tests that the tutorial shows."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[3] / "docs" / "plugins" / "examples" / "reading_list" / "test_reading_list.py"


def _module() -> Any:
    spec = importlib.util.spec_from_file_location("reading_list_tests", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODULE = _module()


@pytest.mark.parametrize("name", sorted(name for name in vars(MODULE) if name.startswith("test_")))
async def test_tutorial(name: str) -> None:
    await getattr(MODULE, name)()
