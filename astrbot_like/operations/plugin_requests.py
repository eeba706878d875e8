"""Requests of the command line to a running server about its plugins, through files in the data directory.

Who may write there may already do everything with the server, so the files need no credential. A request is
``<id>.request``; the server answers with ``<id>.answer``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from astrbot_like.domain.errors import BotError, PluginError, Unavailable
from astrbot_like.operations.plugin_files import PluginSummary
from astrbot_like.operations.plugin_views import PluginView
from astrbot_like.operations.plugins import PluginOperations
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.ids import new_id

log = logging.getLogger(__name__)

FOLDER = "plugin-requests"
POLL = 0.5
"""Seconds between looks into the folder."""

Action: TypeAlias = Literal["list", "install", "update", "remove", "enable", "disable", "reload"]


class PluginRequest(msgspec.Struct, frozen=True):
    """What is asked for.

    Attributes:
        name: The plugin; for ``install`` the address.
        path: For ``install`` and ``update``: a ZIP file or folder in place of an address.
    """

    action: Action
    name: str = ""
    path: str = ""
    delete_config: bool = False
    delete_data: bool = False


class PluginAnswer(msgspec.Struct, frozen=True):
    """What came of it. ``problem`` is empty when it worked."""

    plugins: tuple[PluginSummary, ...] = ()
    problem: str = ""


class PluginRequestServer:
    """Carries requests out.

    Args:
        data_dir: The data directory.
        operations: What carries them out.
        clock: For the pauses.
    """

    def __init__(self, data_dir: Path, operations: PluginOperations, clock: Clock) -> None:
        self._folder = data_dir / FOLDER
        self._operations = operations
        self._clock = clock

    async def serve(self) -> None:
        """Answer requests until cancelled; what lies there from before the start is thrown away."""
        await asyncio.to_thread(self._empty)
        while True:
            for path in self._waiting():
                await self._answer(path)
            await self._clock.sleep(POLL)

    def _waiting(self) -> list[Path]:
        # A directory of at most a few entries: cheaper to look at than to hand to a thread.
        try:
            return sorted(self._folder.glob("*.request"))
        except OSError:
            return []

    def _empty(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in self._folder.iterdir():
            path.unlink(missing_ok=True)

    async def _answer(self, path: Path) -> None:
        try:
            request = msgspec.json.decode(await asyncio.to_thread(path.read_bytes), type=PluginRequest)
            answer = PluginAnswer(tuple(await self._carry_out(request)))
        except BotError as error:
            answer = PluginAnswer(problem=error.message)
        except (OSError, msgspec.DecodeError) as error:
            answer = PluginAnswer(problem=f"The request could not be read: {error}")
        await asyncio.to_thread(_write, path.with_suffix(".answer"), msgspec.json.encode(answer))
        await asyncio.to_thread(path.unlink, True)

    async def _carry_out(self, request: PluginRequest) -> list[PluginSummary]:
        operations, name = self._operations, request.name
        match request.action:
            case "list":
                return [summary_of(view) for view in await operations.list()]
            case "install" if request.path:
                return [summary_of(await operations.install_from_path(Path(request.path)))]
            case "install":
                return [summary_of(await operations.install_from_address(name))]
            case "update":
                source = Path(request.path) if request.path else None
                return [summary_of(await operations.update(name, source))]
            case "remove":
                config, data = request.delete_config, request.delete_data
                await operations.uninstall(name, delete_config=config, delete_data=data)
                return []
            case "enable":
                return [summary_of(await operations.enable(name))]
            case "disable":
                return [summary_of(await operations.disable(name))]
            case "reload":
                return [summary_of(await operations.reload(name))]


async def ask(data_dir: Path, request: PluginRequest, *, timeout: float) -> tuple[PluginSummary, ...]:
    """Have the running server carry a request out.

    Args:
        data_dir: The data directory.
        request: What to do.
        timeout: Seconds to wait for the answer.

    Raises:
        PluginError: It could not be done; the text says why.
        Unavailable: The server did not answer.
    """
    stem = data_dir / FOLDER / new_id()
    question, answered = stem.with_suffix(".request"), stem.with_suffix(".answer")
    await asyncio.to_thread(_write, question, msgspec.json.encode(request))
    try:
        async with asyncio.timeout(timeout):
            while not await asyncio.to_thread(answered.is_file):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise Unavailable("The running server did not answer. Its log may say why.") from None
    finally:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(question.unlink, True)
    answer = msgspec.json.decode(await asyncio.to_thread(answered.read_bytes), type=PluginAnswer)
    await asyncio.to_thread(answered.unlink, True)
    if answer.problem:
        raise PluginError(answer.problem)
    return answer.plugins


def summary_of(view: PluginView) -> PluginSummary:
    """A plugin in a line."""
    failure = view.failure
    problem = f"{failure.reason} ({failure.where})" if failure and failure.where else failure.reason if failure else ""
    return PluginSummary(view.name, view.version, view.origin, view.state, problem)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)
