"""Documents of every kind that is read, and of kinds that are not, as bytes."""

from __future__ import annotations

import io
import zipfile

PDF_TEXT = "Hello from page one"


def pdf(text: str = PDF_TEXT, password: str = "") -> bytes:
    """A PDF of one page, written by hand: header, objects, cross-reference table."""
    stream = f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = out.tell()
    out.write(b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % start)
    if not password:
        return out.getvalue()
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(out.getvalue())))
    writer.encrypt(password)
    locked = io.BytesIO()
    writer.write(locked)
    return locked.getvalue()


def docx() -> bytes:
    """A heading, a paragraph, a table and another paragraph."""
    import docx as library

    document = library.Document()
    document.add_heading("Plan", 2)
    document.add_paragraph("Buy 牛奶")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "a", "b"
    document.add_paragraph("after the table")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def xlsx() -> bytes:
    """A sheet with an empty row."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Sums"
    sheet.append(["name", "value", None])
    sheet.append([None, None])
    sheet.append(["x", 1.5])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def pptx(text: str = "Slide words") -> bytes:
    """Two slides, stored out of order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("ppt/presentation.xml", "<p/>")
        for number in (10, 2):
            archive.writestr(
                f"ppt/slides/slide{number}.xml",
                f'<s xmlns:a="urn:a"><a:p><a:r><a:t>{text}</a:t></a:r><a:r><a:t> {number}</a:t></a:r></a:p></s>',
            )
    return out.getvalue()


HTML = b"""<!DOCTYPE html><html><head><meta charset="utf-8"><title>A page</title><style>b{}</style></head>
<body><script>alert(1)</script><h1>Head&amp;line</h1><p>First <b>bold</b>.</p></body></html>"""


def bomb() -> bytes:
    """An Office file of some hundred KiB that unpacks to more than a quarter of a gibibyte."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<document/>")
        with archive.open("word/media.xml", "w", force_zip64=True) as entry:
            for _ in range(257):
                entry.write(bytes(1024**2))
    return out.getvalue()
