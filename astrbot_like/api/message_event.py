"""The event every handler gets."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.api.chain import MessageChain, MessageEventResult
from astrbot_like.api.components.base import BaseMessageComponent
from astrbot_like.api.components.basic import At, Face, Forward, Plain, Reply
from astrbot_like.api.components.media import Image
from astrbot_like.api.incoming import (
    AstrBotMessage,
    Group,
    MessageSession,
    MessageType,
    PlatformMetadata,
)
from astrbot_like.api.texts import text as host_text

if TYPE_CHECKING:
    from astrbot_like.api.provider.entities import ProviderRequest
    from astrbot_like.api.tools import ToolSet

log = logging.getLogger(__name__)

SEGMENT_PAUSE = 1.5
"""Seconds between segments of a reply sent piece by piece to a platform without streaming."""


class AstrMessageEvent:
    """A message on its way through the pipeline, and the way to answer it.

    Platform adapters subclass it and override ``send``.

    Attributes:
        message_str: The text; after waking without the wake prefix. Not normalised.
        message_obj: The whole message.
        platform_meta: The platform instance it came from (``platform`` is the same).
        session: Where it came from; ``unified_msg_origin`` as text.
        role: ``admin`` or ``member``.
        is_wake: The bot is addressed, or a listener takes the event.
        is_at_or_wake_command: Addressed by wake prefix, mention, quotation or in private; listeners alone don't set it.
        call_llm: True forbids the default answer of the model.
        plugins_name: Names of the plugins that may handle it; None: all.
        created_at: Unix seconds.
    """

    def __init__(
        self, message_str: str, message_obj: AstrBotMessage, platform_meta: PlatformMetadata, session_id: str
    ) -> None:
        self.message_str = message_str or ""  # some adapters give None to what has no text
        self.message_obj = message_obj
        self.platform_meta = platform_meta
        self.platform = platform_meta
        self.role = "member"
        self.is_wake = False
        self.is_at_or_wake_command = False
        self.call_llm = False
        self.plugins_name: list[str] | None = None
        self.created_at = time.time()
        self.session = MessageSession(platform_meta.id, _message_type(message_obj), session_id)
        self._extras: dict[str, Any] = {}
        self._result: MessageEventResult | None = None
        self._force_stopped = False
        self._has_send_oper = False
        self._temporary_local_files: list[str] = []

    # --- where it comes from -------------------------------------------------------------------

    @property
    def unified_msg_origin(self) -> str:
        """``<platform id>:<message type>:<session id>``; plugins store it to send messages later."""
        return str(self.session)

    @unified_msg_origin.setter
    def unified_msg_origin(self, value: str) -> None:
        self.session = MessageSession.from_str(value)

    @property
    def session_id(self) -> str:
        """The group's id in groups, the user's in private."""
        return self.session.session_id

    @session_id.setter
    def session_id(self, value: str) -> None:
        self.session.session_id = value

    def get_session_id(self) -> str:
        """The same as ``session_id``."""
        return self.session_id

    def get_platform_name(self) -> str:
        """Type of the platform adapter (``webchat``, ``telegram`` …)."""
        return self.platform_meta.name

    def get_platform_id(self) -> str:
        """Id of the platform instance."""
        return self.platform_meta.id

    def get_message_type(self) -> MessageType:
        """Group, private or other."""
        given = getattr(self.message_obj, "type", None)
        return given if isinstance(given, MessageType) else self.session.message_type

    def is_private_chat(self) -> bool:
        """Whether it was said in private."""
        return self.get_message_type() == MessageType.FRIEND_MESSAGE

    def get_group_id(self) -> str:
        """The group's id; empty in private."""
        return getattr(self.message_obj, "group_id", "") or ""

    def get_self_id(self) -> str:
        """The bot's id on the platform."""
        return getattr(self.message_obj, "self_id", "")

    def get_sender_id(self) -> str:
        """The sender's id; empty when there is none or it is not text."""
        user_id = getattr(getattr(self.message_obj, "sender", None), "user_id", None)
        return user_id if isinstance(user_id, str) else ""

    def get_sender_name(self) -> str:
        """The sender's name; may be empty."""
        nickname = getattr(getattr(self.message_obj, "sender", None), "nickname", None)
        return "" if nickname is None else str(nickname)

    async def get_group(self, group_id: str | None = None, **kwargs: Any) -> Group | None:
        """The group's data as far as the platform gives it; None in private."""
        return getattr(self.message_obj, "group", None)

    # --- what it says --------------------------------------------------------------------------

    def get_message_str(self) -> str:
        """The same as ``message_str``."""
        return self.message_str

    def get_messages(self) -> list[BaseMessageComponent]:
        """The message's components."""
        return getattr(self.message_obj, "message", [])

    def get_message_outline(self) -> str:
        """The message in words, with a placeholder for every component that is not text."""
        return " ".join(_outlined(part) for part in self.get_messages() or [])

    # --- state ---------------------------------------------------------------------------------

    def set_extra(self, key: str, value: Any) -> None:
        """Keep something with this event."""
        self._extras[key] = value

    def get_extra(self, key: str | None = None, default: Any = None) -> Any:
        """What was kept under ``key``; without a key the whole dictionary."""
        return self._extras if key is None else self._extras.get(key, default)

    def clear_extra(self) -> None:
        """Forget everything kept with this event."""
        self._extras.clear()

    def is_wake_up(self) -> bool:
        """The same as ``is_wake``."""
        return self.is_wake

    def is_admin(self) -> bool:
        """Whether the sender is an administrator."""
        return self.role == "admin"

    def should_call_llm(self, call_llm: bool) -> None:
        """``True`` forbids the default answer of the model (the name is historical)."""
        self.call_llm = call_llm

    def stop_event(self) -> None:
        """Let no further handler and no model run. The current or next result is still sent once."""
        self._force_stopped = True
        if self._result is not None:
            self._result.stop_event()

    def continue_event(self) -> None:
        """Undo ``stop_event``."""
        self._force_stopped = False
        if self._result is not None:
            self._result.continue_event()

    def is_stopped(self) -> bool:
        """Whether the event was stopped, by itself or by its result."""
        return self._force_stopped or (self._result is not None and self._result.is_stopped())

    def track_temporary_local_file(self, path: str) -> None:
        """Have the file ``path`` deleted when the event is done."""
        if path and path not in self._temporary_local_files:
            self._temporary_local_files.append(path)

    def cleanup_temporary_local_files(self) -> None:
        """Delete the tracked files; the pipeline calls it, off the event loop."""
        paths, self._temporary_local_files = self._temporary_local_files, []
        for path in paths:
            try:
                Path(path).unlink(missing_ok=True)
            except OSError as error:
                log.warning("temporary file not removed", extra={"error": str(error)})

    # --- answering -----------------------------------------------------------------------------

    def set_result(self, result: MessageEventResult | str) -> None:
        """Make ``result`` the answer; it is sent when the handler ends or yields."""
        self._result = MessageEventResult().message(result) if isinstance(result, str) else result

    def get_result(self) -> MessageEventResult | None:
        """The answer so far."""
        return self._result

    def clear_result(self) -> None:
        """Drop the answer; a stop stays in force."""
        self._result = None

    def make_result(self) -> MessageEventResult:
        """An empty result to build on."""
        return MessageEventResult()

    def plain_result(self, text: str) -> MessageEventResult:
        """A result with one text."""
        return MessageEventResult().message(text)

    def image_result(self, url_or_path: str) -> MessageEventResult:
        """A result with one picture: a URL when it starts with ``http``, else a file."""
        if url_or_path.startswith("http"):
            return MessageEventResult().url_image(url_or_path)
        return MessageEventResult().file_image(url_or_path)

    def chain_result(self, chain: list[BaseMessageComponent]) -> MessageEventResult:
        """A result around the given list, which is kept, not copied."""
        return MessageEventResult(chain=chain)

    def request_llm(
        self,
        prompt: str,
        func_tool_manager: Any = None,
        tool_set: ToolSet | None = None,
        session_id: str = "",
        image_urls: list[str] | None = None,
        audio_urls: list[str] | None = None,
        contexts: list[Any] | None = None,
        system_prompt: str = "",
        conversation: Any = None,
    ) -> ProviderRequest:
        """Build a request to the model; ``yield`` it to have it answered.

        Args:
            func_tool_manager: Old way to give tools; ``tool_set`` is preferred.
            contexts: Earlier messages in OpenAI form. Given, ``conversation`` is ignored.
            conversation: The conversation to read and to continue; without it no history is used or stored.
        """
        from astrbot_like.api.provider.entities import ProviderRequest

        tools = tool_set
        if tools is None and func_tool_manager is not None:
            tools = func_tool_manager.get_full_tool_set()
        return ProviderRequest(
            prompt=prompt,
            session_id=session_id,
            image_urls=image_urls or [],
            audio_urls=audio_urls or [],
            func_tool=tools,
            contexts=contexts or [],
            system_prompt=system_prompt,
            conversation=None if contexts else conversation,
        )

    async def send(self, message: MessageChain) -> None:
        """Send at once, past the decorating hooks. Adapters override it and call ``super().send``."""
        self._has_send_oper = True

    async def send_streaming(self, generator: AsyncGenerator[MessageChain, None], use_fallback: bool = False) -> None:
        """Send a reply as it is made; adapters that can't override nothing and get it as one message.

        Args:
            use_fallback: Send sentence by sentence rather than at the end.
        """
        buffer = ""
        others: list[BaseMessageComponent] = []
        async for chain in generator:
            for part in chain.chain:
                if isinstance(part, Plain):
                    buffer += part.text
                else:
                    others.append(part)
            if use_fallback:
                buffer = await self.process_buffer(buffer, re.compile(r"[^。？！~…\n]+[。？！~…\n]+"))
        rest = ([Plain(buffer)] if buffer.strip() else []) + others
        if rest:
            await self.send(MessageChain(rest))
        self._has_send_oper = True

    async def process_buffer(self, buffer: str, pattern: re.Pattern[str]) -> str:
        """Send every piece of ``buffer`` that ``pattern`` finds; returns what is left."""
        while match := pattern.search(buffer):
            piece = match.group().strip()
            if piece:
                await self.send(MessageChain([Plain(piece)]))
                await asyncio.sleep(SEGMENT_PAUSE)
            buffer = buffer[match.end() :]
        return buffer

    async def send_typing(self) -> None:
        """Show that the bot is typing, where the platform can."""

    async def stop_typing(self) -> None:
        """End ``send_typing``."""

    async def react(self, emoji: str) -> None:
        """React to the message; platforms without reactions send the emoji."""
        await self.send(MessageChain([Plain(emoji)]))


def _message_type(message_obj: AstrBotMessage) -> MessageType:
    given = getattr(message_obj, "type", None)
    if isinstance(given, MessageType):
        return given
    try:
        return MessageType(str(given))
    except ValueError:
        log.warning("message of unknown type, treated as private", extra={"type": repr(given)})
        return MessageType.FRIEND_MESSAGE


def _outlined(part: BaseMessageComponent) -> str:
    match part:
        case Plain():
            return part.text
        case Image():
            return host_text("outline.image")
        case Face():
            return host_text("outline.face", id=part.id)
        case At():
            return f"[At:{part.qq}]"
        case Forward():
            return host_text("outline.forward")
        case Reply() if part.message_str:
            return host_text("outline.quote_of", sender=part.sender_nickname, text=part.message_str)
        case Reply():
            return host_text("outline.quote")
        case _:
            return f"[{part.type}]"
