"""Configurations that were written for AstrBot are taken as they are: type names, option names, and what they mean."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.azure.speech import AzureSpeech
from plugins.dashscope.speech import CosyVoiceSpeech
from plugins.edge_tts.main import EdgeSpeech
from plugins.elevenlabs.speech import ElevenLabsSpeech
from plugins.gemini.embedding import GeminiEmbedding
from plugins.gpt_sovits.main import GptSovitsSpeech
from plugins.openai.embedding import OpenAIEmbedding
from plugins.openai.speech import OpenAISpeech, OpenAIWhisper
from plugins.volcengine.speech import VolcengineSpeech

SOVITS = {
    "gsv_ref_audio_path": "a.wav", "gsv_prompt_text": "", "gsv_prompt_lang": "zh",
    "gsv_aux_ref_audio_paths": "b.wav,c.wav", "gsv_text_lang": "zh", "gsv_top_k": 5, "gsv_top_p": 1.0,
    "gsv_temperature": 1.0,
    "gsv_text_split_method": "cut3",
    "gsv_batch_size": 1, "gsv_batch_threshold": 0.75, "gsv_split_bucket": True, "gsv_speed_factor": 1,
    "gsv_fragment_interval": 0.3, "gsv_streaming_mode": False, "gsv_seed": -1, "gsv_parallel_infer": True,
    "gsv_repetition_penalty": 1.35, "gsv_media_type": "wav",
}  # fmt: skip

# Names of AstrBot's provider templates; numbers stand as text where its forms write them so.
CONFIGURATIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    "openai_whisper_api": (OpenAIWhisper, {"api_key": "k", "api_base": "", "model": "whisper-1", "proxy": ""}),
    "openai_tts_api": (
        OpenAISpeech,
        {"api_key": "k", "api_base": "", "model": "tts-1", "openai-tts-voice": "alloy", "timeout": "20", "proxy": ""},
    ),
    "edge_tts": (
        EdgeSpeech,
        {"edge-tts-voice": "zh-CN-XiaoxiaoNeural", "rate": "+0%", "volume": "+0%", "pitch": "+0Hz", "timeout": 20},
    ),
    "gsv_tts_selfhost": (
        GptSovitsSpeech,
        {"api_base": "http://127.0.0.1:9880", "gpt_weights_path": "", "timeout": 60, "gsv_default_parms": SOVITS},
    ),
    "dashscope_tts": (
        CosyVoiceSpeech,
        {"api_key": "k", "model": "cosyvoice-v1", "dashscope_tts_voice": "loongstella", "timeout": "20"},
    ),
    "azure_tts": (
        AzureSpeech,
        {
            "azure_tts_voice": "zh-CN-YunxiaNeural", "azure_tts_style": "cheerful", "azure_tts_role": "Boy",
            "azure_tts_rate": "1", "azure_tts_volume": "100", "azure_tts_subscription_key": "k",
            "azure_tts_region": "chinaeast2", "proxy": "",
        },
    ),
    "volcengine_tts": (
        VolcengineSpeech,
        {
            "api_key": "k", "appid": "1", "volcengine_cluster": "volcano_tts", "volcengine_voice_type": "v",
            "volcengine_speed_ratio": 1.0, "api_base": "https://openspeech.bytedance.com/api/v1/tts", "timeout": 20,
        },
    ),
    "elevenlabs_tts_api": (
        ElevenLabsSpeech,
        {
            "api_key": "k", "api_base": "https://api.elevenlabs.io/v1", "model": "eleven_multilingual_v2",
            "elevenlabs-tts-voice-id": "v", "elevenlabs-tts-output-format": "mp3_44100_128",
            "elevenlabs-tts-stability": "", "elevenlabs-tts-similarity-boost": "0.75", "elevenlabs-tts-style": "",
            "elevenlabs-tts-use-speaker-boost": True, "timeout": "20", "proxy": "",
        },
    ),
    "openai_embedding": (
        OpenAIEmbedding,
        {
            "embedding_api_key": "k", "embedding_api_base": "", "embedding_model": "", "embedding_dimensions": 1024,
            "embedding_dimensions_mode": "auto", "timeout": 20, "proxy": "",
        },
    ),
    "gemini_embedding": (
        GeminiEmbedding,
        {"embedding_api_key": "k", "embedding_model": "gemini-embedding-exp-03-07", "embedding_dimensions": 768},
    ),
}  # fmt: skip


def made(type_name: str) -> Any:
    """The provider that AstrBot's configuration gives."""
    kind, options = CONFIGURATIONS[type_name]
    astrbots = {"provider": "any", "provider_type": "any", "enable": True, "hint": "any"}
    return kind({"id": type_name, "type": type_name, **astrbots, **options}, {})


@pytest.mark.parametrize("type_name", CONFIGURATIONS)
def test_it_is_taken(type_name: str) -> None:
    kind = CONFIGURATIONS[type_name][0]
    assert kind.__astrbot_provider__.meta.type == type_name
    assert made(type_name).meta().id == type_name


def test_keys_models_addresses_and_times_are_found() -> None:
    assert made("openai_tts_api").ring.current == "k"
    assert made("openai_tts_api").http.timeout == 20
    assert made("openai_tts_api").http.base_url == "https://api.openai.com/v1"
    assert made("azure_tts").http.base_url == "https://chinaeast2.tts.speech.azure.cn"
    assert made("dashscope_tts").get_model() == "cosyvoice-v1"
    assert made("openai_embedding").ring.current == "k"
    assert made("openai_embedding").get_dim() == 1024
    assert made("openai_embedding").get_model() == "text-embedding-3-small"
    assert made("gsv_tts_selfhost")._parameters()["aux_ref_audio_paths"] == ["b.wav", "c.wav"]
    assert made("elevenlabs_tts_api")._voice_settings(None) == {"similarity_boost": 0.75, "use_speaker_boost": True}
