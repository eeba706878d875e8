"""A base for embedding providers over a service; a provider is only its protocol."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import Any

from astrbot_like.api.kit import options
from astrbot_like.api.kit.attempts import Attempts
from astrbot_like.api.kit.errors import Blame
from astrbot_like.api.kit.http import HttpService
from astrbot_like.api.provider import EmbeddingProvider


class ServiceEmbeddingProvider(EmbeddingProvider):
    """An embedding provider over HTTP.

    A subclass names ``service``, ``default_base``, ``default_model`` and ``most_at_once``, and implements ``embed``.

    Config:
        embedding_api_key: One key or several; the next one is taken when one is refused or used up.
        embedding_api_base, embedding_model, embedding_dimensions, timeout (seconds), proxy.
    """

    service = "The embedding service"
    default_base = ""
    default_model = ""
    default_dimensions = 0
    most_at_once = 1
    """Texts that one request may hold."""

    def __init__(self, provider_config: dict[str, Any], provider_settings: dict[str, Any]) -> None:
        super().__init__(provider_config, provider_settings)
        self.blame = Blame(str(provider_config.get("id", "")), self.service)
        self.ring = options.KeyRing(options.keys(provider_config, "embedding_api_key", "key", "api_key"))
        self.http = HttpService(
            self.tidy_base(options.text(provider_config, "embedding_api_base", "api_base", default=self.default_base)),
            self.blame,
            timeout=options.number(provider_config, "timeout", default=20.0),
            proxy=options.text(provider_config, "proxy"),
        )
        self.set_model(options.text(provider_config, "embedding_model", "model", default=self.default_model))

    @staticmethod
    def tidy_base(base: str) -> str:
        """The base URL as requests need it."""
        return base

    @abstractmethod
    async def embed(self, texts: list[str]) -> list[list[float]]:
        """The vectors of up to ``most_at_once`` texts, in their order."""

    async def get_embedding(self, text: str) -> list[float]:
        """The vector of one text."""
        return (await self.get_embeddings([text]))[0]

    async def get_embeddings(self, text: list[str]) -> list[list[float]]:
        """The vectors of many texts, in their order.

        Raises:
            ServiceError: The service failed, or gave another number of vectors.
        """
        vectors: list[list[float]] = []
        for start in range(0, len(text), self.most_at_once):
            some = text[start : start + self.most_at_once]
            found = await Attempts(self.ring).result(partial(self.embed, some))
            if len(found) != len(some):
                raise self.blame.nonsense(f"{len(found)} vectors for {len(some)} texts")
            vectors.extend(found)
        return vectors

    def get_dim(self) -> int:
        """Length of the vectors, 0 when neither the configuration nor the service's default tells."""
        return int(options.number(self.provider_config, "embedding_dimensions", default=self.default_dimensions))

    async def test(self) -> None:
        """Embed a word."""
        await self.get_embedding("hello")

    async def terminate(self) -> None:
        """Close the connections."""
        await self.http.aclose()
