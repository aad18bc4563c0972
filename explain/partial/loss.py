"""How much of a face a decision needs: the score against the visible area, and which parts can be hidden first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explain.partial.edit import Canvas, Edit, Edited
from explain.partial.find import Said
from models.faces.face import FaceBatch
from models.faces.partial_crops import FACTORS, LANDMARKS, SIDE, box_around
from models.faces.regions import face_parts
from models.pair import PairModel
from models.predict import aligned_for

NAMED = ("left eye", "right eye", "nose", "mouth", "forehead", "jaw")
REST = "everything else"
"""The part that is none of NAMED: cheeks, hair, background."""


@dataclass(frozen=True)
class AreaCurve:
    """Scores against how much is visible of a part around one landmark.

    Attributes:
        part, centred: of the protocol.
        visible: (9,) float32, fraction of the face at each of FACTORS, ascending.
        score, similarity: network -> (9,) float32.
    """

    part: str
    centred: bool
    visible: np.ndarray
    score: Mapping[str, np.ndarray]
    similarity: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Step:
    """One more part hidden: which, what the network then says, and the fraction of the face still visible."""

    part: str
    said: Said
    visible: float


@dataclass(frozen=True)
class Losses:
    """In which order parts of face b can be hidden, the cheapest first.

    Attributes:
        whole: what the network says of the whole face.
        steps: one a part, until the decision flips or one part is left; empty when there is no match to lose.
        left: parts that were never hidden.
    """

    whole: Said
    steps: tuple[Step, ...]
    left: tuple[str, ...]

    @property
    def flipped(self) -> bool:
        """The last step turned a match into none."""
        return bool(self.steps) and not self.steps[-1].said.same

    @property
    def spared(self) -> int:
        """How many parts could go while the decision held."""
        return len(self.steps) - self.flipped


def parts_to_hide(keypoints: np.ndarray) -> dict[str, np.ndarray]:
    """Disjoint masks that fill the 160 px crop: NAMED of models.faces.regions.face_parts, and REST.

    Args:
        keypoints: (5, 2) pixels of the crop.

    Returns:
        part -> (160, 160) bool; a part outside of the crop is left out.
    """
    found = face_parts((keypoints + 0.5) / SIDE, SIDE)
    parts = {**{name: found[name] for name in NAMED}, REST: found["cheeks"] | found["outside"]}
    return {name: mask for name, mask in parts.items() if mask.any()}


@torch.no_grad()
def _answers(model: PairModel, a: Canvas, b: Canvas, states: Sequence[Edited]) -> tuple[np.ndarray, np.ndarray]:
    """Face a against several states of face b -> (n,) scores and (n,) cosines; every face is encoded once."""
    one = aligned_for(model, a.whole(model.spec))
    many = aligned_for(model, FaceBatch.cat([b.fed(s, model.spec) for s in states]))
    x, y = model.encode(one.image, one.keypoints), model.encode(many.image, many.keypoints)
    output = model.compare(x.expand(len(y), *x.shape[1:]), y)
    return output.score.float().cpu().numpy(), output.similarity.float().cpu().numpy()


def area_curve(models: Mapping[str, PairModel], a: Canvas, b: Canvas, part: str, centred: bool) -> AreaCurve:
    """The nine sizes of the protocol around one landmark of face b; face a stays whole.

    Raises:
        KeyError: no such landmark.
    """
    states = [b.edited(Edit(part, factor, centred)) for factor in FACTORS]
    visible = np.array([box_around(LANDMARKS[part], f).visible() for f in FACTORS], np.float32)
    said = {name: _answers(model, a, b, states) for name, model in models.items()}
    return AreaCurve(part, centred, visible, {n: s for n, (s, _) in said.items()}, {n: c for n, (_, c) in said.items()})


def losses(model: PairModel, threshold: float, a: Canvas, b: Canvas) -> Losses:
    """Hide parts of the whole face b one after the other, at each step the one that leaves the highest score.

    Greedy: it does not try all subsets, so another order may spare more. Parts become the protocol's fill.

    Args:
        threshold: on the score; the search stops at the first step below it, or when one part is left.
    """

    def said(score: np.floating, similarity: np.floating) -> Said:
        return Said(float(similarity), float(score), threshold)

    masks = parts_to_hide(b.keypoints)
    whole = said(*(v[0] for v in _answers(model, a, b, [b.edited(Edit())])))
    steps: list[Step] = []
    hidden, now = np.zeros((SIDE, SIDE), bool), whole
    while now.same and len(masks) > 1:
        states = [b.edited(Edit(erased=hidden | mask)) for mask in masks.values()]
        scores, cosines = _answers(model, a, b, states)
        best = int(scores.argmax())
        part, now = list(masks)[best], said(scores[best], cosines[best])
        hidden = hidden | masks.pop(part)
        steps.append(Step(part, now, states[best].visible))
    return Losses(whole, tuple(steps), tuple(masks))


def after(b: Canvas, found: Losses, step: int) -> np.ndarray:
    """(160, 160, 3) uint8: face b once steps 0 to `step` are taken."""
    masks = parts_to_hide(b.keypoints)
    gone = [masks[s.part] for s in found.steps[: step + 1]]
    return b.edited(Edit(erased=np.logical_or.reduce(gone))).image
