"""Profiles ("configs"): which providers, persona and plugins a session talks with."""

from __future__ import annotations

from typing import Any

import msgspec
from quart import Quart

from astrbot_like.dashboard.admin.views import Done
from astrbot_like.dashboard.routing import DASHBOARD, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.domain.profiles import Profile

COPIED = ("llm", "stt", "tts", "embedding", "rerank", "persona_id", "plugin_set", "voice", "host")


class ProfileView(msgspec.Struct, frozen=True):
    """A profile.

    Attributes:
        llm, stt, tts, embedding, rerank: Chains of provider ids; the first is the default, the rest are fall-backs.
        plugin_set: Names of plugins; ``*`` stands for all that are switched on.
        routes: Patterns of origins, ``platform:MessageType:session``, whose sessions use it unless they are bound to
            another one; each part is a shell pattern, an empty one takes anything.
        read_only: It was declared in the settings file.
    """

    id: str
    name: str
    is_default: bool
    llm: tuple[str, ...]
    stt: tuple[str, ...]
    tts: tuple[str, ...]
    embedding: tuple[str, ...]
    rerank: tuple[str, ...]
    persona_id: str | None
    plugin_set: tuple[str, ...]
    voice: dict[str, Any]
    host: dict[str, Any]
    routes: tuple[str, ...]
    read_only: bool
    created_at: str
    updated_at: str


class ProfileList(msgspec.Struct, frozen=True):
    """All profiles, the default one first."""

    configs: list[ProfileView]


class ProfileAnswer(msgspec.Struct, frozen=True):
    """One profile."""

    profile: ProfileView


class ProfileQuery(msgspec.Struct, frozen=True):
    """Which profile."""

    id: str


class NewProfile(msgspec.Struct, frozen=True):
    """A profile to make; ``copy_from`` is the id of one to begin with (default: the default one)."""

    name: str
    copy_from: str | None = None


class ProfileChange(msgspec.Struct, frozen=True):
    """What to change in a profile: fields by name."""

    id: str
    profile: dict[str, Any]


class ProfileSchema(msgspec.Struct, frozen=True):
    """Forms of a profile's voice and host settings, in the shape of ``_conf_schema.json``.

    Attributes:
        host: Fields with ``advanced: true`` are those that only plugins read.
        texts: Words of both forms by locale, then by form: ``description``, ``hint`` and ``labels`` of each field.
    """

    voice: dict[str, dict[str, Any]]
    host: dict[str, dict[str, Any]]
    texts: dict[str, dict[str, dict[str, Any]]] = {}


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Profiles")
    profiles = services.profiles
    refused = (errors.NotFound, errors.Conflict)

    @routes.get("/api/config/list", access=DASHBOARD)
    async def list_profiles() -> ProfileList:
        """List the profiles."""
        return ProfileList([_view(profile) for profile in await profiles.all()])

    @routes.get("/api/config/read", access=DASHBOARD, errors=(errors.NotFound,))
    async def read_profile(query: ProfileQuery) -> ProfileAnswer:
        """Read a profile."""
        return ProfileAnswer(_view(await profiles.get(query.id)))

    @routes.post("/api/config/create", access=DASHBOARD, errors=(errors.NotFound,))
    async def create_profile(body: NewProfile) -> ProfileView:
        """Make a profile, as a copy."""
        values: dict[str, Any] = {}
        if body.copy_from:
            base = msgspec.to_builtins(await profiles.get(body.copy_from))
            values = {name: base[name] for name in COPIED}
        return _view(await profiles.create(body.name, values))

    @routes.post("/api/config/write", access=DASHBOARD, errors=refused)
    async def write_profile(body: ProfileChange) -> ProfileAnswer:
        """Change a profile; its sessions follow at their next message.

        Fields that nobody can set (``id``, ``read_only``, times) are passed over, so that what was read can be
        written back.
        """
        fixed = {"id", "read_only", "created_at", "updated_at", "is_default"}
        changes = {name: value for name, value in body.profile.items() if name not in fixed}
        return ProfileAnswer(_view(await profiles.update(body.id, changes)))

    @routes.post("/api/config/delete", access=DASHBOARD, errors=refused)
    async def delete_profile(body: ProfileQuery) -> Done:
        """Delete a profile; its sessions go back to the default one."""
        await profiles.delete(body.id)
        return Done()

    @routes.get("/api/config/schema", access=DASHBOARD)
    async def profile_schema() -> ProfileSchema:
        """Read the forms of a profile's voice and host settings."""
        forms = services.forms
        return ProfileSchema(forms.voice(), forms.host(), forms.texts())


def _view(profile: Profile) -> ProfileView:
    return ProfileView(**msgspec.structs.asdict(profile), is_default=profile.is_default)
