"""Personas: how the bot speaks."""

from __future__ import annotations

import msgspec
from quart import Quart

from astrbot_like.dashboard.admin.views import Done
from astrbot_like.dashboard.routing import DASHBOARD, RouteTable
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.domain import errors
from astrbot_like.domain.profiles import Persona


class PersonaInput(msgspec.Struct, frozen=True):
    """A persona to make or change.

    Attributes:
        id: Its name.
        begin_dialogs, mood_imitation_dialogs: Texts of user and bot in turn, an even number.
        tools, skills: Names; null: all.
    """

    id: str
    prompt: str
    begin_dialogs: tuple[str, ...] = ()
    mood_imitation_dialogs: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    skills: tuple[str, ...] | None = None
    custom_error_message: str | None = None

    def persona(self) -> Persona:
        """As it is stored."""
        return Persona(**msgspec.structs.asdict(self))


class PersonaId(msgspec.Struct, frozen=True):
    """A persona by its name."""

    id: str


class PersonaList(msgspec.Struct, frozen=True):
    """All personas, the default one first."""

    personas: list[Persona]


class PersonaTool(msgspec.Struct, frozen=True):
    """A tool a persona may use; ``source`` is the plugin or server it comes from."""

    name: str
    desc: str
    source: str


class ToolList(msgspec.Struct, frozen=True):
    """All tools."""

    tools: list[PersonaTool]


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Personas")
    personas = services.personas

    @routes.get("/api/persona/list", access=DASHBOARD)
    async def list_personas() -> PersonaList:
        """List the personas."""
        return PersonaList(list(await personas.all()))

    @routes.post("/api/persona/create", access=DASHBOARD, errors=(errors.Conflict,))
    async def create_persona(body: PersonaInput) -> Persona:
        """Make a persona."""
        return await personas.create(body.persona())

    @routes.post("/api/persona/update", access=DASHBOARD, errors=(errors.NotFound,))
    async def update_persona(body: PersonaInput) -> Persona:
        """Change a persona."""
        return await personas.update(body.persona())

    @routes.post("/api/persona/delete", access=DASHBOARD, errors=(errors.NotFound, errors.Conflict))
    async def delete_persona(body: PersonaId) -> Done:
        """Delete a persona; who uses it gets the default one."""
        await personas.delete(body.id)
        return Done()

    @routes.get("/api/persona/tools", access=DASHBOARD)
    async def list_tools() -> ToolList:
        """List the tools that a persona may be given."""
        return ToolList([PersonaTool(tool.name, tool.desc, tool.source) for tool in services.tools.all()])
