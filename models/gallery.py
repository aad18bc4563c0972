"""A gallery of faces, encoded once, and a probe's way through it.

    gallery = Gallery.build(model, faces)
    hits = gallery.search(gallery.code(probe))

Two steps, each by what the network itself gives: the cosine of the embeddings orders all N faces (one matrix product);
the `top` best of them are then answered as pairs with the probe, in both orders, and stand by that score. A score
is needed because not every network's answer is a function of its cosine; for all N it would cost N pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from models.faces.face import Face, FaceBatch
from models.pair import PairModel
from models.predict import aligned_for

BATCH = 16
"""Faces encoded, or pairs answered, in one call."""
TOP = 50
"""Pairs answered for each probe unless told otherwise."""


@dataclass(frozen=True)
class Hit:
    """One face of the gallery beside the probe.

    Attributes:
        entry: its place in the gallery, from 0.
        similarity: cosine of the embeddings, in [-1, 1].
        score_ab, score_ba: calibrated probability with the probe first, with the gallery's face first; None beyond
            the `top` most similar.
    """

    entry: int
    similarity: float
    score_ab: float | None = None
    score_ba: float | None = None

    @property
    def score(self) -> float | None:
        """Mean over both orders, as for any pair."""
        return None if self.score_ab is None or self.score_ba is None else (self.score_ab + self.score_ba) / 2


@dataclass(frozen=True)
class Gallery:
    """Faces as one network encodes them.

    Attributes:
        model: in eval mode.
        codes: (N, D) or (N, C, h, w), what model.encode gave.
        embeddings: (N, E) unit vectors.
    """

    model: PairModel
    codes: Tensor
    embeddings: Tensor

    @staticmethod
    def build(model: PairModel, faces: Iterable[Face | FaceBatch]) -> Gallery:
        """Encode faces (or aligned batches of one), BATCH at a time; `faces` is read as it goes.

        Raises:
            ValueError: no faces.
        """
        codes = [_encode(model, batch) for batch in _batches(faces)]
        if not codes:
            raise ValueError("a gallery wants at least one face")
        joined = torch.cat(codes)
        with torch.inference_mode():
            return Gallery(model, joined, torch.cat([model.embedding(c) for c in joined.split(BATCH)]))

    def __len__(self) -> int:
        return len(self.codes)

    def code(self, probe: Face | FaceBatch) -> Tensor:
        """(1, D) or (1, C, h, w): one face encoded."""
        return _encode(self.model, [probe])

    def search(self, code: Tensor, top: int = TOP, among: Tensor | None = None) -> list[Hit]:
        """Rank the gallery for one probe.

        Args:
            code: of the probe, a batch of one (see `code`).
            top: how many of the most similar are answered as pairs; 0 for none.
            among: (N,) bool, the entries to rank; by default all.

        Returns:
            Every entry ranked: first the `top` most similar by score, then the others by similarity.

        Raises:
            ValueError: a code that is not a batch of one, or a mask of another length.
        """
        if len(code) != 1:
            raise ValueError(f"search takes one probe, got {len(code)}")
        if among is not None and among.shape != (len(self),):
            raise ValueError(f"the mask must be ({len(self)},), got {tuple(among.shape)}")
        with torch.inference_mode():
            cosine = (self.embeddings @ self.model.embedding(code)[0]).clamp(-1, 1)  # (N,)
            order = cosine.argsort(descending=True, stable=True)
            order = order if among is None else order[among.to(order.device)[order]]
            scored = self._answered(code, order[:top], cosine)
        rest = (Hit(int(i), float(cosine[i])) for i in order[top:])
        return [*sorted(scored, key=lambda h: (-(h.score or 0), -h.similarity)), *rest]

    def _answered(self, code: Tensor, entries: Tensor, cosine: Tensor) -> Iterator[Hit]:
        """The entries as answered pairs (probe, entry)."""
        for rows in entries.split(BATCH):
            output = self.model.compare(code.expand(len(rows), *code.shape[1:]), self.codes[rows])
            for row, (ab, ba) in zip(rows.tolist(), output.logit.sigmoid().tolist(), strict=True):
                yield Hit(row, float(cosine[row]), ab, ba)


def _batches(faces: Iterable[Face | FaceBatch]) -> Iterator[list[Face | FaceBatch]]:
    source = iter(faces)
    while batch := list(islice(source, BATCH)):
        yield batch


def _encode(model: PairModel, faces: list[Face | FaceBatch]) -> Tensor:
    """Codes of some faces, one row each."""
    aligned = FaceBatch.cat([aligned_for(model, f) for f in faces])
    with torch.inference_mode():
        return model.encode(aligned.image, aligned.keypoints)
