"""The managers that hang on ``Context``, under AstrBot's names. Plain objects: some plugins replace their methods."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from astrbot_like.api.conversations import Conversation, Persona
from astrbot_like.api.provider.entities import Personality
from astrbot_like.domain.profiles import NO_PERSONA

if TYPE_CHECKING:
    from astrbot_like.api.services import ConversationService, PersonaService


KEEP: Any = object()
"""Leave a persona's field as it is."""


class ConversationManager:
    """``context.conversation_manager``."""

    def __init__(self, service: ConversationService) -> None:
        self._service = service
        self._on_deleted: list[Callable[[str], Awaitable[None]]] = []

    def register_on_session_deleted(self, callback: Callable[[str], Awaitable[None]]) -> None:
        """Have ``callback(umo)`` called when all conversations of a session are deleted."""
        self._on_deleted.append(callback)

    async def new_conversation(
        self,
        unified_msg_origin: str,
        platform_id: str | None = None,
        content: list[dict[str, Any]] | None = None,
        title: str | None = None,
        persona_id: str | None = None,
    ) -> str:
        """Start a conversation and make it the current one; returns its id."""
        return await self._service.create(
            unified_msg_origin, platform_id=platform_id, content=content, title=title, persona_id=persona_id
        )

    async def switch_conversation(self, unified_msg_origin: str, conversation_id: str) -> None:
        """Make another conversation the current one."""
        await self._service.switch(unified_msg_origin, conversation_id)

    async def delete_conversation(self, unified_msg_origin: str, conversation_id: str | None = None) -> None:
        """Delete a conversation; without an id the current one."""
        target = conversation_id or await self._service.current_id(unified_msg_origin)
        if target:
            await self._service.delete(unified_msg_origin, target)

    async def delete_conversations_by_user_id(self, unified_msg_origin: str) -> None:
        """Delete all conversations of a session."""
        for conversation in await self._service.list(unified_msg_origin):
            await self._service.delete(unified_msg_origin, conversation.cid)
        for callback in self._on_deleted:
            await callback(unified_msg_origin)

    async def get_curr_conversation_id(self, unified_msg_origin: str) -> str | None:
        """Id of the current conversation, or None."""
        return await self._service.current_id(unified_msg_origin)

    async def get_conversation(
        self, unified_msg_origin: str, conversation_id: str, create_if_not_exists: bool = False
    ) -> Conversation | None:
        """A conversation; ``history`` is JSON text.

        Args:
            create_if_not_exists: Start a new one when there is none of that id.
        """
        found = await self._service.get(unified_msg_origin, conversation_id) if conversation_id else None
        if found is None and create_if_not_exists:
            made = await self._service.create(unified_msg_origin)
            return await self._service.get(unified_msg_origin, made)
        return found

    async def get_conversations(
        self, unified_msg_origin: str | None = None, platform_id: str | None = None
    ) -> list[Conversation]:
        """Conversations of a session, of a platform or all, latest first."""
        return await self._with_history(await self._service.list(unified_msg_origin, platform_id))

    async def _with_history(self, listed: Iterable[Conversation]) -> list[Conversation]:
        found = [await self._service.get(one.user_id, one.cid) for one in listed]
        return [one for one in found if one is not None]

    async def get_filtered_conversations(
        self,
        page: int = 1,
        page_size: int = 20,
        platform_ids: list[str] | None = None,
        search_query: str = "",
        include_history: bool = True,
        **_: Any,
    ) -> tuple[list[Conversation], int]:
        """One page of all conversations that fit, and how many fit.

        Args:
            include_history: False: ``history`` stays empty.
        """
        query = search_query.lower()
        fitting = [
            one
            for one in await self._service.list()
            if (not platform_ids or one.platform_id in platform_ids)
            and (not query or query in f"{one.title or ''}\n{one.user_id}\n{one.cid}".lower())
        ]
        start = (page - 1) * page_size
        shown = fitting[start : start + page_size]
        return await self._with_history(shown) if include_history else shown, len(fitting)

    async def update_conversation(
        self,
        unified_msg_origin: str,
        conversation_id: str | None = None,
        history: list[dict[str, Any]] | None = None,
        title: str | None = None,
        persona_id: str | None = None,
        token_usage: int | None = None,
    ) -> None:
        """Change what is given; without an id the current conversation's."""
        target = conversation_id or await self._service.current_id(unified_msg_origin)
        if target:
            await self._service.update(
                unified_msg_origin,
                target,
                history=history,
                title=title,
                persona_id=persona_id,
                token_usage=token_usage,
            )

    async def update_conversation_title(
        self, unified_msg_origin: str, title: str, conversation_id: str | None = None
    ) -> None:
        """Rename a conversation (old form)."""
        await self.update_conversation(unified_msg_origin, conversation_id, title=title)

    async def update_conversation_persona_id(
        self, unified_msg_origin: str, persona_id: str, conversation_id: str | None = None
    ) -> None:
        """Choose a conversation's persona (old form)."""
        await self.update_conversation(unified_msg_origin, conversation_id, persona_id=persona_id)

    async def add_message_pair(self, cid: str, user_message: Any, assistant_message: Any) -> None:
        """Append an exchange to a conversation.

        Raises:
            ValueError: There is no such conversation.
        """
        owner = next((one.user_id for one in await self._service.list() if one.cid == cid), None)
        found = await self._service.get(owner, cid) if owner else None
        if owner is None or found is None:
            raise ValueError(f"Conversation with id {cid} not found")
        pair = [one if isinstance(one, dict) else one.model_dump() for one in (user_message, assistant_message)]
        await self._service.update(owner, cid, history=[*json.loads(found.history or "[]"), *pair])

    async def get_human_readable_context(
        self, unified_msg_origin: str, conversation_id: str, page: int = 1, page_size: int = 10
    ) -> tuple[list[str], int]:
        """One page of a conversation as lines for people, latest first, and the number of pages."""
        found = await self._service.get(unified_msg_origin, conversation_id)
        lines = [_readable(message) for message in json.loads(found.history or "[]")] if found else []
        lines = [line for line in reversed(lines) if line]
        start = (page - 1) * page_size
        return lines[start : start + page_size], -(-len(lines) // page_size)


def _readable(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        content = " ".join(str(part.get("text") or f"[{part.get('type')}]") for part in content)
    match message.get("role"):
        case "user":
            return f"User: {content}"
        case "assistant" if content:
            return f"Assistant: {content}"
        case "assistant" if message.get("tool_calls"):
            names = ", ".join(call["function"]["name"] for call in message["tool_calls"])
            return f"Assistant: [{names}]"
        case _:
            return ""


def personality_of(persona: Persona) -> Personality:
    """A stored persona in v3 form."""
    return Personality(
        prompt=persona.system_prompt,
        name=persona.persona_id,
        begin_dialogs=list(persona.begin_dialogs),
        mood_imitation_dialogs=[],
        tools=persona.tools,
        skills=persona.skills,
        custom_error_message=persona.custom_error_message,
    )


class PersonaManager:
    """``context.persona_manager``."""

    def __init__(self, service: PersonaService) -> None:
        self._service = service

    @property
    def personas(self) -> list[Persona]:
        """All personas."""
        return list(self._service.all())

    @property
    def personas_v3(self) -> list[Personality]:
        """All personas in v3 form."""
        return [personality_of(one) for one in self._service.all()]

    @property
    def persona_v3_config(self) -> list[dict[str, Any]]:
        """All personas as configuration entries."""
        return [dict(one) for one in self.personas_v3]

    @property
    def selected_default_persona_v3(self) -> Personality:
        """The persona in force where nothing else is chosen."""
        return self._service.default()

    @property
    def selected_default_persona(self) -> Personality:
        """The same."""
        return self._service.default()

    @property
    def default_persona(self) -> str:
        """Its name."""
        return str(self._service.default().get("name", "default"))

    async def get_default_persona_v3(self, umo: Any = None) -> Personality:
        """The persona in force for a session; there is always one."""
        return self._service.default(str(umo) if umo is not None else None)

    async def resolve_selected_persona(
        self,
        *,
        umo: Any,
        conversation_persona_id: str | None,
        platform_name: str,
        provider_settings: dict[str, Any] | None = None,
    ) -> tuple[str | None, Personality | None, str | None, bool]:
        """Which persona answers in a session.

        Args:
            conversation_persona_id: The conversation's own choice; ``[%None]`` means no persona on purpose.
            platform_name: Accepted as AstrBot does; no platform has a default of its own here.
            provider_settings: Their ``default_personality`` is asked next.

        Returns:
            Its name, the persona, a name that a rule of the session forces (none here), and whether it is the default
            of a platform (never here).
        """
        if conversation_persona_id == NO_PERSONA:
            return NO_PERSONA, None, None, False
        wanted = conversation_persona_id or (provider_settings or {}).get("default_personality")
        persona = self.get_persona_v3_by_id(wanted) or self._service.default(str(umo))
        return persona.get("name"), persona, None, False

    async def get_persona(self, persona_id: str) -> Persona:
        """A persona.

        Raises:
            ValueError: There is none of that id.
        """
        found = next((one for one in self._service.all() if one.persona_id == persona_id), None)
        if found is None:
            raise ValueError(f"Persona with ID {persona_id} does not exist.")
        return found

    def get_persona_v3_by_id(self, persona_id: str | None) -> Personality | None:
        """A persona in v3 form, or None."""
        return next((one for one in self.personas_v3 if one.get("name") == persona_id), None)

    async def get_all_personas(self) -> list[Persona]:
        """All personas."""
        return self.personas

    async def create_persona(
        self,
        persona_id: str,
        system_prompt: str,
        begin_dialogs: list[str] | None = None,
        tools: list[str] | None = None,
        skills: list[str] | None = None,
        custom_error_message: str | None = None,
        folder_id: str | None = None,
        sort_order: int = 0,
    ) -> Persona:
        """Make a persona.

        Raises:
            ValueError: The id is taken.
        """
        if any(one.persona_id == persona_id for one in self._service.all()):
            raise ValueError(f"Persona with ID {persona_id} already exists.")
        made = Persona(
            persona_id, system_prompt, begin_dialogs or [], tools, skills, custom_error_message, folder_id, sort_order
        )
        await self._service.save(made)
        return made

    async def update_persona(
        self,
        persona_id: str,
        system_prompt: str | None = None,
        begin_dialogs: list[str] | None = None,
        tools: Any = KEEP,
        skills: Any = KEEP,
        custom_error_message: Any = KEEP,
    ) -> Persona:
        """Change what is given.

        Raises:
            ValueError: There is none of that id.
        """
        found = await self.get_persona(persona_id)
        changed = Persona(
            persona_id,
            found.system_prompt if system_prompt is None else system_prompt,
            found.begin_dialogs if begin_dialogs is None else begin_dialogs,
            found.tools if tools is KEEP else tools,
            found.skills if skills is KEEP else skills,
            found.custom_error_message if custom_error_message is KEEP else custom_error_message,
            found.folder_id,
            found.sort_order,
        )
        await self._service.save(changed)
        return changed

    async def delete_persona(self, persona_id: str) -> None:
        """Delete a persona.

        Raises:
            ValueError: There is none of that id.
        """
        await self.get_persona(persona_id)
        await self._service.delete(persona_id)
