"""Knowledge bases."""

from __future__ import annotations

from pathlib import Path

import pytest

from astrbot_like.api.knowledge import KnowledgeBaseManager
from astrbot_like.api.knowledge_base import chunks_of
from astrbot_like.api.testing import FakeEmbeddingProvider, FakeRerankProvider
from astrbot_like.api.testing.fake_stores import FakeProviders


async def reverse(content: bytes, name: str) -> str:
    return content[::-1].decode()


def manager(folder: Path, *providers: object) -> KnowledgeBaseManager:
    given = providers or (FakeEmbeddingProvider(256), FakeRerankProvider())
    return KnowledgeBaseManager(folder, FakeProviders(*given), reverse)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "size", "overlap", "expected"),
    [
        ("", 10, 0, []),
        ("short", 10, 0, ["short"]),
        ("one two three four", 9, 0, ["one two", "three", "four"]),
        ("first part.\n\nsecond part", 14, 0, ["first part.", "second part"]),
        ("abcdefghij", 4, 2, ["abcd", "cdef", "efgh", "ghij"]),
        ("x" * 5, 0, 9, ["x"] * 5),
    ],
)
def test_pieces(text: str, size: int, overlap: int, expected: list[str]) -> None:
    assert chunks_of(text, size, overlap) == expected


async def test_documents_are_found_and_survive_a_restart(tmp_path: Path) -> None:
    bases = manager(tmp_path)
    helper = await bases.create_kb("cooking", description="d", chunk_size=40, chunk_overlap=0, emoji=None)
    document = await helper.upload_document("a.txt", b"Tomato soup needs tomatoes.\n\nOnion soup needs onions.")
    await helper.upload_document("b.pdf", b"ecir skoob"[::1], "pdf")
    await helper.upload_document("c", pre_chunked_text=["Bread needs flour"])
    assert (helper.kb.doc_count, helper.kb.chunk_count, document.chunk_count) == (3, 4, 2)
    found = await bases.retrieve("onion soup", ["cooking", "unknown"], top_m_final=2)
    assert found is not None
    assert found["results"][0]["content"] == "Onion soup needs onions."
    assert found["results"][0]["doc_name"] == "a.txt"
    assert "来源: cooking / a.txt" in found["context_text"]
    await bases.terminate()
    again = manager(tmp_path)
    helper = await again.get_kb_by_name("cooking")  # type: ignore[assignment]
    assert [one.doc_name for one in await helper.list_documents(search="b")] == ["b.pdf"]
    assert await helper.count_documents() == 3
    chunks = await helper.get_chunks_by_doc_id(document.doc_id)
    assert [one["chunk_index"] for one in chunks] == [0, 1]
    await helper.delete_document(document.doc_id)
    found = await again.retrieve("onion soup", ["cooking"])
    assert found is not None
    assert all("Onion" not in one["content"] for one in found["results"])
    await again.update_kb(helper.kb.kb_id, "baking", top_m_final=3)
    assert [one.kb_name for one in await again.list_kbs()] == ["baking"]
    assert await again.delete_kb(helper.kb.kb_id)
    assert not await again.delete_kb(helper.kb.kb_id)
    assert list(tmp_path.iterdir()) == []


async def test_what_can_not_be(tmp_path: Path) -> None:
    bases = manager(tmp_path, FakeRerankProvider())
    helper = await bases.create_kb("a")
    for refused in (bases.create_kb("a"), bases.create_kb(""), helper.upload_document("x", b"text")):
        with pytest.raises(ValueError):
            await refused
    assert await bases.retrieve("x", ["absent"]) == {}
    assert await bases.retrieve("x", ["a"]) is None
    assert await bases.update_kb("absent", "b") is None
    with pytest.raises(ValueError, match="no text"):
        await helper.upload_document("x", b"  ")
