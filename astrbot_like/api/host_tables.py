"""AstrBot's remaining module globals, as views of the current host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from astrbot_like.api.current import caller_module, current_host
from astrbot_like.api.registration import EventType, HandlerRegistration
from astrbot_like.api.views import HostObject

if TYPE_CHECKING:
    from astrbot_like.api.config import AstrBotConfig
    from astrbot_like.api.message_event import AstrMessageEvent

if TYPE_CHECKING:
    astrbot_config: AstrBotConfig
else:
    astrbot_config = HostObject(lambda host: host.config)
    """The configuration of the current host."""


class StarHandlerRegistry:
    """The handlers of the current host, in order of dispatch."""

    @property
    def _handlers(self) -> list[HandlerRegistration]:  # a name of AstrBot's that plugins read
        return list(current_host(caller_module()).handlers)

    def get_handlers_by_event_type(
        self, event_type: EventType, only_activated: bool = True, plugins_name: list[str] | None = None
    ) -> list[HandlerRegistration]:
        """Handlers of one kind.

        Args:
            only_activated: Leave out those of disabled plugins.
            plugins_name: Names of plugins; None or ``["*"]``: all.
        """
        host = current_host(caller_module())
        found = []
        for handler in host.handlers:
            if handler.event_type != event_type:
                continue
            plugin = host.plugin_of_module(handler.handler_module_path)
            if only_activated and (not handler.enabled or (plugin is not None and not plugin.activated)):
                continue
            limited = plugins_name is not None and plugins_name != ["*"]
            if limited and plugin is not None and not plugin.reserved and plugin.name not in (plugins_name or ()):
                continue
            found.append(handler)
        return found

    def get_handler_by_full_name(self, full_name: str) -> HandlerRegistration | None:
        """The handler of that name."""
        return next((one for one in self._handlers if one.handler_full_name == full_name), None)

    def get_handlers_by_module_name(self, module_name: str) -> list[HandlerRegistration]:
        """Handlers defined in a module."""
        return [one for one in self._handlers if one.handler_module_path == module_name]

    @property
    def star_handlers_map(self) -> dict[str, HandlerRegistration]:
        """Full name → handler; a copy."""
        return {one.handler_full_name: one for one in self._handlers}

    def __iter__(self) -> Iterator[HandlerRegistration]:
        return iter(self._handlers)

    def __len__(self) -> int:
        return len(self._handlers)


star_handlers_registry = StarHandlerRegistry()
"""The handlers of the current host."""


class ActiveEventRegistry:
    """Events being handled, by unified message origin."""

    def register(self, event: AstrMessageEvent) -> None:
        """Note that an event is being handled."""
        current_host(caller_module()).active_events.register(event)

    def unregister(self, event: AstrMessageEvent) -> None:
        """Note that an event is done."""
        current_host(caller_module()).active_events.unregister(event)

    def stop_all(self, umo: str, exclude: AstrMessageEvent | None = None) -> int:
        """Stop the events of a session; returns how many."""
        return current_host(caller_module()).active_events.stop_all(umo, exclude)

    def request_agent_stop_all(self, umo: str, exclude: AstrMessageEvent | None = None) -> int:
        """Ask the agents that work on events of a session to stop; returns how many."""
        return current_host(caller_module()).active_events.request_agent_stop_all(umo, exclude)

    def register_agent_stop_callback(self, event: AstrMessageEvent, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when the agent of an event is to stop."""
        current_host(caller_module()).active_events.register_agent_stop_callback(event, callback)

    def unregister_agent_stop_callback(self, event: AstrMessageEvent) -> None:
        """Undo ``register_agent_stop_callback``."""
        current_host(caller_module()).active_events.unregister_agent_stop_callback(event)


active_event_registry = ActiveEventRegistry()
"""The events the current host is handling."""


