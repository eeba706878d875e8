"""Uploads go to disk piece by piece; downloads can do no harm."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from astrbot_like.dashboard.app import bare_app
from astrbot_like.dashboard.auth import Authenticator
from astrbot_like.dashboard.files import content_disposition
from astrbot_like.dashboard.guards import Guards
from astrbot_like.dashboard.limits import MemoryRateLimits
from astrbot_like.dashboard.open_api import files
from astrbot_like.dashboard.routing import RouteTable
from astrbot_like.dashboard.settings import DashboardSettings
from astrbot_like.domain.accounts import ApiKey
from astrbot_like.runtime.clock import SystemClock
from astrbot_like.storage.attachments import AttachmentStore
from astrbot_like.storage.database import Database
from astrbot_like.storage.settings import StorageSettings

LIMIT = 300_000
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


class Keys:
    async def verify(self, key: str) -> ApiKey | None:
        return ApiKey(key.removeprefix("abk_"), "n", key[:12], ("file",), "ann", "") if "bad" not in key else None

    async def is_active(self, key_id: str) -> bool:
        return True


@pytest.fixture
async def client(tmp_path):
    database = await Database.open(tmp_path)
    settings = DashboardSettings(max_upload_bytes=LIMIT, body_timeout=2)
    authenticator = Authenticator(keys=Keys(), accounts=None, secrets=None, clock=SystemClock(), token_lifetime=60)
    app = bare_app(settings)
    RouteTable(app, Guards(authenticator, settings, MemoryRateLimits(settings, SystemClock())))
    attachments = AttachmentStore(database, tmp_path / "attachments", StorageSettings())
    files.register(app, SimpleNamespace(settings=settings, attachments=attachments))
    yield app.test_client()
    await database.aclose()


def form(data: bytes, filename: str = "a.bin", *, field: str = "file", before: bytes = b"") -> dict:
    head = f'--X\r\nContent-Disposition: form-data; name="{field}"; filename="{filename}"\r\n\r\n'.encode()
    return {
        "data": before + head + data + b"\r\n--X--\r\n",
        "headers": {"Content-Type": "multipart/form-data; boundary=X", "X-API-Key": "abk_1"},
    }


async def upload(client, data: bytes, filename: str = "a.bin"):
    response = await client.post("/api/v1/file", **form(data, filename))
    return response.status_code, (await response.get_json())


async def test_a_file_comes_back_as_it_went_up(client):
    data = bytes(range(256)) * 1000
    status, answer = await upload(client, data, "photo.dat")
    assert status == 200
    assert answer["data"]["filename"] == "photo.dat"
    response = await client.get(
        f"/api/v1/file?attachment_id={answer['data']['attachment_id']}", headers={"X-API-Key": "abk_1"}
    )
    assert await response.get_data(as_text=False) == data
    assert response.headers["Content-Length"] == str(len(data))
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_type_comes_from_the_content(client):
    assert (await upload(client, PNG, "x.txt"))[1]["data"]["type"] == "image"
    wav = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(32)
    assert (await upload(client, wav, "x.bin"))[1]["data"]["type"] == "record"
    assert (await upload(client, b"hello", "x.png"))[1]["data"]["type"] == "file"


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\x", "/abs", "a/b/c.txt", "%2e%2e%2f", "\u202etxt.exe"])
async def test_names_are_for_display_only(client, name, tmp_path):
    status, answer = await upload(client, b"data", name.replace('"', ""))
    assert status == 200
    shown = answer["data"]["filename"]
    assert "/" not in shown
    assert "\\" not in shown
    stored = [path for path in (tmp_path / "attachments").rglob("*") if path.is_file()]
    assert len(stored) == 1
    assert answer["data"]["attachment_id"] in stored[0].name


async def test_a_file_over_the_limit_is_refused_and_leaves_nothing(client, tmp_path):
    status, answer = await upload(client, bytes(LIMIT + 1))
    assert (status, answer["data"]["code"]) == (413, "TOO_LARGE")
    status, answer = await upload(client, bytes(LIMIT * 3))
    assert status == 413
    assert not [path for path in (tmp_path / "attachments").rglob("*") if path.is_file()]
    assert (await upload(client, bytes(LIMIT)))[0] == 200


async def test_damaged_forms_are_bad_requests(client):
    for data, headers in [
        (b"{}", {"Content-Type": "application/json"}),
        (b"x", {"Content-Type": "multipart/form-data"}),
    ]:
        response = await client.post("/api/v1/file", data=data, headers={"X-API-Key": "abk_1", **headers})
        assert response.status_code == 415
    for data in (b"", b"--X--\r\n", b"--X\r\nnonsense", b"--X\r\n\r\n\r\n--X--\r\n", b"garbage" * 1000):
        response = await client.post("/api/v1/file", data=data, headers=form(b"")["headers"])
        assert response.status_code == 400, data[:20]
    for nothing in (form(b"data", field="other"), {"headers": {"X-API-Key": "abk_1"}}):
        response = await client.post("/api/v1/file", **nothing)
        assert (response.status_code, (await response.get_json())["message"]) == (400, "Missing key: file")
    cut = form(b"data" * 100)
    cut["data"] = cut["data"][:-30]
    assert (await client.post("/api/v1/file", **cut)).status_code == 400


async def test_endless_part_headers_do_not_fill_the_memory(client):
    body = b"--X\r\n" + b"A: " + b"b" * (2 * 1024 * 1024)
    response = await client.post("/api/v1/file", data=body, headers=form(b"")["headers"])
    assert response.status_code == 413


async def test_fields_beside_the_file_are_allowed(client):
    field = b'--X\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    response = await client.post("/api/v1/file", **form(b"data", before=field))
    assert response.status_code == 200


async def test_ranges(client):
    _, answer = await upload(client, b"0123456789")
    url = f"/api/v1/file?attachment_id={answer['data']['attachment_id']}"

    async def get(**headers: str):
        headers = {"X-API-Key": "abk_1"} | {name.replace("_", "-"): value for name, value in headers.items()}
        response = await client.get(url, headers=headers)
        return response.status_code, await response.get_data(as_text=False), response.headers

    assert (await get(Range="bytes=2-4"))[:2] == (206, b"234")
    assert (await get(Range="bytes=-3"))[:2] == (206, b"789")
    assert (await get(Range="bytes=8-"))[:2] == (206, b"89")
    assert (await get(Range="bytes=0-1,4-5"))[:2] == (200, b"0123456789")
    assert (await get(Range="lines=1"))[:2] == (200, b"0123456789")
    status, _, headers = await get(Range="bytes=20-")
    assert (status, headers["Content-Range"]) == (416, "bytes */10")
    status, _, headers = await get()
    for known in (headers["ETag"], f"W/{headers['ETag']}", f'"other", {headers["ETag"]}', "*"):
        status, body, unchanged = await get(If_None_Match=known)
        assert (status, body, unchanged["Content-Type"]) == (304, b"", headers["Content-Type"])
    assert (await get(If_None_Match='"other"'))[0] == 200
    for whole in ("bytes=-99", "bytes=0-99"):
        status, body, headers = await get(Range=whole)
        assert (status, body, headers["Content-Range"]) == (206, b"0123456789", "bytes 0-9/10")
    assert (await get(Range="bytes=2-4", If_Range='"other"'))[0] == 200
    head = await client.head(url, headers={"X-API-Key": "abk_1", "Range": "bytes=0-1"})
    assert (head.status_code, await head.get_data()) == (200, b""), "only GET has ranges"


async def test_what_a_browser_could_run_is_never_shown_inline(client):
    for data, name in [
        (b"<!doctype html><script>alert(1)</script>", "x.html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "x.svg"),
    ]:
        _, answer = await upload(client, data, name)
        response = await client.get(
            f"/api/v1/file?attachment_id={answer['data']['attachment_id']}", headers={"X-API-Key": "abk_1"}
        )
        assert response.headers["Content-Disposition"].startswith("attachment;")
        assert "sandbox" in response.headers["Content-Security-Policy"]


async def test_missing_and_foreign_files(client):
    async def answer_of(url: str, key: str = "abk_1"):
        response = await client.get(url, headers={"X-API-Key": key})
        return response.status_code, (await response.get_json())["message"]

    assert await answer_of("/api/v1/file") == (400, "Missing key: attachment_id")
    assert await answer_of("/api/v1/file?attachment_id=") == (400, "Missing key: attachment_id")
    assert await answer_of("/api/v1/file?attachment_id=nope") == (404, "Attachment not found")
    _, stored = await upload(client, b"mine")
    url = f"/api/v1/file?attachment_id={stored['data']['attachment_id']}"
    assert await answer_of(url, "abk_2") == (404, "Attachment not found")
    assert await answer_of(url, "abk_bad") == (401, "Invalid API key")


def test_dispositions():
    assert content_disposition("a.png", "image/png") == "inline; filename=\"a.png\"; filename*=UTF-8''a.png"
    nasty = content_disposition('a"\r\nSet-Cookie: x=1\r\n.html', "text/html")
    assert "\r" not in nasty
    assert nasty.startswith("attachment;")
    assert "%E5%9B%BE.png" in content_disposition("图.png", "image/png")
    assert 'filename="file"' in content_disposition("///", "image/png")


async def test_a_body_is_read_only_as_fast_as_it_is_wanted():
    from astrbot_like.dashboard.bodies import WINDOW, PacedBody

    body = PacedBody(None, None)
    for _ in range(WINDOW // 65536):
        await body.put(bytes(65536))
    import asyncio

    waiting = asyncio.create_task(body.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await anext(body)
    async with asyncio.timeout(60):
        await waiting
    body.set_complete()
    assert io.BytesIO(b"".join([chunk async for chunk in body])).getbuffer().nbytes == WINDOW - 65536
