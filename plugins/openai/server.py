"""Where a server has its routes and how it takes its key: OpenAI's own way, or that of Azure OpenAI.

Source: https://learn.microsoft.com/azure/ai-foundry/openai/reference (dated versions: the deployment is part of the
path, ``api-version`` of the query, the key in ``api-key``) and …/openai/api-version-lifecycle (``/openai/v1``: paths as
OpenAI has them, the deployment is the model).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from astrbot_like.api.kit import options
from astrbot_like.api.kit.attempts import Attempts
from astrbot_like.api.kit.http import HttpService

from .models import listed_models

OPENAI_BASE = "https://api.openai.com/v1"
_ENDINGS = (
    "/chat/completions",
    "/responses",
    "/models",
    "/embeddings",
    "/audio/speech",
    "/audio/transcriptions",
)
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com", ".openai.azure.us")
_VERSION = "2024-10-21"  # the latest dated one that is no preview
_V1 = "/openai/v1"
_DEPLOYMENTS = "/openai/deployments/"
_WITHOUT_DEPLOYMENT = frozenset({"/responses", "/models"})


def tidy_base(base: str) -> str:
    """The base URL without the path of a route, which people like to paste along; its query may tell a version."""
    address, mark, query = base.partition("?")
    address = address.rstrip("/")
    for ending in _ENDINGS:
        address = address.removesuffix(ending)
    return f"{address}{mark}{query}"


class Server:
    """Paths and headers for one server.

    Args:
        http: Requests to it; its base URL may be any address that Azure shows for a resource or a deployment.
        config: Options of the provider. ``api_version`` makes any address one of Azure OpenAI; ``deployment`` names the
            deployment where it is not named like the model.
    """

    def __init__(self, http: HttpService, config: Mapping[str, Any]) -> None:
        base, _, query = http.base_url.partition("?")
        asked = parse_qs(query).get("api-version", [""])[0]
        self._http = http
        self._base = base.rstrip("/")
        self._version = options.text(config, "api_version", default=asked)
        host = urlsplit(base).hostname or ""
        self.is_azure = bool(self._version) or host.endswith(_AZURE)
        self._dated = self.is_azure and not self._base.endswith(_V1)
        root, _, deployment = self._base.partition(_DEPLOYMENTS)
        self._root = root.removesuffix("/openai")
        self._deployment = options.text(config, "deployment", default=deployment.strip("/"))

    def address(self, route: str, model: str = "") -> str:
        """The whole address of a route such as ``/chat/completions``."""
        if not self._dated:
            return f"{self._base}{route}"
        within = "" if route in _WITHOUT_DEPLOYMENT else f"/deployments/{quote(self._deployment or model, safe='')}"
        return f"{self._root}/openai{within}{route}?api-version={quote(self._version or _VERSION, safe='')}"

    def authorised(self, key: str) -> dict[str, str]:
        """The header with the key; none where no key is needed."""
        if not key:
            return {}
        return {"api-key": key} if self.is_azure else {"Authorization": f"Bearer {key}"}

    async def models(self, ring: options.KeyRing, headers: Mapping[str, str] | None = None) -> list[str]:
        """Names of the server's models, sorted; the interface does not tell what each of them is for.

        Args:
            ring: The keys of the provider.
            headers: Sent along with the key.

        Raises:
            ServiceError: The server failed.
        """

        async def listed() -> list[str]:
            sent = {**self.authorised(ring.current), **(headers or {})}
            return await listed_models(self._http, self.address("/models"), sent)

        return await Attempts(ring).result(listed)


class AtServer:
    """What providers at such a server share; mixed into the bases of the kit, which bring the rest.

    Config:
        api_version, deployment: See ``Server``.
    """

    default_base = OPENAI_BASE
    http: HttpService
    provider_config: dict[str, Any]
    ring: options.KeyRing

    @cached_property
    def server(self) -> Server:
        """Where it is."""
        return Server(self.http, self.provider_config)

    @staticmethod
    def tidy_base(base: str) -> str:
        """The base URL without the path of a route."""
        return tidy_base(base)

    async def get_models(self) -> list[str]:
        """Names of the server's models, sorted."""
        return await self.server.models(self.ring)
