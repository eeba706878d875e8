"""Files as text for the model: plain text and source here, PDF, Office and web pages in a process of their own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import zipfile
from pathlib import Path
from typing import Annotated

import msgspec

from astrbot_like.engine import document_worker
from astrbot_like.engine.document_worker import Text, decode
from astrbot_like.engine.requests import FileText

log = logging.getLogger(__name__)

HEAD = 8192
WORKER = Path(document_worker.__file__)
TEXT_SUFFIXES = frozenset({".html", ".htm", ".xhtml"})

UNKNOWN = "it is no text, PDF, DOCX, XLSX, PPTX or HTML file."
OLD_OFFICE = "it is in the old binary format of Office. Save it as DOCX, XLSX or PPTX and send it again."
MISSING = "it is not there any more. Send it again."
SLOW = "reading it took too long."
EMPTY = "it is empty."


class DocumentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files that are read for the model."""

    file_bytes: Annotated[int, msgspec.Meta(ge=1, description="Largest file in bytes that is read.")] = 64 * 1024**2
    characters: Annotated[int, msgspec.Meta(ge=1, description="Characters of one file that the model is given.")] = (
        100_000
    )
    timeout: Annotated[float, msgspec.Meta(gt=0, description="Seconds that reading one file may take.")] = 30.0
    at_once: Annotated[int, msgspec.Meta(ge=1, description="Documents read at the same time.")] = 2


class DocumentReader:
    """Reads files as text."""

    def __init__(self, settings: DocumentSettings | None = None) -> None:
        self._settings = settings or DocumentSettings()
        self._places = asyncio.Semaphore(self._settings.at_once)

    async def read(self, path: str, filename: str) -> FileText:
        """The file's text, or why there is none. Never raises for the file's sake.

        Args:
            filename: The client's name; tells a web page from other text.
        """
        try:
            kind = await asyncio.to_thread(self._kind_of, path, filename)
            if isinstance(kind, FileText):
                return kind
            if kind == "text":
                return await asyncio.to_thread(self._read_text, path)
            async with asyncio.timeout(self._settings.timeout), self._places:
                return await self._ask_worker(kind, path)
        except TimeoutError:
            return FileText(problem=SLOW)
        except OSError as error:
            log.warning("a file could not be read", extra={"reason": type(error).__name__})
            return FileText(problem=MISSING)

    def _kind_of(self, path: str, filename: str) -> str | FileText:
        size = Path(path).stat().st_size
        if size == 0:
            return FileText(problem=EMPTY)
        if size > self._settings.file_bytes:
            return FileText(problem=f"it is larger than {self._settings.file_bytes // 1024**2} MiB.")
        with Path(path).open("rb") as file:
            head = file.read(HEAD)
        if b"%PDF-" in head[:1024]:
            return "pdf"
        if head.startswith(b"PK\x03\x04"):
            return _office_kind(path) or FileText(problem=UNKNOWN)
        if head.startswith(b"\xd0\xcf\x11\xe0"):
            return FileText(problem=OLD_OFFICE)
        if not _is_text(head):
            return FileText(problem=UNKNOWN)
        start = head[:1024].lstrip().lower()
        page = Path(filename).suffix.lower() in TEXT_SUFFIXES or start.startswith((b"<!doctype html", b"<html"))
        return "html" if page else "text"

    def _read_text(self, path: str) -> FileText:
        # Four bytes are the most that a character takes in any encoding in use.
        with Path(path).open("rb") as file:
            data = file.read(4 * self._settings.characters + 4)
        text = Text(self._settings.characters)
        text.add(decode(data))
        return self._answer(text.result(), text.full)

    async def _ask_worker(self, kind: str, path: str) -> FileText:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(WORKER),
            kind,
            str(self._settings.characters),
            path,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # Nothing of the server's environment: keys of providers may be in it.
            env={name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG", "TMPDIR") if name in os.environ},
        )
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        try:
            answer = msgspec.json.decode(output, type=_Answer)
        except msgspec.MsgspecError:
            log.warning("the document worker died", extra={"kind": kind, "status": process.returncode})
            return FileText(problem=document_worker.DAMAGED)
        return FileText(problem=answer.problem) if answer.problem else self._answer(answer.text, answer.cut)

    def _answer(self, text: str, cut: bool) -> FileText:
        if not text:
            return FileText(problem=EMPTY)
        return FileText(text + ("\n[The rest of the file was cut: it is too long.]" if cut else ""))


class _Answer(msgspec.Struct):
    text: str = ""
    problem: str = ""
    cut: bool = False


def _office_kind(path: str) -> str | None:
    """What an Open Packaging file holds, by its main part (ECMA-376)."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    for part, kind in (("word/document.xml", "docx"), ("xl/workbook.xml", "xlsx"), ("ppt/presentation.xml", "pptx")):
        if part in names:
            return kind
    return None


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return not any(head.count(code) for code in range(32) if code not in (8, 9, 10, 12, 13, 27))
