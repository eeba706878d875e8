"""Audio bytes, as the engine uses them; plugins find the same under ``astrbot_like.api.audio``."""

from __future__ import annotations

from astrbot_like.api.audio import (
    WAV_HEADER_BYTES,
    Resampler,
    decode_base64_pcm,
    decode_media,
    encode_base64,
    parse_wav,
    resample,
    wav_bytes,
    wav_header,
)

__all__ = [
    "WAV_HEADER_BYTES",
    "Resampler",
    "decode_base64_pcm",
    "decode_media",
    "encode_base64",
    "parse_wav",
    "resample",
    "wav_bytes",
    "wav_header",
]
