"""``context.kb_manager``: knowledge bases, under AstrBot's names.

Each lies in a folder of its own and needs an embedding model; what is found comes from exact comparison of vectors,
reordered where there is a rerank model.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrbot_like.api.knowledge_base import FILE, KBHelper, KnowledgeBase, ReadFile, now

if TYPE_CHECKING:
    from astrbot_like.api.services import ProviderService


class KnowledgeBaseManager:
    """All knowledge bases of a host.

    Args:
        folder: ``data/knowledge_base``.
        read_file: Reads documents that are not plain text.
    """

    def __init__(self, folder: Path, providers: ProviderService, read_file: ReadFile | None = None) -> None:
        self._folder = folder
        self._providers = providers
        self._read_file = read_file
        self._helpers: dict[str, KBHelper] | None = None
        self._lock = asyncio.Lock()

    async def initialize(self) -> None:
        """Read what is stored; also done at the first use."""
        await self._all()

    async def _all(self) -> dict[str, KBHelper]:
        async with self._lock:
            if self._helpers is None:
                stored = await asyncio.to_thread(self._read)
                self._helpers = {}
                known = {one.name for one in fields(KnowledgeBase)}
                for state in stored:
                    kb = KnowledgeBase(**{key: value for key, value in state["kb"].items() if key in known})
                    helper = self._helper(kb)
                    helper.load(state["documents"])
                    self._helpers[kb.kb_id] = helper
            return self._helpers

    def _read(self) -> list[dict[str, Any]]:
        if not self._folder.is_dir():
            return []
        return [json.loads(file.read_text("utf-8")) for file in sorted(self._folder.glob(f"*/{FILE}"))]

    def _helper(self, kb: KnowledgeBase) -> KBHelper:
        return KBHelper(kb, self._folder / kb.kb_id, self._providers, self._read_file)

    async def create_kb(self, kb_name: str, description: str | None = None, **options: Any) -> KBHelper:
        """Make a knowledge base.

        Args:
            **options: Other fields of ``KnowledgeBase``; None leaves the default.

        Raises:
            ValueError: The name is taken or empty.
        """
        if not kb_name or await self.get_kb_by_name(kb_name) is not None:
            raise ValueError(f"A knowledge base needs a name of its own: {kb_name!r} is taken or empty.")
        given = {key: value for key, value in options.items() if value is not None}
        kb = KnowledgeBase(kb_name, str(uuid.uuid4()), description, created_at=now(), **given)
        helper = self._helper(kb)
        (await self._all())[kb.kb_id] = helper
        await helper.save()
        return helper

    async def get_kb(self, kb_id: str) -> KBHelper | None:
        """By id."""
        return (await self._all()).get(kb_id)

    async def get_kb_by_name(self, kb_name: str) -> KBHelper | None:
        """By name."""
        return next((one for one in (await self._all()).values() if one.kb.kb_name == kb_name), None)

    async def list_kbs(self) -> list[KnowledgeBase]:
        """All of them."""
        return [one.kb for one in (await self._all()).values()]

    async def update_kb(self, kb_id: str, kb_name: str, **options: Any) -> KBHelper | None:
        """Change what is not None; None when there is none of that id."""
        helper = await self.get_kb(kb_id)
        if helper is None:
            return None
        for key, value in {"kb_name": kb_name, **options}.items():
            if value is not None:
                setattr(helper.kb, key, value)
        await helper.terminate()
        await helper.save()
        return helper

    async def delete_kb(self, kb_id: str) -> bool:
        """Delete one with all its documents; False when there is none of that id."""
        helper = (await self._all()).pop(kb_id, None)
        if helper is None:
            return False
        await helper.terminate()
        await asyncio.to_thread(shutil.rmtree, self._folder / kb_id, True)
        return True

    async def retrieve(
        self, query: str, kb_names: list[str], top_k_fusion: int = 20, top_m_final: int = 5
    ) -> dict[str, Any] | None:
        """What several knowledge bases say on a question.

        Returns:
            ``context_text`` for a model, and ``results``; ``{}`` when none of the names is known, None when nothing was
            found.

        Raises:
            ValueError: A knowledge base has no embedding model.
        """
        helpers = [helper for name in kb_names if (helper := await self.get_kb_by_name(name)) is not None]
        if not helpers:
            return {}
        found: list[dict[str, Any]] = []
        for helper in helpers:
            for result in await helper.search(query, top_k_fusion):
                metadata = json.loads(result.data["metadata"] or "{}")
                found.append(
                    {
                        "chunk_id": result.data["doc_id"],
                        "doc_id": metadata.get("kb_doc_id", ""),
                        "kb_id": helper.kb.kb_id,
                        "kb_name": helper.kb.kb_name,
                        "doc_name": metadata.get("doc_name", ""),
                        "chunk_index": metadata.get("chunk_index", 0),
                        "content": result.data["text"],
                        "score": result.similarity,
                        "char_count": len(result.data["text"]),
                    }
                )
        if not found:
            return None
        if len(helpers) > 1:
            found.sort(key=lambda one: -one["score"])
        results = found[:top_m_final]
        lines = ["以下是相关的知识库内容,请参考这些信息回答用户的问题:\n"]
        for number, one in enumerate(results, 1):
            lines += [f"【知识 {number}】", f"来源: {one['kb_name']} / {one['doc_name']}", f"内容: {one['content']}"]
            lines.append(f"相关度: {one['score']:.2f}\n")
        return {"context_text": "\n".join(lines), "results": results}

    async def terminate(self) -> None:
        """Close all files."""
        for helper in (self._helpers or {}).values():
            await helper.terminate()
