"""Stored files: typed by their content, named by the server, bounded, and gone when they should be."""

import asyncio
import io
import os
import time
import wave
import zipfile
from pathlib import Path

import pytest

from astrbot_like.api.event import MessageChain
from astrbot_like.api.message_components import File, Plain
from astrbot_like.domain.errors import NotFound, ProcessingError, TooLarge
from astrbot_like.domain.history import NewMessage
from astrbot_like.domain.messages import FilePart
from astrbot_like.engine.chains import split_chain
from astrbot_like.storage.attachment_files import display_name
from astrbot_like.storage.media_types import detect
from astrbot_like.storage.settings import StorageSettings
from tests.support.stores import open_stores


@pytest.fixture
async def stores(tmp_path):
    async with open_stores(tmp_path, StorageSettings(upload_limit=1_000_000)) as opened:
        yield opened


def png() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "PNG")
    return file.getvalue()


def wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(bytes(320))
    return file.getvalue()


def docx() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>" + " " * 4000)
        archive.writestr("word/document.xml", "<document/>")
    return file.getvalue()


async def chunks(*pieces: bytes):
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize(
    ("content", "name", "kind", "mime"),
    [
        (png(), "a.txt", "image", "image/png"),
        (wav(), "voice.jpg", "record", "audio/wav"),
        (b"ID3\x03" + bytes(100), "a", "record", "audio/mpeg"),
        (b"OggS\x00\x02" + bytes(22) + b"\x01\x13OpusHead" + bytes(20), "a", "record", "audio/ogg"),
        (b"fLaC" + bytes(100), "a", "record", "audio/flac"),
        (b"\x02#!SILK_V3" + bytes(100), "a", "record", "audio/silk"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + bytes(10) + b"\x86\x86A_OPUS", "a", "record", "audio/webm"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + bytes(10) + b"V_VP8 A_OPUS", "a", "video", "video/webm"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(40), "a", "video", "video/mp4"),
        (b"\x00\x00\x00\x18ftypM4A " + bytes(40), "a", "record", "audio/mp4"),
        (b"%PDF-1.7\n", "a.png", "file", "application/pdf"),
        (b"plain words", "a.png", "file", "text/plain"),
        (b"a,b\n1,2\n", "a.csv", "file", "text/csv"),
        ("日本語".encode("utf-16"), "a.txt", "file", "text/plain"),
        ("简体中文".encode("gb18030"), "a.txt", "file", "text/plain"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "a.png", "file", "text/html"),
        (b'<?xml version="1.0"?><svg onload="x()"/>', "a.png", "file", "image/svg+xml"),
        (bytes(range(256)), "a.png", "file", "application/octet-stream"),
        (b"", "a.txt", "file", "text/plain"),
    ],
)
def test_the_content_alone_decides_the_type(content, name, kind, mime):
    found = detect(content, name)
    assert (found.kind, found.mime_type) == (kind, mime)


def test_office_files_are_known():
    assert detect(docx(), "x").mime_type.endswith("wordprocessingml.document")


async def test_a_stream_is_stored_whole_under_a_name_of_the_servers_own(stores):
    stored = await stores.attachments.put_stream(
        chunks(b"hello ", b"", b"world"), filename="../../etc/passwd", owner="ada"
    )
    path = Path(stored.path)
    assert path.read_bytes() == b"hello world"
    assert path.is_relative_to(stores.directory / "attachments")
    assert (stored.filename, stored.owner, stored.size) == ("passwd", "ada", 11)
    assert await stores.attachments.get(stored.attachment_id) == stored
    assert await stores.attachments.get("../" + stored.attachment_id) is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("C:\\secret\\photo.png", "photo.png"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ("", "file"),
        ("..", "file"),
        ("/", "file"),
        ("\u202egpj.exe", "gpj.exe"),
        ("x" * 400 + ".txt", "x" * 251 + ".txt"),
        ("报告.pdf", "报告.pdf"),
    ],
)
def test_a_name_is_made_fit_for_display(given, shown):
    assert display_name(given) == shown


