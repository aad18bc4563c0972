"""An index of faces, asked for the relatives (or doubles) of a person.

    with Index.open("faces.index") as index:
        answer = index.search([face])
        for match in answer.matches: print(match.score, index.file(match))

The most similar faces by cosine are answered as pairs with the probe's photos, in both orders, and stand by that score,
as in models/gallery.py. Photos of the probe's own person are found by the network that grouped the index, and are told
apart: nobody resembles a person more than they do themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.faces.face import Face, FaceBatch
from models.gallery import BATCH
from models.pair import PairModel
from models.search import vectors
from models.search.build import embedded, encode
from models.search.finish import checked, code_shape
from models.search.people import same_person_cosine
from models.search.rows import FaceIndexError, Near, Row
from models.search.store import Store
from models.weights import load_pair, read_sidecar

TOP = 100
"""Matches unless told otherwise."""
FACES_OF_A_PERSON = 32
"""Of a person, as many faces are answered as pairs when people are ranked."""
UNFINISHED = "The index {path} was never finished. Give the command that made it again: it goes on where it stopped."
EMPTY = "There is no face in the index {path}."
NOT_GROUPED = "The index {path} is not grouped by person: it was made with --people none."


@dataclass(frozen=True)
class Match:
    """One face of an index beside the probe, or one person by the face that is most similar.

    Attributes:
        row: the face.
        similarity: cosine, mean over the probe's photos (and over the person's faces).
        score_ab, score_ba: calibrated probability with the probe first, with the index's face first, of the mean
            log-odds over the same; None where no pair was answered.
        faces: how many faces it stands for.
    """

    row: Row
    similarity: float
    score_ab: float | None = None
    score_ba: float | None = None
    faces: int = 1

    @property
    def score(self) -> float | None:
        """Mean over both orders, as for any pair."""
        return None if self.score_ab is None or self.score_ba is None else (self.score_ab + self.score_ba) / 2


@dataclass(frozen=True)
class Answer:
    """What a search found.

    Attributes:
        matches: ranked by score.
        own: the probe's own photos among the most similar faces, by similarity; never among the matches.
        searched: faces in the index.
        seconds: from the probe's crops to the order.
    """

    matches: tuple[Match, ...]
    own: tuple[Match, ...]
    searched: int
    seconds: float


@dataclass(frozen=True)
class Index:
    """An open index with the networks that made it.

    Attributes:
        store: what is known of the faces.  vectors: what finds them.
        model, weight: whose codes are compared.
        identity: what tells people apart, None without grouping.  same: the cosine from which it says "one person".
        shape: of a code.
    """

    store: Store
    vectors: vectors.Vectors
    model: PairModel
    weight: str
    identity: PairModel | None
    same: float
    shape: tuple[int, ...]

    @staticmethod
    def open(folder: str | Path, load: Callable[[str], PairModel] | None = None) -> Index:
        """Open an index with its networks, which `load` gives by name; load_pair by default.

        Raises:
            FaceIndexError: there is none, it is unfinished, damaged, or of another weight.
            WeightError: no such weight.
        """
        load = load or load_pair
        store = Store.open(Path(folder))
        try:
            facts = store.facts()
            if "vectors" not in facts:
                raise FaceIndexError(UNFINISHED.format(path=folder))
            name, people = (checked(store.folder, facts, which) for which in ("model", "people"))
            identity = load(people) if people else None
            same = same_person_cosine(identity, read_sidecar(people)) if identity is not None else 2.0
            found = vectors.load(store.folder, facts)
            return Index(store, found, load(name), name, identity, same, code_shape(facts))
        except BaseException:
            store.close()
            raise

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the networks stay as they are."""
        self.store.close()

    def search(self, probes: Sequence[Face | FaceBatch], top: int = TOP, by_person: bool = False) -> Answer:
        """Rank the index for a person.

        Args:
            probes: one face or several of one person; or aligned batches of one.
            top: how many matches.
            by_person: a match is a person of the grouping, by all their faces, and not a face.

        Raises:
            ValueError: no probe.  FaceIndexError: nothing in the index, no grouping, or a damaged index.
        """
        if not probes:
            raise ValueError("search takes at least one face of the probe")
        start = time.perf_counter()
        codes = encode(self.model, probes)
        found = self.answer(codes, None if self.identity is None else embedded(self.identity, probes), top, by_person)
        return replace(found, seconds=time.perf_counter() - start)

    def answer(self, codes: Tensor, known: np.ndarray | None, top: int = TOP, by_person: bool = False) -> Answer:
        """As search, of a probe that is encoded: (B, ...) codes, and (B, D) embeddings that tell people apart."""
        if by_person and self.identity is None:
            raise FaceIndexError(NOT_GROUPED.format(path=self.store.folder))
        if not self.vectors.count:
            raise FaceIndexError(EMPTY.format(path=self.store.folder))
        start = time.perf_counter()
        asked = _Asked(self, codes, known)
        own, others = asked.candidates(top, by_person)
        matches = asked.people(others) if by_person else asked.faces(others)
        ranked = sorted(matches, key=lambda m: (-(m.score or 0), -m.similarity))
        alone = tuple(Match(row, cosine) for row, cosine in own)
        return Answer(tuple(ranked), alone, self.vectors.count, time.perf_counter() - start)

    def file(self, match: Match) -> str:
        """Name of the match's photo, relative to the folder or zip it came from; the first where it has several."""
        return next((name for _, name in self.store.places(match.row.digest)), "")


