"""What stands before every route: authentication and rate limits."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

from quart import g, request

from astrbot_like.dashboard.addresses import client_address, parse_networks
from astrbot_like.dashboard.auth import Authenticator
from astrbot_like.dashboard.credentials import api_key, bearer_token
from astrbot_like.dashboard.identity import Identity
from astrbot_like.dashboard.limits import RateLimits
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain.errors import Unauthorized

if TYPE_CHECKING:
    from astrbot_like.dashboard.routing import Access

ANYONE = Identity("", "jwt", (), "")
"""Who asks a public route."""


class Guards:
    """Admits requests, or refuses them with a coded error.

    Args:
        seen: Told of the id of every sign-in token that is used.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        settings: DashboardSettings,
        limits: RateLimits,
        seen: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._authenticator = authenticator
        self._seen = seen
        self._limits = limits
        self._trusted = parse_networks(settings.trusted_proxies)
        self._metrics_token = settings.metrics_token

    def address(self) -> str:
        """Address of the client of the current request."""
        forwarded_for = request.headers.get("X-Forwarded-For", "")
        return client_address(forwarded_for, request.headers.get("Remote-Addr", ""), self._trusted)

    async def admit(self, access: Access) -> Identity:
        """The identity of the current request, checked against what its route needs.

        Raises:
            Unauthorized, InsufficientScope, RateLimited: As they say.
        """
        if access.kind != "public":
            identity = await self._identify(access)
            self._limits.take("requests", f"{identity.kind}:{identity.credential or identity.username}")
        else:
            self._limits.take("requests", self.address())
            identity = ANYONE
        g.identity = identity
        return identity

    async def _identify(self, access: Access) -> Identity:
        try:
            match access.kind:
                case "key":
                    return await self._authenticator.request_key(request, access.scope)
                case "dashboard_or_key" if not _looks_like_token():
                    return await self._authenticator.request_key(request, access.scope)
                case "metrics":
                    return self._metrics_reader()
                case "page":
                    return await self._authenticator.ticket((request.view_args or {})["ticket"])
                case _:
                    identity = await self._authenticator.request_token(request)
                    self._seen(identity.credential)
                    return identity
        except Unauthorized:
            # Guessing is limited by address; a valid credential behind the same address is not held up by it.
            self._limits.take("requests", self.address())
            raise

    def _metrics_reader(self) -> Identity:
        if not self._metrics_token:
            raise Unauthorized("Metrics are switched off. Set a metrics token to read them.")
        given = (bearer_token(request) or "").encode()
        if not hmac.compare_digest(given, self._metrics_token.encode()):
            raise Unauthorized("The metrics token is missing or wrong.")
        return ANYONE


def _looks_like_token() -> bool:
    token = bearer_token(request)
    return token is not None and token.count(".") == 2 and not (api_key(request) or "").startswith("abk_")
