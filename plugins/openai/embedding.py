"""Embeddings: https://platform.openai.com/docs/api-reference/embeddings."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from astrbot_like.api.kit import options
from astrbot_like.api.kit.errors import Blame
from astrbot_like.api.kit.http import HttpService
from astrbot_like.api.provider import EmbeddingProvider, ProviderType, register_provider_adapter

from .chat import OPENAI_BASE

_MODEL = "text-embedding-3-small"
_MOST_AT_ONCE = 512


class Vector(msgspec.Struct):
    """One embedding."""

    embedding: list[float]
    index: int = 0


class Vectors(msgspec.Struct):
    """The answer."""

    data: list[Vector]


@register_provider_adapter(
    "openai_embedding",
    "Embeddings by OpenAI and every server with its /embeddings",
    provider_type=ProviderType.EMBEDDING,
    default_config_tmpl={
        "id": "openai_embedding",
        "type": "openai_embedding",
        "enable": True,
        "embedding_api_key": "",
        "embedding_api_base": "",
        "embedding_model": _MODEL,
        "embedding_dimensions": 1024,
        "embedding_dimensions_mode": "auto",
        "timeout": 20,
        "proxy": "",
    },
    provider_display_name="OpenAI embeddings",
)
class OpenAIEmbedding(EmbeddingProvider):
    """Vectors for texts.

    Config:
        embedding_dimensions: Length of the vectors.
        embedding_dimensions_mode: Whether that is sent along: ``always``, ``never``, or ``auto`` (to OpenAI itself).
    """

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.blame = Blame(str(provider_config.get("id", "")), "The OpenAI-compatible embedding service")
        self._key = (options.keys(provider_config, "embedding_api_key", "key", "api_key") or [""])[0]
        self.http = HttpService(
            options.text(provider_config, "embedding_api_base", "api_base", default=OPENAI_BASE),
            self.blame,
            timeout=options.number(provider_config, "timeout", default=20.0),
            proxy=options.text(provider_config, "proxy"),
        )
        self.set_model(options.text(provider_config, "embedding_model", "model", default=_MODEL))
        self._decoder = msgspec.json.Decoder(Vectors)

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
        """Length of the vectors, 0 when the configuration does not tell."""
        return int(options.number(self.provider_config, "embedding_dimensions", default=0))

    async def test(self) -> None:
        """Embed a word."""
        await self.get_embedding("hello")

    async def terminate(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def _some(self, texts: list[str]) -> list[list[float]]:
        body: dict[str, Any] = {"model": self.get_model(), "input": texts, "encoding_format": "float"}
        if self._sends_dimensions() and self.get_dim():
            body["dimensions"] = self.get_dim()
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        data = await self.http.bytes("POST", "/embeddings", headers=headers, body=body, model=self.get_model())
        try:
            found = self._decoder.decode(data).data
        except msgspec.DecodeError as error:
            raise self.blame.nonsense("an answer without vectors") from error
        if len(found) != len(texts):
            raise self.blame.nonsense(f"{len(found)} vectors for {len(texts)} texts")
        return [vector.embedding for vector in sorted(found, key=lambda vector: vector.index)]

    def _sends_dimensions(self) -> bool:
        mode = options.text(self.provider_config, "embedding_dimensions_mode", default="auto")
        if mode != "auto":
            return mode == "always"
        return urlsplit(self.http.base_url).hostname == "api.openai.com" and self.get_model().startswith(
            "text-embedding-3"
        )
