"""Father, mother and child without the page: the answer, what each parent adds to it, maps, and the report."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from explain import EXPLAINERS, Curve, Heatmap, write_report
from explain.report.page import family_page
from explain.report.pair import NOTICE
from explain.report.staging import Staging
from models import Result
from models.tasks import TASKS
from models.tri import TriResult, predict_tri
from ui.shared import answering, evidence
from ui.shared.answering import Answer
from ui.shared.photos import Key, Shot

PARENTS = ("father", "mother")


@dataclass(frozen=True)
class Family:
    """Three photos of a session."""

    father: Shot
    mother: Shot
    child: Shot

    @property
    def key(self) -> tuple[Key, Key, Key]:
        """Which three faces."""
        return self.father.key, self.mother.key, self.child.key


@dataclass(frozen=True)
class Share:
    """What one pair adds to the log-odds of the triplet.

    Attributes:
        pair: the answered pair (parent, child).
        log_odds: of the pair, mean over both orders.
        added: to the triplet's log-odds; the two shares and the calibration's offset add up to it exactly.
    """

    pair: Answer
    log_odds: float
    added: float


@dataclass(frozen=True)
class TriAnswer:
    """What a model said about a triplet: plain numbers.

    Attributes:
        weight: name of the weight that answered.
        score: in [0, 1]; a probability only when calibrated.
        log_odds: the score's own, calibrated where there is a calibration.
        offset: of the calibration; 0 without one.
        calibrated: on triplets.
    """

    weight: str
    score: float
    log_odds: float
    offset: float
    calibrated: bool
    father: Share
    mother: Share


@dataclass(frozen=True)
class TriVerdict:
    """An answer against a threshold; far and tar are None where nobody measured them on triplets."""

    above: bool
    decision: str
    far: float | None
    tar: float | None
    protocol: str


@dataclass(frozen=True)
class PairMaps:
    """The maps of one pair and the crops they lie on: parent first, then child."""

    parent: Heatmap
    child: Heatmap
    parent_crop: np.ndarray
    child_crop: np.ndarray


@dataclass(frozen=True)
class TriMaps:
    """The maps of both pairs by one method; layer is None for the model's own choice, `of` the family's key."""

    weight: str
    method: str
    layer: str | None
    father: PairMaps
    mother: PairMaps
    of: tuple[Key, Key, Key]

    @property
    def heatmaps(self) -> tuple[Heatmap, Heatmap, Heatmap, Heatmap]:
        """Father, child beside the father, mother, child beside the mother."""
        return self.father.parent, self.father.child, self.mother.parent, self.mother.child


def weights() -> list[str]:
    """Names of the weights that answer kinship."""
    return [n for n in answering.pair_weights() if answering.sidecar(n).task == "kinship"]


def default_weight() -> str | None:
    """The page's own default where it answers kinship, else the first that does."""
    names, default = weights(), answering.default_weight()
    return default if default in names else next(iter(names), None)


def ask(family: Family, weight: str, *, grad: bool = False) -> TriResult:
    """Run a model on the chosen faces of three photos.

    Raises:
        PhotoError: a photo is no longer there.  WeightError: no such weight.
    """
    faces = (family.father.face(), family.mother.face(), family.child.face())
    return predict_tri(answering.network(weight), *faces, answering.sidecar(weight).rule.tri, grad=grad)


def answer(family: Family, weight: str) -> TriAnswer:
    """Score a triplet. Raises as ask."""
    result, row = ask(family, weight), answering.sidecar(weight).rule.tri
    slope, offset = (row.slope, row.offset) if row else (1.0, 0.0)
    father, mother = (_share(pair, weight, slope) for pair in (result.father, result.mother))
    return TriAnswer(weight, result.score, slope * result.log_odds + offset, offset, result.calibrated, father, mother)


def _share(pair: Result, weight: str, slope: float) -> Share:
    log_odds = float(pair.pair.logit.detach().mean())
    said = Answer(weight, pair.score, pair.score_ab, pair.score_ba, pair.similarity)
    return Share(said, log_odds, slope * log_odds / 2)


def own_threshold(weight: str) -> float:
    """The threshold measured on triplets; without one that of single pairs. Raises WeightError."""
    row = answering.sidecar(weight)
    return row.rule.tri.threshold if row.rule.tri else row.rule.threshold


def judge(given: TriAnswer, threshold: float) -> TriVerdict:
    """Hold an answer against a threshold; no model runs."""
    row, above = answering.sidecar(given.weight).rule.tri, given.score >= threshold
    decision = TASKS["tri"].decision(above)
    if row is None:
        return TriVerdict(above, decision, None, None, "")
    return TriVerdict(above, decision, *row.points.at(threshold), row.points.measured_on(threshold))


def make_maps(family: Family, weight: str, method: str, layer: str | None) -> TriMaps:
    """Run the model with its evidence and explain both pairs.

    Raises:
        PhotoError, WeightError: as ask.  ValueError: a method or layer the model does not have.
    """
    result = ask(family, weight, grad=EXPLAINERS[method].grad)
    father, mother = (_pair_maps(pair, weight, method, layer) for pair in (result.father, result.mother))
    return TriMaps(weight, method, layer, father, mother, family.key)


def _pair_maps(pair: Result, weight: str, method: str, layer: str | None) -> PairMaps:
    parent, child = evidence.maps_of(pair, weight, method, layer)
    return PairMaps(parent, child, *(face.pixels()[0] for face in pair.faces))


def curves(family: Family, maps: TriMaps) -> list[Curve]:
    """Deletion and insertion of each of TriMaps.heatmaps, by the answer of its own pair. Raises as ask."""
    result = ask(family, maps.weight)
    pairs = (result.father, result.father, result.mother, result.mother)
    return [evidence.curve_of(pair, maps.weight, heatmap) for pair, heatmap in zip(pairs, maps.heatmaps, strict=True)]


def report(folder: Path, family: Family, maps: TriMaps, *, threshold: float, opacity: float) -> Path:
    """Write a triplet into <folder>.zip: report.html, triplet.json, and each pair's report in a folder of its own.

    Raises:
        PhotoError, WeightError: as ask.  OSError: the folder cannot be written.
    """
    stage, result = Staging(folder), ask(family, maps.weight, grad=EXPLAINERS[maps.method].grad)
    row = answering.sidecar(maps.weight)
    pairs, parents = (result.father, result.mother), (family.father, family.mother)
    for name, pair, parent, shown in zip(PARENTS, pairs, parents, (maps.father, maps.mother), strict=True):
        write_report(
            stage.folder / f"{name}_child",
            pair,
            (parent.face(), family.child.face()),
            [maps.method],
            sidecar=row,
            layer=maps.layer,
            opacity=opacity,
            known=evidence.known(pair, maps.weight, maps.method, (shown.parent, shown.child)),
        )
    given = answer(family, maps.weight)
    values = {
        **asdict(given),
        "weight_sha256": row.sha256,
        "threshold": threshold,
        **asdict(judge(given, threshold)),
        "operating": asdict(row.rule.tri) if row.rule.tri else None,
    }
    (stage.folder / "triplet.json").write_text(json.dumps(values, indent=1) + "\n")
    said = {"notice": NOTICE, "question": TASKS["tri"].question, "parents": PARENTS, "method": maps.method}
    page = family_page(stage.folder, {**values, **said, "title": EXPLAINERS[maps.method].title})
    (stage.folder / "report.html").write_text(page, encoding="utf-8")
    return stage.finish(archive=True)
