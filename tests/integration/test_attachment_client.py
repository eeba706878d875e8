"""The attachment test client as a user runs it, against the whole application."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.houses import House, scripted_house

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "attachment_client.py"


async def run(house: House, *arguments: str, key: str | None = None) -> tuple[int, str]:
    """The client's exit status and output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SCRIPT), "--base-url", house.url, "--api-key", key or house.key, "--username", "ann"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_the_whole_flow(tmp_path: Path):
    notes, log = tmp_path / "notes.txt", tmp_path / "frames.log"
    notes.write_text("The code word is heliotrope.")
    async with scripted_house(tmp_path / "data", chat={"reply": "#request"}) as house:
        status, output = await run(
            house, "--file", str(notes), "--text", "What is the code word?", "--log-file", str(log)
        )
        assert status == 0, output
        assert output.rstrip().endswith("OK")
        told = log.read_text()
        assert "heliotrope" in told, "the model has not received the file's text"
        assert '"t": "end"' in told
        attachment_id = output.split(" as ")[1].split()[0]
        status, output = await run(house, "--attachment-id", attachment_id)
        assert status == 0, output


@pytest.mark.parametrize("fault", ["key", "attachment", "server"])
async def test_a_failure_is_told_and_gives_another_status(tmp_path: Path, fault: str):
    notes = tmp_path / "notes.txt"
    notes.write_text("x")
    async with scripted_house(tmp_path / "data") as house:
        if fault == "key":
            status, output = await run(house, "--file", str(notes), key="abk_wrong")
        elif fault == "attachment":
            status, output = await run(house, "--attachment-id", "there-is-none")
        else:
            status, output = await run(house, "--file", str(notes), "--base-url", "http://127.0.0.1:9")
    assert status == 1, output
    assert "FAILED" in output
    assert "Traceback" not in output
