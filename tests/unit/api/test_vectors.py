"""Documents found by meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from astrbot_like.api.testing import FakeEmbeddingProvider, FakeRerankProvider
from astrbot_like.api.vectors import FaissVecDB


def database(folder: Path, dim: int = 64) -> FaissVecDB:
    paths = str(folder / "sub" / "docs.db"), str(folder / "sub" / "index.faiss")
    return FaissVecDB(*paths, FakeEmbeddingProvider(dim), FakeRerankProvider())


async def test_documents_are_found_filtered_and_survive_a_restart(tmp_path: Path) -> None:
    db = database(tmp_path)
    await db.initialize()
    first = await db.insert("red apple pie", {"user": "a"}, id="one")
    await db.insert_batch(["green pear", "red wine"], [{"user": "b"}, {"user": "a", "n": 1}], ["two", "three"])
    assert isinstance(first, int)
    [best] = await db.retrieve("red apple", k=1)
    assert best.data["doc_id"] == "one"
    assert 0 < best.similarity <= 1
    assert [one.data["doc_id"] for one in await db.retrieve("pear", metadata_filters={"user": "a"})] == ["one", "three"]
    assert (await db.retrieve("wine", k=2, rerank=True))[0].data["doc_id"] == "three"
    assert await db.count_documents({"user": "a"}) == 2
    await db.close()
    again = database(tmp_path)
    await again.initialize()
    assert again.embedding_storage.index.ntotal == 3
    await again.delete("one")
    await again.delete("absent")
    await again.document_storage.update_document_by_doc_id("two", "new text")
    [document] = await again.document_storage.get_documents({"user": "b"})
    assert document["text"] == "new text"
    await again.delete_documents({"user": "a"})
    assert (await again.count_documents(), again.embedding_storage.index.ntotal) == (1, 1)
    await again.close()


async def test_names_in_filters_are_data(tmp_path: Path) -> None:
    db = database(tmp_path)
    await db.initialize()
    await db.insert("x", {'odd" name': "v"})
    assert await db.count_documents({"a' OR 1=1 --": "v"}) == 0
    await db.close()


async def test_nothing_is_kept_when_vectors_are_wrong(tmp_path: Path) -> None:
    class Wrong(FakeEmbeddingProvider):
        async def get_embeddings(self, text: list[str]) -> list[list[float]]:
            return [[1.0]] * len(text)

    db = FaissVecDB(str(tmp_path / "d.db"), str(tmp_path / "i"), Wrong())
    await db.initialize()
    with pytest.raises(ValueError, match="another number or length"):
        await db.insert("x")
    assert await db.count_documents() == 0
    await db.close()


@pytest.mark.parametrize("content", [b"not an index", None])
async def test_other_indices_are_refused_and_kept(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "sub" / "index.faiss"
    if content is None:
        other = database(tmp_path, 8)
        await other.initialize()
        await other.insert("x")
        await other.close()
    else:
        path.parent.mkdir()
        path.write_bytes(content)
    before = path.read_bytes()
    db = database(tmp_path)
    with pytest.raises(ValueError, match=r"index\.faiss"):
        await db.initialize()
    await db.document_storage.close()
    assert path.read_bytes() == before
