"""Downloads: streamed, limited, never left half done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from astrbot_like.api import media, utils
from astrbot_like.api.current import bind_host
from astrbot_like.api.message_components import File, Image
from astrbot_like.api.testing import FakeHost

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 5000


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/absent":
            raise web.HTTPNotFound
        if request.method == "POST":
            return web.Response(body=PNG[:10] + await request.read())
        return web.Response(body=PNG, content_type="image/png")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def test_fetched_into_the_temp_directory(url: str, tmp_path: Path) -> None:
    with bind_host(FakeHost(tmp_path)):
        path = Path(await Image.fromURL(f"{url}/a.png").convert_to_file_path())
        assert path.read_bytes() == PNG
        assert path.is_relative_to(tmp_path / "data" / "temp")
        file = File(name="../report.pdf", url=f"{url}/f")
        fetched = Path(await file.get_file())
        assert fetched.read_bytes() == PNG
        assert fetched.suffix == ".pdf"
        assert file.file == str(fetched)
        posted = await utils.download_image_by_url(f"{url}/x", post=True, post_data={"a": 1})
        assert Path(posted).read_bytes() == PNG[:10] + b'{"a": 1}'


async def test_refused_and_nothing_left(url: str, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "x.bin"
    with pytest.raises(media.MediaError, match="404"):
        await utils.download_file(f"{url}/absent", str(target))
    with pytest.raises(media.MediaError, match="larger than 100 bytes"):
        await media.download(f"{url}/a", target, limit=100)
    with pytest.raises(media.MediaError, match="failed"):
        await media.download("http://127.0.0.1:9/a", target)
    assert not target.exists()
    await utils.download_file(f"{url}/a", str(target))
    assert target.read_bytes() == PNG
