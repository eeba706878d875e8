"""Backups: made while the server runs, laid ready for the next start when restored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from quart import Quart, Response, request

from astrbot_like.dashboard.admin.views import Done
from astrbot_like.dashboard.files import file_response
from astrbot_like.dashboard.routing import DASHBOARD, Answer, RouteTable, Upload
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.dashboard.temp_files import temp_file
from astrbot_like.dashboard.uploads import receive_upload
from astrbot_like.domain import errors
from astrbot_like.operations.backups import BackupInfo

ZIP = "application/zip"
ARCHIVE = Answer(ZIP, "The backup, or the part that Range names.", statuses=(200, 206, 304, 416))


class BackupList(msgspec.Struct, frozen=True):
    """Backups kept in the data directory, newest first."""

    backups: list[BackupInfo]


class BackupName(msgspec.Struct, frozen=True):
    """A backup by its file name."""

    name: str


class BackupOptions(msgspec.Struct, frozen=True):
    """What to put into a backup; ``plugins``: the installed plugins' code, too."""

    plugins: bool = True


class Restored(msgspec.Struct, frozen=True):
    """A backup that was verified and waits.

    Attributes:
        restart_required: It is put in place when the server starts next.
    """

    restored: BackupInfo
    restart_required: bool


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Backups")
    backups = services.backups

    async def known(name: str) -> Path:
        if all(info.name != name for info in await backups.all()):
            raise errors.NotFound("There is no such backup.")
        return backups.folder / name

    @routes.get("/api/backup/list", access=DASHBOARD)
    async def list_backups() -> BackupList:
        """List the backups in the data directory."""
        return BackupList(await backups.all())

    @routes.post("/api/backup/create", access=DASHBOARD, errors=(errors.Conflict,))
    async def create_backup(body: BackupOptions) -> BackupInfo:
        """Make a backup and keep it in the data directory."""
        return (await backups.create(plugins=body.plugins))[1]

    @routes.post("/api/backup/export", access=DASHBOARD, answer=ARCHIVE, errors=(errors.Conflict,))
    async def export_backup(body: BackupOptions) -> Response:
        """Make a backup, keep it in the data directory, and send it."""
        path, info = await backups.create(plugins=body.plugins)
        return await file_response(path, mime_type=ZIP, filename=info.name)

    @routes.get("/api/backup/download", access=DASHBOARD, answer=ARCHIVE, errors=(errors.NotFound,))
    async def download_backup(query: BackupName) -> Response:
        """Send a backup that is kept in the data directory."""
        return await file_response(await known(query.name), mime_type=ZIP, filename=query.name)

    @routes.post("/api/backup/delete", access=DASHBOARD, errors=(errors.NotFound,))
    async def delete_backup(body: BackupName) -> Done:
        """Delete a backup that is kept in the data directory."""
        path = await known(body.name)
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return Done()

    @routes.post("/api/backup/restore", access=DASHBOARD, errors=(errors.NotFound, errors.Conflict, errors.TooLarge))
    async def restore_backup(body: BackupName) -> Restored:
        """Verify a backup of the data directory and lay it ready; the next start puts it in place."""
        return Restored(await backups.restore(await known(body.name)), restart_required=True)

    @routes.post("/api/backup/import", access=DASHBOARD, upload=Upload("file"), errors=(errors.Conflict,))
    async def import_backup() -> Restored:
        """Upload a backup, verify it and lay it ready; the next start puts it in place."""
        settings = services.settings
        async with temp_file(services.temp_dir, ".zip") as target:

            async def take(_filename: str, pieces: AsyncIterator[bytes]) -> None:
                await target.write_all(pieces)

            await receive_upload(request, take, limit=settings.max_archive_bytes, timeout=settings.body_timeout)
            return Restored(await backups.restore(target.path), restart_required=True)
