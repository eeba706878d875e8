"""Files reach the model as text, or the user and the model are told why not; no file harms the server."""

import os
import sys

import pytest

from astrbot_like.engine import document_worker, documents
from astrbot_like.engine.documents import DocumentReader, DocumentSettings
from tests.support.document_files import HTML, PDF_TEXT, bomb, docx, pdf, pptx, xlsx


@pytest.fixture
def reader():
    return DocumentReader()


@pytest.fixture
def stored(tmp_path):
    def store(content: bytes) -> str:
        path = tmp_path / "0123456789abcdef"
        path.write_bytes(content)
        return str(path)

    return store


@pytest.mark.parametrize(
    ("content", "name", "parts"),
    [
        (pdf(), "a.pdf", [PDF_TEXT]),
        (docx(), "a.docx", ["## Plan\nBuy 牛奶\n", "a | b\nafter the table"]),
        (xlsx(), "a.xlsx", ["[Sheet Sums]\nname\tvalue\nx\t1.5"]),
        (pptx(), "a.pptx", ["[Slide 1]\nSlide words 2\n\n[Slide 2]\nSlide words 10"]),
        (HTML, "page", ["# A page", "Head&line", "First"]),
        (b"def f():\n    return 1\n", "f.py", ["def f():\n    return 1"]),
        ("日本語のテキストです。これは長い文章です。".encode("shift_jis"), "a.txt", ["日本語のテキスト"]),
        ("今天天气很好，我们去公园散步吧。".encode("gb18030"), "a.txt", ["今天天气很好"]),
        ("naïve café, déjà vu à Zürich".encode("cp1252"), "a.txt", ["café"]),
        ("marked".encode("utf-8-sig"), "a.txt", ["marked"]),
        ("wide".encode("utf-16"), "a.txt", ["wide"]),
        (b'{"a": 1}', "a.json", ['{"a": 1}']),
    ],
)
async def test_documents_are_read(reader, stored, content, name, parts):
    read = await reader.read(stored(content), name)
    assert read.problem == ""
    for part in parts:
        assert part in read.text
    assert "alert" not in read.text


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", documents.EMPTY),
        (b"   \n", documents.EMPTY),
        (bytes(range(256)), documents.UNKNOWN),
        (b"PK\x03\x04" + bytes(100), documents.UNKNOWN),
        (b"\xd0\xcf\x11\xe0" + bytes(100), documents.OLD_OFFICE),
        (pdf(password="secret"), document_worker.PROTECTED),
        (pdf(text=""), document_worker.NO_TEXT),
        (b"%PDF-1.4\nnothing of the kind", document_worker.DAMAGED),
        (docx()[:-200], documents.UNKNOWN),
        (bomb(), document_worker.TOO_LARGE),
        (pptx('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), document_worker.DAMAGED),
    ],
)
async def test_what_cannot_be_read_is_said(reader, stored, content, problem):
    read = await reader.read(stored(content), "file")
    assert (read.text, read.problem) == ("", problem)


async def test_a_file_that_is_gone_is_said(reader, tmp_path):
    assert (await reader.read(str(tmp_path / "absent"), "a.txt")).problem == documents.MISSING


async def test_long_texts_are_cut_and_said_so(stored):
    reader = DocumentReader(DocumentSettings(characters=10))
    for content, begin in ((("é" * 1000).encode(), "é" * 10), (HTML, "# A page")):
        read = await reader.read(stored(content), "a")
        assert read.text.startswith(begin)
        assert read.text.endswith("[The rest of the file was cut: it is too long.]")


async def test_a_file_over_the_limit_is_said(stored):
    reader = DocumentReader(DocumentSettings(file_bytes=1024**2))
    assert (await reader.read(stored(bytes(1024**2 + 1)), "a")).problem == "it is larger than 1 MiB."


async def test_a_worker_that_hangs_is_killed(stored, tmp_path, monkeypatch):
    worker = tmp_path / "worker.py"
    worker.write_text(
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    monkeypatch.setattr(documents, "WORKER", worker)
    for seconds in (1, 4, 16):  # a busy machine may need some of them to start it at all
        read = await DocumentReader(DocumentSettings(timeout=seconds)).read(stored(pdf()), "a.pdf")
        assert read.problem == documents.SLOW
        if (tmp_path / "pid").exists():
            break
    if sys.platform != "win32":
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_a_worker_that_dies_or_talks_nonsense_is_an_answer_too(stored, tmp_path, monkeypatch):
    worker = tmp_path / "worker.py"
    for code in ("import os; os.abort()", "print('[]')"):
        worker.write_text(code)
        monkeypatch.setattr(documents, "WORKER", worker)
        assert (await DocumentReader().read(stored(pdf()), "a.pdf")).problem == document_worker.DAMAGED


async def test_the_worker_sees_no_secret_of_the_servers_environment(stored, tmp_path, monkeypatch):
    worker = tmp_path / "worker.py"
    worker.write_text("import json, os; print(json.dumps({'text': ' '.join(os.environ)}))")
    monkeypatch.setattr(documents, "WORKER", worker)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert "OPENAI_API_KEY" not in (await DocumentReader().read(stored(pdf()), "a.pdf")).text
