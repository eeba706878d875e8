"""Personas, for plugins."""

from __future__ import annotations

from collections.abc import Sequence

from astrbot_like.api.conversations import Persona as PluginPersona
from astrbot_like.api.provider import Personality
from astrbot_like.domain.profiles import DEFAULT_PERSONA, Persona
from astrbot_like.host.profiles import ProfileBook
from astrbot_like.operations.personas import Personas


class PluginPersonas:
    """Implements ``PersonaService``."""

    def __init__(self, personas: Personas, book: ProfileBook) -> None:
        self._personas = personas
        self._book = book

    def all(self) -> Sequence[PluginPersona]:
        """All personas."""
        return [as_plugins_see(persona) for persona in self._book.personas()]

    def default(self, umo: str | None = None) -> Personality:
        """The persona in force where a conversation chose none."""
        found = self._book.persona(self._book.for_umo(umo).persona_id)
        return as_personality(found or Persona(DEFAULT_PERSONA, ""))

    async def save(self, persona: PluginPersona) -> None:
        """Create or replace one."""
        await self._personas.save(
            Persona(
                id=persona.persona_id,
                prompt=persona.system_prompt,
                begin_dialogs=tuple(persona.begin_dialogs or ()),
                tools=None if persona.tools is None else tuple(persona.tools),
                skills=None if persona.skills is None else tuple(persona.skills),
                custom_error_message=persona.custom_error_message,
            )
        )
        await self._book.refresh()

    async def delete(self, persona_id: str) -> None:
        """Delete one."""
        await self._personas.delete(persona_id)
        await self._book.refresh()


def as_plugins_see(persona: Persona) -> PluginPersona:
    """A persona in the public API's stored form."""
    return PluginPersona(
        persona_id=persona.id,
        system_prompt=persona.prompt,
        begin_dialogs=list(persona.begin_dialogs),
        tools=None if persona.tools is None else list(persona.tools),
        skills=None if persona.skills is None else list(persona.skills),
        custom_error_message=persona.custom_error_message,
        created_at=persona.created_at,
        updated_at=persona.updated_at,
    )


def as_personality(persona: Persona) -> Personality:
    """A persona in the public API's v3 form."""
    return Personality(
        prompt=persona.prompt,
        name=persona.id,
        begin_dialogs=list(persona.begin_dialogs),
        mood_imitation_dialogs=list(persona.mood_imitation_dialogs),
        tools=None if persona.tools is None else list(persona.tools),
        skills=None if persona.skills is None else list(persona.skills),
        custom_error_message=persona.custom_error_message or "",
    )
