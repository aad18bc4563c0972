"""What is known of a weight: the sidecar beside it, a JSON file, and what its fields must be."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

import torch

from models.errors import UserError
from models.numbers import Range
from models.operating_points import OperatingPoints, unpack_scores
from models.registry import MODELS
from models.tasks import TASKS

V = TypeVar("V")


class WeightError(UserError, RuntimeError):
    """A weight is missing, damaged or does not fit; the message says which and what to do."""


@dataclass(frozen=True)
class TriOperating:
    """Father-mother-child triplets: from the mean log-odds of both pairs to a probability and a decision.

    Attributes:
        slope, offset: Platt scaling of that mean (models/tri.py), fitted on held-out triplets.
        threshold: on the calibrated score.
        points: what thresholds cost on those triplets.
        protocol: how and on which triplets all this was chosen.
    """

    slope: float
    offset: float
    threshold: float
    points: OperatingPoints
    protocol: str

    def logit(self, log_odds: torch.Tensor) -> torch.Tensor:
        """Mean log-odds of both pairs -> calibrated log-odds of the triplet, any shape."""
        return self.slope * log_odds + self.offset

    @staticmethod
    def from_dict(values: dict[str, Any]) -> TriOperating:
        return TriOperating(**{**values, "points": OperatingPoints(**values["points"])})


@dataclass(frozen=True)
class Loan:
    """Tensors that a weight does not store but reads from another one, which must still be the same file.

    Attributes:
        prefix: of their names here.
        weight: the one that has them.  theirs: prefix of their names there.  sha256: of its file.

    Raises:
        TypeError: one of these is no text.
    """

    prefix: str
    weight: str
    theirs: str
    sha256: str

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if not isinstance(value, str):
                raise TypeError(f"{name} of a loan is a text, found {value!r}")

    def renamed(self, tensors: Mapping[str, V]) -> dict[str, V]:
        """What is lent of the lender's tensors (or of what is known of each), under the names it has here."""
        return {self.prefix + k.removeprefix(self.theirs): v for k, v in tensors.items() if k.startswith(self.theirs)}


@dataclass(frozen=True)
class Decision:
    """How a score becomes yes or no.

    Attributes:
        threshold: on the score; how it was chosen stands in threshold_protocol.
        operating_points: what thresholds cost.
        tri: for father-mother-child triplets; None where they were never calibrated.
    """

    threshold: float
    threshold_protocol: str
    operating_points: OperatingPoints
    tri: TriOperating | None = None

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Decision:
        points, tri = OperatingPoints(**values["operating_points"]), values.get("tri")
        return Decision(**{**values, "operating_points": points, "tri": TriOperating.from_dict(tri) if tri else None})


@dataclass(frozen=True)
class Sidecar:
    """Everything a reader needs to judge and reproduce a weight.

    Attributes:
        name, model: file stem and registry name (equal unless a user keeps several weights of one model).
        config: keyword arguments of the model's config dataclass.
        sha256: of the .safetensors file.
        task: a row of models/tasks.py.
        command: what reproduces the file.  git_commit: the code it ran on.
        data: one row a set: name, size, hash.
        decision: how the score becomes yes or no; None for a task that answers with classes.
        metrics: evaluation name -> what training.evaluate wrote.
        loans: what is read from other weights.
    """

    name: str
    model: str
    config: dict[str, Any]
    sha256: str
    task: str
    licence: str
    command: str
    git_commit: str
    seed: int | None
    data: list[dict[str, Any]]
    decision: Decision | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    loans: list[Loan] = field(default_factory=list)

    @property
    def rule(self) -> Decision:
        """The decision. Raises WeightError for a weight that answers with classes."""
        if self.decision is None:
            raise WeightError(f"{self.name} answers with classes: it has no threshold.")
        return self.decision

    def with_rule(self, **changes: Any) -> Sidecar:
        """The same sidecar with fields of its decision changed. Raises WeightError: as `rule`."""
        return dataclasses.replace(self, decision=dataclasses.replace(self.rule, **changes))

    @staticmethod
    def from_json(text: str) -> Sidecar:
        values = _nested(dict(json.loads(text)))
        decision = values.get("decision")
        values["decision"] = Decision.from_dict(decision) if decision else None
        values["loans"] = [Loan(**loan) for loan in values.get("loans", [])]
        return Sidecar(**values)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    """Sidecars written before there were tasks without a threshold have the decision's fields at the top."""
    if "threshold" not in values:
        return values
    names = [f.name for f in dataclasses.fields(Decision)]
    return {**{k: v for k, v in values.items() if k not in names}, "decision": {k: values.get(k) for k in names}}


