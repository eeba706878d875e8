"""Embeddings: https://ai.google.dev/api/embeddings (batchEmbedContents)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from astrbot_like.api.kit import options
from astrbot_like.api.kit.errors import Blame
from astrbot_like.api.kit.http import HttpService
from astrbot_like.api.provider import EmbeddingProvider, ProviderType, register_provider_adapter

from .chat import BASE, VERSION, GeminiChat

_MODEL = "gemini-embedding-001"
_MOST_AT_ONCE = 100  # the service's own limit


class Values(msgspec.Struct):
    """One embedding."""

    values: list[float]


class Embeddings(msgspec.Struct):
    """The answer, in the order of the texts."""

    embeddings: list[Values]


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
class GeminiEmbedding(EmbeddingProvider):
    """Vectors for texts.

    Config:
        embedding_dimensions: Length of the vectors.
    """

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.blame = Blame(str(provider_config.get("id", "")), "Google Gemini")
        self._key = (options.keys(provider_config, "embedding_api_key", "key", "api_key") or [""])[0]
        base = options.text(provider_config, "embedding_api_base", "api_base", default=BASE)
        self.http = HttpService(
            GeminiChat.tidy_base(base),
            self.blame,
            timeout=options.number(provider_config, "timeout", default=20.0),
            proxy=options.text(provider_config, "proxy"),
        )
        self.set_model(options.text(provider_config, "embedding_model", "model", default=_MODEL))
        self._decoder = msgspec.json.Decoder(Embeddings)

    async def get_embedding(self, text: str) -> list[float]:
        """The vector of one text."""
        return (await self.get_embeddings([text]))[0]

    async def get_embeddings(self, text: list[str]) -> list[list[float]]:
        """The vectors of many texts, in their order."""
        vectors: list[list[float]] = []
        for start in range(0, len(text), _MOST_AT_ONCE):
            vectors.extend(await self._some(text[start : start + _MOST_AT_ONCE]))
        return vectors

    def get_dim(self) -> int:
        """Length of the vectors."""
        return int(options.number(self.provider_config, "embedding_dimensions", default=768))

    async def test(self) -> None:
        """Embed a word."""
        await self.get_embedding("hello")

    async def terminate(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def _some(self, texts: list[str]) -> list[list[float]]:
        model = self.get_model().removeprefix("models/")
        requests = [
            {"model": f"models/{model}", "content": {"parts": [{"text": text}]}, "outputDimensionality": self.get_dim()}
            for text in texts
        ]
        data = await self.http.bytes(
            "POST",
            f"/{VERSION}/models/{quote(model, safe='')}:batchEmbedContents",
            headers={"x-goog-api-key": self._key},
            body={"requests": requests},
            model=model,
        )
        try:
            found = self._decoder.decode(data).embeddings
        except msgspec.DecodeError as error:
            raise self.blame.nonsense("an answer without vectors") from error
        if len(found) != len(texts):
            raise self.blame.nonsense(f"{len(found)} vectors for {len(texts)} texts")
        return [vector.values for vector in found]