async def test_nothing_remains_of_an_upload_that_is_too_large_fails_or_is_cancelled(stores):
    async def failing():
        yield b"x" * 500_000
        raise ConnectionError("the client went away")

    async def endless():
        while True:
            await asyncio.sleep(0)
            yield b"x"

    with pytest.raises(TooLarge):
        await stores.attachments.put_stream(chunks(*[b"x" * 300_000] * 4), filename="big")
    with pytest.raises(ConnectionError):
        await stores.attachments.put_stream(failing(), filename="cut")
    task = asyncio.create_task(stores.attachments.put_stream(endless(), filename="slow"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [path for path in (stores.directory / "attachments").rglob("*") if path.is_file()] == []
    assert await stores.attachments.usage() == (0, 0)


async def test_a_file_is_copied_and_may_be_given_a_kind(stores, tmp_path):
    source = tmp_path / "speech.bin"
    source.write_bytes(bytes(range(256)) * 10)
    stored = await stores.attachments.put_file(source, kind="record")
    assert (stored.kind, stored.size, stored.filename) == ("record", 2560, "speech.bin")
    assert Path(stored.path).read_bytes() == source.read_bytes()
    with pytest.raises(NotFound):
        await stores.attachments.put_file(tmp_path / "absent")


async def test_the_bot_may_store_more_than_an_upload_holds(stores):
    stored = await stores.attachments.put_bytes(b"x" * 1_500_000, filename="long.txt")
    assert stored.size == 1_500_000


async def test_deletion_takes_record_and_bytes(stores):
    stored = await stores.attachments.put_bytes(b"x", filename="x.txt")
    assert await stores.attachments.delete([stored.attachment_id, "unknown"]) == 1
    assert not Path(stored.path).exists()
    assert await stores.attachments.get(stored.attachment_id) is None


async def test_clean_up_takes_what_is_left_over_and_nothing_else(stores):
    session = await stores.sessions.open(None, username="ada")
    used = await stores.attachments.put_bytes(b"used", filename="used.txt")
    fresh = await stores.attachments.put_bytes(b"fresh", filename="fresh.txt")
    old = await stores.attachments.put_bytes(b"old", filename="old.txt")
    lost = await stores.attachments.put_bytes(b"lost", filename="lost.txt")
    Path(lost.path).unlink()
    await stores.history.append(
        NewMessage(
            session.session_id, session.conversation_id, "t", "user", (FilePart(used.attachment_id),), (), "[file]"
        )
    )
    await stores.database.write(
        lambda c: c.exec_driver_sql(
            "UPDATE attachments SET created_ms = 1 WHERE attachment_id IN (?, ?)",
            (used.attachment_id, old.attachment_id),
        )
    )
    stray = Path(fresh.path).with_name("stray")
    stray.write_bytes(b"x")
    os.utime(stray, (1, 1))
    unfinished = stores.directory / "attachments" / "incoming" / "now"
    unfinished.write_bytes(b"x")
    assert await stores.attachments.clean_up() == 3
    assert await stores.attachments.get(used.attachment_id)
    assert await stores.attachments.get(fresh.attachment_id)
    assert await stores.attachments.get(old.attachment_id) is None
    assert not Path(old.path).exists()
    assert not stray.exists()
    assert unfinished.exists(), "an upload that is going on now is left alone"
    assert time.time() - unfinished.stat().st_mtime < 60


async def test_an_upload_takes_little_memory(tmp_path):
    import tracemalloc

    async with open_stores(tmp_path) as stores:
        piece = bytes(64 * 1024)

        async def large():
            for _ in range(320):
                yield piece

        await stores.attachments.put_bytes(b"warm", filename="x")
        tracemalloc.start()
        stored = await stores.attachments.put_stream(large(), filename="large.bin")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert stored.size == 20 * 1024 * 1024
        assert peak < 2 * 1024 * 1024


async def test_a_folder_in_place_of_a_file_is_named_as_what_could_not_be_read(stores, tmp_path):
    chain = MessageChain([Plain("see"), File(name="notes.txt", file=str(tmp_path))])
    with pytest.raises(ProcessingError, match="could not be read"):
        await split_chain(chain, stores.attachments)
