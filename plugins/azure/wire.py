"""What Azure's two interfaces share.

Source: https://learn.microsoft.com/azure/ai-services/speech-service/sovereign-clouds (addresses),
https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech#http-status-codes-1 and
https://learn.microsoft.com/azure/ai-services/speech-service/rest-speech-to-text-short#http-status-codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from astrbot_like.api.kit import options
from astrbot_like.api.kit.errors import Failure

KEY_OPTIONS = ("azure_tts_subscription_key", "azure_stt_subscription_key", "api_key", "key")


def authorised(key: str) -> dict[str, str]:
    """The header with the key of the resource."""
    return {"Ocp-Apim-Subscription-Key": key}


def base_url(config: Mapping[str, Any], kind: Literal["tts", "stt"]) -> str:
    """The region's address, unless one is given (a private endpoint)."""
    region = options.text(config, "azure_tts_region", "azure_stt_region", "region", default="eastus")
    cloud = "azure.cn" if region.startswith("china") else "azure.us" if region.startswith("usgov") else "microsoft.com"
    return options.text(config, "api_base", default=f"https://{region}.{kind}.speech.{cloud}").rstrip("/")


def kind_of(status: int, body: bytes) -> Failure | None:
    """The free tier says with 403 that its month is used up; otherwise 403 is about the key."""
    return "rate_limit" if status == 403 and b"quota" in body.lower() else None
