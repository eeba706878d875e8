"""What a host keeps, in memory: providers, conversations, personas, platforms."""

from __future__ import annotations

import asyncio
import copy
import json
import time
import uuid
from collections.abc import Sequence
from typing import Any

from astrbot_like.api.chain import MessageChain
from astrbot_like.api.conversations import Conversation, Persona
from astrbot_like.api.incoming import MessageSession
from astrbot_like.api.provider.base import Providers
from astrbot_like.api.provider.entities import Personality, ProviderType
from astrbot_like.api.star.managers import personality_of

DEFAULT_PERSONA = Persona("default", "You are a helpful and friendly assistant.")


class FakeProviders:
    """Providers given by the test; the first of a kind is in use."""

    def __init__(self, *providers: Providers) -> None:
        self.providers: list[Any] = list(providers)
        self.chosen: dict[tuple[ProviderType, str | None], str] = {}

    def instances(self, kind: ProviderType) -> Sequence[Providers]:
        """All of one kind."""
        return [one for one in self.providers if one.meta().provider_type == kind]

    def by_id(self, provider_id: str) -> Providers | None:
        """The provider of that id."""
        return next((one for one in self.providers if one.meta().id == provider_id), None)

    def using(self, kind: ProviderType, umo: str | None = None) -> Providers | None:
        """The chosen one, else the first."""
        chosen = self.chosen.get((kind, umo)) or self.chosen.get((kind, None))
        found = self.by_id(chosen) if chosen else None
        return found or next(iter(self.instances(kind)), None)

    async def set_using(self, kind: ProviderType, provider_id: str, umo: str | None = None) -> None:
        """Choose one."""
        self.chosen[kind, umo] = provider_id

    async def load(self, config: dict[str, Any]) -> None:
        """Not offered by the fake.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("give FakeProviders the provider itself")

    async def reload(self, config: dict[str, Any]) -> None:
        """Not offered by the fake.

        Raises:
            NotImplementedError: Always.
        """
        await self.load(config)

    async def terminate(self, provider_id: str) -> None:
        """Forget a provider."""
        self.providers = [one for one in self.providers if one.meta().id != provider_id]


class FakeConversations:
    """Conversations in memory."""

    def __init__(self) -> None:
        self._by_umo: dict[str, list[Conversation]] = {}
        self._current: dict[str, str] = {}

    async def create(
        self,
        umo: str,
        *,
        platform_id: str | None = None,
        content: list[dict[str, Any]] | None = None,
        title: str | None = None,
        persona_id: str | None = None,
    ) -> str:
        """Make a conversation the current one."""
        now = int(time.time())
        made = Conversation(
            platform_id=platform_id or umo.partition(":")[0],
            user_id=umo,
            cid=uuid.uuid4().hex,
            history=json.dumps(content or []),
            title=title,
            persona_id=persona_id,
            created_at=now,
            updated_at=now,
        )
        self._by_umo.setdefault(umo, []).insert(0, made)
        self._current[umo] = made.cid
        return made.cid

    async def switch(self, umo: str, conversation_id: str) -> None:
        """Make another conversation the current one."""
        self._current[umo] = conversation_id

    async def delete(self, umo: str, conversation_id: str) -> None:
        """Delete a conversation."""
        self._by_umo[umo] = [one for one in self._by_umo.get(umo, []) if one.cid != conversation_id]
        if self._current.get(umo) == conversation_id:
            del self._current[umo]

    async def current_id(self, umo: str) -> str | None:
        """Id of the current conversation."""
        return self._current.get(umo)

    async def get(self, umo: str, conversation_id: str) -> Conversation | None:
        """A conversation."""
        found = next((one for one in self._by_umo.get(umo, []) if one.cid == conversation_id), None)
        return copy.copy(found)

    async def list(self, umo: str | None = None, platform_id: str | None = None) -> Sequence[Conversation]:
        """Conversations, latest first."""
        every = [one for key, kept in self._by_umo.items() if umo in (None, key) for one in kept]
        return [one for one in every if platform_id in (None, one.platform_id)]

    async def update(
        self,
        umo: str,
        conversation_id: str,
        *,
        history: list[dict[str, Any]] | None = None,
        title: str | None = None,
        persona_id: str | None = None,
        token_usage: int | None = None,
    ) -> None:
        """Change what is not None."""
        for one in self._by_umo.get(umo, []):
            if one.cid == conversation_id:
                one.history = one.history if history is None else json.dumps(history, ensure_ascii=False)
                one.title = one.title if title is None else title
                one.persona_id = one.persona_id if persona_id is None else persona_id
                one.token_usage = one.token_usage if token_usage is None else token_usage
                one.updated_at = int(time.time())


class FakePersonas:
    """Personas in memory; the first is the default."""

    def __init__(self, *personas: Persona) -> None:
        self._personas = list(personas) or [DEFAULT_PERSONA]

    def all(self) -> Sequence[Persona]:
        """All personas."""
        return self._personas

    def default(self, umo: str | None = None) -> Personality:
        """The first one."""
        return personality_of(self._personas[0])

    async def save(self, persona: Persona) -> None:
        """Create or replace one."""
        await self.delete(persona.persona_id)
        self._personas.append(persona)

    async def delete(self, persona_id: str) -> None:
        """Delete one."""
        self._personas = [one for one in self._personas if one.persona_id != persona_id]


class FakePlatforms:
    """Platforms given by the test; what is sent without an event is kept.

    Attributes:
        sent: ``(unified message origin, chain)`` in order.
    """

    def __init__(self, *platforms: Any) -> None:
        self._platforms: list[Any] = list(platforms)
        self.sent: list[tuple[str, MessageChain]] = []
        self._queue: asyncio.Queue[Any] = asyncio.Queue(maxsize=1000)

    @property
    def instances(self) -> list[Any]:
        """The platforms; a plain list."""
        return self._platforms

    @property
    def queue(self) -> asyncio.Queue[Any]:
        """Where events go."""
        return self._queue

    async def send(self, session: MessageSession, chain: MessageChain) -> bool:
        """Keep a chain; with platforms given, hand it to the one that fits."""
        if self._platforms:
            for platform in self._platforms:
                if platform.meta().id == session.platform_id:
                    await platform.send_by_session(session, chain)
                    return True
            return False
        self.sent.append((str(session), chain))
        return True

    async def load(self, config: dict[str, Any]) -> None:
        """Not offered by the fake.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("give FakePlatforms the platform itself")

    async def reload(self, config: dict[str, Any]) -> None:
        """Not offered by the fake.

        Raises:
            NotImplementedError: Always.
        """
        await self.load(config)

    async def terminate(self, platform_id: str) -> None:
        """Forget a platform."""
        self._platforms[:] = [one for one in self._platforms if one.meta().id != platform_id]
