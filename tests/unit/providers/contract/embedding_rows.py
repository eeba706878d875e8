"""The services that embed texts."""

from __future__ import annotations

from typing import Any

from plugins.gemini.embedding import GeminiEmbedding
from plugins.openai.embedding import OpenAIEmbedding
from tests.standins.gemini import GeminiStandIn
from tests.standins.openai_audio import OpenAIAudioStandIn
from tests.unit.providers.contract.services import standin
from tests.unit.providers.contract.subjects import Subject


def _keyed(url: str, key: str) -> dict[str, Any]:
    return {"embedding_api_key": key, "embedding_api_base": url, "embedding_dimensions": 4}


def by_length(text: str) -> list[float]:
    """The vector that the stand-ins have for a text."""
    return [float(len(text))] * 4


EMBEDDERS = [
    Subject("openai_embedding", OpenAIEmbedding, standin(OpenAIAudioStandIn, "/v1"), _keyed, expected=by_length),
    Subject("gemini_embedding", GeminiEmbedding, standin(GeminiStandIn), _keyed, expected=by_length),
]