class ActiveEvents:
    """The events one host is handling; the pipeline keeps it."""

    def __init__(self) -> None:
        self._events: dict[str, list[AstrMessageEvent]] = {}
        self._stops: dict[int, Callable[[], None]] = {}

    def register(self, event: AstrMessageEvent) -> None:
        """An event is being handled."""
        self._events.setdefault(event.unified_msg_origin, []).append(event)

    def unregister(self, event: AstrMessageEvent) -> None:
        """An event is done."""
        self._stops.pop(id(event), None)
        for umo, events in list(self._events.items()):
            events[:] = [one for one in events if one is not event]
            if not events:
                del self._events[umo]

    def of_session(self, umo: str, exclude: AstrMessageEvent | None = None) -> list[AstrMessageEvent]:
        """Events of a session that are being handled."""
        return [one for one in self._events.get(umo, []) if one is not exclude]

    def stop_all(self, umo: str, exclude: AstrMessageEvent | None = None) -> int:
        """Stop the events of a session; returns how many."""
        events = self.of_session(umo, exclude)
        for event in events:
            event.stop_event()
        self.request_agent_stop_all(umo, exclude)
        return len(events)

    def request_agent_stop_all(self, umo: str, exclude: AstrMessageEvent | None = None) -> int:
        """Ask the agents of a session to stop; returns how many."""
        stops = [stop for event in self.of_session(umo, exclude) if (stop := self._stops.get(id(event)))]
        for stop in stops:
            stop()
        return len(stops)

    def register_agent_stop_callback(self, event: AstrMessageEvent, callback: Callable[[], None]) -> None:
        """How the agent of an event is stopped."""
        self._stops[id(event)] = callback

    def unregister_agent_stop_callback(self, event: AstrMessageEvent) -> None:
        """The agent of an event has ended."""
        self._stops.pop(id(event), None)


class SessionServiceManager:
    """Whether model and speech are on in a session, as users switched them."""

    @staticmethod
    async def is_llm_enabled_for_session(session_id: str) -> bool:
        """Whether the model answers in a session (a unified message origin)."""
        return await _session_switch(session_id, "llm_enabled")

    @staticmethod
    async def set_llm_status_for_session(session_id: str, enabled: bool) -> None:
        """Switch the model's answers on or off in a session."""
        await _set_session_switch(session_id, "llm_enabled", enabled)

    @staticmethod
    async def should_process_llm_request(event: AstrMessageEvent) -> bool:
        """Whether the model answers where the event comes from."""
        return await _session_switch(event.unified_msg_origin, "llm_enabled")

    @staticmethod
    async def is_tts_enabled_for_session(session_id: str) -> bool:
        """Whether replies are spoken in a session."""
        return await _session_switch(session_id, "tts_enabled")

    @staticmethod
    async def set_tts_status_for_session(session_id: str, enabled: bool) -> None:
        """Switch spoken replies on or off in a session."""
        await _set_session_switch(session_id, "tts_enabled", enabled)

    @staticmethod
    async def should_process_tts_request(event: AstrMessageEvent) -> bool:
        """Whether replies are spoken where the event comes from."""
        return await _session_switch(event.unified_msg_origin, "tts_enabled")

    @staticmethod
    async def is_session_enabled(session_id: str) -> bool:
        """Whether the bot answers in a session at all."""
        return await _session_switch(session_id, "session_enabled")


SESSION_SWITCHES = "session_service_config"
"""Key of the preference (scope ``umo``) that holds a session's switches."""


async def _session_switch(umo: str, name: str) -> bool:
    switches: Any = await current_host(caller_module()).preferences.session_get(umo, SESSION_SWITCHES, {})
    return bool((switches or {}).get(name, True))


async def _set_session_switch(umo: str, name: str, enabled: bool) -> None:
    preferences = current_host(caller_module()).preferences
    switches: Any = await preferences.session_get(umo, SESSION_SWITCHES, {})
    await preferences.session_put(umo, SESSION_SWITCHES, {**(switches or {}), name: enabled})
