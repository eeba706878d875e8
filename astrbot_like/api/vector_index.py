"""Vectors by number, compared exactly: for the sizes plugins use (some hundred thousand) one matrix product will do."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


class FlatIndex:
    """The vectors, normalised, in memory.

    Attributes:
        d: Length of a vector.
    """

    def __init__(self, d: int) -> None:
        import numpy as np

        self.d = d
        self.ids: Any = np.empty(0, dtype=np.int64)
        self.vectors: Any = np.empty((0, d), dtype=np.float32)

    @property
    def ntotal(self) -> int:
        """How many vectors there are."""
        return len(self.ids)

    def add_with_ids(self, vectors: Any, ids: Any) -> None:
        """Add vectors; a number that is there already is replaced.

        Raises:
            ValueError: A vector has another length.
        """
        import numpy as np

        matrix = np.atleast_2d(np.asarray(vectors, dtype=np.float32))
        if matrix.shape[1] != self.d:
            raise ValueError(f"the vectors have {matrix.shape[1]} dimensions, the index has {self.d}")
        self.remove_ids(ids)
        self.ids = np.concatenate([self.ids, np.asarray(ids, dtype=np.int64)])
        self.vectors = np.concatenate([self.vectors, _normalised(matrix)])

    def remove_ids(self, ids: Any) -> None:
        """Take vectors out; unknown numbers are ignored."""
        import numpy as np

        keep = ~np.isin(self.ids, np.asarray(ids, dtype=np.int64))
        self.ids, self.vectors = self.ids[keep], self.vectors[keep]

    def search(self, vector: Any, k: int) -> tuple[list[float], list[int]]:
        """The ``k`` most similar vectors: cosines from 0 to 1, best first, and their numbers."""
        import numpy as np

        if not self.ntotal:
            return [], []
        query = _normalised(np.asarray(vector, dtype=np.float32).reshape(1, -1))[0]
        if len(query) != self.d:
            raise ValueError(f"the vector has {len(query)} dimensions, the index has {self.d}")
        cosines = self.vectors @ query
        best = np.argsort(-cosines, kind="stable")[:k]
        return [float(max(0.0, min(1.0, cosines[at]))) for at in best], [int(self.ids[at]) for at in best]


def _normalised(matrix: Any) -> Any:
    import numpy as np

    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return (matrix / np.where(lengths == 0, 1.0, lengths)).astype(np.float32)


class EmbeddingStorage:
    """A ``FlatIndex`` kept in a file.

    Args:
        dimension: Length of the vectors.
        path: The file; None: in memory alone. A file of another program or of another length is left as it is and
            refused.
    """

    def __init__(self, dimension: int, path: str | None = None) -> None:
        self.dimension = dimension
        self.path = path
        self.index = FlatIndex(dimension)
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Read the file, when it is there.

        Raises:
            ValueError: It is no index of this kind, or for vectors of another length.
        """
        if self.path and Path(self.path).exists():  # noqa: ASYNC240 - one stat at the start
            await asyncio.to_thread(self._read, self.path)

    def _read(self, path: str) -> None:
        import numpy as np

        try:
            with np.load(path, allow_pickle=False) as stored:
                ids, vectors = stored["ids"], stored["vectors"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(f"{Path(path).name} is not an index of this host; remove it to begin anew.") from error
        if vectors.shape[1] != self.dimension:
            raise ValueError(
                f"{Path(path).name} holds vectors of {vectors.shape[1]} dimensions, "
                f"the embedding model gives {self.dimension}."
            )
        self.index.ids, self.index.vectors = ids, vectors

    async def insert(self, vector: Any, id: int) -> None:
        """Add one vector."""
        await self.insert_batch([vector], [id])

    async def insert_batch(self, vectors: Any, ids: list[int]) -> None:
        """Add vectors."""
        async with self._lock:
            await asyncio.to_thread(self.index.add_with_ids, vectors, ids)
            await self._save()

    async def search(self, vector: Any, k: int) -> tuple[list[float], list[int]]:
        """The most similar vectors; see ``FlatIndex.search``."""
        return await asyncio.to_thread(self.index.search, vector, k)

    async def delete(self, ids: list[int]) -> None:
        """Take vectors out."""
        async with self._lock:
            await asyncio.to_thread(self.index.remove_ids, ids)
            await self._save()

    async def save_index(self) -> None:
        """Write the file."""
        async with self._lock:
            await self._save()

    async def _save(self) -> None:
        if self.path:
            await asyncio.to_thread(self._write, Path(self.path))

    def _write(self, path: Path) -> None:
        import numpy as np

        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp.npz")
        np.savez(temporary, ids=self.index.ids, vectors=self.index.vectors)
        temporary.replace(path)
