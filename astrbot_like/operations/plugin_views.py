"""Plugins as the dashboard and the command line show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from astrbot_like.api.filters.command import CommandFilter, CommandGroupFilter, for_admins_only
from astrbot_like.api.registration import EventType, HandlerRegistration
from astrbot_like.plugin_host.config_forms import SCHEMA_FILE, Schema
from astrbot_like.plugin_host.manager import PluginHost
from astrbot_like.plugin_host.pages import page_names, translated
from astrbot_like.plugin_host.records import Failure, Plugin
from astrbot_like.plugin_host.star_records import LOGO
from astrbot_like.plugin_host.watchdog import LagReport

README_NAMES = ("README.md", "readme.md", "README.MD", "Readme.md", "README")


class CommandView(msgspec.Struct, frozen=True):
    """A command of a plugin.

    Attributes:
        name: Full text, with its group.
        aliases: Other full texts.
        parameters: ``a(int),b(str)=x``; empty: none.
        admin_only: Whether only administrators may use it.
        conflicts: Names of other plugins that answer to the same text.
    """

    name: str
    aliases: tuple[str, ...]
    description: str
    parameters: str
    handler: str
    admin_only: bool
    conflicts: tuple[str, ...]


class ToolView(msgspec.Struct, frozen=True):
    """A tool for models. ``active``: offered to them."""

    name: str
    description: str
    parameters: dict[str, Any]
    active: bool


class PluginTexts(msgspec.Struct, frozen=True):
    """What a plugin is called in one language; empty texts: as in its metadata.

    Attributes:
        pages: Titles of its pages, by name of the page.
        commands: What its commands do, by their names.
    """

    display_name: str
    short_description: str
    description: str
    pages: dict[str, str]
    commands: dict[str, str] = {}


class PluginView(msgspec.Struct, frozen=True):
    """A plugin as the dashboard and the command line show it.

    Attributes:
        name: By which it is called in all operations.
        directory: Name of its folder.
        origin: ``user`` (in data/plugins), ``entry_point`` (an installed package) or ``bundled``.
        state: ``active``, ``disabled``, ``failed`` or ``loading``.
        failure: Why it does not run.
        problems: Latest errors of its handlers, newest last.
        blocked: Latest times it blocked the event loop.
        left_threads: Threads it left behind when it was last stopped.
        hooks: Events of the host it listens to, by AstrBot's names.
        listeners: Handlers that are no commands.
        load_seconds: Time its last start took.
        pages: Names of the pages it adds to the web UI.
        texts: What it is called in other languages, by locale (``zh-CN``, ``en-US``).
    """

    name: str
    directory: str
    display_name: str
    author: str
    version: str
    description: str
    short_description: str
    repo: str
    origin: str
    state: str
    failure: Failure | None
    problems: tuple[Failure, ...]
    blocked: tuple[LagReport, ...]
    left_threads: tuple[str, ...]
    commands: tuple[CommandView, ...]
    tools: tuple[ToolView, ...]
    hooks: tuple[str, ...]
    listeners: tuple[str, ...]
    provider_types: tuple[str, ...]
    platform_types: tuple[str, ...]
    web_routes: tuple[str, ...]
    has_config: bool
    has_readme: bool
    has_logo: bool
    load_seconds: float
    pages: tuple[str, ...]
    texts: dict[str, PluginTexts]


class PluginConfigView(msgspec.Struct, frozen=True):
    """A plugin's configuration form and values. ``schema`` is empty when it has none.

    Attributes:
        texts: Translations of the form by locale, nested as the form's fields are.
    """

    schema: Schema
    values: dict[str, Any]
    texts: dict[str, dict[str, Any]]


def plugin_view(host: PluginHost, plugin: Plugin, clashes: Mapping[str, set[str]]) -> PluginView:
    """A plugin as it is shown. Reads the disk.

    Args:
        clashes: For each command's text the names of the plugins that answer to it.
    """
    metadata, folder = plugin.metadata, plugin.source.folder
    records = [entry.record for entry in host.tables.index.of_plugin(plugin)] or plugin.declared.handlers
    messages = [record for record in records if record.event_type is EventType.AdapterMessageEvent]
    tools = [tool for tool in host.tools.func_list if host.tables.owner_of_tool(tool) is plugin]
    tools = tools or plugin.declared.tools
    pages = page_names(folder)
    return PluginView(
        name=plugin.name,
        directory=plugin.directory,
        display_name=metadata.display_name or plugin.name,
        author=metadata.author,
        version=metadata.version,
        description=metadata.desc,
        short_description=metadata.short_desc,
        repo=metadata.repo,
        origin=plugin.source.origin,
        state=plugin.state.value,
        failure=plugin.failure,
        problems=tuple(plugin.problems),
        blocked=tuple(plugin.blocked),
        left_threads=tuple(plugin.left_threads),
        commands=tuple(view for record in messages for view in _commands(record, plugin, clashes)),
        tools=tuple(ToolView(one.name, one.description, one.parameters or {}, one.active) for one in tools),
        hooks=tuple(
            record.event_type.name
            for record in records
            if record.event_type not in (EventType.AdapterMessageEvent, EventType.OnCallingFuncToolEvent)
        ),
        listeners=tuple(record.handler_name for record in messages if not _names_of(record)),
        provider_types=tuple(_owned(host, plugin, host.provider_types, "cls_type")),
        platform_types=tuple(_owned(host, plugin, host.platform_types, "cls")),
        web_routes=tuple(one[0] for one in host.web_routes.of_plugin(plugin)),
        has_config=(folder / SCHEMA_FILE).is_file(),
        has_readme=any((folder / name).is_file() for name in README_NAMES),
        has_logo=(folder / LOGO).is_file(),
        load_seconds=round(plugin.load_seconds, 4),
        pages=tuple(pages),
        texts={locale: _texts(plugin, locale, pages) for locale in plugin.translations},
    )


def _texts(plugin: Plugin, locale: str, pages: Sequence[str]) -> PluginTexts:
    commands = _inner(plugin, locale, "commands")
    titles = {page: translated(plugin.translations, locale, f"pages.{page}.title") for page in pages}
    return PluginTexts(
        display_name=translated(plugin.translations, locale, "metadata.display_name"),
        short_description=translated(plugin.translations, locale, "metadata.short_desc"),
        description=translated(plugin.translations, locale, "metadata.desc"),
        pages={page: title for page, title in titles.items() if title},
        commands={name: words for name, words in commands.items() if isinstance(words, str)},
    )


def provider_texts(plugin: Plugin, type_name: str) -> dict[str, dict[str, Any]]:
    """Translations of a provider type by locale: ``display_name``, ``description``, and ``config``, its form's."""
    found = {locale: _inner(plugin, locale, "providers").get(type_name) for locale in plugin.translations}
    return {locale: texts for locale, texts in found.items() if isinstance(texts, dict)}


