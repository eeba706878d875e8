"""What commands share that work on the data directory, beside a running server or without one."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from astrbot_like.domain.errors import NotFound
from astrbot_like.host.cli.common import settings_of

if TYPE_CHECKING:
    from astrbot_like.host.stores import Stores

T = TypeVar("T")


def with_stores(arguments: argparse.Namespace, work: Callable[[Stores], Awaitable[T]], *, make: bool = False) -> T:
    """Run ``work`` on the open stores of the data directory that the arguments name.

    Args:
        make: Whether a data directory that does not exist yet is made.

    Raises:
        NotFound: There is no such data directory.
    """

    settings = settings_of(arguments)
    data = Path(settings.server.data_dir).resolve()

    async def run() -> T:
        from astrbot_like.host.stores import open_stores
        from astrbot_like.runtime.clock import SystemClock
        from astrbot_like.storage.database import FILE_NAME

        if not make and not await asyncio.to_thread((data / FILE_NAME).is_file):
            raise NotFound(
                f"There is no data in {settings.server.data_dir} yet. Start the server once, or name the right folder "
                "with --data-dir."
            )
        stores = await open_stores(data, settings.storage, SystemClock(), exclusive=False, accounts=settings.accounts)
        try:
            return await work(stores)
        finally:
            await stores.aclose()

    return asyncio.run(run())


def confirm(question: str, *, yes: bool) -> bool:
    """Ask before something is destroyed; without a terminal the answer is no."""
    if yes:
        return True
    if not sys.stdin.isatty():
        print("astrbot-like: nothing was done: confirm with --yes.", file=sys.stderr)
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows with their columns below one another; the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
