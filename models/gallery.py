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

    def code(self, *probes: Face | FaceBatch) -> Tensor:
        """(B, D) or (B, C, h, w): one face or several of one person, encoded."""
        return _encode(self.model, list(probes))

    def search(self, code: Tensor, top: int = TOP, among: Tensor | None = None) -> list[Hit]:
        """Rank the gallery for one person.

        Args:
            code: of the probe's photos (see `code`); cosines and log-odds are means over them.
            top: how many of the most similar are answered as pairs; 0 for none.
            among: (N,) bool, the entries to rank; by default all.

        Returns:
            Every entry ranked: first the `top` most similar by score, then the others by similarity.

        Raises:
            ValueError: no code, or a mask of another length.
        """
        if not len(code):
            raise ValueError("search takes at least one photo of the probe")
        if among is not None and among.shape != (len(self),):
            raise ValueError(f"the mask must be ({len(self)},), got {tuple(among.shape)}")
        with torch.inference_mode():
            cosine = (self.embeddings @ self.model.embedding(code).mean(0)).clamp(-1, 1)  # (N,)
            order = cosine.argsort(descending=True, stable=True)
            order = order if among is None else order[among.to(order.device)[order]]
            scored = self._answered(code, order[:top], cosine)
        rest = (Hit(int(i), float(cosine[i])) for i in order[top:])
        return [*sorted(scored, key=lambda h: (-(h.score or 0), -h.similarity)), *rest]

    def _answered(self, code: Tensor, entries: Tensor, cosine: Tensor) -> Iterator[Hit]:
        """The entries as answered pairs (probe, entry), by the mean log-odds over the probe's photos."""
        for rows in entries.split(BATCH):
            given = self.codes[rows]
            odds = [self.model.compare(c.expand(len(rows), *c.shape[1:]), given).logit for c in code.split(1)]
            for row, (ab, ba) in zip(rows.tolist(), torch.stack(odds).mean(0).sigmoid().tolist(), strict=True):
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
