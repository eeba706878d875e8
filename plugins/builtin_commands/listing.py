"""``/help``, ``/sid`` and ``/plugin``."""

from __future__ import annotations

from astrbot_like.api.event import AstrMessageEvent
from astrbot_like.api.filters.command import CommandFilter, CommandGroupFilter, for_admins_only
from astrbot_like.api.host_tables import star_handlers_registry
from astrbot_like.api.registration import HandlerRegistration
from astrbot_like.api.star import Context, StarMetadata

from .texts import described, say

MAIN = __name__.rpartition(".")[0] + ".main"
"""The module whose commands these are."""
ACTIONS = ("on", "off", "reload")


def command_line(handler: HandlerRegistration) -> str:
    """``/name (arguments) - description`` of a handler; empty when it is no command or one within a group."""
    ours = handler.handler_module_path == MAIN
    for one in handler.event_filters:
        words = handler.desc.splitlines()[0] if handler.desc else ""
        if isinstance(one, CommandFilter) and one.parent_group is None:
            words = described(one.command_name, words) if ours else words
            return f"/{one.command_name}" + (f" - {words}" if words else "")
        if isinstance(one, CommandGroupFilter) and one.parent_group is None:
            subs = ", ".join(
                sub.command_name if isinstance(sub, CommandFilter) else sub.group_name
                for sub in one.sub_command_filters
            )
            return f"/{one.group_name} ({subs})" + (f" - {words}" if words else "")
    return ""


def help_text(event: AstrMessageEvent, context: Context) -> str:
    """The commands the sender may use, by plugin."""
    by_plugin: dict[str, list[str]] = {}
    for star in context.get_all_stars():
        if not star.activated or not star.module_path or not _allowed(event, star):
            continue
        lines = [
            line
            for handler in star_handlers_registry.get_handlers_by_module_name(star.module_path)
            if handler.enabled
            and (event.is_admin() or not for_admins_only(handler))
            and (line := command_line(handler))
        ]
        if lines:
            heading = say("help.builtin") if star.module_path == MAIN else ""
            by_plugin[heading or f"[{star.display_name or star.name}]"] = lines
    if not by_plugin:
        return say("help.none")
    sections = [heading + "\n" + "\n".join(lines) for heading, lines in by_plugin.items()]
    return say("help.title") + "\n\n" + "\n\n".join(sections)


def _allowed(event: AstrMessageEvent, star: StarMetadata) -> bool:
    return event.plugins_name is None or star.reserved or star.name in event.plugins_name


def session_text(event: AstrMessageEvent) -> str:
    """The ids of a session."""
    said = say(
        "sid",
        umo=event.unified_msg_origin,
        uid=event.get_sender_id(),
        platform=event.session.platform_id,
        kind=event.session.message_type.value,
        session=event.session.session_id,
    )
    group = event.get_group_id()
    return said + (say("sid.group", group=group) if group else "")


def plugins_text(context: Context) -> str:
    """The list of plugins."""
    lines = [
        f"- {star.name} {star.version or ''}{'' if star.activated else say('plugin.off')}"
        for star in context.get_all_stars()
    ]
    return say("plugin", lines="\n".join(lines))


def plugin_text(context: Context, name: str) -> str:
    """One plugin with its commands."""
    star = context.get_registered_star(name)
    if star is None:
        return say("unknown", what=name)
    handlers = star_handlers_registry.get_handlers_by_module_name(star.module_path or "")
    commands = "\n".join(line for handler in handlers if (line := command_line(handler)))
    return say(
        "plugin.detail",
        name=star.display_name or star.name,
        version=star.version,
        author=star.author,
        desc=star.desc or "",
        commands=commands,
    ).rstrip()


async def switch_plugin(context: Context, action: str, name: str) -> str:
    """Switch a plugin on or off, or reload it."""
    try:
        if action == "on":
            await context.star_manager.turn_on_plugin(name)
        elif action == "off":
            await context.star_manager.turn_off_plugin(name)
        else:
            await context.star_manager.reload(name)
    except Exception as error:  # noqa: BLE001 - why it could not be switched is what the administrator asked
        return say("plugin.failed", name=name, action=action, error=str(error) or type(error).__name__)
    return say("plugin.done", name=name, action=action)
