"""Files of the Open API: up and down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from quart import Quart, Response, request

from astrbot_like.dashboard.files import file_response
from astrbot_like.dashboard.identity import Identity
from astrbot_like.dashboard.routing import Answer, RouteTable, Upload, key_scope
from astrbot_like.dashboard.services import DashboardServices
from astrbot_like.dashboard.uploads import receive_upload
from astrbot_like.domain import errors
from astrbot_like.domain.history import Attachment
from astrbot_like.domain.messages import MediaKind

FILE_ANSWER = Answer("*/*", "The bytes, or the part that Range names.", statuses=(200, 206, 304, 416))


class StoredFile(msgspec.Struct, frozen=True):
    """A stored file.

    Attributes:
        filename: The client's name for it.
        type: From its content: ``image``, ``record`` (audio), ``video`` or ``file``.
    """

    attachment_id: str
    filename: str
    type: MediaKind


class FileQuery(msgspec.Struct, frozen=True):
    """Which file."""

    attachment_id: str


def register(app: Quart, services: DashboardServices) -> None:
    """Declare the routes."""
    routes = RouteTable.of(app).group("Files")

    @routes.post("/api/v1/file", access=key_scope("file"), upload=Upload("file"))
    async def upload_file(identity: Identity) -> StoredFile:
        """Store a file, to be named in messages.

        The part ``file`` of a multipart form goes to disk as it comes in. The client's name for it is kept for
        display only.
        """
        return await store_upload(services, identity)

    @routes.get(
        "/api/v1/file", access=key_scope("file"), answer=FILE_ANSWER, errors=(errors.NotFound, errors.BadRequest)
    )
    async def download_file(identity: Identity, query: FileQuery) -> Response:
        """Read a stored file back, whole or in part."""
        return await send_attachment(services, identity, query.attachment_id)


async def store_upload(services: DashboardServices, identity: Identity) -> StoredFile:
    """Store the ``file`` part of the current request for ``identity``."""
    limit = services.settings.max_upload_bytes

    async def take(filename: str, pieces: AsyncIterator[bytes]) -> Attachment:
        return await services.attachments.put_stream(
            pieces, filename=filename or "file", owner=identity.owner, limit=limit
        )

    stored = (await receive_upload(request, take, limit=limit, timeout=services.settings.body_timeout)).result
    return StoredFile(stored.attachment_id, stored.filename, stored.kind)


async def send_attachment(services: DashboardServices, identity: Identity, attachment_id: str) -> Response:
    """A stored file as the answer to the current request.

    Raises:
        NotFound: There is no such file, or it is not for ``identity`` to read.
    """
    if not attachment_id:
        raise errors.BadRequest("Missing key: attachment_id")
    found = await services.attachments.get(attachment_id)
    # An API key reads what it stored itself, not what the account that made it has.
    username = "" if identity.kind == "key" else identity.username
    if found is None or not found.readable_by(username, identity.key_id):
        raise errors.NotFound("Attachment not found")
    response = await file_response(Path(found.path), mime_type=found.mime_type, filename=found.filename)
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response
