"""Many pairs of photos, compared one after another: every photo is decoded, looked at and encoded once.

    comparison = Comparison(model, pairings, read)
    rows = [comparison.row(i) for i in range(len(pairings))]

As `python -m training.evaluate pairs` does it, and with its scores: of several faces the one nearest the photo's centre
is taken. It differs where a photo has no detectable face: that command takes the photo's central square for one, here
the pair has no answer. Nothing needs labels; with them `figures` gives that command's accuracy and AUC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explain.kinship.matching import Pairing
from models.faces.choice import nearest_centre
from models.faces.detect import detect_faces
from models.faces.face import Face
from models.faces.photo import Photo, PhotoError
from models.faces.quality import Quality, assess, undecided
from models.metrics import accuracy, auc, bootstrap_ci, bootstrap_mean_ci
from models.pair import PairModel
from models.predict import aligned_for

NO_FACE = "no face was found"
CHOSEN = "{count} faces, the one nearest the centre was taken"
PROTOCOL = (
    "Raw photos: faces are detected and aligned; of several faces the one nearest the photo's centre is taken; a photo "
    "without a detectable face gives no answer. The score is the mean over both orders of a pair."
)


@dataclass(frozen=True)
class Row:
    """What came of one pair.

    Attributes:
        pairing: the pair.
        score: calibrated probability in [0, 1], mean over both orders; None without an answer, as the others then.
        score_ab, score_ba: the same for either order.
        similarity: cosine of the embeddings, in [-1, 1].
        notes: about the faces, and why there is no answer.
        withheld: why nothing is decided by the faces: "blurred face in A"; empty where something is.
    """

    pairing: Pairing
    score: float | None = None
    score_ab: float | None = None
    score_ba: float | None = None
    similarity: float | None = None
    notes: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Looked:
    """A photo's face, encoded (1, ...), and what was measured on it; None with the reason among the notes."""

    code: Tensor | None
    notes: tuple[str, ...]
    quality: Quality | None = None


def unseen(path: str, face: Face) -> None:
    """Nobody looks at the faces."""


class Comparison:
    """Pairs on their way to rows.

    Args:
        model: in eval mode.
        pairings: what is compared.
        read: path -> photo; raises PhotoError for one that cannot be used.
        seen: told of the face of each photo, once.
    """

    def __init__(
        self,
        model: PairModel,
        pairings: Sequence[Pairing],
        read: Callable[[str], Photo],
        seen: Callable[[str, Face], None] = unseen,
    ) -> None:
        self._model, self.pairings, self._read, self._seen = model, pairings, read, seen
        self._wanted = Counter(path for p in pairings for path in p.files if path)
        self._looked: dict[str, _Looked] = {}

    def row(self, index: int) -> Row:
        """Compare one pair; what its photos gave is kept until the last pair that needs it, and no longer.

        Each index is to be asked for once; one that raised can be asked for again.

        Raises:
            UserError: of models.running: no turn, or too long.
        """
        pairing = self.pairings[index]
        found = [self._look(path) if path else None for path in pairing.files]
        notes = [note for note in (pairing.note, "both names are the same photo" * _twice(pairing)) if note]
        a, b = (x.notes if x else (why,) for x, why in zip(found, pairing.missing, strict=True))
        each = (("A and B", a),) if a == b else (("A", a), ("B", b))
        notes += [f"{which}: {', '.join(said)}" for which, said in each if said]
        codes = [looked.code for looked in found if looked and looked.code is not None]
        row = Row(pairing, notes=tuple(notes))
        if len(codes) == 2:
            score, ab, ba, similarity = self._compare(*codes)
            seen = [(name, x.quality) for name, x in zip("AB", found, strict=True) if x and x.quality]
            row = Row(pairing, score, ab, ba, similarity, tuple(notes), undecided(*seen))
        self._forget(pairing)
        return row

    def _look(self, path: str) -> _Looked:
        if path not in self._looked:
            self._looked[path] = self._encode(path)
        return self._looked[path]

    def _encode(self, path: str) -> _Looked:
        try:
            photo = self._read(path)
        except PhotoError as error:
            return _Looked(None, (_clause(str(error)),))
        faces = detect_faces(photo.pixels)
        face = nearest_centre(photo.pixels, faces)
        first = (photo.note,) if photo.note else ()
        if face is None:
            return _Looked(None, (*first, NO_FACE))
        self._seen(path, face)
        several = (CHOSEN.format(count=len(faces)),) if len(faces) > 1 else ()
        aligned = aligned_for(self._model, face)
        with torch.inference_mode():
            code = self._model.encode(aligned.image, aligned.keypoints)
        quality = assess(face)
        return _Looked(code, (*first, *several, *quality.warnings), quality)

    def _compare(self, x: Tensor, y: Tensor) -> tuple[float, float, float, float]:
        with torch.inference_mode():
            output = self._model.compare(x, y)
            ab, ba = output.logit.double().sigmoid()[0].tolist()
            return (ab + ba) / 2, ab, ba, float(output.similarity[0])

    def _forget(self, pairing: Pairing) -> None:
        for path in pairing.files:
            self._wanted[path] -= 1
            if self._wanted[path] <= 0:
                self._looked.pop(path, None)


