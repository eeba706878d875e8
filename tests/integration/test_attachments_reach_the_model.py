"""Files of every kind, sent by the attachment client to a real server: what the model's service is asked for them."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from astrbot_like.bench.mock_behaviour import Behaviour
from astrbot_like.engine.document_worker import DAMAGED
from astrbot_like.engine.documents import UNKNOWN
from tests.support.document_files import HTML, PDF_TEXT, docx, pdf, xlsx
from tests.support.server_process import ROOT
from tests.support.upstream_server import Chain, upstream_server

QUESTION = "What is in the file?"
SAID = "the weather in Paris"


async def send(chain: Chain, path: Path) -> tuple[int, list[dict[str, Any]], str]:
    """Send a file with the attachment client: its exit status, the frames it got, its output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "scripts" / "attachment_client.py"), "--base-url", chain.server.url),
        *("--api-key", chain.key, "--username", "ann", "--file", str(path), "--text", QUESTION),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    raw, _ = await asyncio.wait_for(process.communicate(), 60)
    output = raw.decode()
    assert process.returncode is not None
    frames = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return process.returncode, frames, output


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    async with upstream_server(tmp_path, Behaviour(echo=True, transcript=SAID)) as chain:
        yield chain


def reply(frames: list[dict[str, Any]]) -> str:
    return "".join(frame["data"]["text"] for frame in frames if frame.get("t") == "bot_delta_chunk")


async def test_documents_arrive_as_their_text(chain: Chain, tmp_path: Path):
    files: list[tuple[str, bytes, list[str]]] = [
        ("report.pdf", pdf(), [PDF_TEXT]),
        ("plan.docx", docx(), ["## Plan", "Buy 牛奶", "a | b"]),
        ("sums.xlsx", xlsx(), ["[Sheet Sums]", "name\tvalue", "x\t1.5"]),
        ("page.html", HTML, ["# A page", "Head&line"]),
        ("notes.txt", "Grüße aus 北京".encode(), ["Grüße aus 北京"]),
        ("tool.py", b"def answer():\n    return 42\n", ["def answer():\n    return 42"]),
    ]
    for name, content, expected in files:
        path = tmp_path / name
        path.write_bytes(content)
        status, frames, output = await send(chain, path)
        assert status == 0, output
        text = chain.asked_text()
        for piece in (QUESTION, f"[File {name}]", f"[End of File {name}]", *expected):
            assert piece in text, (name, text)
        assert "alert(1)" not in text, "a script of the page is not what its reader sees"
        assert reply(frames) == f"You said: {text}", "the reply came whole"


async def test_an_image_arrives_as_an_image(chain: Chain, tmp_path: Path):
    path = tmp_path / "red.png"
    Image.new("RGB", (24, 16), (200, 10, 10)).save(path)
    status, _, output = await send(chain, path)
    assert status == 0, output
    content = chain.asked()
    assert [part["type"] for part in content] == ["text", "image_url"]
    assert content[0]["text"] == QUESTION
    head, _, data = content[1]["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (24, 16)
        assert image.convert("RGB").getpixel((3, 3)) == (200, 10, 10)


async def test_a_recording_arrives_as_what_is_said_in_it(chain: Chain, tmp_path: Path):
    path = tmp_path / "question.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"\x10\x20" * 16_000)
    status, _, output = await send(chain, path)
    assert status == 0, output
    [heard] = chain.bodies("/v1/audio/transcriptions")
    assert heard["file_bytes"] >= 32_000, "all of the recording was given to the recogniser"
    text = chain.asked_text()
    assert text.startswith(QUESTION)
    assert "[Recording question.wav]" in text
    assert SAID in text


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [("broken.pdf", b"%PDF-1.7\nnothing of the kind", DAMAGED), ("mystery.bin", bytes(range(256)) * 8, UNKNOWN)],
)
async def test_what_cannot_be_read_is_said_to_both(
    chain: Chain, tmp_path: Path, name: str, content: bytes, problem: str
):
    path = tmp_path / name
    path.write_bytes(content)
    status, frames, output = await send(chain, path)
    told = f"File {name}: {problem}"
    assert f"[{told}]" in chain.asked_text(), "the model knows that there was a file"
    errors = [frame["data"] for frame in frames if frame.get("t") == "error"]
    assert errors == [told], "the user is told"
    assert QUESTION in reply(frames), "and the question is answered all the same"
    assert (status, frames[-1]["t"]) == (1, "end"), output
