"""Speech by a self-hosted GPT-SoVITS server.

Source: https://github.com/RVC-Boss/GPT-SoVITS, ``api_v2.py`` (``POST /tts``, ``GET /set_gpt_weights``,
``GET /set_sovits_weights``; with ``streaming_mode`` a WAV header comes first, then samples; every failure is a 400 with
``message`` and, from the model, ``Exception``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from astrbot_like.api.kit import options
from astrbot_like.api.kit.speech_provider import ServiceTTSProvider
from astrbot_like.api.kit.wav import WavStream
from astrbot_like.api.provider import ProviderType, register_provider_adapter
from astrbot_like.api.speech import current_speech_options
from astrbot_like.api.star import Star

_BASE = "http://127.0.0.1:9880"
_DEFAULTS: dict[str, Any] = {
    "gsv_ref_audio_path": "",
    "gsv_prompt_text": "",
    "gsv_prompt_lang": "zh",
    "gsv_aux_ref_audio_paths": "",
    "gsv_text_lang": "zh",
    "gsv_top_k": 5,
    "gsv_top_p": 1.0,
    "gsv_temperature": 1.0,
    "gsv_text_split_method": "cut3",
    "gsv_batch_size": 1,
    "gsv_batch_threshold": 0.75,
    "gsv_split_bucket": True,
    "gsv_speed_factor": 1,
    "gsv_fragment_interval": 0.3,
    "gsv_streaming_mode": True,
    "gsv_seed": -1,
    "gsv_parallel_infer": True,
    "gsv_repetition_penalty": 1.35,
}


class GptSovitsPlugin(Star):
    """Supplies the provider type ``gsv_tts_selfhost``."""


@register_provider_adapter(
    "gsv_tts_selfhost",
    "Speech by a self-hosted GPT-SoVITS server",
    provider_type=ProviderType.TEXT_TO_SPEECH,
    default_config_tmpl={
        "id": "gsv_tts",
        "type": "gsv_tts_selfhost",
        "enable": False,
        "api_base": _BASE,
        "gpt_weights_path": "",
        "sovits_weights_path": "",
        "timeout": 60,
        "gsv_default_parms": _DEFAULTS,
    },
    provider_display_name="GPT-SoVITS",
)
class GptSovitsSpeech(ServiceTTSProvider):
    """Speaks with the voice of a reference recording.

    Config:
        gpt_weights_path, sovits_weights_path: Weights the server loads before the first speech; empty: those it has.
        gsv_default_parms: Parameters of ``/tts``, each with ``gsv_`` in front; ``gsv_ref_audio_path`` is required.
    """

    service = "GPT-SoVITS"
    default_base = _BASE

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.sample_rate = 32000
        self._weights_loaded = False
        self._loading = asyncio.Lock()

    async def synthesise(self, text: str) -> AsyncGenerator[bytes, None]:
        """PCM as it comes."""
        await self._load_weights()
        body = self._parameters() | {"text": text, "media_type": "wav"}
        stream = WavStream()
        async with aclosing(self.http.sound("/tts", body=body)) as chunks:
            async for chunk in chunks:
                try:
                    pcm = stream.feed(chunk)
                except ValueError as error:
                    raise self.blame.nonsense("sound that is no 16-bit WAV") from error
                if stream.sample_rate:
                    self.sample_rate = stream.sample_rate
                if pcm:
                    yield pcm

    def _parameters(self) -> dict[str, Any]:
        given = {**_DEFAULTS, **options.mapping(self.provider_config, "gsv_default_parms")}
        parameters = {name.removeprefix("gsv_"): value for name, value in given.items() if value not in ("", None)}
        parameters.pop("media_type", None)
        if rate := current_speech_options().rate:
            parameters["speed_factor"] = rate * options.number(parameters, "speed_factor", default=1.0)
        extra = parameters.get("aux_ref_audio_paths")
        if isinstance(extra, str):
            parameters["aux_ref_audio_paths"] = [path.strip() for path in extra.split(",") if path.strip()]
        return parameters

    async def _load_weights(self) -> None:
        async with self._loading:
            if self._weights_loaded:
                return
            for option, path in (
                ("gpt_weights_path", "/set_gpt_weights"),
                ("sovits_weights_path", "/set_sovits_weights"),
            ):
                if weights := options.text(self.provider_config, option):
                    await self.http.bytes("GET", path, params={"weights_path": weights})
            self._weights_loaded = True
