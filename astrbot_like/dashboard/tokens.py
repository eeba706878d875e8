"""Sign-in tokens: JSON Web Tokens (RFC 7519) signed with HS256 and nothing else."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from astrbot_like.domain.errors import Unauthorized

ALGORITHM = "HS256"

MISSING = "Missing authentication token"
EXPIRED = "Token expired"
INVALID = "Invalid token"


class Claims(msgspec.Struct, frozen=True):
    """What a token says.

    Attributes:
        username: The account.
        exp: End of its life, in seconds since the epoch.
        jti: Id of the token, so that one sign-in can be ended.
        gen: Generation of the account's tokens; raising it ends all of them.
    """

    username: str
    exp: float
    jti: str = ""
    gen: int = 0


class Secrets(Protocol):
    """Where the signing secret is kept."""

    async def signing_secret(self) -> str:
        """The current secret, made when there is none yet."""
        ...

    async def rotate_signing_secret(self) -> None:
        """Replace the secret, which ends every token."""
        ...


def encode_token(claims: Claims, secret: str) -> str:
    """A signed token."""
    import jwt

    payload: dict[str, Any] = {"username": claims.username, "exp": int(claims.exp), "gen": claims.gen}
    if claims.jti:
        payload["jti"] = claims.jti
    return jwt.encode(payload, secret, algorithm=ALGORITHM)


def decode_token(token: str | None, secret: str, *, now: float) -> Claims:
    """The claims of a valid token.

    Args:
        token: As the client sent it.
        secret: The signing secret.
        now: Seconds since the epoch.

    Raises:
        Unauthorized: ``Missing authentication token``, ``Token expired`` or ``Invalid token``.
    """
    if not token:
        raise Unauthorized(MISSING)
    import jwt

    try:
        # The expiry is checked below against the clock that was handed in.
        payload = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            options={"require": ["exp", "username"], "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        claims = msgspec.convert(payload, Claims, strict=True)
    except (jwt.InvalidTokenError, msgspec.ValidationError) as error:
        raise Unauthorized(INVALID) from error
    if claims.exp <= now:
        raise Unauthorized(EXPIRED)
    if not claims.username:
        raise Unauthorized(INVALID)
    return claims


def warm_up() -> None:
    """Import the token library ahead of the first sign-in (some 100 ms; call it off the event loop)."""
    import jwt  # noqa: F401
