"""Reloading plugins when their files change, for authors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from astrbot_like.domain.errors import BotError
from astrbot_like.plugin_host.records import Plugin
from astrbot_like.runtime.clock import Clock

log = logging.getLogger(__name__)

INTERVAL = 1.0
WATCHED = frozenset({".py", ".yaml", ".yml", ".json", ".txt"})
Stamp = tuple[int, int, int]


class FileWatch:
    """Looks at the files of installed plugins once a second.

    Args:
        plugins: The plugins to watch.
        reload: Reloads one, by its folder's name.
        clock: For the pauses.
    """

    def __init__(
        self, plugins: Callable[[], Iterable[Plugin]], reload: Callable[[str], Awaitable[object]], clock: Clock
    ) -> None:
        self._plugins = plugins
        self._reload = reload
        self._clock = clock

    async def serve(self) -> None:
        """Watch until cancelled."""
        known: dict[str, Stamp] = {}
        while True:
            folders = {one.directory: one.source.folder for one in self._plugins() if one.source.origin == "user"}
            stamps = await asyncio.to_thread(lambda found: {name: _stamp(at) for name, at in found.items()}, folders)
            for name in [name for name, stamp in stamps.items() if known.get(name, stamp) != stamp]:
                log.info("files of a plugin changed, reloading it", extra={"plugin": name})
                try:
                    await self._reload(name)
                except BotError as error:
                    log.warning("plugin could not be reloaded", extra={"plugin": name, "reason": error.message})
            known = stamps
            await self._clock.sleep(INTERVAL)


def _stamp(folder: Path) -> Stamp:
    """Number, total size and latest change of the watched files below ``folder``."""
    count = size = latest = 0
    for path in folder.rglob("*"):
        if path.suffix not in WATCHED or "__pycache__" in path.parts:
            continue
        try:
            found = path.stat()
        except OSError:
            continue  # it went away meanwhile: counted as a change by its absence
        count, size, latest = count + 1, size + found.st_size, max(latest, found.st_mtime_ns)
    return count, size, latest
