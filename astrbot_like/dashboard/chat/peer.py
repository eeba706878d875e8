"""Chat mode on one connection: requests in flight, subscriptions, and the frames of both."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Any

from astrbot_like.dashboard.chat import frames as f
from astrbot_like.dashboard.chat import wire
from astrbot_like.dashboard.chat.follow import SessionFollower
from astrbot_like.dashboard.chat.turns import ChatCall, ChatTurns
from astrbot_like.dashboard.chat.wire import ChatDecoder, ChatWire
from astrbot_like.dashboard.parts import check_text_length
from astrbot_like.domain.errors import BadUser, BotError, InternalError, InvalidMessageFormat, ProcessingError
from astrbot_like.domain.events import TurnEnded
from astrbot_like.domain.ports import History, ReplyStream, SessionEvents
from astrbot_like.domain.turns import TurnOptions
from astrbot_like.runtime.channels import Channel, ChannelClosed
from astrbot_like.runtime.ids import new_id
from astrbot_like.runtime.tasks import cancel_and_wait

log = logging.getLogger(__name__)

MAX_REQUESTS = 64
"""Requests of one connection in flight."""

MAX_SUBSCRIPTIONS = 64
"""Sessions one connection is bound to."""

REMEMBERED = 1024
"""Own requests whose late events are still told from those of others."""


class _Request:
    __slots__ = ("call", "interrupted", "stream", "task", "turn_id", "wire")

    def __init__(self, call: ChatCall, turn_id: str) -> None:
        self.call = call
        self.turn_id = turn_id
        self.stream: ReplyStream | None = None
        self.interrupted = False
        self.task: asyncio.Task[None] | None = None

    def interrupt(self) -> None:
        self.interrupted = True
        if self.stream is not None:
            self.stream.interrupt()


class ChatPeer:
    """One connection's chat.

    Args:
        turns: The way into the engine.
        events: Live events of sessions.
        history: Stored messages, for catch-up.
        username: The connection's user.
        credential: Id of the API key; empty for a signed-in user.
        output: Where frames go; bounded, shared with whatever else the connection speaks.
        max_text: Longest text of a message, in characters.
    """

    def __init__(
        self,
        *,
        turns: ChatTurns,
        events: SessionEvents,
        history: History,
        username: str,
        credential: str,
        output: Channel[Any],
        max_text: int,
    ) -> None:
        self._turns = turns
        self._events = events
        self._history = history
        self._username = username
        self._credential = credential
        self._output = output
        self._max_text = max_text
        self._decoder = ChatDecoder()
        self._requests: dict[str, _Request] = {}
        self._own: OrderedDict[str, None] = OrderedDict()
        self._following: dict[str, tuple[SessionFollower, asyncio.Task[None]]] = {}

    @property
    def busy(self) -> bool:
        """Whether a request of this connection is running."""
        return bool(self._requests)

    def receive(self, raw: str) -> f.ChatOutFrame | None:
        """Deal with a frame; returns what is answered at once. Never raises for what a client sends."""
        frame: f.ChatInFrame | None = None
        try:
            frame = self._decoder.decode(raw)
            match frame:
                case f.ChatPing():
                    return f.ChatPong(ct="chat")
                case f.Bind():
                    self._bind(frame)
                case f.Send():
                    self._send(frame)
                case f.ChatInterrupt():
                    self._interrupt(frame.message_id)
        except BotError as error:
            return self._error(error, frame)
        return None

    async def aclose(self) -> None:
        """End everything of this connection. A turn goes on only when others are bound to its session."""
        following = list(self._following.values())
        self._following.clear()
        for follower, _ in following:
            follower.close()
        tasks = [request.task for request in self._requests.values() if request.task is not None]
        await cancel_and_wait(*(task for _, task in following), *tasks)

    # --- send ------------------------------------------------------------------------------------------

    def _send(self, frame: f.Send) -> None:
        if frame.username is not None and frame.username != self._username:
            raise BadUser("username does not match the user of this connection")
        parts = wire.send_parts(frame.message)
        check_text_length(parts, self._max_text)
        message_id = frame.message_id or new_id()
        if message_id in self._requests:
            raise ProcessingError(f"message_id is already being processed: {message_id[:128]}")
        if len(self._requests) >= MAX_REQUESTS:
            raise ProcessingError(f"Too many requests in flight on this connection; at most {MAX_REQUESTS}.")
        call = ChatCall(
            username=self._username,
            message_id=message_id,
            parts=parts,
            options=turn_options(frame),
            origin="chat",
            session_id=frame.session_id or None,
            credential=self._credential,
        )
        request = self._requests[message_id] = _Request(call, new_id())
        self._remember(message_id)
        self._remember(request.turn_id)
        request.task = asyncio.create_task(self._run(request), name="chat request")

    async def _run(self, request: _Request) -> None:
        call = request.call
        shown = ChatWire(
            session_id=call.session_id or "",
            message_id=call.message_id,
            show_reasoning=call.options.show_reasoning,
        )
        try:
            session = await self._turns.session(call)
            shown = ChatWire(
                session_id=session.session_id,
                message_id=call.message_id,
                show_reasoning=call.options.show_reasoning,
            )
            request.stream = await self._turns.submit(call, session, turn_id=request.turn_id)
            if request.interrupted:
                request.stream.interrupt()
            await self._relay(request.stream, shown)
        except BotError as error:
            await self._output.send(shown.error(error))
        except ChannelClosed:
            return
        except Exception as error:
            log.error("chat request failed", exc_info=error)
            await self._output.send(shown.error(InternalError()))
        finally:
            self._requests.pop(call.message_id, None)
            if request.stream is not None:
                await request.stream.aclose()

    async def _relay(self, stream: ReplyStream, shown: ChatWire) -> None:
        complete = False
        async for event in stream:
            complete = complete or isinstance(event, TurnEnded)
            for frame in shown.frames(event):
                await self._output.send(frame)
        if not complete:
            await self._output.send(shown.error(ProcessingError("The reply was cut off. Please try again.")))
            for frame in shown.frames(TurnEnded("failed")):
                await self._output.send(frame)

    def _interrupt(self, message_id: str | None) -> None:
        if message_id is None:
            for request in tuple(self._requests.values()):
                request.interrupt()
        elif (request := self._requests.get(message_id)) is not None:
            request.interrupt()

    # --- bind ------------------------------------------------------------------------------------------

    def _bind(self, frame: f.Bind) -> None:
        session_id = frame.session_id
        if not isinstance(session_id, str) or not session_id:
            raise InvalidMessageFormat(wire.SESSION_REQUIRED)
        if session_id not in self._following and len(self._following) >= MAX_SUBSCRIPTIONS:
            raise ProcessingError(f"Too many sessions bound on this connection; at most {MAX_SUBSCRIPTIONS}.")
        before = self._following.pop(session_id, None)
        follower = SessionFollower(session_id, self._events, self._history, self._is_own)
        task = asyncio.create_task(self._follow(follower, session_id, frame.after, before), name="session follower")
        self._following[session_id] = (follower, task)

    async def _follow(
        self,
        follower: SessionFollower,
        session_id: str,
        after: int | None,
        before: tuple[SessionFollower, asyncio.Task[None]] | None,
    ) -> None:
        subscription_id = new_id("ws_sub_")
        shown = ChatWire(session_id=session_id, message_id=subscription_id)
        try:
            if before is not None:
                before[0].close()
                await cancel_and_wait(before[1])
            await self._turns.owned(session_id, self._username)
            follower.subscribe()
            await self._output.send(f.SessionBound(ct="chat", session_id=session_id, message_id=subscription_id))
            async for frame in follower.frames(after):
                await self._output.send(frame)
        except BotError as error:
            await self._tell(shown.error(error))
        except ChannelClosed:
            return
        finally:
            follower.close()
            known = self._following.get(session_id)
            if known is not None and known[0] is follower:
                del self._following[session_id]

    # --- helpers ---------------------------------------------------------------------------------------

    async def _tell(self, frame: f.ChatOutFrame) -> None:
        try:
            await self._output.send(frame)
        except ChannelClosed:
            return  # the connection is gone

    def _remember(self, own_id: str) -> None:
        self._own[own_id] = None
        if len(self._own) > REMEMBERED:
            self._own.popitem(last=False)

    def _is_own(self, own_id: str) -> bool:
        return own_id in self._own

    @staticmethod
    def _error(error: BotError, frame: f.ChatInFrame | None) -> f.ChatError:
        message_id = getattr(frame, "message_id", None)
        session_id = getattr(frame, "session_id", None)
        shown = ChatWire(
            message_id=message_id if isinstance(message_id, str) else "",
            session_id=session_id if isinstance(session_id, str) else "",
        )
        return shown.error(error)


def turn_options(frame: f.Send) -> TurnOptions:
    """A request's choices."""
    return TurnOptions(
        streaming=frame.enable_streaming,
        show_reasoning=frame.show_reasoning,
        llm_provider=frame.selected_provider or None,
        model=frame.selected_model or None,
        persona_prompt=frame.persona_prompt or None,
    )
