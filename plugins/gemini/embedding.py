"""Embeddings: https://ai.google.dev/api/embeddings (batchEmbedContents)."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from astrbot_like.api.kit.attempts import Attempts
from astrbot_like.api.kit.embedding_provider import ServiceEmbeddingProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter

from .chat import BASE, VERSION, GeminiChat
from .models import listed_models

_MODEL = "gemini-embedding-001"


class Values(msgspec.Struct):
    """One embedding."""

    values: list[float]


class Embeddings(msgspec.Struct):
    """The answer, in the order of the texts."""

    embeddings: list[Values]


_DECODER = msgspec.json.Decoder(Embeddings)


@register_provider_adapter(
    "gemini_embedding",
    "Embeddings by Google Gemini",
    provider_type=ProviderType.EMBEDDING,
    default_config_tmpl={
        "id": "gemini_embedding",
        "type": "gemini_embedding",
        "enable": True,
        "embedding_api_key": "",
        "embedding_api_base": "",
        "embedding_model": _MODEL,
        "embedding_dimensions": 768,
        "timeout": 20,
        "proxy": "",
    },
    provider_display_name="Gemini embeddings",
)
class GeminiEmbedding(ServiceEmbeddingProvider):
    """Vectors for texts.

    Config:
        embedding_dimensions: Length of the vectors.
    """

    service = "Google Gemini"
    default_base = BASE
    default_model = _MODEL
    default_dimensions = 768
    most_at_once = 100  # the service's own limit

    @staticmethod
    def tidy_base(base: str) -> str:
        """The base URL without a version."""
        return GeminiChat.tidy_base(base)

    async def get_models(self) -> list[str]:
        """Names of the models that embed, sorted."""
        methods = ("embedContent", "batchEmbedContents")
        return await Attempts(self.ring).result(lambda: listed_models(self.http, VERSION, self._headers(), *methods))

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """The vectors, which come in the order of the texts."""
        model = self.get_model().removeprefix("models/")
        requests = [
            {"model": f"models/{model}", "content": {"parts": [{"text": text}]}, "outputDimensionality": self.get_dim()}
            for text in texts
        ]
        data = await self.http.bytes(
            "POST",
            f"/{VERSION}/models/{quote(model, safe='')}:batchEmbedContents",
            headers=self._headers(),
            body={"requests": requests},
            model=model,
        )
        found = self.blame.decoded(_DECODER, data, "an answer without vectors")
        return [vector.values for vector in found.embeddings]

    def _headers(self) -> dict[str, str]:
        return {"x-goog-api-key": self.ring.current}
