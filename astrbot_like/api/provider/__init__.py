"""Providers: chat models, speech recognition, speech synthesis, embedding and reranking."""

from __future__ import annotations

from astrbot_like.api.provider.base import (
    AbstractProvider,
    EmbeddingProvider,
    Provider,
    Providers,
    RerankProvider,
    STTProvider,
    TTSProvider,
)
from astrbot_like.api.provider.entities import (
    LLMResponse,
    Personality,
    ProviderMeta,
    ProviderMetaData,
    ProviderRequest,
    ProviderType,
    RerankResult,
    TokenUsage,
    ToolCallsResult,
)
from astrbot_like.api.provider.register import register_provider_adapter

__all__ = [
    "AbstractProvider",
    "EmbeddingProvider",
    "LLMResponse",
    "Personality",
    "Provider",
    "ProviderMeta",
    "ProviderMetaData",
    "ProviderRequest",
    "ProviderType",
    "Providers",
    "RerankProvider",
    "RerankResult",
    "STTProvider",
    "TTSProvider",
    "TokenUsage",
    "ToolCallsResult",
    "register_provider_adapter",
]
