#!/usr/bin/env python3
"""Send a file to the bot over the live socket and print every frame of the answer.

Uploads the file, reads it back and compares the bytes, opens ``/api/v1/live/ws?ct=live``, sends a ``text_input`` with
the file and a text, and prints each frame until ``end``. Exit status 0 only when the whole flow worked.

    scripts/attachment_client.py --api-key abk_… --username alice --file report.pdf --text "What is this about?"
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any, TextIO

sys.path.append(str(Path(__file__).resolve().parent.parent))  # from a checkout that was not installed, too

import msgspec

from astrbot_like.client import BotClient, ClientError, UploadedFile
from astrbot_like.client.transport import Transport

SHOWN = 300
"""Characters of a frame that are printed; the log file has all of it."""


class FlowFailed(Exception):
    """A step that did not do what it should; the text says which and why."""


class Log:
    """Prints steps, and writes them in full to a file where one is wanted."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file

    def line(self, text: str) -> None:
        """One line."""
        print(text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)", flush=True)
        if self._file is not None:
            self._file.write(text + "\n")
            self._file.flush()


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base-url", default="http://localhost:6185", help="address of the server")
    parser.add_argument("--api-key", required=True, help="a key with the scopes chat and file")
    parser.add_argument("--username", default="attachment-client", help="the end user")
    parser.add_argument("--file", type=Path, help="the file to upload")
    parser.add_argument("--attachment-id", help="an attachment that is there already, instead of --file")
    parser.add_argument("--text", default="Please summarise the attached file.", help="what to say with the file")
    parser.add_argument("--log-file", type=Path, help="write every frame in full to this file")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds the whole flow may take")
    parser.add_argument("--skip-download-check", action="store_true", help="don't read the upload back")
    options = parser.parse_args(argv)
    if bool(options.file) == bool(options.attachment_id):
        parser.error("give one of --file and --attachment-id")
    if options.file is not None and not options.file.is_file():
        parser.error(f"{options.file} is not a file")
    return options


async def upload(bot: BotClient, options: argparse.Namespace, log: Log) -> dict[str, str]:
    """The message part of the attachment: uploaded, read back, compared."""
    if options.attachment_id:
        return {"type": "file", "attachment_id": options.attachment_id}
    stored: UploadedFile = await bot.files.upload(options.file)
    log.line(f"uploaded {stored.filename} as {stored.attachment_id} ({stored.type})")
    if not options.skip_download_check:
        sent = await asyncio.to_thread(options.file.read_bytes)
        if await bot.files.download(stored.attachment_id) != sent:
            raise FlowFailed("the downloaded bytes differ from the file")
        log.line(f"downloaded and compared {len(sent)} bytes")
    return stored.part()


async def converse(options: argparse.Namespace, part: dict[str, str], log: Log) -> None:
    """One turn over the live socket, every frame printed."""
    transport = Transport(options.base_url, options.api_key)
    try:
        query = {"ct": "live", "username": options.username}
        async with transport.socket("/api/v1/live/ws", query) as socket:
            message = [part, {"type": "plain", "text": options.text}]
            await socket.send({"t": "text_input", "message": message})
            log.line("sent text_input")
            failed: list[str] = []
            while True:
                frame = _shown(await socket.receive())
                log.line(json.dumps(frame, ensure_ascii=False))
                if "error" in (frame.get("t"), frame.get("type")):
                    failed.append(f"{frame.get('code')}: {frame.get('data')}")
                if frame.get("t") == "end":
                    break
        if failed:
            raise FlowFailed(f"the turn reported {'; '.join(failed)}")
    finally:
        await transport.aclose()


def _shown(raw: str | bytes) -> dict[str, Any]:
    if isinstance(raw, bytes):
        return {"t": "binary", "bytes": len(raw)}
    frame = msgspec.json.decode(raw)
    if frame.get("t") == "response":
        return {**frame, "data": f"<{len(frame['data'])} Base64 characters>"}
    return frame


async def run(options: argparse.Namespace, log: Log) -> None:
    """The whole flow."""
    async with (
        asyncio.timeout(options.timeout),
        BotClient(options.base_url, api_key=options.api_key, username=options.username) as bot,
    ):
        await converse(options, await upload(bot, options, log), log)


def main(argv: list[str] | None = None) -> int:
    """Run, and say in the exit status whether all of it worked."""
    options = arguments(argv)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(options.log_file.open("w", encoding="utf-8")) if options.log_file else None
        log = Log(file)
        try:
            asyncio.run(run(options, log))
        except TimeoutError:
            log.line(f"FAILED: not done within {options.timeout:g} s")
            return 1
        except (FlowFailed, ClientError, OSError) as error:
            log.line(f"FAILED: {error}")
            return 1
        log.line("OK")
        return 0


if __name__ == "__main__":
    sys.exit(main())
