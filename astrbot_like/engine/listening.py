"""Hearing and speaking for turns: the profile's chains of speech providers, bound to what a turn needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from astrbot_like.domain.audio import INPUT_RATE
from astrbot_like.domain.errors import BotError, ConfigError
from astrbot_like.domain.profiles import NO_PERSONA
from astrbot_like.domain.turns import TurnOptions
from astrbot_like.engine.audio import decode_media
from astrbot_like.engine.context import Profiles, Turn
from astrbot_like.engine.live_agent import Speaker
from astrbot_like.engine.model_stage import CHAT
from astrbot_like.engine.providers import ProviderDirectory, ProviderEntry, describe
from astrbot_like.engine.requests import FileText
from astrbot_like.engine.speech_in import Utterance
from astrbot_like.engine.speech_out import SpeechOut
from astrbot_like.engine.startup import Startup
from astrbot_like.engine.voice_settings import VoiceSettings
from astrbot_like.runtime.clock import Clock

log = logging.getLogger(__name__)

STT, TTS = "speech_to_text", "text_to_speech"


class Voices:
    """Makes utterances and speakers.

    Args:
        temp_dir: For recordings that providers read or make.
    """

    def __init__(
        self,
        directory: ProviderDirectory,
        profiles: Profiles,
        settings: VoiceSettings,
        startup: Startup,
        clock: Clock,
        temp_dir: Path,
    ) -> None:
        self._directory = directory
        self._profiles = profiles
        self._settings = settings
        self._startup = startup
        self._clock = clock
        self._temp_dir = temp_dir

    def utterance(self, options: TurnOptions, umo: str, on_partial: Callable[[str], None] | None) -> Utterance:
        """A new utterance, recognised by the profile's chain while it is spoken.

        Raises:
            ConfigError: The provider that was asked for is not there.
        """

        def chain() -> list[ProviderEntry]:
            profile = self._profiles.profile(options.profile_id, umo)
            ids = self._profiles.chain_ids(profile, STT, umo)
            return self._directory.chain(STT, ids, first=options.stt_provider)

        async def chain_after_start() -> list[ProviderEntry]:
            await self._startup.wait()
            return chain()

        started = self._startup.over
        return Utterance(
            chain() if started else (),
            self._directory,
            self._settings,
            self._clock,
            language=options.language,
            on_partial=on_partial,
            temp_dir=self._temp_dir,
            coming=None if started else chain_after_start,
        )

    async def started(self) -> None:
        """Wait until the providers are there.

        Raises:
            TurnTimeout: The server is still starting.
        """
        await self._startup.wait()

    def check_choice(self, options: TurnOptions) -> None:
        """Whether the providers and the persona that were chosen for turns are there.

        Raises:
            ConfigError: One is not, or it could not be started.
        """
        if options.persona not in (None, NO_PERSONA) and self._profiles.persona(options.persona) is None:
            raise ConfigError(f"There is no persona {options.persona!r}.")
        for kind, chosen in (
            (STT, options.stt_provider),
            (TTS, options.tts_provider),
            (CHAT, options.llm_provider),
        ):
            self._directory.chain(kind, (), first=chosen)

    def for_turn(self, turn: Turn) -> Callable[[], Speaker] | None:
        """Builds the speaker of a turn; None when no speech provider is configured (``Speakers``)."""
        from astrbot_like.api.speech import SpeechOptions

        options = turn.options
        ids = self._profiles.chain_ids(turn.profile, TTS, turn.session.umo)
        chain = self._directory.chain(TTS, ids, first=options.tts_provider)
        if not chain:
            return None
        voice = options.voice or str(turn.profile.voice.get("voice") or "") or None
        language = options.language or str(turn.profile.voice.get("language") or "") or None
        return lambda: SpeechOut(
            chain,
            self._directory,
            self._settings,
            self._clock,
            options=SpeechOptions(voice=voice, language=language),
            rate=options.output_rate,
            temp_dir=self._temp_dir,
        )

    async def transcribe_file(self, path: str, turn: Turn) -> FileText:
        """What is said in a recording, or why that could not be found out (``Transcriber``)."""
        try:
            pcm = await decode_media(Path(path), rate=INPUT_RATE)
            utterance = self.utterance(turn.options, turn.session.umo, None)
            utterance.push(pcm.data)
            transcript = await utterance.finish()
            turn.timings.stt_time = (turn.timings.stt_time or 0.0) + transcript.seconds
        except BotError as error:
            return FileText(problem=error.message)
        return FileText(text=transcript.text) if transcript.text else FileText(problem="no speech was recognised in it")

    async def record(self, text: str, turn: Turn) -> str | None:
        """Speak a text into a file (``Recorder``); None when no provider is there or it failed."""
        ids = self._profiles.chain_ids(turn.profile, TTS, turn.session.umo)
        for entry in self._directory.chain(TTS, ids, first=turn.options.tts_provider):
            try:
                async with self._clock.timeout(self._settings.sentence_deadline):
                    path: str = await entry.instance.get_audio(text)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - becomes a report; the next provider is tried
                self._directory.failed(entry, error)
                log.warning("recording failed", extra={"provider": entry.id, "error": describe(error)})
                continue
            self._directory.succeeded(entry)
            return path
        return None
