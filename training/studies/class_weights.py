"""Which networks with classes a study looks at: shipped weights by name, and runs that were not exported."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models.face_model import ClassModel
from models.registry import create_model
from models.weights import WeightError, file_sha256, load_model, read_sidecar, tensors_in


@dataclass(frozen=True)
class Weight:
    """A network and where its numbers come from.

    Attributes:
        model: in eval mode, parameters frozen.
        facts: its hash, its config and, of a run, the file.
    """

    model: ClassModel
    facts: Mapping[str, Any]


def add_weights(parser: argparse.ArgumentParser) -> None:
    """--model NAME and --state RUN/model.safetensors, each as often as wanted."""
    parser.add_argument("--model", action="append", default=[], help="weight; default, without --state: expression")
    parser.add_argument("--state", action="append", type=Path, default=[], help="a run's model.safetensors, unexported")


def chosen_weights(args: argparse.Namespace) -> dict[str, Weight]:
    """Name (of a run its folder) -> network, shipped ones first.

    Raises:
        WeightError: a weight is missing, or answers another kind of question.
    """
    names = args.model or ([] if args.state else ["expression"])
    return {name: shipped(name) for name in names} | {state.parent.name: of_run(state) for state in args.state}


def shipped(name: str) -> Weight:
    """A weight by name. Raises WeightError: no such weight, or one without classes."""
    model, sidecar = load_model(name), read_sidecar(name)
    return Weight(_with_classes(model, name), {"sha256": sidecar.sha256, "config": sidecar.config})


def of_run(state: Path) -> Weight:
    """The weights of a run with the config beside them. Raises WeightError: missing, or of another network."""
    beside = state.with_suffix(".json")
    if not beside.exists():
        raise WeightError(f"{beside} is missing: it says what network {state} is of")
    said = json.loads(beside.read_text())
    config = said.get("config", {})
    config = json.loads(config) if isinstance(config, str) else config
    model = create_model(said.get("model", "expression"), **config)
    try:
        model.load_state_dict(tensors_in(state))
    except RuntimeError as error:
        raise WeightError(f"{state} does not fit the network of {beside}: {error}") from error
    facts = {"file": state.as_posix(), "sha256": file_sha256(state), "config": config}
    return Weight(_with_classes(model, str(state)), facts)


def _with_classes(model: object, name: str) -> ClassModel:
    if not isinstance(model, ClassModel):
        raise WeightError(f"{name} does not answer with classes")
    return model.eval().requires_grad_(False)


def renewed(weight: Weight, seed: int) -> ClassModel:
    """The same network with the numbers it starts from."""
    torch.manual_seed(seed)
    return _with_classes(create_model(weight.model.name, **weight.facts["config"]), weight.model.name)


def with_others(report: dict[str, Any], path: Path) -> dict[str, Any]:
    """The report, and from the file that it will replace the rows of other weights under the same protocol."""
    before = json.loads(path.read_text()) if path.exists() else {}
    kept = before.get("weights", {}) if before.get("protocol") == report["protocol"] else {}
    return {**report, "weights": {**kept, **report["weights"]}}
