"""What a front end asks for: one turn, and how it wants the reply."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from astrbot_like.domain.audio import OUTPUT_RATE
from astrbot_like.domain.messages import MessagePart

Origin: TypeAlias = Literal["live", "chat", "open_api", "platform", "proactive"]


class TurnOptions(msgspec.Struct, frozen=True):
    """Choices of one turn; ``None`` means what the session's profile says.

    Attributes:
        streaming: Deltas as they come rather than the whole text at the end.
        speak: The reply is wanted as speech too.
        show_reasoning: Reasoning deltas are wanted.
        language: BCP 47 tag for recognition and speech.
        locale: BCP 47 tag of the house's own texts, where no ``language`` is chosen: what the client's screen shows.
        output_rate: Sampling rate of the speech, in Hz.
    """

    streaming: bool = True
    speak: bool = False
    show_reasoning: bool = False
    profile_id: str | None = None
    llm_provider: str | None = None
    model: str | None = None
    stt_provider: str | None = None
    tts_provider: str | None = None
    voice: str | None = None
    language: str | None = None
    locale: str | None = None
    persona: str | None = None
    persona_prompt: str | None = None
    output_rate: int = OUTPUT_RATE


class TurnRequest(msgspec.Struct, frozen=True):
    """One user utterance on its way into the engine.

    Attributes:
        turn_id: Generation id; every event of the turn is stamped with it.
        message_id: The client's name for the request (``message_id`` of chat frames).
        session_id: The webchat session.
        username: The user the session belongs to.
        parts: The utterance.
        text: The utterance for display.
        started_at: Clock's monotonic seconds at the end of the user's input.
        credential: Id of the API key that asked, for accounting; empty for a signed-in user.
        stt_time: Seconds that recognising the utterance took; None: it was no speech.
    """

    turn_id: str
    message_id: str
    session_id: str
    username: str
    parts: tuple[MessagePart, ...]
    text: str
    options: TurnOptions
    origin: Origin
    started_at: float
    credential: str = ""
    stt_time: float | None = None
