"""Embeddings: https://platform.openai.com/docs/api-reference/embeddings."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from astrbot_like.api.kit import options
from astrbot_like.api.kit.embedding_provider import ServiceEmbeddingProvider
from astrbot_like.api.provider import ProviderType, register_provider_adapter

from .server import AtServer

_MODEL = "text-embedding-3-small"


class Vector(msgspec.Struct):
    """One embedding."""

    embedding: list[float]
    index: int = 0


class Vectors(msgspec.Struct):
    """The answer."""

    data: list[Vector]


_DECODER = msgspec.json.Decoder(Vectors)


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
        "api_version": "",
        "deployment": "",
        "timeout": 20,
        "proxy": "",
    },
    provider_display_name="OpenAI embeddings",
)
class OpenAIEmbedding(AtServer, ServiceEmbeddingProvider):
    """Vectors for texts.

    Config:
        embedding_dimensions: Length of the vectors.
        embedding_dimensions_mode: Whether that is sent along: ``always``, ``never``, or ``auto`` (to OpenAI itself).
    """

    service = "The OpenAI-compatible embedding service"
    default_model = _MODEL
    most_at_once = 512

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """The vectors, put into the order of the texts: the service tells it by index."""
        body: dict[str, Any] = {"model": self.get_model(), "input": texts, "encoding_format": "float"}
        if self._sends_dimensions() and self.get_dim():
            body["dimensions"] = self.get_dim()
        model = self.get_model()
        address, headers = self.server.address("/embeddings", model), self.server.authorised(self.ring.current)
        data = await self.http.bytes("POST", address, headers=headers, body=body, model=model)
        found = self.blame.decoded(_DECODER, data, "an answer without vectors").data
        return [vector.embedding for vector in sorted(found, key=lambda vector: vector.index)]

    def _sends_dimensions(self) -> bool:
        mode = options.text(self.provider_config, "embedding_dimensions_mode", default="auto")
        if mode != "auto":
            return mode == "always"
        return urlsplit(self.http.base_url).hostname == "api.openai.com" and self.get_model().startswith(
            "text-embedding-3"
        )
