"""Trained weights: find, verify, load strictly. The only reader of weights/.

A weight is <name>.safetensors with <name>.json beside it, its sidecar. A missing weight is an error;
nothing here ever falls back to random values.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from models.device import pick_device
from models.errors import UserError
from models.face_model import FaceModel
from models.operating_points import OperatingPoints as OperatingPoints
from models.pair import PairModel
from models.registry import MODELS, as_pair, create_model, list_models

SHIPPED = Path(__file__).resolve().parent.parent / "weights"


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
    """

    prefix: str
    weight: str
    theirs: str
    sha256: str

    def renamed(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What is lent of the lender's tensors, under the names it has here."""
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


def weight_dirs() -> list[Path]:
    """Where weights are looked for: KINSIGHT_WEIGHTS (the user's own) first, then the repository's."""
    own = os.environ.get("KINSIGHT_WEIGHTS")
    return ([Path(own)] if own else []) + [SHIPPED]


def available_weights() -> list[str]:
    """Names of weights that have both file and sidecar, sorted."""
    stems = {p.stem for d in weight_dirs() for p in d.glob("*.safetensors") if p.with_suffix(".json").exists()}
    return sorted(stems)


def default_model(task: str = "kinship") -> str:
    """The weight that the page, the endpoints, the command lines and load_model use when nobody names one.

    The first model of the task in the registry's order that is a single network and has a weight: an order chosen on
    held-out training families, never on an evaluation set. Without any weight the first in that order, untrained.
    """
    order = [name for name in list_models(task) if not MODELS[name].joins]
    return next((name for name in order if name in available_weights()), order[0])


def find_weight(name: str) -> Path:
    """Path of <name>.safetensors.

    Raises:
        WeightError: when there is none with a sidecar.
    """
    for directory in weight_dirs():
        path = directory / f"{name}.safetensors"
        if path.exists() and path.with_suffix(".json").exists():
            return path
    raise WeightError(
        f"{name} is untrained: no weight {name}.safetensors with a sidecar in {', '.join(map(str, weight_dirs()))}."
    )


def read_sidecar(name: str) -> Sidecar:
    """The sidecar of a weight.

    Raises:
        WeightError: no such weight, or an unreadable sidecar.
    """
    return _sidecar_of(find_weight(name))


def _sidecar_of(path: Path) -> Sidecar:
    path = path.with_suffix(".json")
    try:
        return Sidecar.from_json(path.read_text())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightError(f"the sidecar {path} cannot be read: {error}") from error


def file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a weight, verified (sha256), floating-point ones as float32, with those that others lend it.

    Raises:
        WeightError: altered weight, or one that lends to it is missing or not the file it was.
    """
    sidecar = _sidecar_of(path)
    if file_sha256(path) != sidecar.sha256:
        raise WeightError(f"{path} is not the file its sidecar describes (sha256 differs). Fetch it again.")
    stored = load_file(path)
    for loan in sidecar.loans:
        stored |= loan.renamed(read_tensors(_lender(path, loan)))
    return {k: v.float() if v.is_floating_point() else v for k, v in stored.items()}


def _lender(path: Path, loan: Loan) -> Path:
    """The very file that lends: beside the weight, or wherever weights are looked for."""
    for directory in (path.parent, *weight_dirs()):
        found = directory / f"{loan.weight}.safetensors"
        if found.exists() and found.with_suffix(".json").exists() and _sidecar_of(found).sha256 == loan.sha256:
            return found
    raise WeightError(
        f"{path} reads {loan.prefix}* from {loan.weight}, as it was at sha256 {loan.sha256[:12]}...: not found."
    )


def load_model(name: str | None = None, device: torch.device | str | None = None) -> FaceModel:
    """A trained model, default_model() unless named, verified (sha256), loaded strictly, in eval mode.

    Parameters do not require gradients: explainers differentiate with respect to activations and inputs.

    Raises:
        WeightError: missing, altered or ill-fitting weight.
    """
    name = name or default_model()
    sidecar, tensors = read_sidecar(name), read_tensors(find_weight(name))
    model = create_model(sidecar.model, **sidecar.config)
    try:
        model.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise WeightError(f"{find_weight(name)} does not fit {sidecar.model}: {error}") from error
    model.threshold = sidecar.decision.threshold if sidecar.decision else None
    return model.eval().requires_grad_(False).to(device or pick_device())


def load_pair(name: str | None = None, device: torch.device | str | None = None) -> PairModel:
    """load_model for weights that compare two faces.

    Raises:
        WeightError: as load_model, or a weight that answers about another number of faces.
    """
    try:
        return as_pair(load_model(name, device))
    except TypeError as error:
        raise WeightError(str(error)) from error
