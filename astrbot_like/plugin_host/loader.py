"""Starting and stopping one plugin: import, class, configuration, object, ``initialize``; and back."""

from __future__ import annotations

import contextvars
import functools
import inspect
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from astrbot_like.api.config import AstrBotConfig
from astrbot_like.api.registration import STAR_ATTRIBUTE, Collector, HandlerRegistration, StarInfo, collecting
from astrbot_like.domain.errors import PluginError
from astrbot_like.plugin_host import config_forms
from astrbot_like.plugin_host.guard import in_thread, limited
from astrbot_like.plugin_host.imports import PluginNamespace
from astrbot_like.plugin_host.metadata import PluginMetadata
from astrbot_like.plugin_host.records import Plugin

log = logging.getLogger(__name__)

_NEEDS_LOOP = ("no running event loop", "no current event loop", "signal only works in main thread")


async def import_plugin(
    plugin: Plugin,
    namespace: PluginNamespace,
    *,
    context: contextvars.Context,
    timeout: float,
    undo: Callable[[], None],
) -> Collector:
    """Import a plugin's main module off the event loop.

    A module that insists on the loop at import (it makes a task, say) is imported a second time on it.

    Args:
        plugin: To import.
        namespace: Where its modules are named.
        context: The context its code runs in.
        timeout: Seconds.
        undo: Takes back what the first import registered, before a second one.

    Returns:
        What the modules declared.

    Raises:
        TimeoutError: It took too long.
        Exception: What the module raised.
    """
    source = plugin.source
    collector = Collector()

    def run() -> ModuleType:
        with collecting() as collected:
            try:
                return namespace.import_main(source.directory, source.folder, source.main)
            finally:
                for name in collector.__dataclass_fields__:
                    getattr(collector, name)[:] = getattr(collected, name)

    try:
        module = await in_thread(lambda: context.run(run), name=f"import {plugin.directory}", timeout=timeout)
    except (RuntimeError, ValueError) as error:
        if not any(part in str(error) for part in _NEEDS_LOOP):
            raise
        undo()
        namespace.forget(source.directory, source.folder)
        module = context.run(run)
    plugin.module = module.__name__
    return collector


def find_class(plugin: Plugin, collector: Collector, prefix: str) -> type[Any]:
    """The plugin's class: the last ``Star`` of its main module, else a class named ``Main`` or ``…Plugin``.

    Raises:
        PluginError: There is none.
    """
    module = sys.modules[plugin.module]
    stars = [cls for cls in collector.stars if cls.__module__ == plugin.module]
    if stars:
        return stars[-1]
    for name, value in vars(module).items():
        named = name == "Main" or name.endswith("Plugin")
        if named and inspect.isclass(value) and value.__module__ == plugin.module:
            return value
    elsewhere = [cls for cls in collector.stars if cls.__module__.startswith(f"{prefix}.")]
    if elsewhere:
        return elsewhere[-1]
    raise PluginError(f"{plugin.source.main.name} of {plugin.directory} defines no plugin class (a subclass of Star).")


def metadata_of_class(plugin: Plugin) -> PluginMetadata:
    """What ``@register`` says, for plugins without a metadata file.

    Raises:
        PluginError: It is not used.
    """
    info = getattr(plugin.star_class, STAR_ATTRIBUTE, None)
    if not isinstance(info, StarInfo):
        raise PluginError(f"{plugin.directory} has no metadata.yaml.", plugin.directory)
    return PluginMetadata(
        name=info.name, author=info.author, desc=info.desc, version=info.version, repo=info.repo or ""
    )


def bind_handlers(plugin: Plugin) -> list[tuple[HandlerRegistration, Callable[..., Any]]]:
    """Handlers with the function to call: those of the plugin's class are bound to its object."""
    return [(record, bound_to(plugin, record.handler)) for record in plugin.declared.handlers]


def bound_to(plugin: Plugin, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` with the plugin's object as its first argument."""
    if isinstance(function, functools.partial) or inspect.ismethod(function):
        return function
    return functools.partial(function, plugin.instance)


def construct(plugin: Plugin, context: Any) -> Any:
    """Make the plugin's object.

    With a configuration form the configuration is passed as well; a class that takes none gets the context alone.
    """
    cls = plugin.star_class
    assert cls is not None
    inject(plugin, cls)
    if plugin.config is not None:
        try:
            return cls(context=context, config=plugin.config)
        except TypeError as error:
            if not _rejected_call(error):
                raise
    try:
        return cls(context=context)
    except TypeError as error:
        if not _rejected_call(error):
            raise
        # Old classes name their parameters as they like.
        return cls(context)


def inject(plugin: Plugin, cls: type[Any]) -> None:
    """Give the class what a plugin may ask of itself within ``__init__`` already."""
    cls.name = plugin.metadata.name
    cls.author = plugin.metadata.author
    cls.plugin_id = plugin.metadata.plugin_id


def load_config(plugin: Plugin, path: Path) -> AstrBotConfig | None:
    """The plugin's configuration object, None without a form. Reads and writes files.

    Args:
        path: Where the values are saved.

    Raises:
        PluginError: The form or the saved values are damaged.
    """
    plugin.schema = config_forms.read_schema(plugin.source.folder)
    if plugin.schema is None:
        return None
    try:
        return AstrBotConfig(path, schema=plugin.schema)
    except (ValueError, OSError) as error:
        raise PluginError(f"The saved configuration of {plugin.name} can't be used: {error}", plugin.name) from error


async def start(plugin: Plugin, *, context: contextvars.Context, timeout: float) -> None:
    """Run ``initialize`` when there is one.

    Raises:
        TimeoutError: It took too long.
        Exception: What it raised.
    """
    method = getattr(plugin.instance, "initialize", None)
    if method is None:
        return
    made = context.run(method)
    if inspect.isawaitable(made):
        await limited(plugin.scope, _await(made), context=context, timeout=timeout, name=f"start {plugin.name}")


async def stop(plugin: Plugin, *, context: contextvars.Context, timeout: float) -> None:
    """Run what the class has for its end: ``__del__`` in a thread, else ``terminate``.

    Raises:
        TimeoutError: It took too long.
        Exception: What it raised.
    """
    instance = plugin.instance
    if instance is None:
        return
    if "__del__" in vars(type(instance)):
        await in_thread(lambda: context.run(instance.__del__), name=f"stop {plugin.name}", timeout=timeout)
    elif "terminate" in vars(type(instance)) or hasattr(instance, "terminate"):
        made = context.run(instance.terminate)
        if inspect.isawaitable(made):
            await limited(plugin.scope, _await(made), context=context, timeout=timeout, name=f"stop {plugin.name}")


def missing_module(error: BaseException) -> str:
    """Name of the package whose lack made an import fail; empty when that was not the reason."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return error.name.split(".")[0]
    return ""


async def _await(made: Any) -> Any:
    try:
        return await made
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"tried to end the program ({type(error).__name__})") from error


def _rejected_call(error: TypeError) -> bool:
    """Whether the call itself did not fit, rather than something inside ``__init__``."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    return traceback is None
