"""The web chat as a platform: takes requests off its queues and commits them as message events."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

from astrbot_like.api.event import MessageChain
from astrbot_like.api.message_components import (
    BaseMessageComponent,
    File,
    Image,
    Plain,
    Record,
    Reply,
    Video,
)
from astrbot_like.api.platform import (
    AstrBotMessage,
    MessageMember,
    MessageSession,
    MessageType,
    Platform,
    PlatformMetadata,
)
from astrbot_like.domain.errors import BotError, InternalError, NotFound, ProcessingError
from astrbot_like.domain.events import (
    BotMessageSaved,
    MediaReply,
    ReplyText,
    Stamped,
    TurnEnded,
    TurnEvent,
    TurnFailed,
)
from astrbot_like.domain.history import NewMessage
from astrbot_like.domain.messages import MessagePart, PlainPart, ReplyPart, display_text, media_kind
from astrbot_like.domain.origins import WEBCHAT, webchat_session
from astrbot_like.domain.ports import Attachments, History, Sessions
from astrbot_like.domain.turns import TurnRequest
from astrbot_like.engine.chains import split_chain
from astrbot_like.engine.context import TurnInput
from astrbot_like.engine.sink import TurnSink
from astrbot_like.platforms.webchat.event import WebchatEvent
from astrbot_like.platforms.webchat.queues import WebchatQueues
from astrbot_like.runtime.channels import ChannelClosed
from astrbot_like.runtime.clock import iso_millis
from astrbot_like.runtime.ids import new_id

log = logging.getLogger(__name__)

BOT_ID = "webchat"

COMMIT_DEADLINE = 30.0
"""Seconds a request may wait for room in the event queue."""

_HISTORY_ID = re.compile(r"[0-9]{1,18}")
"""What names a stored message; any other text is a name of the client's own."""


class WebchatAdapter(Platform):
    """The built-in platform adapter behind every front end of this server."""

    def __init__(
        self,
        queues: WebchatQueues,
        event_queue: asyncio.Queue[Any],
        sessions: Sessions,
        history: History,
        attachments: Attachments,
    ) -> None:
        super().__init__({"id": WEBCHAT, "type": WEBCHAT, "enable": True}, event_queue)
        self._queues = queues
        self._sessions = sessions
        self._history = history
        self._attachments = attachments
        self._meta = PlatformMetadata(WEBCHAT, "Web chat", WEBCHAT)

    def meta(self) -> PlatformMetadata:
        """What it is called."""
        return self._meta

    async def run(self) -> None:
        """Commit requests until the queues are closed."""
        while True:
            try:
                request, sink = await self._queues.take()
            except ChannelClosed:
                return
            try:
                event = await self._event(request, sink)
                if not self._event_queue.full():
                    self._event_queue.put_nowait(event)
                    continue
                async with asyncio.timeout(COMMIT_DEADLINE):
                    await self._event_queue.put(event)
            except BotError as error:
                await _fail(sink, error)
            except TimeoutError:
                await _fail(sink, ProcessingError("The server is too busy."))
            except Exception as error:
                # One message must not stop everybody's, nor leave its sender waiting.
                log.error("message could not be committed", exc_info=error)
                await _fail(sink, InternalError())

    async def _event(self, request: TurnRequest, sink: TurnSink) -> WebchatEvent:
        message = AstrBotMessage()
        message.type = MessageType.FRIEND_MESSAGE
        message.self_id = BOT_ID
        message.session_id = webchat_session(request.username, request.session_id)
        message.message_id = request.message_id
        message.sender = MessageMember(user_id=request.username, nickname=request.username)
        message.message = [await self._component(request, part) for part in request.parts]
        message.message_str = "\n".join(part.text for part in request.parts if isinstance(part, PlainPart))
        message.raw_message = request
        return WebchatEvent(message, self._meta, TurnInput(request, sink))

    async def _component(self, request: TurnRequest, part: MessagePart) -> BaseMessageComponent:
        if isinstance(part, PlainPart):
            return Plain(part.text)
        if isinstance(part, ReplyPart):
            return await self._quotation(request.session_id, part)
        attachment = await self._attachments.get(part.attachment_id)
        if attachment is None or not attachment.readable_by(request.username, request.credential):
            raise NotFound(f"Attachment not found: {part.attachment_id}")
        match media_kind(part):
            case "image":
                return Image.fromFileSystem(attachment.path, name=attachment.filename)
            case "record":
                return Record.fromFileSystem(attachment.path, name=attachment.filename)
            case "video":
                return Video.fromFileSystem(attachment.path, name=attachment.filename)
            case "file":
                return File(name=attachment.filename, file=attachment.path)

    async def _quotation(self, session_id: str, part: ReplyPart) -> Reply:
        text = part.selected_text
        number = str(part.message_id)
        if not text and _HISTORY_ID.fullmatch(number):
            found = await self._history.after(session_id, int(number) - 1, limit=1)
            if found and found[0].id == int(number):
                text = found[0].text
        return Reply(id=number, message_str=text, text=text, sender_id="", chain=[Plain(text)] if text else [])

    # --- messages on the bot's own initiative -------------------------------------------------------

    async def send_by_session(self, session: MessageSession, message_chain: MessageChain) -> None:
        """Store a message the bot sends by itself, and hand it to everyone bound to the session.

        Raises:
            NotFound: There is no such session.
        """
        # Programs know a session by its id alone, as the list of sessions gives it.
        found = await self._sessions.by_umo(str(session)) or await self._sessions.get(session.session_id)
        if found is None:
            raise NotFound(f"There is no web chat session {session}.")
        parts = tuple(await split_chain(message_chain, self._attachments))
        if not parts:
            return
        turn_id = new_id()
        text = display_text(parts)
        stored = await self._history.append(
            NewMessage(
                session_id=found.session_id,
                conversation_id=found.conversation_id,
                turn_id=turn_id,
                role="bot",
                parts=parts,
                context=({"role": "assistant", "content": text},),
                text=text,
            )
        )
        events: list[TurnEvent] = []
        for part in parts:
            if isinstance(part, PlainPart):
                events.append(ReplyText(part.text, streamed=False))
            elif not isinstance(part, ReplyPart):
                events.append(MediaReply(media_kind(part), part.attachment_id, part.filename))
        events.append(BotMessageSaved(stored.id, stored.created_at, text, iso_millis(stored.created_at), parts))
        events.append(TurnEnded("completed"))
        for event in events:
            self._queues.publish(Stamped(found.session_id, turn_id, turn_id, event))
        await super().send_by_session(session, message_chain)


async def _fail(sink: TurnSink, error: BotError) -> None:
    await sink.send(TurnFailed(error.code, error.message))
    await sink.send(TurnEnded("failed"))
    sink.finish()