def _inner(plugin: Plugin, locale: str, key: str) -> dict[str, Any]:
    found = plugin.translations[locale].get(key)
    return found if isinstance(found, dict) else {}


def form_texts(plugin: Plugin) -> dict[str, dict[str, Any]]:
    """Translations of a plugin's configuration form by locale."""
    forms = {locale: texts.get("config") for locale, texts in plugin.translations.items()}
    return {locale: form for locale, form in forms.items() if isinstance(form, dict)}


def _names_of(record: HandlerRegistration) -> list[str]:
    named = [one for one in record.event_filters if isinstance(one, CommandFilter | CommandGroupFilter)]
    return [name for one in named for name in one.get_complete_command_names()]


def _commands(record: HandlerRegistration, plugin: Plugin, clashes: Mapping[str, set[str]]) -> list[CommandView]:
    admin_only = for_admins_only(record)
    views: list[CommandView] = []
    for one in record.event_filters:
        if not isinstance(one, CommandFilter):
            continue
        name, *aliases = one.get_complete_command_names()
        others = {other for text in (name, *aliases) for other in clashes.get(text, ())} - {plugin.name}
        views.append(
            CommandView(
                name=name,
                aliases=tuple(aliases),
                description=record.desc,
                parameters=one.print_types(),
                handler=record.handler_name,
                admin_only=admin_only,
                conflicts=tuple(sorted(others)),
            )
        )
    return views


def _owned(host: PluginHost, plugin: Plugin, types: Mapping[str, Any], attribute: str) -> list[str]:
    found = ((name, getattr(registered, attribute, None)) for name, registered in types.items())
    return [name for name, cls in found if cls is not None and host.owner(cls.__module__) is plugin]
