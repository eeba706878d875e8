"""The built web UI, served from memory-mapped paths known at start; precompressed files where a browser takes them."""

from __future__ import annotations

import mimetypes
from pathlib import Path

import msgspec
from quart import Quart, Response, has_request_context, request
from werkzeug.exceptions import NotFound

from astrbot_like.dashboard.errors import error_response
from astrbot_like.dashboard.files import file_response
from astrbot_like.dashboard.routing import RouteTable
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain import errors

PACKAGE_WEB = Path(__file__).parent.parent / "web"
IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))

NOT_BUILT = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>astrbot_like</title></head>
<body>
<h1>The web UI was not built</h1>
<p>The server runs, and its <a href="/api/docs">API</a> works. To get the web UI, run <code>make web</code> in the
source tree (it needs Node.js 20 or newer) and start the server again, or install a released package.</p>
</body>
</html>
"""


class Asset(msgspec.Struct, frozen=True):
    """A file of the web UI.

    Attributes:
        encodings: Names of the precompressed forms that lie beside it.
    """

    path: Path
    mime_type: str
    encodings: tuple[str, ...]
    immutable: bool


def find_assets(root: Path) -> dict[str, Asset]:
    """Every file below ``root`` by its URL path. Only what is listed is ever served, so no path can lead elsewhere."""
    found: dict[str, Asset] = {}
    if not root.is_dir():
        return found
    files = {path for path in root.rglob("*") if path.is_file()}
    for path in files:
        if path.suffix in (".br", ".gz") and path.with_suffix("") in files:
            continue
        encodings = tuple(name for name, suffix in ENCODINGS if path.with_name(path.name + suffix) in files)
        url = "/" + path.relative_to(root).as_posix()
        mime = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        # Vite puts a hash of the content into the names below assets/.
        found[url] = Asset(path, mime, encodings, immutable=url.startswith("/assets/"))
    return found


def register(app: Quart, settings: DashboardSettings) -> None:
    """Serve the web UI at ``/``; paths that are no file and no API are the UI's own pages."""
    table = RouteTable.of(app)
    assets = find_assets(Path(settings.web_root) if settings.web_root else PACKAGE_WEB)

    async def index() -> Response:
        """The web UI."""
        asset = assets.get("/index.html")
        if asset is None:
            return Response(NOT_BUILT, content_type="text/html; charset=utf-8")
        return await _send(asset)

    async def asset_file(name: str) -> Response:
        """A script, style sheet, font or picture of the web UI."""
        asset = assets.get(f"/assets/{name}")
        if asset is None:
            raise errors.NotFound
        return await _send(asset)

    async def elsewhere(error: NotFound) -> Response:
        if not has_request_context():
            return error_response(errors.NotFound())  # a WebSocket's handshake
        path = request.path
        if request.method in ("GET", "HEAD") and not path.startswith("/api"):
            if (asset := assets.get(path)) is not None and path != "/index.html":
                return await _send(asset)
            if "text/html" in request.headers.get("Accept", "") and "." not in path.rsplit("/", 1)[-1]:
                return await index()
        return error_response(errors.NotFound())

    table.add_page("/", "index", index)
    table.add_page("/assets/<path:name>", "asset_file", asset_file)
    app.register_error_handler(NotFound, elsewhere)


async def _send(asset: Asset) -> Response:
    accepted = request.headers.get("Accept-Encoding", "")
    path = asset.path
    headers = {"Cache-Control": IMMUTABLE if asset.immutable else REVALIDATE}
    if asset.encodings:
        headers["Vary"] = "Accept-Encoding"
        for name, suffix in ENCODINGS:
            if name in asset.encodings and name in accepted:
                path = path.with_name(path.name + suffix)
                headers["Content-Encoding"] = name
                break
    return await file_response(path, mime_type=asset.mime_type, headers=headers)
