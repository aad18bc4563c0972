"""Which faces of an index may be nearest to a probe: vectors in FAISS, in a form chosen by their number.

Up to EXACT faces every cosine is computed. Beyond, the vectors are compressed to their first 128 principal components
of a byte each, and all of them are looked through; what is found there (`candidates`) is to be put in order by the
exact cosine of the codes. Lists of which only some are read (IVF) were faster and lost one in ten of the first hundred
(docs/search.md).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.search.rows import FULL, FaceIndexError

EXACT = 50_000
DEPTH = 10
"""Candidates for each match that is wanted; they are put in order by their exact cosine."""
PROBES = 64
"""Lists that are read for groups."""
TRAINED_ON = 100_000
"""Vectors that a compression is fitted to."""
Part = tuple[np.ndarray, np.ndarray]
"""(n,) int64 ids and (n, D) float32 unit vectors."""
DAMAGED = "The vectors of the index {path} are damaged or missing. Give the command that made it again."


def kind_of(count: int, dim: int) -> str:
    """The form for so many vectors, in FAISS's words (index_factory)."""
    if count <= EXACT:
        return "Flat"
    return f"PCA{min(128, dim)},SQ8"


def kind_for_groups(count: int, dim: int) -> str:
    """As kind_of, where all are asked for their nearest: the vectors are dealt out to lists, few of which are read."""
    return f"PCA{min(64, dim)},IVF{2 ** int(np.log2(4 * count**0.5))},SQ8"


@dataclass(frozen=True)
class Vectors:
    """An index of FAISS, in memory.

    Attributes:
        faiss: the index.  count: of its vectors.
    """

    faiss: Any
    count: int

    @property
    def exact(self) -> bool:
        """Are the cosines it finds the true ones?"""
        return self.count <= EXACT

    def save(self, path: Path) -> None:
        """Raises RuntimeError: it cannot be written whole."""
        import faiss

        faiss.write_index(self.faiss, str(path))

    def candidates(self, vector: np.ndarray, count: int) -> np.ndarray:
        """Ids of the nearest, at most `count`.

        Args:
            vector: (D,) float32.
        """
        _, ids = self.faiss.search(np.ascontiguousarray(vector[None], np.float32), min(count, self.count))
        return ids[0][ids[0] >= 0]


def made(parts: Iterator[Part], count: int, kind: Callable[[int, int], str] = kind_of) -> Vectors:
    """Vectors, at most a few thousand more in memory than their form needs.

    Args:
        parts: of all vectors, `count` in number.
        kind: their number and length -> the form.
    """
    import faiss

    first = next(parts, None)
    if first is None:
        return Vectors(None, 0)
    dim = first[1].shape[1]
    index = faiss.index_factory(dim, f"IDMap,{kind(count, dim)}", faiss.METRIC_INNER_PRODUCT)
    held = [first]
    if not index.is_trained:
        while sum(len(p[0]) for p in held) < min(count, TRAINED_ON) and (part := next(parts, None)):
            held.append(part)
        index.train(np.concatenate([p[1] for p in held]))
        if "IVF" in kind(count, dim):
            faiss.extract_index_ivf(index).nprobe = PROBES
    for ids, vectors in held:
        index.add_with_ids(vectors, ids)
    held.clear()
    for ids, vectors in parts:
        index.add_with_ids(vectors, ids)
    return Vectors(index, count)


def near_pairs(vectors: np.ndarray, threshold: float, most: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """As people.near_pairs, of so many faces that not every pair can be looked at."""
    found = made(iter([(np.arange(len(vectors)), vectors)]), len(vectors), kind_for_groups)
    pairs, cosines = [], []
    for start in range(0, len(vectors), 1024):
        block = vectors[start : start + 1024]
        near = found.faiss.search(block, 2 * most)[1]  # (b, 2 * most)
        cosine = np.einsum("bd,bkd->bk", block, vectors[near])
        cosine[(near < 0) | (near == start + np.arange(len(block))[:, None])] = -2
        row, place = np.nonzero(cosine >= threshold)
        pairs.append(np.stack([row + start, near[row, place]], 1))
        cosines.append(cosine[row, place])
    return np.concatenate(pairs), np.concatenate(cosines)


def written(folder: Path, parts: Iterator[Part], count: int) -> dict[str, Any]:
    """Make the vectors and write them into a new file of mode 0600 -> the facts that name it.

    Raises:
        FaceIndexError: no room.
    """
    vectors, part = made(parts, count), folder / f"vectors-{os.getpid()}.part"
    if vectors.faiss is None:
        return {"vectors": "", "vectors_sha256": "", "vectors_count": 0}
    try:
        os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        vectors.save(part)
        sha256 = _sha256(part)
        part.replace(folder / f"vectors-{sha256[:16]}.faiss")
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise FaceIndexError(FULL.format(path=folder)) from error
    return {"vectors": f"vectors-{sha256[:16]}.faiss", "vectors_sha256": sha256, "vectors_count": count}


def tidy(folder: Path, facts: dict[str, Any]) -> None:
    """Remove the files of vectors that `facts` do not name."""
    for path in [*folder.glob("vectors-*.faiss"), *folder.glob("vectors-*.part")]:
        if path.name != facts["vectors"]:
            path.unlink(missing_ok=True)


def whole(folder: Path, facts: dict[str, Any]) -> bool:
    """Is the file that the facts name there, as it was written?"""
    if not facts.get("vectors"):
        return "vectors" in facts
    path = folder / str(facts["vectors"])
    return path.is_file() and _sha256(path) == facts["vectors_sha256"]


def load(folder: Path, facts: dict[str, Any]) -> Vectors:
    """The vectors of an index.

    Raises:
        FaceIndexError: they are missing, or not as they were written.
    """
    if not whole(folder, facts):
        raise FaceIndexError(DAMAGED.format(path=folder))
    if not facts["vectors"]:
        return Vectors(None, 0)
    import faiss

    try:
        index = faiss.read_index(str(folder / str(facts["vectors"])))
    except (RuntimeError, MemoryError) as error:  # the hash is right: another version of the library
        raise FaceIndexError(DAMAGED.format(path=folder)) from error
    return Vectors(index, int(facts["vectors_count"]))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        found = hashlib.sha256()
        while chunk := file.read(1 << 22):
            found.update(chunk)
    return found.hexdigest()
