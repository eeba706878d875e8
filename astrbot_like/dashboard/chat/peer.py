"""Chat mode on one connection: requests in flight, subscriptions, and the frames of both."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import UNSET, Struct

from astrbot_like.dashboard.chat import frames as f
from astrbot_like.dashboard.chat import wire
from astrbot_like.dashboard.chat.follow import SessionFollower
from astrbot_like.dashboard.chat.requests import RequestsInFlight
from astrbot_like.dashboard.chat.turns import ChatCall, ChatTurns
from astrbot_like.dashboard.chat.wire import ChatDecoder, ChatWire
from astrbot_like.dashboard.parts import check_text_length
from astrbot_like.dashboard.settings import SocketSettings
from astrbot_like.domain.errors import BadUser, BotError, InvalidMessageFormat, ProcessingError
from astrbot_like.domain.ports import History, SessionEvents
from astrbot_like.domain.turns import TurnOptions
from astrbot_like.runtime.channels import Channel, ChannelClosed
from astrbot_like.runtime.ids import new_id
from astrbot_like.runtime.tasks import cancel_and_wait


class _Following(Struct):
    """A subscription and the task that sends what comes of it.

    Attributes:
        ended: Set when the task has ended. Who comes after waits for this rather than for the task: a cancelled task
            keeps its frames, so that each would keep the one before it, as long as a client binds the session again.
    """

    follower: SessionFollower
    task: asyncio.Task[None]
    ended: asyncio.Event

    def stop(self) -> None:
        """End it; returns at once."""
        self.follower.close()
        self.task.cancel()


class ChatPeer:
    """One connection's chat.

    Args:
        turns: The way into the engine.
        events: Live events of sessions.
        history: Stored messages, for catch-up.
        username: The connection's user.
        credential: Id of the API key; empty for a signed-in user.
        output: Where frames go; bounded, shared with whatever else the connection speaks.
        limits: Of text, requests and subscriptions.
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
        limits: SocketSettings,
    ) -> None:
        self._turns = turns
        self._events = events
        self._history = history
        self._username = username
        self._credential = credential
        self._output = output
        self._limits = limits
        self._decoder = ChatDecoder()
        self._requests = RequestsInFlight(turns, output, limits.chat_requests)
        self._following: dict[str, _Following] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether a request of this connection is running."""
        return len(self._requests) > 0

    def receive(self, raw: str) -> f.ChatOutFrame | None:
        """Deal with a frame; returns what is answered at once. Never raises for what a client sends."""
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
                    self._requests.interrupt(frame.message_id)
        except BotError as error:
            return wire.refusal(error, raw)
        return None

    async def aclose(self) -> None:
        """End everything of this connection.

        A turn goes on when somebody is bound to its session. A connection that was bound itself is expected back: it
        binds again and catches up, so its drop stops nothing.
        """
        expected = [self._events.subscribe(session_id) for session_id in self._following]
        for following in self._following.values():
            following.stop()
        self._following.clear()
        try:
            await cancel_and_wait(*self._tasks)
            await self._requests.aclose()
        finally:
            for subscription in expected:
                subscription.close()

    def _send(self, frame: f.Send) -> None:
        if frame.username is not None and frame.username != self._username:
            raise BadUser("username does not match the user of this connection")
        parts = wire.send_parts(frame.message)
        check_text_length(parts, self._limits.max_text_chars)
        message_id = frame.message_id or new_id()
        call = ChatCall(
            username=self._username,
            message_id=message_id,
            parts=parts,
            options=turn_options(frame),
            origin="chat",
            session_id=frame.session_id or None,
            credential=self._credential,
        )

        async def prepared() -> ChatCall:
            return call

        def make_wire(session_id: str) -> ChatWire:
            return ChatWire(session_id=session_id, message_id=message_id, show_reasoning=frame.show_reasoning)

        self._requests.start(message_id, prepared, make_wire)

    def _bind(self, frame: f.Bind) -> None:
        session_id = frame.session_id
        if not isinstance(session_id, str) or not session_id:
            raise InvalidMessageFormat(wire.SESSION_REQUIRED)
        limit = self._limits.chat_subscriptions
        if session_id not in self._following and len(self._following) >= limit:
            raise ProcessingError(f"Too many sessions bound on this connection; at most {limit}.")
        before = self._following.pop(session_id, None)
        if before is not None:
            before.stop()
        follower = SessionFollower(session_id, self._events, self._history, self._requests.is_own)
        following = self._follow(follower, session_id, frame.after, before.ended if before is not None else None)
        task = asyncio.create_task(following, name="session follower")
        ended = asyncio.Event()
        task.add_done_callback(lambda _: ended.set())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._following[session_id] = _Following(follower, task, ended)

    async def _follow(
        self,
        follower: SessionFollower,
        session_id: str,
        after: int | None,
        before: asyncio.Event | None,
    ) -> None:
        subscription_id = new_id("ws_sub_")
        try:
            if before is not None:
                await before.wait()
            await self._turns.owned(session_id, self._username)
            follower.subscribe()
            running = (follower.running() if after is not None else ()) or UNSET
            bound = f.SessionBound(ct="chat", session_id=session_id, message_id=subscription_id, running=running)
            await self._output.send(bound)
            async for frame in follower.frames(after):
                await self._output.send(frame)
        except BotError as error:
            if not self._output.closed:
                await self._output.send(ChatWire(session_id=session_id, message_id=subscription_id).error(error))
        except ChannelClosed:
            return
        finally:
            follower.close()
            known = self._following.get(session_id)
            if known is not None and known.follower is follower:
                del self._following[session_id]


def turn_options(frame: f.Send) -> TurnOptions:
    """A request's choices."""
    return TurnOptions(
        streaming=frame.enable_streaming,
        show_reasoning=frame.show_reasoning,
        llm_provider=frame.selected_provider or None,
        model=frame.selected_model or None,
        persona_prompt=frame.persona_prompt or None,
        locale=frame.locale or None,
    )
