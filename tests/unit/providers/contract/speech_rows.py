"""The services that speak."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

from plugins.azure.speech import AzureSpeech
from plugins.dashscope.speech import CosyVoiceSpeech
from plugins.edge_tts.main import EdgeSpeech
from plugins.elevenlabs.speech import ElevenLabsSpeech
from plugins.gpt_sovits.main import GptSovitsSpeech
from plugins.openai.speech import OpenAISpeech
from plugins.volcengine.main import VolcengineSpeech
from tests.standins.dashscope import DashScopeStandIn
from tests.standins.edge_tts import EdgeStandIn
from tests.standins.elevenlabs import ElevenLabsStandIn
from tests.standins.openai_audio import OpenAIAudioStandIn
from tests.standins.speech_services import (
    AzureStandIn,
    GptSovitsStandIn,
    speech,
)
from tests.standins.volcengine import VolcengineStandIn
from tests.unit.providers.contract.services import standin
from tests.unit.providers.contract.subjects import Fault, Subject


def _keyed(url: str, key: str) -> dict[str, Any]:
    return {"api_key": key, "api_base": url}


@contextmanager
def _edge_at(url: str) -> Iterator[None]:
    """Let the library look for the service there: it knows no option for that."""
    import edge_tts.communicate
    import edge_tts.voices

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge_tts.communicate, "WSS_URL", f"{url}/edge/v1?token=x")
        patch.setattr(edge_tts.voices, "VOICE_LIST", f"{url}/voices/list?token=x")
        yield


EDGE = Subject(
    "edge_tts",
    EdgeSpeech,
    standin(EdgeStandIn),
    lambda url, _: {"timeout": 1},  # whole seconds, as the library wants them
    faults=[fault for fault in Fault if fault not in (Fault.BAD_KEY, Fault.QUOTA)],  # no keys, no accounts
    moved=_edge_at,
)

SPEAKERS = [
    Subject("openai_tts_api", OpenAISpeech, standin(OpenAIAudioStandIn, "/v1"), _keyed, expected=speech),
    Subject("elevenlabs_tts_api", ElevenLabsSpeech, standin(ElevenLabsStandIn, "/v1"), _keyed, expected=speech),
    Subject(
        "azure_tts",
        AzureSpeech,
        standin(AzureStandIn),
        lambda url, key: {"azure_tts_subscription_key": key, "api_base": url},
        expected=speech,
    ),
    Subject(
        "gsv_tts_selfhost",
        GptSovitsSpeech,
        standin(GptSovitsStandIn),
        lambda url, _: {"api_base": url, "gsv_default_parms": {"gsv_ref_audio_path": "a.wav"}},
        faults=[fault for fault in Fault if fault is not Fault.BAD_KEY],  # it knows no keys
        expected=speech,
    ),
    Subject(
        "dashscope_tts", CosyVoiceSpeech, standin(DashScopeStandIn, "/api-ws/v1/inference"), _keyed, expected=speech
    ),
    Subject(
        "dashscope_tts",
        CosyVoiceSpeech,
        standin(DashScopeStandIn, "/api-ws/v1/inference"),
        lambda url, key: {**_keyed(url, key), "model": "qwen3-tts-flash"},
        expected=speech,
        variant="qwen",
    ),
    Subject(
        "volcengine_tts",
        VolcengineSpeech,
        standin(VolcengineStandIn, "/api/v1/tts"),
        lambda url, key: {"api_key": key, "appid": "123", "volcengine_voice_type": "BV001_streaming", "api_base": url},
        expected=speech,
    ),
]
if find_spec("edge_tts") and find_spec("miniaudio"):  # optional libraries
    SPEAKERS.append(EDGE)
