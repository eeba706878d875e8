"""Personas: kept, chosen, and in the form that plugins know."""

from __future__ import annotations

import msgspec

from astrbot_like.domain.errors import BadRequest, Conflict, NotFound
from astrbot_like.domain.profiles import DEFAULT_PERSONA, Persona
from astrbot_like.storage.records import RecordStore

NAME_LENGTH = 255
DEFAULT_PROMPT = "You are a helpful and friendly assistant."


class Personas:
    """The personas of the installation; the default one always exists."""

    def __init__(self, store: RecordStore[Persona]) -> None:
        self._store = store

    async def all(self) -> list[Persona]:
        """All personas, the default one first."""
        stored = await self._store.all()
        default = next((persona for persona in stored if persona.id == DEFAULT_PERSONA), _DEFAULT)
        return [default, *(persona for persona in stored if persona.id != DEFAULT_PERSONA)]

    async def get(self, persona_id: str) -> Persona:
        """A persona.

        Raises:
            NotFound: There is none of that id.
        """
        found = await self.find(persona_id)
        if found is None:
            raise NotFound(f"There is no persona named {persona_id}.")
        return found

    async def find(self, persona_id: str | None) -> Persona | None:
        """A persona, or None; an id of None or ``default`` is the default one."""
        if persona_id is None or persona_id == DEFAULT_PERSONA:
            return await self._store.get(DEFAULT_PERSONA) or _DEFAULT
        return await self._store.get(persona_id)

    async def create(self, persona: Persona) -> Persona:
        """Store a new persona.

        Raises:
            BadRequest: It does not fit.
            Conflict: There is one of that id.
        """
        return await self._store.add(_checked(persona))

    async def update(self, persona: Persona) -> Persona:
        """Change a persona; the default one too.

        Raises:
            BadRequest: It does not fit.
            NotFound: There is none of that id.
        """
        await self.get(persona.id)
        return await self._store.put(_checked(persona))

    async def save(self, persona: Persona) -> Persona:
        """Store a persona, new or changed.

        Raises:
            BadRequest: It does not fit.
        """
        return await self._store.put(_checked(persona))

    async def delete(self, persona_id: str) -> None:
        """Delete a persona; who uses it gets the default one from then on.

        Raises:
            Conflict: It is the default one and was not changed.
            NotFound: There is none of that id.
        """
        if persona_id == DEFAULT_PERSONA and await self._store.get(DEFAULT_PERSONA) is None:
            raise Conflict("The default persona can be changed, not deleted.")
        await self._store.delete(persona_id)


_DEFAULT = Persona(DEFAULT_PERSONA, DEFAULT_PROMPT)


def _checked(persona: Persona) -> Persona:
    name = persona.id.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise BadRequest(f"A persona needs a name of 1 to {NAME_LENGTH} printable characters.")
    for dialogs in (persona.begin_dialogs, persona.mood_imitation_dialogs):
        if len(dialogs) % 2:
            raise BadRequest("Sample dialogs are pairs: a text of the user, then one of the bot.")
    return msgspec.structs.replace(persona, id=name)