def _twice(pairing: Pairing) -> bool:
    return bool(pairing.files[0]) and pairing.files[0] == pairing.files[1]


def _clause(sentence: str) -> str:
    """A sentence as part of another one."""
    return sentence.rstrip(".")


@dataclass(frozen=True)
class Figures:
    """How well the answers agree with the labels.

    Attributes:
        pairs, matching: answered pairs with a label, and those that the labels call a match.
        accuracy, accuracy_ci95: at the threshold.
        auc, auc_ci95: None where the labels are of one kind.
    """

    pairs: int
    matching: int
    accuracy: float
    accuracy_ci95: list[float]
    auc: float | None
    auc_ci95: list[float] | None


@dataclass(frozen=True)
class Ranked:
    """What does not depend on the threshold: scores, labels and groups of the answered pairs with a label, and the AUC.

    Attributes:
        score: (P,) float64.  same: (P,) bool.
        groups: the first folder of image_a, or its name where it has none; intervals resample these.
        auc, auc_ci95: as in Figures.
    """

    score: np.ndarray
    same: np.ndarray
    groups: tuple[str, ...]
    auc: float | None
    auc_ci95: list[float] | None


def ranked(rows: Sequence[Row]) -> Ranked | None:
    """The labelled answers; None where there is none."""
    known = [(r.score, r.pairing.same, r.pairing.a.split("/", 1)[0]) for r in rows if r.score is not None]
    known = [k for k in known if k[1] is not None]
    if not known:
        return None
    score, same, groups = np.array([k[0] for k in known]), np.array([k[1] for k in known]), [k[2] for k in known]
    if same.all() or not same.any():
        return Ranked(score, same, tuple(groups), None, None)
    interval = bootstrap_ci(lambda r: auc(score[r], same[r]), groups)
    return Ranked(score, same, tuple(groups), auc(score, same), interval)


def figures(known: Ranked, threshold: float) -> Figures:
    """Accuracy at a threshold with its 95 % interval (bootstrap over groups), and the AUC."""
    score, same = known.score, known.same
    interval = bootstrap_mean_ci((score >= threshold) == same, known.groups)
    return Figures(len(same), int(same.sum()), accuracy(score, same, threshold), interval, known.auc, known.auc_ci95)


def order(rows: Sequence[Row], by: str) -> list[Row]:
    """Rows as they stand ("listed"), by score ("highest", "lowest"), or those without an answer first ("unanswered").

    Raises:
        ValueError: another order.
    """
    if by == "listed":
        return list(rows)
    if by == "unanswered":
        return sorted(rows, key=lambda r: r.score is not None)
    if by not in ("highest", "lowest"):
        raise ValueError(f"no order {by!r}")
    sign = -1 if by == "highest" else 1
    return sorted(rows, key=lambda r: (r.score is None, sign * (r.score or 0)))