Candidate = tuple[Row, float]
"""A face and its cosine with the probe."""


class _Asked:
    """One question to an index."""

    def __init__(self, index: Index, codes: Tensor, known: np.ndarray | None) -> None:
        self.index, self.codes, self.known = index, codes, known
        self.mean = self._embedding(codes).mean(0)

    @torch.inference_mode()
    def _embedding(self, codes: Tensor) -> np.ndarray:
        """(B, D) unit vectors, float32."""
        device = next(self.index.model.parameters()).device
        return self.index.model.embedding(codes.to(device)).float().cpu().numpy()

    def _codes(self, rows: Sequence[Row]) -> Tensor:
        return torch.from_numpy(np.stack([row.code for row in rows])).view(len(rows), *self.index.shape)

    def candidates(self, top: int, by_person: bool) -> tuple[list[Candidate], list[Candidate]]:
        """The probe's own faces, and `top` others (or one for each of so many other people), most similar first.

        As many are fetched as that takes.
        """
        count = vectors.DEPTH * top
        while True:
            near = self.index.store.near(self.index.vectors.candidates(self.mean, count))
            codes = torch.from_numpy(near.code).view(len(near.ids), *self.index.shape)
            cosine = self._embedding(codes) @ self.mean
            order = np.argsort(-cosine, kind="stable")
            mine = self._own(near)[order]
            own, others = order[mine], order[~mine]
            if by_person:  # the first of each
                others = others[np.sort(np.unique(near.person[others], return_index=True)[1])]
            if len(others) >= top or count >= self.index.vectors.count:
                return self._rows(near, cosine, own), self._rows(near, cosine, others[:top])
            count *= 4

    def _own(self, near: Near) -> np.ndarray:
        """(n,) bool: whose faces are the probe's own: those like it, and all that are grouped with one of them."""
        if self.known is None or near.identity is None:
            return np.zeros(len(near.ids), bool)
        length = np.linalg.norm(near.identity, axis=1)
        like = (near.identity @ self.known.T).max(1) >= self.index.same * length
        return like | np.isin(near.person, near.person[like & (near.person > 0)])

    def _rows(self, near: Near, cosine: np.ndarray, places: np.ndarray) -> list[Candidate]:
        values = dict(zip(near.ids[places].tolist(), cosine[places].tolist(), strict=True))
        return [(row, values[row.id]) for row in self.index.store.rows(list(values))]

    def faces(self, found: Sequence[Candidate]) -> list[Match]:
        """Every face answered as a pair with each of the probe's photos."""
        odds = self._odds([row for row, _ in found])
        return [Match(row, min(1.0, cosine), *_probability(odds[i])) for i, (row, cosine) in enumerate(found)]

    def people(self, found: Sequence[Candidate]) -> list[Match]:
        """Every person answered by the faces grouped with the one that was found."""
        members: dict[int, list[Row]] = {row.person: [] for row, _ in found}
        for row in self.index.store.of_people([row.person for row, _ in found]):
            if len(members[row.person]) < FACES_OF_A_PERSON:
                members[row.person].append(row)
        rows = [row for group in members.values() for row in group]
        cosines, odds = self._embedding(self._codes(rows)) @ self.mean, self._odds(rows)
        matches, end = [], 0
        for row, _ in found:
            start, end = end, end + len(members[row.person])
            mean = float(cosines[start:end].mean())
            matches.append(Match(row, mean, *_probability(odds[start:end].mean(0)), end - start))
        return matches

    @torch.inference_mode()
    def _odds(self, rows: Sequence[Row]) -> np.ndarray:
        """(B, 2) log-odds, both orders, mean over the probe's photos."""
        device = next(self.index.model.parameters()).device
        total = np.zeros((len(rows), 2))
        for start in range(0, len(rows), BATCH):
            codes = self._codes(rows[start : start + BATCH]).to(device)
            for probe in self.codes.to(device).split(1):
                output = self.index.model.compare(probe.expand(len(codes), *probe.shape[1:]), codes)
                total[start : start + len(codes)] += output.logit.double().cpu().numpy()
        return total / len(self.codes)


def _probability(log_odds: np.ndarray) -> tuple[float, float]:
    ab, ba = (1 / (1 + np.exp(-log_odds))).tolist()
    return ab, ba
