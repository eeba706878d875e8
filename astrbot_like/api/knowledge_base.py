"""One knowledge base: its documents, their chunks, and the search in them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.api.provider.base import EmbeddingProvider, ProgressCallback, RerankProvider
from astrbot_like.api.provider.entities import ProviderType
from astrbot_like.api.vectors import FaissVecDB, Result

if TYPE_CHECKING:
    from astrbot_like.api.services import ProviderService


ReadFile = Callable[[bytes, str], Awaitable[str]]
"""Text of a file's bytes, by its name."""

FILE = "kb.json"
TEXT_TYPES = ("txt", "md", "markdown", "csv", "json", "log", "rst", "text")
"""Types of files that are text as they are."""


def now() -> str:
    """The time as it is stored."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class KnowledgeBase:
    """A knowledge base.

    Attributes:
        embedding_provider_id, rerank_provider_id: Providers it uses; None: the ones in use generally.
        chunk_size, chunk_overlap: Characters.
        top_m_final: Pieces given to the model.
    """

    kb_name: str
    kb_id: str = ""
    description: str | None = None
    emoji: str | None = "📚"
    embedding_provider_id: str | None = None
    rerank_provider_id: str | None = None
    chunk_size: int = 512
    chunk_overlap: int = 50
    top_k_dense: int = 50
    top_k_sparse: int = 50
    top_m_final: int = 5
    created_at: str = ""
    updated_at: str = ""
    doc_count: int = 0
    chunk_count: int = 0


@dataclass
class KBDocument:
    """A document of a knowledge base."""

    doc_id: str
    kb_id: str
    doc_name: str
    file_type: str
    file_size: int
    chunk_count: int
    created_at: str
    media_count: int = 0


def chunks_of(text: str, size: int, overlap: int) -> list[str]:
    """Pieces of at most ``size`` characters, cut at paragraphs, lines, sentences or words where there are any.

    Args:
        overlap: Characters that a piece repeats of the one before.
    """
    size = max(size, 1)
    overlap = min(max(overlap, 0), size // 2)
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = min(start + size, len(text))
        if end < len(text):
            window = text[start:end]
            for separator in ("\n\n", "\n", "。", ". ", " "):
                at = window.rfind(separator)
                if at > size // 2:
                    end = start + at + len(separator)
                    break
        if piece := text[start:end].strip():
            pieces.append(piece)
        start = end if end == len(text) else max(end - overlap, start + 1)
    return pieces


class KBHelper:
    """One knowledge base with its documents."""

    def __init__(self, kb: KnowledgeBase, folder: Path, providers: ProviderService, read_file: ReadFile | None) -> None:
        self.kb = kb
        self.init_error: str | None = None
        self._folder = folder
        self._providers = providers
        self._read_file = read_file
        self._documents: dict[str, KBDocument] = {}
        self._db: FaissVecDB | None = None
        self._lock = asyncio.Lock()

    def load(self, documents: list[dict[str, Any]]) -> None:
        """Take over stored documents."""
        self._documents = {one["doc_id"]: KBDocument(**one) for one in documents}

    async def save(self) -> None:
        """Write what is known about it."""
        self.kb.updated_at = now()
        self.kb.doc_count = len(self._documents)
        self.kb.chunk_count = sum(one.chunk_count for one in self._documents.values())
        state = {"kb": asdict(self.kb), "documents": [asdict(one) for one in self._documents.values()]}
        await asyncio.to_thread(self._write, json.dumps(state, ensure_ascii=False))

    def _write(self, state: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f".{FILE}.tmp"
        temporary.write_text(state, "utf-8")
        temporary.replace(self._folder / FILE)

    async def vec_db(self) -> FaissVecDB:
        """Its vectors.

        Raises:
            ValueError: There is no embedding model, or the stored vectors don't fit it.
        """
        if self._db is None:
            embedding = self._provider(self.kb.embedding_provider_id, ProviderType.EMBEDDING)
            if not isinstance(embedding, EmbeddingProvider):
                raise ValueError(
                    f"The knowledge base {self.kb.kb_name} has no embedding model. Add one under Providers."
                )
            rerank = self._provider(self.kb.rerank_provider_id, ProviderType.RERANK)
            db = FaissVecDB(
                str(self._folder / "documents.db"),
                str(self._folder / "vectors.npz"),
                embedding,
                rerank if isinstance(rerank, RerankProvider) else None,
            )
            await db.initialize()
            self._db = db
        return self._db

    def _provider(self, provider_id: str | None, kind: ProviderType) -> Any:
        return self._providers.by_id(provider_id) if provider_id else self._providers.using(kind)

    async def upload_document(
        self,
        file_name: str,
        file_content: bytes | None = None,
        file_type: str = "txt",
        chunk_size: int | None = None,
        chunk_overlap: int | None = None,
        batch_size: int = 32,
        tasks_limit: int = 3,
        max_retries: int = 3,
        progress_callback: ProgressCallback | None = None,
        pre_chunked_text: list[str] | None = None,
    ) -> KBDocument:
        """Add a document.

        Args:
            file_content: The file; not needed with ``pre_chunked_text``.
            pre_chunked_text: The pieces, when the caller made them.

        Raises:
            ValueError: It holds no text, is of a type that can't be read, or there is no embedding model.
        """
        pieces = pre_chunked_text or chunks_of(
            await self._text_of(file_name, file_content or b"", file_type),
            chunk_size or self.kb.chunk_size,
            self.kb.chunk_overlap if chunk_overlap is None else chunk_overlap,
        )
        if not pieces:
            raise ValueError(f"{file_name} holds no text.")
        async with self._lock:
            document = KBDocument(
                doc_id=str(uuid.uuid4()),
                kb_id=self.kb.kb_id,
                doc_name=file_name,
                file_type=file_type,
                file_size=len(file_content or b"") or sum(map(len, pieces)),
                chunk_count=len(pieces),
                created_at=now(),
            )
            common = {"kb_id": self.kb.kb_id, "kb_doc_id": document.doc_id, "doc_name": file_name}
            metadata = [{**common, "chunk_index": index, "char_count": len(one)} for index, one in enumerate(pieces)]
            db = await self.vec_db()
            await db.insert_batch(pieces, metadata, None, batch_size, tasks_limit, max_retries, progress_callback)
            self._documents[document.doc_id] = document
            await self.save()
        return document

    async def _text_of(self, file_name: str, content: bytes, file_type: str) -> str:
        if file_type.lower().lstrip(".") in TEXT_TYPES:
            return content.decode("utf-8-sig", errors="replace")
        if self._read_file is None:
            raise ValueError(f"Files of the type {file_type} can't be read here.")
        return await self._read_file(content, file_name)

    async def list_documents(self, offset: int = 0, limit: int = 100, search: str | None = None) -> list[KBDocument]:
        """Its documents, in order of upload."""
        every = [one for one in self._documents.values() if not search or search.lower() in one.doc_name.lower()]
        return every[offset : offset + limit]

    async def count_documents(self, search: str | None = None) -> int:
        """How many documents fit."""
        return len(await self.list_documents(limit=len(self._documents), search=search))

    async def get_document(self, doc_id: str) -> KBDocument | None:
        """A document, or None."""
        return self._documents.get(doc_id)

    async def get_chunks_by_doc_id(self, doc_id: str, offset: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """The pieces of a document."""
        storage = (await self.vec_db()).document_storage
        rows = await storage.get_documents({"kb_doc_id": doc_id}, offset=offset, limit=limit)
        return [
            {
                "chunk_id": row["doc_id"],
                "doc_id": doc_id,
                "kb_id": self.kb.kb_id,
                "chunk_index": json.loads(row["metadata"])["chunk_index"],
                "content": row["text"],
                "char_count": len(row["text"]),
            }
            for row in rows
        ]

    async def delete_document(self, doc_id: str) -> None:
        """Delete a document with its pieces; unknown ids are ignored."""
        async with self._lock:
            if self._documents.pop(doc_id, None) is not None:
                await (await self.vec_db()).delete_documents({"kb_doc_id": doc_id})
                await self.save()

    async def search(self, query: str, count: int) -> list[Result]:
        """The pieces nearest in meaning, best first."""
        if not self._documents:
            return []
        return await (await self.vec_db()).retrieve(query, k=count, rerank=True)

    async def terminate(self) -> None:
        """Close its files."""
        db, self._db = self._db, None
        if db is not None:
            await db.close()
