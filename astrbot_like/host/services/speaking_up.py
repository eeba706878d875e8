"""The bot speaks up by itself: what a timed job asks for, in the words of the model that talks there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from astrbot_like.api.event import AstrMessageEvent, MessageChain
from astrbot_like.api.exceptions import ProviderNotFoundError
from astrbot_like.api.platform import AstrBotMessage, MessageMember, MessageSession, PlatformMetadata
from astrbot_like.domain.errors import ProcessingError

if TYPE_CHECKING:
    from astrbot_like.api.star import Context

TASK = (
    "Nobody has written to you now. A job that was set for this time is due, with this note: {note}\n"
    "Do what it says, with tools if need be. Your answer is sent to the user as it is, so write what you want to say "
    "to them, in the language you talk with them."
)


class UnaskedEvent(AstrMessageEvent):
    """Stands for the message that tools look for, in a run that no message began."""

    def __init__(self, context: Context, session: MessageSession, note: str) -> None:
        message = AstrBotMessage()
        message.type = session.message_type
        message.session_id = session.session_id
        message.message, message.message_str, message.message_id, message.self_id = [], note, "", ""
        message.sender = MessageMember(session.session_id, "")
        platform = PlatformMetadata(session.platform_id, "A timed job", session.platform_id)
        super().__init__(note, message, platform, session.session_id)
        self._context = context

    async def send(self, message: MessageChain) -> None:
        """Send to the session the job is for."""
        await self._context.send_message(self.session, message)
        await super().send(message)


class SpeakingUp:
    """Has the agent say something in a session; without a model the note itself is said.

    Args:
        context: The plugins' context, which reaches models, conversations and platforms.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    async def speak(self, umo: str, note: str) -> None:
        """Say what ``note`` asks for in the session ``umo`` (unified message origin).

        Raises:
            ProcessingError: No platform reaches that session, or ``umo`` is none.
            ProviderError: The model failed.
        """
        try:
            session = MessageSession.from_str(umo)
        except ValueError as error:
            raise ProcessingError(f"{umo!r} is no session.") from error
        said = await self._words(session, note)
        if said and not await self._context.send_message(session, MessageChain().message(said)):
            raise ProcessingError(f"No running platform reaches the session {umo}.")

    async def _words(self, session: MessageSession, note: str) -> str:
        context, umo = self._context, str(session)
        try:
            provider = await context.get_current_chat_provider_id(umo)
        except ProviderNotFoundError:
            return note
        persona = await context.persona_manager.get_default_persona_v3(umo)
        response = await context.tool_loop_agent(
            event=UnaskedEvent(context, session, note),
            chat_provider_id=provider,
            prompt=TASK.format(note=note),
            tools=context.get_llm_tool_manager().get_full_tool_set(),
            system_prompt=persona.get("prompt") or "",
            contexts=await self._history(umo),
        )
        return response.completion_text

    async def _history(self, umo: str) -> list[dict[str, Any]]:
        conversations = self._context.conversation_manager
        current = await conversations.get_curr_conversation_id(umo)
        found = await conversations.get_conversation(umo, current) if current else None
        return json.loads(found.history) if found is not None else []
