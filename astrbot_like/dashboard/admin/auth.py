"""Signing in."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Quart

from astrbot_like.dashboard.limits import LoginGuard, RateLimiter
from astrbot_like.dashboard.routing import PUBLIC, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors

WRONG = "The username or the password is wrong."


class Login(msgspec.Struct, frozen=True):
    """A username and its password."""

    username: Annotated[str, Meta(examples=["admin"], max_length=256)]
    password: Annotated[str, Meta(examples=["correct horse battery staple"], max_length=1024)]


class SignedIn(msgspec.Struct, frozen=True):
    """A fresh sign-in.

    Attributes:
        token: For ``Authorization: Bearer``.
        change_password_hint: The password was made by the server and should be changed now.
    """

    token: str
    username: str
    change_password_hint: bool


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    table = RouteTable.of(app)
    routes = table.group("Sign-in")
    settings = services.settings
    guard = LoginGuard(settings.login_attempts, settings.login_lockout, services.clock)
    rate = RateLimiter(settings.login_rate / 60, max(5.0, settings.login_rate / 2), services.clock)

    @routes.post("/api/auth/login", access=PUBLIC, errors=(errors.Unauthorized,))
    async def login(body: Login) -> SignedIn:
        """Sign in.

        Attempts are limited for each account and each address; after too many failures both are locked out for a
        while (429 with Retry-After).
        """
        address = f"address:{table.guards.address()}"
        subject = f"account:{body.username}"
        rate.take(address)
        guard.check(subject, address)
        account = await services.accounts.authenticate(body.username, body.password)
        if account is None:
            guard.failed(subject, address)
            raise errors.Unauthorized(WRONG)
        guard.succeeded(subject)
        token = await services.authenticator.issue_token(account.username)
        return SignedIn(token, account.username, account.must_change_password)
