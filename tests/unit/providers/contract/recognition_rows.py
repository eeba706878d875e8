"""The services that recognise speech."""

from __future__ import annotations

from plugins.azure.recognition import AzureRecogniser
from plugins.dashscope.recognition import ParaformerRecogniser
from plugins.elevenlabs.recognition import ScribeRecogniser
from plugins.openai.speech import OpenAIWhisper
from plugins.volcengine.recognition import VolcengineRecogniser
from tests.standins.dashscope import DashScopeStandIn
from tests.standins.elevenlabs import ElevenLabsStandIn
from tests.standins.openai_audio import OpenAIAudioStandIn
from tests.standins.speech_services import TRANSCRIPT, AzureStandIn
from tests.standins.volcengine import VolcengineStandIn
from tests.unit.providers.contract.services import standin
from tests.unit.providers.contract.subjects import Subject

RECOGNISERS = [
    Subject(
        "openai_whisper_api",
        OpenAIWhisper,
        standin(OpenAIAudioStandIn, "/v1"),
        lambda url, key: {"api_key": key, "api_base": url},
        expected=TRANSCRIPT,
    ),
    Subject(
        "azure_stt",
        AzureRecogniser,
        standin(AzureStandIn),
        lambda url, key: {"azure_stt_subscription_key": key, "api_base": url, "language": "en-US"},
        expected=TRANSCRIPT,
    ),
    Subject(
        "dashscope_stt",
        ParaformerRecogniser,
        standin(DashScopeStandIn, "/api-ws/v1/inference"),
        lambda url, key: {"api_key": key, "api_base": url},
        expected=TRANSCRIPT,
    ),
    Subject(
        "elevenlabs_stt_api",
        ScribeRecogniser,
        standin(ElevenLabsStandIn, "/v1"),
        lambda url, key: {"api_key": key, "api_base": url},
        expected=TRANSCRIPT,
    ),
    Subject(
        "volcengine_stt",
        VolcengineRecogniser,
        standin(VolcengineStandIn, "/api/v3/sauc/bigmodel_async"),
        lambda url, key: {"api_key": key, "appid": "123", "api_base": url},
        expected=TRANSCRIPT,
    ),
]
