"""The door between a live socket and the engine: what a front end may ask of a live session.

The reader task of a connection calls ``LiveSessionPort``; nothing in it waits for a turn. What happens is written
to the ``output`` channel that the front end handed in, and a single writer task turns it into frames.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from astrbot_like.domain.audio import OUTPUT_RATE
from astrbot_like.domain.events import LiveEvent
from astrbot_like.domain.messages import MessagePart
from astrbot_like.runtime.channels import Channel

TurnDetection: TypeAlias = Literal["client", "server"]

LiveOutput: TypeAlias = Channel[LiveEvent]
"""Bounded by the front end at its limit of queued frames.

Rules for who writes it: turn events go in with ``await output.send``, so that a client that does not read pauses
its own turn. An interruption first drops what is stale (``output.discard``: speech, spoken text, deltas), then puts
``TurnInterrupted`` in with ``output.force``, so that it never waits for a slow client. The front end closes the channel
before ``aclose``: ``ChannelClosed`` then says that nobody reads any more.
"""


class LiveOptions(msgspec.Struct, frozen=True):
    """Effective options of a live connection (``session_update``); ``None`` means what the profile says.

    Attributes:
        turn_detection: ``client``: start and end frames mark a segment; ``server``: the voice activity detection does.
        barge_in: New input during a reply interrupts it instead of being refused.
        partial_transcripts: Interim recognition is reported.
        language: BCP 47 tag for recognition and speech.
        locale: BCP 47 tag of the texts around the reply where no ``language`` is chosen: what the screen shows.
        session_id: The chat session the turns belong to; None until the first turn makes one.
    """

    turn_detection: TurnDetection = "client"
    barge_in: bool = False
    partial_transcripts: bool = False
    stt_provider: str | None = None
    llm_provider: str | None = None
    model: str | None = None
    tts_provider: str | None = None
    voice: str | None = None
    language: str | None = None
    locale: str | None = None
    persona: str | None = None
    session_id: str | None = None


class LiveOpen(msgspec.Struct, frozen=True):
    """Who opens a live session, and how the speech is wanted.

    Attributes:
        username: The user that sessions of this connection belong to.
        credential: Id of the API key, for accounting; empty for a signed-in user.
        rate: Sampling rate of ``SpeechChunk.pcm`` in Hz; the engine resamples once, with state kept across chunks.
    """

    username: str
    credential: str = ""
    rate: int = OUTPUT_RATE


class LiveSessionPort(Protocol):
    """One live connection as the engine sees it.

    Every method but ``aclose`` returns at once. A refused call raises a ``BotError``, which the connection answers
    with an error frame; it never disturbs a running turn.
    """

    @property
    def busy(self) -> bool:
        """Whether a turn is running, from its acceptance to ``TurnEnded``."""
        ...

    def start_speaking(self, stamp: str) -> None:
        """Begin a voice segment; an open one is dropped in its favour.

        Raises:
            ProcessingError: Turn detection is the server's.
        """
        ...

    def audio(self, pcm: bytes) -> None:
        """Take a piece of speech: 16 kHz mono s16le, whole samples.

        Ignored outside a segment (client turn detection). Called for each audio frame, so it must be cheap.

        Raises:
            TooLarge: The segment is over the utterance limit; the segment stays as it was.
        """
        ...

    def end_speaking(self, stamp: str) -> None:
        """Finish the segment and start a turn from it.

        Raises:
            SessionBusy: A turn is running and barge-in is off.
            StampMismatch: The open segment has another stamp, or none is open.
            NoAudio: The segment is empty.
        """
        ...

    def input(self, parts: tuple[MessagePart, ...], text: str) -> None:
        """Start a turn from text or parts; ``text`` is the message for display.

        Raises:
            SessionBusy: A turn is running and barge-in is off.
            TooLarge: The text is over its limit.
        """
        ...

    def interrupt(self) -> None:
        """Stop the running turn at once; nothing happens when none runs."""
        ...

    def playback(self, played_ms: float) -> None:
        """The client has played so many milliseconds of the running reply's speech."""
        ...

    def update(self, changes: dict[str, Any]) -> None:
        """Change options; ``SessionUpdated`` (or ``SessionFailed``) follows on the output.

        Args:
            changes: Names and values of ``LiveOptions`` fields, already checked for name and type. A
                ``session_id`` still has to be checked for its owner, which is why the answer comes later.
        """
        ...

    async def aclose(self) -> None:
        """The connection is gone: interrupt the turn (reason ``disconnect``), wait until it is stored, free all."""
        ...


class LiveSessions(Protocol):
    """Makes live sessions, as many as the process can serve well."""

    @property
    def count(self) -> int:
        """Live sessions open now."""
        ...

    def open(self, request: LiveOpen, output: LiveOutput) -> LiveSessionPort:
        """A new live session writing to ``output``.

        An idle session must cost little: its buffers, tasks and chat session are made when the first turn needs them.

        Raises:
            AtCapacity: The process takes no further live session.
            Unavailable: It is stopping.
        """
        ...
