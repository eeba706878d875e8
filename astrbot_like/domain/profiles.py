"""Profiles, personas and provider configurations: what a session talks with."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import msgspec

DEFAULT_PROFILE = "default"
"""Id of the profile that always exists."""

DEFAULT_PERSONA = "default"
"""Id of the persona that a profile uses when it names none."""

ALL_PLUGINS = "*"
"""In ``Profile.plugin_set``: every plugin that is switched on."""

CHAINS = {
    "chat_completion": "llm",
    "speech_to_text": "stt",
    "text_to_speech": "tts",
    "embedding": "embedding",
    "rerank": "rerank",
}
"""Kind of a provider → name of its chain in a profile."""


class Profile(msgspec.Struct, frozen=True):
    """A set of choices that sessions are bound to ("config" in the public API).

    Attributes:
        id: ``default`` or a random id.
        llm, stt, tts, embedding, rerank: Chains of provider ids; the first is the default, the rest are fall-backs.
        persona_id: The persona of its sessions; None: the default one.
        plugin_set: Names of the plugins its sessions may use; ``*`` stands for all that are switched on.
        voice: Voice settings by name, as docs/settings.md lists them under ``[profiles.ID.voice]``.
        host: What plugins see through ``context.get_config()``, laid over the defaults.
        routes: Patterns of origins (``platform:MessageType:session``) whose sessions use it unless they are bound to
            another one. Each part is a shell pattern, an empty or missing one takes anything.
        read_only: It was declared in the settings file, which wins over the store.
    """

    id: str
    name: str
    llm: tuple[str, ...] = ()
    stt: tuple[str, ...] = ()
    tts: tuple[str, ...] = ()
    embedding: tuple[str, ...] = ()
    rerank: tuple[str, ...] = ()
    persona_id: str | None = None
    plugin_set: tuple[str, ...] = (ALL_PLUGINS,)
    voice: dict[str, Any] = {}
    host: dict[str, Any] = {}
    routes: tuple[str, ...] = ()
    read_only: bool = False
    created_at: str = ""
    updated_at: str = ""

    @property
    def is_default(self) -> bool:
        """Whether sessions without a binding use it."""
        return self.id == DEFAULT_PROFILE

    def takes(self, umo: str) -> bool:
        """Whether sessions of that origin are routed to it."""
        return any(_fits(umo, route) for route in self.routes)


def _fits(umo: str, route: str) -> bool:
    parts = umo.split(":", 2)
    patterns = route.split(":", 2)
    return all(not pattern or fnmatchcase(part, pattern) for part, pattern in zip(parts, patterns, strict=False))


NO_PERSONA = "[%None]"
"""What AstrBot stores for a conversation whose persona was taken away."""


class Persona(msgspec.Struct, frozen=True):
    """How the bot speaks and what it may use.

    Attributes:
        id: Its name; unique.
        prompt: The system prompt.
        begin_dialogs: Texts that open the context, user and bot in turn (an even number).
        mood_imitation_dialogs: Sample exchanges in the persona's tone, user and bot in turn.
        tools: Names of the tools it may use; None: all.
        skills: Names of the skills it may use; None: all.
        custom_error_message: What users read instead of the usual text when a reply fails; None: the usual text.
    """

    id: str
    prompt: str
    begin_dialogs: tuple[str, ...] = ()
    mood_imitation_dialogs: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    skills: tuple[str, ...] | None = None
    custom_error_message: str | None = None
    created_at: str = ""
    updated_at: str = ""


class ProviderConfig(msgspec.Struct, frozen=True):
    """Configuration of one provider instance.

    Attributes:
        id: Chosen by the user; what chains name.
        type: Adapter type, such as ``openai_chat_completion``.
        provider_type: ``chat_completion``, ``speech_to_text``, ``text_to_speech``, ``embedding`` or ``rerank``.
        config: Every option, secrets in clear: it never leaves the house in this form.
        read_only: It was declared in the settings file.
    """

    id: str
    type: str
    provider_type: str
    config: dict[str, Any]
    enable: bool = True
    read_only: bool = False
    created_at: str = ""
    updated_at: str = ""


class PlatformConfig(msgspec.Struct, frozen=True):
    """Configuration of one platform adapter instance ("bot"); ``config`` holds secrets in clear."""

    id: str
    type: str
    config: dict[str, Any]
    enable: bool = True
    read_only: bool = False
    created_at: str = ""
    updated_at: str = ""


class McpServerConfig(msgspec.Struct, frozen=True):
    """Configuration of one MCP server.

    Attributes:
        name: Unique.
        transport: ``stdio``, ``sse`` or ``streamable_http``.
        config: ``command``/``args``/``env`` or ``url``/``headers``; secrets in clear.
        disabled_tools: Tools of the server that no model gets.
    """

    name: str
    transport: str
    config: dict[str, Any]
    enable: bool = True
    disabled_tools: tuple[str, ...] = ()
    created_at: str = ""
    updated_at: str = ""


class PluginState(msgspec.Struct, frozen=True):
    """Whether a plugin is switched on, and where it came from (``source``: an address or empty)."""

    name: str
    enabled: bool
    source: str = ""
    disabled_tools: tuple[str, ...] = ()
    updated_at: str = ""
