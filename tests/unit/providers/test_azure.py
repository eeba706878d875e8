"""Azure OpenAI in every form of its address, and Azure's voices at somebody else's."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from astrbot_like.api.kit.errors import ServiceError
from astrbot_like.api.kit.wav import wav_bytes
from plugins.azure.speech import AzureSpeech
from plugins.openai.chat import OpenAIChat
from plugins.openai.embedding import OpenAIEmbedding
from plugins.openai.responses import OpenAIResponses
from plugins.openai.speech import OpenAISpeech, OpenAIWhisper
from tests.standins.azure_openai import AzureOpenAIStandIn
from tests.standins.base import StandIn
from tests.standins.speech_services import TRANSCRIPT, speech
from tests.unit.providers.contract.subjects import ended

COMMON = {"id": "mine", "type": "t", "timeout": 5}
DATED: list[tuple[str, dict[str, str]]] = [
    ("", {"api_version": "2024-06-01", "model": "mine"}),
    ("/openai", {"api_version": "2024-06-01", "model": "mine"}),
    ("", {"api_version": "2024-06-01", "model": "gpt-4o", "deployment": "mine"}),
    ("/openai/deployments/mine", {"api_version": "2024-06-01", "model": "gpt-4o"}),
    ("/openai/deployments/mine{route}?api-version=2024-06-01", {"model": "gpt-4o"}),  # as its portal shows it
]
V1 = ("/openai/v1", {"api_version": "preview", "model": "mine"})


@pytest.fixture
async def service() -> AsyncIterator[AzureOpenAIStandIn]:
    async with AzureOpenAIStandIn().running() as running:
        assert isinstance(running, AzureOpenAIStandIn)
        yield running


def options(service: StandIn, path: str, route: str, given: dict[str, str]) -> dict[str, Any]:
    return {**COMMON, "api_key": "right-key", "api_base": service.url + path.format(route=route), **given}


@pytest.mark.parametrize(("path", "given"), [*DATED, V1])
async def test_chat_speech_recognition_and_embeddings(
    service: AzureOpenAIStandIn, path: str, given: dict[str, str], wav_file: Path
) -> None:
    chat = OpenAIChat(options(service, path, "/chat/completions", given), {})
    speaker = OpenAISpeech(options(service, path, "/audio/speech", given), {})
    recogniser = OpenAIWhisper(options(service, path, "/audio/transcriptions", given), {})
    embedder = OpenAIEmbedding({**options(service, path, "/embeddings", given), "embedding_model": given["model"]}, {})
    *_, whole = [one async for one in chat.text_chat_stream(prompt="hello")]
    assert whole.completion_text == "Hello from Azure."
    assert b"".join([piece async for piece in speaker.synthesise("Hello.")]) == speech("Hello.")
    assert await recogniser.get_text(str(wav_file)) == TRANSCRIPT
    assert await embedder.get_embedding("four") == [4.0] * 4
    assert await embedder.get_models() == ["text-embedding-3-small", "tts-1", "whisper-1"]
    versions = {request.query.get("api-version") for request in service.requests[:2]}
    assert versions == ({None} if path == V1[0] else {"2024-06-01"})
    for provider in (chat, speaker, recogniser, embedder):
        await ended(provider)


async def test_responses_have_no_deployment_in_their_address(service: AzureOpenAIStandIn) -> None:
    provider = OpenAIResponses(options(service, "", "", {"api_version": "2025-03-01-preview", "model": "mine"}), {})
    *_, whole = [one async for one in provider.text_chat_stream(prompt="hello")]
    assert whole.completion_text == "Hello from Azure."
    assert service.last.body["model"] == "mine"
    await ended(provider)


@pytest.mark.parametrize(
    ("base", "address"),
    [
        (
            "https://a.openai.azure.com/",
            "https://a.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
        ),
        ("https://a.services.ai.azure.com/openai/v1/", "https://a.services.ai.azure.com/openai/v1/chat/completions"),
        ("https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1/chat/completions"),
        ("http://localhost:11434/v1/", "http://localhost:11434/v1/chat/completions"),
    ],
)
def test_an_address_tells_whose_it_is(base: str, address: str) -> None:
    provider = OpenAIChat({**COMMON, "api_base": base, "key": ["k"]}, {})
    assert provider.server.address("/chat/completions", "gpt") == address
    assert ("api-key" in provider.headers()) == ("azure" in base)


class SomebodyElse(StandIn):
    """A service with Azure's voices whose addresses are signed."""

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/time", self._time), web.post("/v1/tts", self._speak)]

    def key_of(self, request: web.Request) -> str:
        return self.key  # it is in the signature

    def error(self, status: int, message: str) -> web.Response:
        return web.json_response({"message": message}, status=status)

    async def _time(self, request: web.Request) -> web.Response:
        return web.json_response({"timestamp": "1700000000"})

    async def _speak(self, request: web.Request) -> web.Response:
        stamp, nonce, uid, digest = request.query["sign"].split("-")
        told = f"/v1/tts-{stamp}-{nonce}-{uid}-{self.key}"
        if stamp != "1700000000" or digest != hashlib.md5(told.encode(), usedforsecurity=False).hexdigest():
            return self.error(403, "the signature is wrong")
        form = await request.post()
        self.requests[-1].body = dict(form)
        return web.Response(body=wav_bytes(speech(str(form["text"])), 24000), content_type="audio/wav")


def other(service: StandIn, key: str) -> str:
    return f'other[{{"OTTS_SKEY":"{key}","OTTS_URL":"{service.url}/v1/tts","OTTS_AUTH_TIME":"{service.url}/time"}}]'


async def test_a_key_of_somebody_elses() -> None:
    async with SomebodyElse().running() as service:
        provider = AzureSpeech({**COMMON, "azure_tts_subscription_key": other(service, "right-key")}, {})
        assert b"".join([piece async for piece in provider.synthesise("Hello.")]) == speech("Hello.")
        assert service.last.body["voice"] == "en-US-JennyNeural"
        assert service.last.body["rate"] == "1"
        assert await provider.get_voices() == []
        await ended(provider)


@pytest.mark.parametrize(
    ("key", "failure"), [("other[{}]", "missing"), ("other[nothing]", "missing"), ("wrong", "auth")]
)
async def test_a_key_of_somebody_elses_that_is_wrong(key: str, failure: str) -> None:
    async with SomebodyElse().running() as service:
        written = other(service, key) if failure == "auth" else key
        provider = AzureSpeech({**COMMON, "azure_tts_subscription_key": written}, {})
        with pytest.raises(ServiceError) as caught:
            await provider.get_audio("Hello.")
        assert caught.value.failure == failure
        await ended(provider)