_TEXTS = ("name", "model", "sha256", "task", "licence", "command", "git_commit")
_KINDS = {**dict.fromkeys(_TEXTS, str), "config": dict, "metrics": dict, "versions": dict, "data": list, "notes": list}


def check(sidecar: Sidecar) -> None:
    """Can a page show this sidecar? What is wrong with one of its loans is said when it is read (Loan).

    Raises:
        ValueError: a field of another type, an unknown task or model, a threshold, rates or scores that are none.
    """
    for name, kind in _KINDS.items():
        if not isinstance(getattr(sidecar, name), kind):
            raise ValueError(f"{name} is no {kind.__name__}")
    if not all(isinstance(row, dict) for row in sidecar.data) or not all(isinstance(n, str) for n in sidecar.notes):
        raise ValueError("data is a list of objects, notes a list of texts")
    for name, known in (("task", TASKS), ("model", MODELS)):
        if getattr(sidecar, name) not in known:
            raise ValueError(f"unknown {name} {getattr(sidecar, name)!r}")
    if (sidecar.decision is not None) != (TASKS[sidecar.task].answer == "decision"):
        raise ValueError(f"the task {sidecar.task} wants a decision, or is one of classes")
    if rule := sidecar.decision:
        _check_threshold("", rule.threshold, rule.threshold_protocol)
        _check_points("operating_points", rule.operating_points)
        if tri := rule.tri:
            _check_threshold("tri: ", tri.threshold, tri.protocol)
            _check_points("points of tri", tri.points)
            if not all(_FINITE.holds(v) for v in (tri.slope, tri.offset)):
                raise ValueError("tri: slope and offset are finite numbers")


_RATE = Range(0, 1)
_FINITE = Range(-sys.float_info.max, sys.float_info.max)


def _check_threshold(where: str, value: Any, protocol: Any) -> None:
    """At 0 or 1 nearly every answer is the same, and the threshold's log-odds are infinite."""
    if not _RATE.holds(value) or value in (0, 1):
        raise ValueError(f"{where}the threshold lies between 0 and 1, found {value!r}")
    if not isinstance(protocol, str):
        raise ValueError(f"{where}the threshold's protocol is a text, found {protocol!r}")


def _check_points(where: str, points: OperatingPoints) -> None:
    columns: tuple[Any, ...] = (points.threshold, points.far, points.tar)
    if len({len(c) if isinstance(c, list) else -1 for c in columns}) != 1 or not points.threshold:
        raise ValueError(f"{where} are lists of equal length: threshold, far and tar")
    if not all(_RATE.holds(v) for column in columns for v in column):
        raise ValueError(f"{where} are numbers in [0, 1]")
    if not all(low < high for low, high in pairwise(points.threshold)):
        raise ValueError(f"{where} are in ascending order of their thresholds")
    if not all(high >= low for rates in (points.far, points.tar) for high, low in pairwise(rates)):
        raise ValueError(f"far and tar of {where} never rise with the threshold")
    texts: tuple[Any, ...] = (points.protocol, points.matching, points.non_matching)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{where}: protocol, matching and non_matching are texts")
    for packed in filter(None, (points.matching, points.non_matching)):
        _check_scores(where, packed)


def _check_scores(where: str, packed: str) -> None:
    try:
        unpack_scores(packed)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
