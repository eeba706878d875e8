"""AstrBot's access to a sandboxed computer. This host has none."""

from __future__ import annotations

from typing import Any, NoReturn


class NoSandbox(RuntimeError):
    """There is no sandboxed computer."""

    def __init__(self) -> None:
        super().__init__("This host offers no sandboxed computer to plugins.")


async def get_booter(context: Any, session_id: str) -> NoReturn:
    """Always refuses.

    Raises:
        NoSandbox: There is none.
    """
    raise NoSandbox


def get_local_booter() -> NoReturn:
    """Always refuses.

    Raises:
        NoSandbox: There is none.
    """
    raise NoSandbox
