"""Reads one document as text, in a process of its own: ``python -I document_worker.py KIND CHARACTERS PATH``.

Documents come from strangers, and the libraries that read them were not written to withstand every one: here a hang is
killed, a bomb meets a memory limit, and a crash is the worker's alone. It imports nothing of the package, so that it
starts fast. Answers with one JSON object on standard output: ``{"text": …, "problem": …}``.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

MEMORY = 2 * 1024**3
"""Bytes of address space the worker may take."""
UNPACKED = 256 * 1024**2
"""Bytes that an Office file may unpack to."""
MOST_ENTRIES = 20_000
ROWS = 100_000
"""Rows of a sheet that are looked at."""

PROTECTED = "it is protected by a password. Remove the protection and send it again."
DAMAGED = "it is damaged or not what its type says."
TOO_LARGE = "it unpacks to more than can be read."
NO_TEXT = "it holds no text; its pages may be scanned images. Send them as images."


class Unreadable(Exception):
    """The document can't be read; the argument says why, for people."""


class Text:
    """Collects text up to a number of characters."""

    def __init__(self, limit: int) -> None:
        self._pieces: list[str] = []
        self._left = limit
        self.full = False

    def add(self, piece: str) -> bool:
        """Take a piece; False when there is no more room."""
        if len(piece) > self._left:
            piece, self.full = piece[: self._left], True
        self._left -= len(piece)
        self._pieces.append(piece)
        return not self.full

    def result(self) -> str:
        """All of it."""
        return "".join(self._pieces).strip()


def read_pdf(path: str, text: Text) -> None:
    """The text of each page."""
    from pypdf import PdfReader
    from pypdf.errors import FileNotDecryptedError, PyPdfError

    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable(PROTECTED)
        for number, page in enumerate(reader.pages, 1):
            content = page.extract_text().strip()
            if content and not text.add(f"[Page {number}]\n{content}\n\n"):
                return
    except FileNotDecryptedError as error:
        raise Unreadable(PROTECTED) from error
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        if not text.result():
            raise Unreadable(DAMAGED) from error


def read_docx(path: str, text: Text) -> None:
    """Paragraphs and tables in the order of the document."""
    import docx
    from docx.table import Table

    check_archive(path)
    document: Any = docx.Document(path)
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            lines = (" | ".join(cell.text.strip().replace("\n", " ") for cell in row.cells) for row in block.rows)
            piece = "\n".join(lines)
        else:
            style = getattr(block.style, "name", "") or ""
            level = style.removeprefix("Heading ")
            heading = "#" * int(level) + " " if style.startswith("Heading ") and level.isdigit() else ""
            piece = heading + block.text
        if not text.add(piece + "\n"):
            return


def read_xlsx(path: str, text: Text) -> None:
    """The values of each sheet, a line a row, cells parted by tabs."""
    import openpyxl

    check_archive(path)
    # Handed over open: of a path the library wants a suffix that it knows.
    with Path(path).open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        for sheet in book.worksheets:
            if not text.add(f"[Sheet {sheet.title}]\n"):
                return
            for row in _rows(sheet.iter_rows(values_only=True, max_row=ROWS)):
                if not text.add(row):
                    return
            text.add("\n")


def read_pptx(path: str, text: Text) -> None:
    """The text of each slide."""
    from xml.etree import ElementTree

    check_archive(path)
    with zipfile.ZipFile(path) as archive:
        slides = [name for name in archive.namelist() if name.startswith("ppt/slides/slide") and name.endswith(".xml")]
        slides.sort(key=lambda name: int("".join(filter(str.isdigit, name)) or 0))
        for number, name in enumerate(slides, 1):
            # Expat loads nothing from outside; what its entities grow to meets the memory limit.
            root = ElementTree.fromstring(archive.read(name))
            paragraphs = ("".join(node.text or "" for node in p.iterfind(".//{*}t")) for p in root.iterfind(".//{*}p"))
            content = "\n".join(paragraph for paragraph in paragraphs if paragraph.strip())
            if content and not text.add(f"[Slide {number}]\n{content}\n\n"):
                return


def read_html(path: str, text: Text) -> None:
    """What a reader of the page sees; scripts and styles left out."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(decode(Path(path).read_bytes()))
    title = tree.css_first("title")
    if title is not None and title.text().strip():
        text.add(f"# {title.text().strip()}\n\n")
    tree.strip_tags(["script", "style", "noscript", "template", "svg", "head", "iframe", "object"])
    body = tree.body
    if body is not None:
        lines = (" ".join(line.split()) for line in body.text(separator="\n").splitlines())
        text.add("\n".join(line for line in lines if line))


def check_archive(path: str) -> None:
    """Refuse an Office file that unpacks to too much; sizes in its directory bound what is read of it."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > UNPACKED:
            raise Unreadable(TOO_LARGE)
        if any(entry.flag_bits & 1 for entry in entries):
            raise Unreadable(PROTECTED)


def decode(data: bytes) -> str:
    """Text of bytes in an unknown encoding: by its mark, as UTF-8, else by a guess from a sample."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    from charset_normalizer import from_bytes

    guess = from_bytes(data[:65_536]).best()
    return data.decode(guess.encoding if guess is not None else "cp1252", "replace")


def _rows(rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    for row in rows:
        cells = ["" if value is None else str(value).replace("\t", " ").replace("\n", " ") for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield "\t".join(cells) + "\n"


READERS = {"pdf": read_pdf, "docx": read_docx, "xlsx": read_xlsx, "pptx": read_pptx, "html": read_html}


def read(kind: str, limit: int, path: str) -> dict[str, Any]:
    """The answer for a document."""
    text = Text(limit)
    try:
        READERS[kind](path, text)
    except Unreadable as error:
        return {"problem": str(error)}
    except MemoryError:
        return {"problem": TOO_LARGE}
    except ImportError as error:
        return {"problem": f"the library {error.name} is not installed on the server."}
    except Exception:  # noqa: BLE001 - whatever a library makes of a stranger's file, the answer is one
        return {"problem": DAMAGED}
    found = text.result()
    return {"text": found, "cut": text.full} if found else {"problem": NO_TEXT}


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:
        return  # Windows: the deadline alone holds
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main(arguments: list[str]) -> None:
    """Read the document that the arguments name."""
    import logging

    logging.disable()
    _limit_memory()
    kind, limit, path = arguments
    sys.stdout.write(json.dumps(read(kind, int(limit), path)))


if __name__ == "__main__":
    main(sys.argv[1:])
