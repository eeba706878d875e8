"""What a test of robustness must not find in the log: exceptions that nobody caught, tasks that nobody awaited."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

FEW = 20
"""As many are kept; a run of a million frames must not fill the memory with what it finds."""


class Defects(logging.Handler):
    """Keeps errors with a trace-back, and what asyncio says of lost tasks and exceptions."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record that is a defect."""
        if not record.exc_info and record.name != "asyncio":
            return
        self.count += 1
        if len(self.found) < FEW:
            self.found.append(logging.Formatter().format(record))

    def __str__(self) -> str:
        return f"{self.count} defects:\n" + "\n".join(self.found)


@contextmanager
def no_defects() -> Iterator[Defects]:
    """Fail when the log holds a defect at the end."""
    defects = Defects()
    logging.getLogger().addHandler(defects)
    try:
        yield defects
    finally:
        logging.getLogger().removeHandler(defects)
    assert not defects.count, defects
