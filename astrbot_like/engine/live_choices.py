"""What one live connection has chosen: its options, and the chat session that its turns belong to."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from astrbot_like.domain.errors import InvalidMessageFormat, ProcessingError
from astrbot_like.domain.history import Session
from astrbot_like.domain.live import LiveOpen, LiveOptions
from astrbot_like.domain.ports import Sessions
from astrbot_like.domain.turns import TurnOptions
from astrbot_like.engine.listening import Voices

_PROVIDERS = frozenset({"stt_provider", "llm_provider", "tts_provider"})


class LiveChoices:
    """The options in force. The chat session is made when the first turn needs it."""

    __slots__ = ("_changing", "_opened", "_sessions", "_voices", "options", "session")

    def __init__(self, opened: LiveOpen, sessions: Sessions, voices: Voices) -> None:
        self._opened = opened
        self._sessions = sessions
        self._voices = voices
        self._changing = asyncio.Lock()
        self.options = LiveOptions()
        self.session: Session | None = None

    @property
    def server_turns(self) -> bool:
        """Whether the server marks the turns."""
        return self.options.turn_detection == "server"

    @property
    def new_input_interrupts(self) -> bool:
        """Whether input during a reply interrupts it rather than being refused."""
        return self.options.barge_in or self.server_turns

    @property
    def username(self) -> str:
        """The connection's user."""
        return self._opened.username

    @property
    def credential(self) -> str:
        """Id of the API key, for accounting; empty for a signed-in user."""
        return self._opened.credential

    @property
    def umo(self) -> str:
        """Origin of the chat session; empty before there is one."""
        return self.session.umo if self.session is not None else ""

    async def update(self, changes: dict[str, Any]) -> None:
        """Change options: all of them or, when one can't be, none.

        Raises:
            ProcessingError: There is no such session.
            ConfigError: A provider or the persona that is chosen is not there.
            InvalidMessageFormat: An option that is not known.
            TurnTimeout: Providers are not known yet: the server is still starting.
        """
        async with self._changing:
            if not _PROVIDERS.isdisjoint(changes):
                await self._voices.started()
            session = self.session
            if (session_id := changes.get("session_id")) is not None:
                if await self._sessions.get(session_id) is None:
                    raise ProcessingError(f"There is no session {session_id}.")
                session = await self._sessions.open(session_id, username=self.username)
            try:
                options = msgspec.structs.replace(self.options, **changes)
            except TypeError as error:
                raise InvalidMessageFormat(str(error)) from error
            self._voices.check_choice(self.turn_options(options))
            self.session, self.options = session, options

    async def settled(self) -> None:
        """Wait for changes under way: what the client sent after them counts with them."""
        if self._changing.locked():
            async with self._changing:
                return

    def effective(self) -> dict[str, Any]:
        """The options by name, as a client is told."""
        effective = msgspec.structs.asdict(self.options)
        if self.session is not None:
            effective["session_id"] = self.session.session_id
        return effective

    async def chat_session(self) -> Session:
        """The session that turns belong to; a new one when none is open yet."""
        if self.session is None:
            self.session = await self._sessions.open(None, username=self.username)
        return self.session

    def turn_options(self, options: LiveOptions | None = None) -> TurnOptions:
        """Options of a turn that begins now.

        Args:
            options: In the place of those in force.
        """
        chosen = options or self.options
        return TurnOptions(
            speak=True,
            llm_provider=chosen.llm_provider,
            model=chosen.model,
            stt_provider=chosen.stt_provider,
            tts_provider=chosen.tts_provider,
            voice=chosen.voice,
            language=chosen.language,
            locale=chosen.locale,
            persona=chosen.persona,
            output_rate=self._opened.rate,
            profile_id=self.session.profile_id if self.session is not None else None,
        )
