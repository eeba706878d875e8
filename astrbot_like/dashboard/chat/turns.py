"""From a chat request of any front end to its running turn."""

from __future__ import annotations

from typing import Protocol

import msgspec

from astrbot_like.domain.errors import SessionError
from astrbot_like.domain.history import Session
from astrbot_like.domain.messages import MessagePart, display_text
from astrbot_like.domain.origins import WEBCHAT
from astrbot_like.domain.ports import ReplyStream, Sessions, TurnGateway
from astrbot_like.domain.turns import Origin, TurnOptions, TurnRequest
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.ids import new_id


class ChatCall(msgspec.Struct, frozen=True):
    """One message of a user, checked.

    Attributes:
        session_id: None: a new session is made.
        credential: Id of the API key that asked; empty for a signed-in user.
    """

    username: str
    message_id: str
    parts: tuple[MessagePart, ...]
    options: TurnOptions
    origin: Origin
    session_id: str | None = None
    credential: str = ""


class ProfileBinding(Protocol):
    """Which profile a session talks with."""

    async def bind(self, session_id: str, profile_id: str) -> Session:
        """Bind the session to a profile that exists."""
        ...


class ChatTurns:
    """Opens sessions for their owners and hands requests to the engine."""

    def __init__(
        self, sessions: Sessions, gateway: TurnGateway, clock: Clock, profiles: ProfileBinding | None = None
    ) -> None:
        self._sessions = sessions
        self._gateway = gateway
        self._clock = clock
        self._profiles = profiles

    async def session(self, call: ChatCall) -> Session:
        """The session of the call, made when it does not exist, bound to the profile that the call names.

        Raises:
            SessionError: It belongs to another user.
        """
        session = await self._sessions.open(call.session_id, username=call.username)
        if call.options.profile_id is not None and self._profiles is not None:
            return await self._profiles.bind(session.session_id, call.options.profile_id)
        return session

    async def owned(self, session_id: str, username: str) -> Session:
        """An existing session of the user.

        Raises:
            SessionError: There is none of that name, or it belongs to another user.
        """
        session = await self._sessions.get(session_id)
        if session is None:
            raise SessionError("session_id not found")
        if session.creator != username or session.platform_id != WEBCHAT:
            raise SessionError
        return session

    async def submit(self, call: ChatCall, session: Session, *, turn_id: str = "") -> ReplyStream:
        """Start the turn.

        Raises:
            ProcessingError: Too many requests of the session are waiting, or ``message_id`` is an active one's.
        """
        return await self._gateway.submit(
            TurnRequest(
                turn_id=turn_id or new_id(),
                message_id=call.message_id,
                session_id=session.session_id,
                username=call.username,
                parts=call.parts,
                text=display_text(call.parts),
                options=call.options,
                origin=call.origin,
                started_at=self._clock.monotonic(),
                credential=call.credential,
            )
        )
