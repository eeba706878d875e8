"""Settings of listening and speaking."""

from __future__ import annotations

from typing import Annotated

import msgspec


def _about(text: str, *, ge: float | None = None, le: float | None = None) -> msgspec.Meta:
    return msgspec.Meta(description=text, ge=ge, le=le)


class VoiceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the bot listens, when it thinks a turn is over, and how it speaks. Times are seconds."""

    # --- speech --------------------------------------------------------------------------------------
    speech_lead: Annotated[
        float, _about("Seconds of speech sent ahead of real time, so that little is queued at the client.", ge=0.1)
    ] = 1.0
    look_ahead: Annotated[int, _about("Sentences synthesised ahead of the one that is being played.", ge=0, le=8)] = 1
    piece_seconds: Annotated[float, _about("Longest piece of speech in one frame, in seconds.", ge=0.02, le=5.0)] = 0.25
    sentence_deadline: Annotated[
        float, _about("Seconds that a text-to-speech provider may take for one sentence.", ge=0.1)
    ] = 20.0
    sentence_seconds: Annotated[
        float,
        _about(
            "Longest speech of one sentence, in seconds; what goes beyond it is cut off as a provider's fault.", ge=1.0
        ),
    ] = 180.0
    first_chunk_words: Annotated[
        int, _about("Words of a first clause that is spoken before its sentence is complete; 0: whole sentences only.")
    ] = 3
    longest_chunk: Annotated[
        int, _about("Characters after which a sentence without an end is spoken in parts.", ge=40)
    ] = 280

    read_aloud: Annotated[
        int,
        _about(
            "Longest answer of a command, in characters, that is read aloud; a longer one is shown and announced. "
            "0: all are read.",
            ge=0,
        ),
    ] = 300

    # --- recognition ---------------------------------------------------------------------------------
    recognition_deadline: Annotated[
        float, _about("Seconds that recognition may take after the end of speech.", ge=0.1)
    ] = 30.0
    utterance_seconds: Annotated[float, _about("Longest utterance, in seconds.", ge=1.0)] = 120.0

    # --- turn detection by the server ----------------------------------------------------------------
    vad_threshold: Annotated[float, _about("Probability from which a frame counts as speech.", ge=0.05, le=0.99)] = 0.5
    min_speech: Annotated[
        float, _about("Seconds of speech that begin an utterance; shorter noise is ignored.", ge=0.03)
    ] = 0.1
    silence: Annotated[float, _about("Seconds of silence that end an utterance.", ge=0.1)] = 0.5
    pre_roll: Annotated[
        float,
        _about("Seconds of audio kept from before speech is detected, so that its first sound is not lost.", ge=0.0),
    ] = 0.3
    adaptive_silence: Annotated[
        bool,
        _about("A complete sentence ends the turn earlier, a hanging one later; learns the speaker's pauses."),
    ] = True
    shortest_silence: Annotated[float, _about("Lower bound of the adaptive silence, in seconds.", ge=0.1)] = 0.3
    longest_silence: Annotated[float, _about("Upper bound of the adaptive silence, in seconds.", ge=0.2)] = 1.6
    voice_without_words: Annotated[
        float, _about("Seconds of voice without a recognised word after which the utterance is ended anyway.", ge=1.0)
    ] = 60.0

    # --- interruption --------------------------------------------------------------------------------
    min_interruption: Annotated[
        float,
        _about("Seconds of speech over a reply that interrupt it; twice as many before its words are known.", ge=0.05),
    ] = 0.4
    resume_after: Annotated[
        float, _about("Longest pause of the playback, in seconds, while an interruption is being judged.", ge=0.1)
    ] = 2.0
    backchannels: Annotated[
        tuple[str, ...], _about("Further words that don't interrupt, beside the built-in English and Chinese ones.")
    ] = ()
    reply_guard: Annotated[
        float, _about("Seconds at the start of a reply in which voice does not interrupt it; 0: none.", ge=0.0)
    ] = 0.0
    echo_similarity: Annotated[
        float,
        _about(
            "How closely recognised text must match what the bot has just said to be dropped as echo; 1.01: no echo."
        ),
    ] = 0.8
    echo_seconds: Annotated[
        float, _about("Seconds after its playback in which the bot's speech can still come back as echo.", ge=0.0)
    ] = 3.0
