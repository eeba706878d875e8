"""Authentication of requests and sockets: sign-in tokens and API keys."""

from __future__ import annotations

import asyncio
from typing import Protocol

from astrbot_like.dashboard import credentials
from astrbot_like.dashboard.identity import ALL_SCOPES, Identity, InsufficientScope, PageIdentity
from astrbot_like.dashboard.page_tickets import INVALID as INVALID_TICKET
from astrbot_like.dashboard.page_tickets import LIFETIME, PageTicket, decode_ticket, encode_ticket
from astrbot_like.dashboard.tokens import INVALID, Claims, Secrets, decode_token, encode_token
from astrbot_like.domain.accounts import ApiKey
from astrbot_like.domain.errors import BotError, Unauthorized
from astrbot_like.runtime.clock import Clock
from astrbot_like.runtime.ids import new_id

MISSING_KEY = "Missing API key"
INVALID_KEY = "Invalid API key"


class KeyVerifier(Protocol):
    """The API keys' store."""

    async def verify(self, key: str) -> ApiKey | None:
        """The key's record, or None when it is unknown, revoked or expired."""
        ...

    async def is_active(self, key_id: str) -> bool:
        """Whether the key still exists, is not revoked and not expired."""
        ...


class TokenAccounts(Protocol):
    """What a token's validity depends on besides its signature."""

    async def token_generation(self, username: str) -> int | None:
        """The generation of the account's tokens that is valid now; None when there is no such account."""
        ...

    async def token_revoked(self, jti: str) -> bool:
        """Whether that one sign-in was ended."""
        ...


class Authenticator:
    """Turns a credential into an ``Identity``, and says later whether it still holds.

    Args:
        keys: The API keys' store.
        accounts: The accounts' store.
        secrets: The signing secret's store.
        clock: Wall time for expiry.
        token_lifetime: Seconds a new token is valid.
    """

    def __init__(
        self, *, keys: KeyVerifier, accounts: TokenAccounts, secrets: Secrets, clock: Clock, token_lifetime: float
    ) -> None:
        self._keys = keys
        self._accounts = accounts
        self._secrets = secrets
        self._clock = clock
        self._lifetime = token_lifetime

    async def issue_token(self, username: str) -> str:
        """A token for an account, see ``sign_in``."""
        return (await self.sign_in(username))[0]

    async def sign_in(self, username: str) -> tuple[str, Identity]:
        """A token for an account whose password was just verified, and who it stands for.

        Raises:
            Unauthorized: There is no such account.
        """
        generation = await self._accounts.token_generation(username)
        if generation is None:
            raise Unauthorized(INVALID)
        claims = Claims(username, self._clock.time() + self._lifetime, new_id(), generation)
        token = await asyncio.to_thread(encode_token, claims, await self._secrets.signing_secret())
        return token, _identity_of(claims)

    async def token(self, token: str | None) -> Identity:
        """Verify a sign-in token.

        Raises:
            Unauthorized: ``Missing authentication token``, ``Token expired`` or ``Invalid token``.
        """
        claims = decode_token(token, await self._secrets.signing_secret(), now=self._clock.time())
        identity = _identity_of(claims)
        if not await self._token_stands(identity):
            raise Unauthorized(INVALID)
        return identity

    async def api_key(self, key: str | None, scope: str) -> Identity:
        """Verify an API key and its scope.

        Raises:
            Unauthorized: ``Missing API key`` or ``Invalid API key``.
            InsufficientScope: The key does not cover ``scope``.
        """
        if not key:
            raise Unauthorized(MISSING_KEY)
        record = await self._keys.verify(key)
        if record is None:
            raise Unauthorized(INVALID_KEY)
        identity = Identity(record.creator, "key", tuple(record.scopes), record.key_id, record.expires_at)
        if not identity.allows(scope):
            raise InsufficientScope
        return identity

    async def page_ticket(self, identity: Identity, plugin: str, page: str) -> str:
        """A ticket for the files of a plugin's page, for as long as this sign-in holds."""
        expires_at = min(self._clock.time() + LIFETIME, identity.expires_at or float("inf"))
        ticket = PageTicket(
            identity.username, identity.credential, identity.generation, round(expires_at), plugin, page
        )
        return encode_ticket(ticket, await self._secrets.signing_secret())

    async def ticket(self, text: str) -> PageIdentity:
        """Verify a ticket.

        Raises:
            Unauthorized: It is forged or expired, or the sign-in it was made for has ended.
        """
        ticket = decode_ticket(text, await self._secrets.signing_secret(), now=self._clock.time())
        identity = PageIdentity(
            username=ticket.username,
            kind="page",
            scopes=(),
            credential=ticket.sign_in,
            expires_at=ticket.expires_at,
            generation=ticket.generation,
            plugin=ticket.plugin,
            page=ticket.page,
        )
        if not await self._token_stands(identity):
            raise Unauthorized(INVALID_TICKET)
        return identity

    async def request_token(self, carrier: credentials.Carrier) -> Identity:
        """The signed-in account of an HTTP request (``Authorization: Bearer``)."""
        return await self.token(credentials.bearer_token(carrier))

    async def socket_token(self, carrier: credentials.Carrier) -> Identity:
        """The signed-in account of a WebSocket (query ``token`` or ``Authorization: Bearer``)."""
        return await self.token(credentials.socket_token(carrier))

    async def request_key(self, carrier: credentials.Carrier, scope: str) -> Identity:
        """The API key of an HTTP request or WebSocket."""
        return await self.api_key(credentials.api_key(carrier), scope)

    async def still_valid(self, identity: Identity) -> bool:
        """Whether a credential verified earlier is neither expired nor revoked since."""
        if identity.expires_at is not None and identity.expires_at <= self._clock.time():
            return False
        if identity.kind == "key":
            return await self._keys.is_active(identity.credential)
        return await self._token_stands(identity)

    async def _token_stands(self, identity: Identity) -> bool:
        generation = await self._accounts.token_generation(identity.username)
        if generation is None or generation != identity.generation:
            return False
        return not (identity.credential and await self._accounts.token_revoked(identity.credential))


def _identity_of(claims: Claims) -> Identity:
    return Identity(claims.username, "jwt", (ALL_SCOPES,), claims.jti, claims.exp, claims.gen)


def socket_error_code(error: BotError) -> str:
    """The ``code`` of the error frame that an Open API socket sends before it closes with 1008."""
    return Unauthorized.code if isinstance(error, InsufficientScope) else error.code
