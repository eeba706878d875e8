"""``FaissVecDB``: documents found by meaning, under AstrBot's name and methods; SQLite and NumPy in place of FAISS."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.api.provider.base import EmbeddingProvider, ProgressCallback, RerankProvider
from astrbot_like.api.vector_index import EmbeddingStorage

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

_COLUMNS = "id, doc_id, text, metadata, created_at, updated_at"


@dataclass
class Result:
    """A document that was found.

    Attributes:
        similarity: From 0 to 1.
        data: ``id``, ``doc_id``, ``text``, ``metadata`` (JSON text), ``created_at``, ``updated_at``.
    """

    similarity: float
    data: dict[str, Any]


class DocumentStorage:
    """The documents: a table ``documents`` in a SQLite file of their own."""

    def __init__(self, db_path: str) -> None:
        self.db_path = db_path
        self.DATABASE_URL = f"sqlite+aiosqlite:///{db_path}"
        self.engine: AsyncEngine | None = None

    async def initialize(self) -> None:
        """Open the file and make the table."""
        from sqlalchemy import text
        from sqlalchemy.ext.asyncio import create_async_engine

        if self.engine is not None:
            return
        await asyncio.to_thread(Path(self.db_path).parent.mkdir, parents=True, exist_ok=True)
        self.engine = create_async_engine(self.DATABASE_URL)
        async with self.engine.begin() as connection:
            await connection.execute(
                text(
                    "CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY AUTOINCREMENT, "
                    "doc_id TEXT NOT NULL UNIQUE, text TEXT NOT NULL, metadata TEXT, "
                    "created_at TEXT DEFAULT CURRENT_TIMESTAMP, updated_at TEXT DEFAULT CURRENT_TIMESTAMP)"
                )
            )

    async def connect(self) -> None:
        """The same as ``initialize``."""
        await self.initialize()

    @asynccontextmanager
    async def get_session(self) -> AsyncIterator[AsyncSession]:
        """A session of SQLAlchemy on the file."""
        from sqlalchemy.ext.asyncio import AsyncSession

        if self.engine is None:
            raise RuntimeError("initialize() has not been called")
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    async def _rows(self, statement: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        from sqlalchemy import text

        async with self.get_session() as session, session.begin():
            result = await session.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []  # type: ignore[attr-defined]

    async def get_documents(
        self,
        metadata_filters: dict[str, Any],
        ids: list[int] | None = None,
        offset: int | None = 0,
        limit: int | None = 100,
    ) -> list[dict[str, Any]]:
        """Documents whose metadata have these values.

        Args:
            ids: Numbers to choose from; None: all.
            limit: None: no limit.
        """
        where, values = _condition(metadata_filters, ids)
        page = "" if limit is None else " LIMIT :page_limit OFFSET :page_offset"
        values |= {} if limit is None else {"page_limit": limit, "page_offset": offset or 0}
        return await self._rows(f"SELECT {_COLUMNS} FROM documents{where} ORDER BY id{page}", values)

    async def insert_document(self, doc_id: str, text: str, metadata: dict[str, Any]) -> int:
        """Add a document; returns its number."""
        [number] = await self.insert_documents_batch([doc_id], [text], [metadata])
        return number

    async def insert_documents_batch(
        self, doc_ids: list[str], texts: list[str], metadatas: list[dict[str, Any]]
    ) -> list[int]:
        """Add documents, all or none; returns their numbers."""
        from sqlalchemy import text

        numbers: list[int] = []
        async with self.get_session() as session, session.begin():
            for doc_id, content, metadata in zip(doc_ids, texts, metadatas, strict=True):
                made = await session.execute(
                    text(
                        "INSERT INTO documents (doc_id, text, metadata) VALUES (:doc_id, :text, :metadata) RETURNING id"
                    ),
                    {"doc_id": doc_id, "text": content, "metadata": json.dumps(metadata, ensure_ascii=False)},
                )
                numbers.append(int(made.scalar_one()))
        return numbers

    async def get_document_by_doc_id(self, doc_id: str) -> dict[str, Any] | None:
        """A document, or None."""
        found = await self._rows(f"SELECT {_COLUMNS} FROM documents WHERE doc_id = :doc_id", {"doc_id": doc_id})
        return found[0] if found else None

    async def update_document_by_doc_id(self, doc_id: str, new_text: str) -> None:
        """Change a document's text; its vector stays."""
        await self._rows(
            "UPDATE documents SET text = :text, updated_at = CURRENT_TIMESTAMP WHERE doc_id = :doc_id",
            {"doc_id": doc_id, "text": new_text},
        )

    async def delete_document_by_doc_id(self, doc_id: str) -> None:
        """Delete a document."""
        await self._rows("DELETE FROM documents WHERE doc_id = :doc_id", {"doc_id": doc_id})

    async def delete_documents(self, metadata_filters: dict[str, Any]) -> None:
        """Delete the documents whose metadata have these values."""
        where, values = _condition(metadata_filters, None)
        await self._rows(f"DELETE FROM documents{where}", values)

    async def count_documents(self, metadata_filters: dict[str, Any] | None = None) -> int:
        """How many documents have these values."""
        where, values = _condition(metadata_filters or {}, None)
        [row] = await self._rows(f"SELECT COUNT(*) AS number FROM documents{where}", values)
        return int(row["number"])

    async def close(self) -> None:
        """Close the file."""
        engine, self.engine = self.engine, None
        if engine is not None:
            await engine.dispose()


