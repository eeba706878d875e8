"""Speech recognition on this machine, by CMU PocketSphinx and the US English model that its package carries."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from astrbot_like.api import logger
from astrbot_like.api.audio import decode_media
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import StreamingSTTProvider, STTStream
from astrbot_like.api.star import Star
from astrbot_like.domain.errors import ConfigError, ProviderError

from .pool import Pool

_WARM_UP_AFTER = 1.0
"""Seconds after the start before models are loaded: the server answers first."""
_PIECE = 3200
_MODEL_OPTIONS = ("hmm", "lm", "dict")


class PocketSphinxPlugin(Star):
    """Supplies the provider type ``pocketsphinx_stt``."""


@register_provider_adapter(
    "pocketsphinx_stt",
    "Speech recognition on this machine (CMU PocketSphinx, US English)",
    provider_type=ProviderType.SPEECH_TO_TEXT,
    default_config_tmpl={
        "id": "pocketsphinx",
        "type": "pocketsphinx_stt",
        "enable": True,
        "workers": 0,
        "warm_up": True,
        "phrases": [],
        "hmm": "",
        "lm": "",
        "dict": "",
        "decoder_options": {},
        "timeout": 60,
    },
    provider_display_name="PocketSphinx",
)
class PocketSphinxSTT(StreamingSTTProvider):
    """Recognises while the user speaks, in processes of its own.

    Config:
        workers: Recognising processes at most; 0: as ``server.workers`` says, else one for each core but one, up to 4.
        phrases: Sentences that are likely to be said (names of things, commands), to be recognised better.
        hmm, lm, dict: Paths of another acoustic model, language model and dictionary.
        warm_up: Load the models at once rather than at the first use.
        decoder_options: Further options of pocketsphinx, by its names.
        timeout: Seconds for the recognition of a file.
    """

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any] | None = None) -> None:
        super().__init__(provider_config, provider_settings)
        self.set_model("en-us")
        self._id = str(provider_config.get("id") or "pocketsphinx")
        workers = _whole(provider_config.get("workers", 0), "workers")
        workers = workers or _whole((provider_settings or {}).get("speech_workers", 0), "server.workers")
        self._timeout = float(provider_config.get("timeout") or 60)
        phrases = [str(phrase) for phrase in provider_config.get("phrases") or () if str(phrase).strip()]
        options = dict(provider_config.get("decoder_options") or {})
        options |= {name: str(provider_config[name]) for name in _MODEL_OPTIONS if provider_config.get(name)}
        self._pool = Pool(
            workers or max(1, min(4, (os.cpu_count() or 2) - 1)), {"phrases": phrases, "options": options}, self._id
        )
        self._warm_up: asyncio.Task[None] | None = None

    async def initialize(self) -> None:
        """Load the models soon, in the background, unless ``warm_up`` is off."""
        if self.provider_config.get("warm_up", True):
            self._warm_up = asyncio.create_task(self._warm_up_later(), name="pocketsphinx warm-up")

    async def _warm_up_later(self) -> None:
        await asyncio.sleep(_WARM_UP_AFTER)
        self._pool.warm_up()

    async def terminate(self) -> None:
        """End the processes."""
        if self._warm_up is not None:
            self._warm_up.cancel()
            await asyncio.wait({self._warm_up})
        await self._pool.aclose()

    def open_stream(self, *, language: str | None = None, on_partial: Callable[[str], None] | None = None) -> STTStream:
        """Begin an utterance. The models know English only; another ``language`` is noted in the log."""
        if language and not language.lower().startswith("en") and not self.provider_config.get("hmm"):
            logger.debug("pocketsphinx recognises English, not %s", language)
        return self._pool.open(on_partial)

    async def get_text(self, audio_url: str) -> str:
        """The text of an audio file.

        Raises:
            ProviderError: The file can't be read, or recognition failed or took too long.
        """
        path = Path(audio_url.removeprefix("file://"))
        if not await asyncio.to_thread(path.is_file):
            raise ProviderError(f"{self._id}: the recording is not there.", self._id)
        audio = await decode_media(path, rate=16_000)
        utterance = self._pool.open(None)
        try:
            for at in range(0, len(audio.data), _PIECE):
                utterance.push(audio.data[at : at + _PIECE])
            async with asyncio.timeout(self._timeout):
                return await utterance.finish()
        except TimeoutError as error:
            raise ProviderError(f"{self._id}: recognition took too long.", self._id) from error
        finally:
            await utterance.abort()


def _whole(value: Any, name: str) -> int:
    try:
        number = int(value or 0)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name} must be a whole number.") from error
    if not 0 <= number <= 64:
        raise ConfigError(f"{name} must be between 0 and 64.")
    return number
