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
from typing import Any, NamedTuple

import pytest
from PIL import Image

from astrbot_like.bench.mock_behaviour import Behaviour
from astrbot_like.bench.mock_upstream import MockUpstream, start
from astrbot_like.engine.document_worker import DAMAGED
from astrbot_like.engine.documents import UNKNOWN
from tests.integration.test_kills import make_key
from tests.support.document_files import HTML, PDF_TEXT, docx, pdf, xlsx
from tests.support.server_process import ROOT, ServerProcess

QUESTION = "What is in the file?"
SAID = "the weather in Paris"

SETTINGS = """
[[providers]]
id = "chat"
type = "openai_chat_completion"
api_base = "{url}"
key = ["sk-test"]
model = "mock:echo"

[[providers]]
id = "ears"
type = "openai_whisper_api"
api_base = "{url}"
api_key = "sk-test"

[[providers]]
id = "mouth"
type = "openai_tts_api"
api_base = "{url}"
api_key = "sk-test"

[profiles.default]
llm = ["chat"]
stt = ["ears"]
tts = ["mouth"]
"""


class Chain(NamedTuple):
    """A server process, the service behind its model, and a key."""

    server: ServerProcess
    upstream: MockUpstream
    key: str

    async def send(self, path: Path) -> tuple[int, list[dict[str, Any]], str]:
        """Send a file with the attachment client: its exit status, the frames it got, its output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(ROOT / "scripts" / "attachment_client.py"), "--base-url", self.server.url),
            *("--api-key", self.key, "--username", "ann", "--file", str(path), "--text", QUESTION),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        raw, _ = await asyncio.wait_for(process.communicate(), 60)
        output = raw.decode()
        assert process.returncode is not None
        frames = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        return process.returncode, frames, output

    def asked(self) -> Any:
        """What the model was asked last: the content of the user's message."""
        messages = self.bodies("/v1/chat/completions")[-1]["messages"]
        assert messages[-1]["role"] == "user"
        return messages[-1]["content"]

    def asked_text(self) -> str:
        """The same, where it must be text."""
        content = self.asked()
        assert isinstance(content, str) or [part["type"] for part in content] == ["text"], content
        return content if isinstance(content, str) else content[0]["text"]

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """What was posted to a route of the service."""
        return [request["body"] for request in self.upstream.requests if request["path"] == path]


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    upstream = MockUpstream(Behaviour(transcript=SAID))
    runner, url = await start(upstream)
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS.format(url=url))
    try:
        async with ServerProcess(tmp_path / "data", config=str(settings)) as server:
            yield Chain(server, upstream, await make_key(server.url))
    finally:
        await runner.cleanup()


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
        status, frames, output = await chain.send(path)
        assert status == 0, output
        text = chain.asked_text()
        for piece in (QUESTION, f"[File {name}]", f"[End of File {name}]", *expected):
            assert piece in text, (name, text)
        assert "alert(1)" not in text, "a script of the page is not what its reader sees"
        assert reply(frames) == f"You said: {text}", "the reply came whole"


async def test_an_image_arrives_as_an_image(chain: Chain, tmp_path: Path):
    path = tmp_path / "red.png"
    Image.new("RGB", (24, 16), (200, 10, 10)).save(path)
    status, _, output = await chain.send(path)
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
    status, _, output = await chain.send(path)
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
    status, frames, output = await chain.send(path)
    told = f"File {name}: {problem}"
    assert f"[{told}]" in chain.asked_text(), "the model knows that there was a file"
    errors = [frame["data"] for frame in frames if frame.get("t") == "error"]
    assert errors == [told], "the user is told"
    assert QUESTION in reply(frames), "and the question is answered all the same"
    assert (status, frames[-1]["t"]) == (1, "end"), output
