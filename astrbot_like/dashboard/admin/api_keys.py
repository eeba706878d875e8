"""API keys: what programs sign in with."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Quart

from astrbot_like.dashboard.identity import Identity
from astrbot_like.dashboard.routing import DASHBOARD, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.domain.accounts import ApiKey, NewApiKey

Days = Annotated[float, Meta(gt=0, le=36500)]
DAY = 24 * 3600.0


class ApiKeyInput(msgspec.Struct, frozen=True):
    """A key to make."""

    name: Annotated[str, Meta(examples=["kitchen display"])]
    scopes: Annotated[list[str], Meta(description="chat, config, file, im, or * for all.", examples=[["chat"]])]
    expires_in_days: Annotated[Days | None, Meta(description="Days until it ends; null: never.")] = None


class ApiKeyId(msgspec.Struct, frozen=True):
    """A key by its id."""

    key_id: str


class ApiKeyList(msgspec.Struct, frozen=True):
    """Keys, oldest first, revoked ones too; never the keys themselves."""

    keys: list[ApiKey]


class ApiKeyDeleted(msgspec.Struct, frozen=True):
    """It is gone."""


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("API keys")
    keys = services.api_keys

    async def visible(identity: Identity) -> list[ApiKey]:
        # Keys of the command line, or of accounts that are gone, belong to the house.
        others = {account.username for account in await services.accounts.all()} - {identity.username}
        return [key for key in await keys.all() if key.creator not in others]

    async def own(identity: Identity, key_id: str) -> str:
        if all(key.key_id != key_id for key in await visible(identity)):
            raise errors.NotFound("There is no such API key.")
        return key_id

    @routes.get("/api/apikey/list", access=DASHBOARD)
    async def list_api_keys(identity: Identity) -> ApiKeyList:
        """List the keys."""
        return ApiKeyList(await visible(identity))

    @routes.post("/api/apikey/create", access=DASHBOARD)
    async def create_api_key(identity: Identity, body: ApiKeyInput) -> NewApiKey:
        """Make a key. This answer is the only time that the key is shown."""
        expires_at = None if body.expires_in_days is None else services.clock.time() + body.expires_in_days * DAY
        return await keys.create(body.name, body.scopes, creator=identity.username, expires_at=expires_at)

    @routes.post("/api/apikey/revoke", access=DASHBOARD, errors=(errors.NotFound,))
    async def revoke_api_key(identity: Identity, body: ApiKeyId) -> ApiKey:
        """End a key; it stays listed. Its connections close within seconds."""
        return await keys.revoke(await own(identity, body.key_id))

    @routes.post("/api/apikey/delete", access=DASHBOARD, errors=(errors.NotFound,))
    async def delete_api_key(identity: Identity, body: ApiKeyId) -> ApiKeyDeleted:
        """End a key and forget it."""
        await keys.delete(await own(identity, body.key_id))
        return ApiKeyDeleted()
