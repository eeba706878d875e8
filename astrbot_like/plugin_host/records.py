"""What the host knows about each plugin."""

from __future__ import annotations

import asyncio
import enum
import time
import traceback
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from astrbot_like.api.registration import Collector
from astrbot_like.plugin_host.config_forms import Schema
from astrbot_like.plugin_host.discovery import PluginSource
from astrbot_like.plugin_host.guard import PluginScope
from astrbot_like.plugin_host.metadata import PluginMetadata
from astrbot_like.plugin_host.pages import Translations
from astrbot_like.plugin_host.skills import Skill
from astrbot_like.plugin_host.watchdog import LagReport

KEPT_REPORTS = 20


class PluginState(enum.Enum):
    """What a plugin is doing."""

    LOADING = "loading"
    ACTIVE = "active"
    DISABLED = "disabled"
    FAILED = "failed"


class Failure(msgspec.Struct, frozen=True):
    """Why a plugin does not run, or what went wrong in it.

    Attributes:
        stage: ``metadata``, ``config``, ``requirements``, ``import``, ``construct``, ``initialize``, ``handler …``, …
        reason: Type and text of the error.
        where: ``file:line`` in the plugin's folder; empty when it is nowhere in there.
        traceback: The frames in the plugin, as Python prints them.
        at: Seconds since the epoch.
    """

    stage: str
    reason: str
    where: str = ""
    traceback: str = ""
    at: float = 0.0


@dataclass(eq=False)
class Plugin:
    """One plugin of a host, loaded or not.

    Attributes:
        source: Where it lies.
        order: Its place in the loading order; handlers of equal priority run in it.
        metadata: What it says about itself; the folder's name stands for it until it was read.
        state: What it is doing.
        scope: Its tasks and its place in the running context.
        failure: Why it does not run.
        module: Import name of its main module; empty when it was not imported.
        star_class: Its class.
        instance: Its object while it is active.
        config: The object it was given as configuration (AstrBot's dictionary).
        schema: Its configuration form.
        translations: Its texts by locale.
        skills: Instructions for models that it brings.
        declared: What its modules declared at import.
        problems: Latest errors of its handlers, newest last.
        blocked: Latest times it blocked the event loop, newest last.
        left_threads: Names of threads that outlived an unload.
        load_seconds: Time its last start took.
        star_metadata: The object of AstrBot's tables that stands for it.
        starting: The task that installs what it lacks or initializes it.
        stage: How far its start has come.
        missing_module: The module that its import lacked.
    """

    source: PluginSource
    order: int
    metadata: PluginMetadata
    scope: PluginScope
    state: PluginState = PluginState.LOADING
    failure: Failure | None = None
    module: str = ""
    star_class: type[Any] | None = None
    instance: Any = None
    config: Any = None
    schema: Schema | None = None
    translations: Translations = field(default_factory=dict)
    skills: list[Skill] = field(default_factory=list)
    declared: Collector = field(default_factory=Collector)
    problems: deque[Failure] = field(default_factory=lambda: deque(maxlen=KEPT_REPORTS))
    blocked: deque[LagReport] = field(default_factory=lambda: deque(maxlen=KEPT_REPORTS))
    left_threads: list[str] = field(default_factory=list)
    load_seconds: float = 0.0
    star_metadata: Any = None
    starting: asyncio.Task[Any] | None = None
    stage: str = "metadata"
    missing_module: str = ""

    @property
    def name(self) -> str:
        """The name people and programs call it by."""
        return self.metadata.name

    @property
    def directory(self) -> str:
        """Its folder's name: the key of its files in the data directory."""
        return self.source.directory

    def forget(self) -> None:
        """Let go of the plugin's objects, so that nothing of its modules stays in memory."""
        self.instance = self.star_class = self.config = self.starting = None
        self.declared = Collector()
        if self.star_metadata is not None:
            self.star_metadata.star_cls = self.star_metadata.star_cls_type = self.star_metadata.module = None
            self.star_metadata.config = None
            self.star_metadata.activated = False

    @property
    def active(self) -> bool:
        """Whether its handlers run."""
        return self.state is PluginState.ACTIVE


def describe_failure(stage: str, error: BaseException, folder: Path) -> Failure:
    """An error as it is kept and shown: reason, and the place in the plugin."""
    inside = str(folder)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(inside)]
    where = ""
    if isinstance(error, SyntaxError) and (error.filename or "").startswith(inside):
        where = f"{error.filename}:{error.lineno}"
    elif frames:
        where = f"{frames[-1].filename}:{frames[-1].lineno}"
    text = "".join(traceback.format_list(frames)) + "".join(traceback.format_exception_only(error))
    return Failure(
        stage=stage,
        reason=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
        where=where.removeprefix(inside).lstrip("/\\"),
        traceback=text.replace(inside, folder.name),
        at=time.time(),
    )
