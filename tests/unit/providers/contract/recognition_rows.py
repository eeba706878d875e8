"""The services that recognise speech."""

from __future__ import annotations

from plugins.azure.main import AzureRecogniser
from plugins.dashscope.recognition import ParaformerRecogniser
from plugins.openai.speech import OpenAIWhisper
from tests.standins.dashscope import DashScopeStandIn
from tests.standins.openai_audio import OpenAIAudioStandIn
from tests.standins.speech_services import TRANSCRIPT, AzureStandIn
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
]
