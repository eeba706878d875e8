"""What belongs to one turn, and the rooms a turn asks for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from astrbot_like.domain.history import Session
from astrbot_like.domain.profiles import Persona, Profile
from astrbot_like.domain.turns import TurnOptions, TurnRequest
from astrbot_like.engine.playback import HeardTracker
from astrbot_like.engine.sink import TurnSink
from astrbot_like.engine.timings import TurnTimings

if TYPE_CHECKING:
    from astrbot_like.engine.filler import Filler
    from astrbot_like.engine.model_stage import ModelRun
    from astrbot_like.engine.output import TurnOutput
    from astrbot_like.engine.session_locks import Place


class Profiles(Protocol):
    """Profiles and personas, from memory: asked several times in each turn."""

    def profile(self, profile_id: str | None, umo: str) -> Profile:
        """The profile a session is bound to; without a binding the one its origin is routed to, else the default."""
        ...

    def persona(self, persona_id: str | None) -> Persona | None:
        """The persona with that id, or None."""
        ...

    def host_config(self, profile_id: str | None) -> Mapping[str, Any]:
        """What plugins see through ``context.get_config()``: the profile's tree over the defaults."""
        ...

    def chain_ids(self, profile: Profile, kind: str, umo: str) -> Sequence[str]:
        """Provider ids of a chain (by ``ProviderType`` value): the session's own choice, then the profile's."""
        ...

    def chosen_language(self, umo: str, user: str) -> str:
        """The language (BCP 47) that a session's people chose for it, else the user; empty: none was chosen.

        Args:
            user: ``platform id:user id``.
        """
        ...

    def seen(self, umo: str, profile_id: str) -> None:
        """A session with that origin uses that profile."""
        ...


def subtree(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The tree of that name within a configuration; an empty one where there is none."""
    found = config.get(name)
    return found if isinstance(found, Mapping) else {}


class TurnInput(msgspec.Struct, frozen=True):
    """What a platform adapter attaches to its event when it brings its own sink (the web chat does)."""

    request: TurnRequest
    sink: TurnSink


class Turn:
    """The state of a running turn.

    Attributes:
        id: Generation id; all events of the turn carry it.
        input: The request; None when the message came from another platform.
        user_message_id: History id of the user's message, once it is stored.
        runs: Runs of the model, for the history.
        interrupted_at: Clock's monotonic seconds of the interruption, if there was one.
        heard: What of the reply was spoken, and when.
        store_user: Stores the user's message once; the web chat's is stored before anything else, one of another
            platform only when the bot is about to answer it.
        place: In the session's line, kept until the reply is stored and the end is told; None: no model was asked.
    """

    __slots__ = (
        "filler",
        "heard",
        "host_config",
        "id",
        "input",
        "interrupted_at",
        "message_id",
        "options",
        "output",
        "place",
        "profile",
        "runs",
        "session",
        "store_user",
        "timings",
        "user_message_id",
    )

    def __init__(
        self,
        *,
        turn_id: str,
        message_id: str,
        session: Session,
        profile: Profile,
        host_config: Mapping[str, Any],
        options: TurnOptions,
        timings: TurnTimings,
        heard: HeardTracker,
        turn_input: TurnInput | None,
    ) -> None:
        self.id = turn_id
        self.message_id = message_id
        self.session = session
        self.profile = profile
        self.host_config = host_config
        self.options = options
        self.timings = timings
        self.heard = heard
        self.input = turn_input
        self.user_message_id = 0
        self.filler: Filler | None = None
        self.interrupted_at: float | None = None
        self.runs: list[ModelRun] = []
        self.place: Place | None = None
        self.output: TurnOutput
        self.store_user: Callable[[], Awaitable[None]]

    @property
    def credential(self) -> str:
        """Id of the API key that asked; empty for a signed-in user."""
        return self.input.request.credential if self.input is not None else ""
