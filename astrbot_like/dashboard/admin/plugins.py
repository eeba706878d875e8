"""Plugins: installed, switched, configured, looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from quart import Quart, Response, request

from astrbot_like.dashboard.admin.views import Done
from astrbot_like.dashboard.files import file_response
from astrbot_like.dashboard.routing import DASHBOARD, Answer, RouteTable, Upload
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.dashboard.temp_files import temp_file
from astrbot_like.dashboard.uploads import receive_upload
from astrbot_like.domain import errors
from astrbot_like.operations.plugin_views import PluginConfigView, PluginView

REFUSED = (errors.NotFound, errors.PluginError, errors.Conflict, errors.TurnTimeout)
LOGO = Answer("image/png", "The plugin's picture.", statuses=(200, 206, 304, 416))


class PluginList(msgspec.Struct, frozen=True):
    """All plugins, in the order in which they were loaded."""

    plugins: list[PluginView]


class PluginName(msgspec.Struct, frozen=True):
    """A plugin by its name."""

    name: Annotated[str, Meta(examples=["astrbot_plugin_example"])]


class PluginSource(msgspec.Struct, frozen=True):
    """Where to install from: a Git address (or ``owner/name`` of GitHub) in ``url``, or a folder or ZIP file on the
    server's machine in ``path``."""

    url: str | None = None
    path: str | None = None


class PluginRemoval(msgspec.Struct, frozen=True):
    """Which plugin to remove, and whether with its configuration and its files."""

    name: str
    delete_config: bool = False
    delete_data: bool = False


class PluginUpdate(msgspec.Struct, frozen=True):
    """Which plugin to update; ``url`` when from elsewhere than before."""

    name: str
    url: str | None = None


class PluginConfigInput(msgspec.Struct, frozen=True):
    """A plugin's new configuration: the whole form."""

    name: str
    config: dict[str, Any]


class ToolSwitch(msgspec.Struct, frozen=True):
    """A tool to offer to models, or not."""

    name: str
    enabled: bool


class ConfigFileQuery(msgspec.Struct, frozen=True):
    """Which field of a plugin's form takes the file; fields in objects are named with dots."""

    name: str
    key: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}$")]


class ConfigFile(msgspec.Struct, frozen=True):
    """A stored file; ``path`` is the value for the field, relative to the plugin's data folder."""

    path: str


class Readme(msgspec.Struct, frozen=True):
    """Markdown texts of a plugin; empty when it has none."""

    text: str
    changelog: str


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Plugins")
    plugins = services.plugins

    @routes.get("/api/plugin/get", access=DASHBOARD)
    async def list_plugins() -> PluginList:
        """List the plugins, failed ones with the reason."""
        return PluginList(await plugins.list())

    @routes.post("/api/plugin/install", access=DASHBOARD, errors=REFUSED)
    async def install_plugin(body: PluginSource) -> PluginView:
        """Install a plugin from a Git address, or from a folder or ZIP file on the server's machine."""
        if body.url:
            return await plugins.install_from_address(body.url)
        if body.path:
            return await plugins.install_from_path(Path(body.path))
        raise errors.BadRequest("Missing key: url")

    @routes.post("/api/plugin/install-upload", access=DASHBOARD, upload=Upload("file"), errors=REFUSED)
    async def install_uploaded_plugin() -> PluginView:
        """Install a plugin from an uploaded ZIP file."""
        settings = services.settings
        async with temp_file(services.temp_dir, ".zip") as target:

            async def take(_filename: str, pieces: AsyncIterator[bytes]) -> None:
                await target.write_all(pieces)

            limit = services.plugin_manager.settings.archive_bytes
            await receive_upload(request, take, limit=limit, timeout=settings.body_timeout)
            return await plugins.install_from_path(target.path)

    @routes.post("/api/plugin/uninstall", access=DASHBOARD, errors=REFUSED)
    async def uninstall_plugin(body: PluginRemoval) -> Done:
        """Remove an installed plugin."""
        await plugins.uninstall(body.name, delete_config=body.delete_config, delete_data=body.delete_data)
        return Done()

    @routes.post("/api/plugin/on", access=DASHBOARD, errors=REFUSED)
    async def enable_plugin(body: PluginName) -> PluginView:
        """Switch a plugin on."""
        return await plugins.enable(body.name)

    @routes.post("/api/plugin/off", access=DASHBOARD, errors=REFUSED)
    async def disable_plugin(body: PluginName) -> PluginView:
        """Switch a plugin off, for good."""
        return await plugins.disable(body.name)

    @routes.post("/api/plugin/reload", access=DASHBOARD, errors=REFUSED)
    async def reload_plugin(body: PluginName) -> PluginView:
        """Stop a plugin and start it from its files; the way to retry a failed one."""
        return await plugins.reload(body.name)

    @routes.post("/api/plugin/update", access=DASHBOARD, errors=REFUSED)
    async def update_plugin(body: PluginUpdate) -> PluginView:
        """Replace a plugin by its newest version; the old one stays when the new one does not start."""
        return await plugins.update(body.name, body.url or None)

    @routes.get("/api/plugin/config", access=DASHBOARD, errors=REFUSED)
    async def plugin_config(query: PluginName) -> PluginConfigView:
        """Read a plugin's configuration form and its values."""
        return await plugins.config(query.name)

    @routes.post("/api/plugin/config", access=DASHBOARD, errors=REFUSED)
    async def set_plugin_config(body: PluginConfigInput) -> PluginConfigView:
        """Save a plugin's configuration and restart it with that."""
        return await plugins.set_config(body.name, body.config)

    @routes.post("/api/plugin/config-file", access=DASHBOARD, upload=Upload("file"), errors=REFUSED)
    async def upload_config_file(query: ConfigFileQuery) -> ConfigFile:
        """Store a file for a field of type ``file``; the plugin sees it when the configuration is saved."""
        settings = services.settings
        folder, path = await plugins.config_file_folder(query.name, query.key), ""
        async with temp_file(services.temp_dir, ".part") as target:

            async def take(filename: str, pieces: AsyncIterator[bytes]) -> str:
                await target.write_all(pieces)
                return filename

            uploaded = await receive_upload(
                request, take, limit=settings.max_upload_bytes, timeout=settings.body_timeout
            )
            path = await plugins.keep_config_file(folder, uploaded.result, target.path)
        return ConfigFile(path)

    @routes.post("/api/plugin/tool", access=DASHBOARD, errors=(errors.NotFound,))
    async def switch_tool(body: ToolSwitch) -> Done:
        """Offer a tool to models or not, for good."""
        await plugins.set_tool(body.name, active=body.enabled)
        return Done()

    @routes.get("/api/plugin/readme", access=DASHBOARD, errors=REFUSED)
    async def plugin_readme(query: PluginName) -> Readme:
        """Read what a plugin says about itself."""
        return Readme(await plugins.readme(query.name), await plugins.changelog(query.name))

    @routes.get("/api/plugin/logo", access=DASHBOARD, errors=REFUSED, answer=LOGO)
    async def plugin_logo(query: PluginName) -> Response:
        """Read a plugin's picture."""
        return await file_response(await plugins.logo(query.name), mime_type="image/png")
