"""Signing in and out, and one's own account."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Quart, request

from astrbot_like.dashboard.identity import Identity
from astrbot_like.dashboard.routing import DASHBOARD, PUBLIC, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.domain.accounts import Account
from astrbot_like.operations.sign_ins import SignIn

WRONG = "The username or the password is wrong."


class Login(msgspec.Struct, frozen=True):
    """A username and its password."""

    username: Annotated[str, Meta(examples=["admin"])]
    password: Annotated[str, Meta(examples=["correct horse battery staple"])]


class SignedIn(msgspec.Struct, frozen=True):
    """A fresh sign-in.

    Attributes:
        token: For ``Authorization: Bearer``.
        change_password_hint: The password was made by the server and should be changed now.
    """

    token: str
    username: str
    change_password_hint: bool


class AccountView(msgspec.Struct, frozen=True):
    """One's own account; ``token_expires_at`` is in seconds since the epoch."""

    username: str
    must_change_password: bool
    token_expires_at: float | None


class AccountChange(msgspec.Struct, frozen=True):
    """A new name or password; ``password`` is the present one."""

    password: str
    new_username: str | None = None
    new_password: str | None = None


class SignInView(SignIn, frozen=True):
    """A sign-in; ``current`` is the one that asks."""

    current: bool


class SignInList(msgspec.Struct, frozen=True):
    """Where the account is signed in, newest first."""

    sessions: list[SignInView]


class SignInId(msgspec.Struct, frozen=True):
    """One sign-in."""

    id: str


class SignedOut(msgspec.Struct, frozen=True):
    """The token has ended."""


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    table = RouteTable.of(app)
    routes = table.group("Sign-in")
    accounts, sign_ins = services.accounts, services.sign_ins

    async def issue(account: Account) -> SignedIn:
        token, identity = await services.authenticator.sign_in(account.username)
        await sign_ins.remember(
            account.username,
            identity.credential,
            expires_at=identity.expires_at or 0.0,
            user_agent=request.headers.get("User-Agent", ""),
            address=table.guards.address(),
        )
        return SignedIn(token, account.username, account.must_change_password)

    @routes.post("/api/auth/login", access=PUBLIC, errors=(errors.Unauthorized,))
    async def login(body: Login) -> SignedIn:
        """Sign in.

        Attempts are limited for each account and each address; after too many failures both are locked out for a
        while (429 with Retry-After).
        """
        address = table.guards.address()
        services.rate_limits.take("login", address)
        account = await accounts.authenticate(body.username, body.password, address)
        if account is None:
            raise errors.Unauthorized(WRONG)
        return await issue(account)

    @routes.get("/api/auth/account", access=DASHBOARD)
    async def account(identity: Identity) -> AccountView:
        """Show one's own account."""
        found = await accounts.get(identity.username)
        if found is None:
            raise errors.Unauthorized
        return AccountView(found.username, found.must_change_password, identity.expires_at)

    @routes.post("/api/auth/account", access=DASHBOARD, errors=(errors.Forbidden, errors.Conflict))
    async def change_account(identity: Identity, body: AccountChange) -> SignedIn:
        """Change one's own name or password.

        Sessions, files and keys go along with a new name. Every sign-in of the account ends; the answer holds a new
        one.
        """
        changed = await accounts.change(
            identity.username,
            password=body.password,
            new_username=body.new_username or None,
            new_password=body.new_password or None,
        )
        await sign_ins.end_all(identity.username)
        if changed.username != identity.username:
            # Its sessions and keys went with it.
            services.sessions.forget()
            await services.api_keys.changed_outside()
        return await issue(changed)

    @routes.get("/api/auth/sessions", access=DASHBOARD)
    async def list_sign_ins(identity: Identity) -> SignInList:
        """List where the account is signed in."""
        found = await sign_ins.list(identity.username)
        return SignInList([SignInView(**msgspec.structs.asdict(s), current=s.id == identity.credential) for s in found])

    @routes.post("/api/auth/sessions/revoke", access=DASHBOARD, errors=(errors.NotFound,))
    async def revoke_sign_in(identity: Identity, body: SignInId) -> SignedOut:
        """End one sign-in of the account; its connections close within seconds."""
        await sign_ins.end(identity.username, body.id)
        return SignedOut()

    @routes.post("/api/auth/logout", access=DASHBOARD)
    async def logout(identity: Identity) -> SignedOut:
        """Sign out: end the token that asks."""
        try:
            await sign_ins.end(identity.username, identity.credential)
        except errors.NotFound:
            await accounts.revoke_token(identity.credential, identity.expires_at or services.clock.time())
        return SignedOut()

    @routes.post("/api/auth/logout_everywhere", access=DASHBOARD)
    async def logout_everywhere(identity: Identity) -> SignedIn:
        """End every sign-in of the account; the answer holds a new one."""
        found = await accounts.get(identity.username)
        if found is None:
            raise errors.Unauthorized
        await sign_ins.end_all(identity.username)
        await accounts.revoke_token(identity.credential, identity.expires_at or services.clock.time())
        return await issue(found)
