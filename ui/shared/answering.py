"""Photos in, answers out: the models behind the page, without any of the page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from models import Result, available_weights, list_models, load_pair, predict, read_sidecar
from models.commands import printable
from models.pair import PairModel
from models.tasks import TASKS
from models.weights import Sidecar, default_model, unreadable_weights
from ui.shared.held import Held
from ui.shared.photos import Shot

NETWORKS: Held[PairModel] = Held(lambda: len(available_weights()))
"""Every network that the tabs can ask for: opening one tab after another loads nothing twice."""


@dataclass(frozen=True)
class Answer:
    """What a model said about two faces: plain numbers.

    Attributes:
        weight: name of the weight that answered.
        score: calibrated probability in [0, 1], mean over both orders.
        score_ab, score_ba: the same for either order.
        similarity: cosine of the embeddings, in [-1, 1].
    """

    weight: str
    score: float
    score_ab: float
    score_ba: float
    similarity: float


@dataclass(frozen=True)
class Verdict:
    """An answer against a threshold, with what that threshold costs.

    Attributes:
        above: the score reaches the threshold.
        decision: in words.
        far, tar: measured at this threshold on the pairs that `protocol` names.
    """

    above: bool
    decision: str
    far: float
    tar: float
    protocol: str


def pair_weights() -> list[str]:
    """Names of the shipped and the user's weights that compare two faces: kinship first, then verification."""
    order = {name: i for i, name in enumerate(list_models())}
    rows = [(name, sidecar(name)) for name in available_weights()]
    rows = [(name, row) for name, row in rows if TASKS[row.task].faces == 2 and row.decision]
    return [n for n, r in sorted(rows, key=lambda x: (list(TASKS).index(x[1].task), order.get(x[1].model, 99), x[0]))]


def log_unreadable() -> None:
    """A line on stderr for each weight or folder that cannot be read."""
    for _, why in unreadable_weights():
        print(
            printable(f"warning: {why.rstrip('.')}. Kinsight goes on without it.", sys.stderr.encoding), file=sys.stderr
        )


def weight_of(model: str) -> str | None:
    """The weight of a registered model: the one of its name where there is one, else the first; None without any."""
    names = [name for name in available_weights() if name == model or sidecar(name).model == model]
    return model if model in names else next(iter(names), None)


def trained(models: Sequence[str]) -> bool:
    """Is there a weight for each of these models?"""
    return all(weight_of(model) for model in models)


def default_weight() -> str | None:
    """The weight the page opens with: models.weights.default_model, else the first there is; None without any."""
    names, own = pair_weights(), default_model()
    return own if own in names else next(iter(names), None)


def figures(weight: str) -> dict[str, Any]:
    """What training.evaluate wrote of a weight on the data of its task; empty when it was not measured."""
    row = sidecar(weight)
    found: dict[str, Any] = row.metrics.get(TASKS[row.task].evaluation, {})
    return found


def measured(weight: str) -> str:
    """How good a weight is, in one line: "Families In the Wild: AUC 0.809 [0.790, 0.830], accuracy 0.737 [...]"."""
    found, task = figures(weight), TASKS[sidecar(weight).task]
    named = [f"{word} {_with_interval(found, key)}" for word, key in task.figures if isinstance(found.get(key), float)]
    return f"Measured on {task.data}: {', '.join(named)}." if named else f"Not measured on {task.data}."


def _with_interval(found: dict[str, Any], key: str) -> str:
    ci = found.get(f"{key}_ci95")
    return f"{found[key]:.3f}" + (f" [{ci[0]:.3f}, {ci[1]:.3f}]" if ci else "")


@lru_cache(maxsize=32)
def sidecar(weight: str) -> Sidecar:
    """A weight's sidecar, read once.

    Raises:
        WeightError: no such weight.
    """
    return read_sidecar(weight)


def network(weight: str) -> PairModel:
    """A trained model, loaded once for everybody.

    Raises:
        WeightError: no such weight, or a damaged one.
    """
    return NETWORKS.get(weight, lambda: load_pair(weight))


def ask(a: Shot, b: Shot, weight: str, *, grad: bool = False) -> Result:
    """Run a model on the chosen faces of two photos.

    Raises:
        PhotoError: a photo is no longer there.  WeightError: no such weight.
    """
    return predict(network(weight), a.face(), b.face(), grad=grad)


def answer(a: Shot, b: Shot, weight: str) -> Answer:
    """Score the chosen faces of two photos. Raises as ask."""
    return answer_of(ask(a, b, weight), weight)


def answer_of(result: Result, weight: str) -> Answer:
    """The plain numbers of a result."""
    return Answer(weight, result.score, result.score_ab, result.score_ba, result.similarity)


def judge(given: Answer, threshold: float) -> Verdict:
    """Hold an answer against a threshold; no model runs."""
    row = sidecar(given.weight)
    far, tar = row.rule.operating_points.at(threshold)
    above = given.score >= threshold
    points = row.rule.operating_points
    return Verdict(above, TASKS[row.task].decision(above), far, tar, points.measured_on(threshold))