def _condition(filters: dict[str, Any], ids: list[int] | None) -> tuple[str, dict[str, Any]]:
    # Names go into the statement as bound JSON paths, never as text.
    parts, values = [], {}
    for number, (key, value) in enumerate(filters.items()):
        parts.append(f"json_extract(metadata, :path_{number}) = :value_{number}")
        values[f"path_{number}"] = f'$."{key}"'
        values[f"value_{number}"] = value
    if ids is not None:
        parts.append("id IN (SELECT value FROM json_each(:ids))")
        values["ids"] = json.dumps([int(one) for one in ids])
    return (f" WHERE {' AND '.join(parts)}" if parts else ""), values


class FaissVecDB:
    """Documents and their vectors.

    Args:
        doc_store_path: SQLite file of the documents.
        index_store_path: File of the vectors.
        embedding_provider: Makes the vectors.
        rerank_provider: Orders what was found, on request.
    """

    def __init__(
        self,
        doc_store_path: str,
        index_store_path: str,
        embedding_provider: EmbeddingProvider,
        rerank_provider: RerankProvider | None = None,
    ) -> None:
        self.doc_store_path = doc_store_path
        self.index_store_path = index_store_path
        self.embedding_provider = embedding_provider
        self.rerank_provider = rerank_provider
        self.document_storage = DocumentStorage(doc_store_path)
        self.embedding_storage = EmbeddingStorage(embedding_provider.get_dim(), index_store_path)

    async def initialize(self) -> None:
        """Open the files.

        Raises:
            ValueError: The index is damaged, or for vectors of another length.
        """
        await self.document_storage.initialize()
        await self.embedding_storage.load()

    async def insert(self, content: str, metadata: dict[str, Any] | None = None, id: str | None = None) -> int:
        """Add a document; returns its number."""
        [number] = await self.insert_batch([content], [metadata or {}], [id or str(uuid.uuid4())])
        return number

    async def insert_batch(
        self,
        contents: list[str],
        metadatas: list[dict[str, Any]] | None = None,
        ids: list[str] | None = None,
        batch_size: int = 32,
        tasks_limit: int = 3,
        max_retries: int = 3,
        progress_callback: ProgressCallback | None = None,
        embedding_contents: list[str] | None = None,
    ) -> list[int]:
        """Add documents; returns their numbers. Nothing is kept when a vector can't be made or stored.

        Args:
            ids: Names of the documents; None: random ones.
            embedding_contents: Texts to make the vectors from, in place of the contents.

        Raises:
            ValueError: The model gave another number of vectors, or vectors of another length.
        """
        if not contents:
            return []
        names = ids or [str(uuid.uuid4()) for _ in contents]
        vectors = await self.embedding_provider.get_embeddings_batch(
            embedding_contents or contents, batch_size, tasks_limit, max_retries, progress_callback
        )
        if len(vectors) != len(contents) or any(len(one) != self.embedding_storage.dimension for one in vectors):
            raise ValueError("the embedding model gave vectors of another number or length than expected")
        numbers = await self.document_storage.insert_documents_batch(
            names, contents, metadatas or [{} for _ in contents]
        )
        try:
            await self.embedding_storage.insert_batch(vectors, numbers)
        except BaseException:
            for name in names:
                await self.document_storage.delete_document_by_doc_id(name)
            raise
        return numbers

    async def retrieve(
        self,
        query: str,
        k: int = 5,
        fetch_k: int = 20,
        rerank: bool = False,
        metadata_filters: dict[str, Any] | None = None,
    ) -> list[Result]:
        """The documents nearest in meaning, best first.

        Args:
            k: How many.
            fetch_k: How many are looked at when ``metadata_filters`` leave some out.
            rerank: Have the rerank provider order them, when there is one.
        """
        vector = await self.embedding_provider.get_embedding(query)
        scores, numbers = await self.embedding_storage.search(vector, max(k, fetch_k) if metadata_filters else k)
        documents = await self.document_storage.get_documents(metadata_filters or {}, ids=numbers, limit=None)
        by_number = {document["id"]: document for document in documents}
        found = [
            Result(score, by_number[number])
            for score, number in zip(scores, numbers, strict=True)
            if number in by_number
        ][:k]
        if rerank and self.rerank_provider is not None and found:
            order = await self.rerank_provider.rerank(query, [one.data["text"] for one in found])
            found = [found[one.index] for one in order]
        return found

    async def delete(self, doc_id: str) -> None:
        """Delete a document and its vector."""
        document = await self.document_storage.get_document_by_doc_id(doc_id)
        if document is not None:
            await self.document_storage.delete_document_by_doc_id(doc_id)
            await self.embedding_storage.delete([document["id"]])

    async def delete_documents(self, metadata_filters: dict[str, Any]) -> None:
        """Delete the documents whose metadata have these values, and their vectors."""
        documents = await self.document_storage.get_documents(metadata_filters, limit=None)
        await self.document_storage.delete_documents(metadata_filters)
        await self.embedding_storage.delete([document["id"] for document in documents])

    async def count_documents(self, metadata_filter: dict[str, Any] | None = None) -> int:
        """How many documents have these values."""
        return await self.document_storage.count_documents(metadata_filter)

    async def close(self) -> None:
        """Close the files."""
        await self.embedding_storage.save_index()
        await self.document_storage.close()
