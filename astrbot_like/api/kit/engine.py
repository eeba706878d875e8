"""Local engines: loaded once, in a thread of their own, away from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from astrbot_like.api.kit.errors import Blame
from astrbot_like.domain.errors import BotError

EngineT = TypeVar("EngineT")
ResultT = TypeVar("ResultT")


class LocalEngine(Generic[EngineT]):
    """An engine that is not safe to use from two threads at once.

    Args:
        load: Makes the engine; runs in the engine's thread.
        blame: Names the engine in errors.
        package: The library it needs, as it is installed.
        name: Of the thread.
    """

    def __init__(self, load: Callable[[], EngineT], blame: Blame, *, package: str, name: str) -> None:
        self._load = load
        self._blame = blame
        self._package = package
        self._name = name
        self._executor: ThreadPoolExecutor | None = None
        self._engine: EngineT | None = None

    async def run(self, work: Callable[..., ResultT], *arguments: Any) -> ResultT:
        """``work(engine, *arguments)`` in the engine's thread.

        Raises:
            ServiceError: The library is missing, the model can't be loaded, or the work failed.
        """
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._run, work, arguments)

    def close(self) -> None:
        """Let the engine and its thread go; work under way ends by itself."""
        executor, self._executor, self._engine = self._executor, None, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    def _run(self, work: Callable[..., ResultT], arguments: tuple[Any, ...]) -> ResultT:
        if self._engine is None:
            try:
                self._engine = self._load()
            except BotError:
                raise
            except ImportError as error:
                raise self._blame.missing(
                    f"the library {self._package}", f"Install it, for example with: pip install {self._package}"
                ) from error
            except Exception as error:
                reason = " ".join(str(error).split())[:160]
                raise self._blame.missing("a model that can be loaded", f"Loading it failed: {reason}") from error
        try:
            return work(self._engine, *arguments)
        except BotError:
            raise
        except Exception as error:
            raise self._blame.said(f"{type(error).__name__}: {error}") from error
