"""A whole and a partial face before networks made for it: answers, and the parts the attention model made of them.

Source: Hörmann et al., "Attention-based Partial Face Recognition", ICIP 2021. The K maps and their importances s_k are
read from the taps of the pass that gave the score (models/nets/partial_face.py); nothing is computed a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from explain.core.findings import Heatmap
from explain.partial.edit import Canvas, Edit, Edited
from models.pair import PairModel
from models.predict import Result, predict
from models.taps import tap_names

ATTENTION, AVERAGE, REFERENCE = NETWORKS = ("partial_face", "partial_average", "dlib_resnet")
"""The attention model, the same trunk average-pooled, and the reference encoder."""
TITLES = {ATTENTION: "Attention", AVERAGE: "Average pooling", REFERENCE: "Reference encoder"}
POOLED, APART = "pooled", "apart"
"""How a part's map is shown: as it pooled, or what sets it apart from an even look."""
CAPTIONS = {
    POOLED: (
        "What each place's features were multiplied with when this part was pooled: the part's importance times its "
        "attention. A ReLU before the sigmoid keeps the attention between 0.5 and 1, so no place is ever ignored, and "
        "a part that looks even is even. It says where features were taken, not what for."
    ),
    APART: (
        "The same map less its own mean: red places count more for this part than an even look would have them, blue "
        "ones less. It says where features were taken, not what for."
    ),
}
UNITS = {POOLED: "weight in the pooling, s·A'", APART: "weight in the pooling less the map's mean"}
FLOOR = 1e-4
"""Differences from the mean below this are noise: a scale never ends below it."""


@dataclass(frozen=True)
class PartWeights:
    """The parts of one face, as its embedding was made of them.

    Attributes:
        maps: (K, h, w) float32, s_k A'_k over the crop.
        weights: (K,) float32, the importances s_k; they add up to 1.

    Raises:
        ValueError: shapes that do not agree, values that are not finite, or weights that do not add up to 1.
    """

    maps: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        if self.maps.ndim != 3 or self.weights.shape != self.maps.shape[:1]:
            raise ValueError(f"maps {self.maps.shape} and weights {self.weights.shape} do not belong together")
        if not (np.isfinite(self.maps).all() and abs(float(self.weights.sum()) - 1) < 1e-3):
            raise ValueError("parts want finite maps and importances that add up to 1")

    def heatmap(self, part: int, kind: str, face: int = 1) -> Heatmap:
        """One part's map, POOLED (an amount) or APART (signed).

        Raises:
            ValueError: no such part or kind.
        """
        if not 0 <= part < len(self.weights) or kind not in UNITS:
            raise ValueError(f"no part {part} of {len(self.weights)}, shown as {kind!r}")
        values = self.maps[part] - (self.maps[part].mean() if kind == APART else 0)
        return Heatmap(values, face, "part_maps", kind == APART, UNITS[kind], CAPTIONS[kind], FLOOR)

    def heatmaps(self, kind: str, face: int = 1) -> list[Heatmap]:
        """Every part's map."""
        return [self.heatmap(k, kind, face) for k in range(len(self.weights))]


def read_parts(result: Result) -> tuple[PartWeights, PartWeights]:
    """The parts of face a and of face b, from the pass that answered.

    Raises:
        ValueError: a model without them.
    """
    names = [*tap_names(result.model, "part_maps"), *tap_names(result.model, "part_weights")]
    if len(names) != 2:
        raise ValueError(f"{result.model.name} has no attended parts")
    maps, weights = (result.evidence[name].detach().float().cpu().numpy() for name in names)
    return PartWeights(maps[0], weights[0]), PartWeights(maps[1], weights[1])


@dataclass(frozen=True)
class Said:
    """What a network said about a pair: cosine in [-1, 1], calibrated score in [0, 1], its own threshold."""

    similarity: float
    score: float
    threshold: float

    @property
    def same(self) -> bool:
        """The score reaches the threshold: the same person."""
        return self.score >= self.threshold


@dataclass(frozen=True)
class Asked:
    """What all networks said about face a and one state of face b.

    Attributes:
        said: network -> its answer.
        parts: of face a and of face b, from the attention model.
    """

    said: Mapping[str, Said]
    parts: tuple[PartWeights, PartWeights]


@dataclass(frozen=True, eq=False)
class PartialLook:
    """A pair whose second face is partial: everything the page draws from.

    Attributes:
        edit, edited: what was done to face b, and what came of it.
        crops: (160, 160, 3) uint8 of face a and of face b, whole.
        whole, now: what the networks said of the whole face b, and of what is left of it.
    """

    edit: Edit
    edited: Edited
    crops: tuple[np.ndarray, np.ndarray]
    whole: Asked
    now: Asked

    @property
    def visible(self) -> float:
        """Fraction of face b that is left, in [0, 1]."""
        return self.edited.visible


def ask(
    models: Mapping[str, PairModel], thresholds: Mapping[str, float], a: Canvas, b: Canvas, edited: Edited
) -> Asked:
    """Ask every network about the whole face a and an edited face b.

    Args:
        models: network -> model in eval mode; ATTENTION must be among them.
        thresholds: of the same networks, on the score.
    """
    said, parts = {}, None
    for name, model in models.items():
        result = predict(model, a.whole(model.spec), b.fed(edited, model.spec))
        said[name] = Said(result.similarity, result.score, thresholds[name])
        if name == ATTENTION:
            parts = read_parts(result)
    if parts is None:
        raise ValueError(f"{ATTENTION} is not among the networks: {', '.join(models)}")
    return Asked(said, parts)


def look_partial(
    models: Mapping[str, PairModel],
    thresholds: Mapping[str, float],
    a: Canvas,
    b: Canvas,
    edit: Edit,
    whole: Asked | None = None,
) -> PartialLook:
    """The pair with face b whole and as the edit leaves it.

    Args:
        whole: what was said of the whole face before, so that an edit costs one pass a network.

    Raises:
        ValueError: nothing of the face is left, or as ask and apply_edit.
    """
    edited = b.edited(edit)
    if edited.visible == 0:
        raise ValueError("Nothing of the face is left: there is nothing to compare. Take something back.")
    if whole is None:
        whole = ask(models, thresholds, a, b, b.edited(Edit()))
    now = ask(models, thresholds, a, b, edited) if edit.changes else whole
    return PartialLook(edit, edited, (a.crop, b.crop), whole, now)
