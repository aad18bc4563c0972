"""Untrained weights, named so that nobody takes their answers for answers: for what needs a model's evidence only."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from models import create_model
from models.weights import Decision, OperatingPoints, Sidecar, file_sha256
from tests.explain.attention.arms import with_branches

SMALL = {
    "untrained_svit": ("svit", {"dims": (16, 32, 40, 64)}),
    "untrained_facor": ("facor", {"width": 8}),
}
"""weight -> model and config: thinner than the demo's, with all its layers, heads and grids."""
ARMS = {name: (name, {"size": "xxs", "dim": 16}) for name in ("edgeface_none", "edgeface_se", "edgeface_cbam")}
"""The arms of the attention comparison, under the names the page looks for: only in a folder of the tests' own."""
SHARPENED = (".q.weight", ".kv.weight", ".query.weight", ".key.weight")
"""Parameters made large, so that attention has peaks to be seen."""


def write_untrained(folder: Path) -> Path:
    """Write all of SMALL into a folder and return it."""
    return _write(folder, SMALL, "kinship")


def write_arms(folder: Path) -> Path:
    """Write the three arms into a folder and return it."""
    return _write(folder, ARMS, "verification")


def _write(folder: Path, weights: dict[str, tuple[str, dict]], task: str) -> Path:
    points = OperatingPoints([0.0, 1.0], [1.0, 0.0], [1.0, 0.0], "nothing: an untrained weight")
    for name, (model, config) in weights.items():
        torch.manual_seed(0)
        network, path = with_branches(create_model(model, **config)), folder / f"{name}.safetensors"
        tensors = {k: 8 * v if k.endswith(SHARPENED) else v for k, v in network.state_dict().items()}
        save_file({k: v.contiguous() for k, v in tensors.items()}, path)
        facts = (
            task,
            "none: UNTRAINED",
            "tests/ui/untrained.py",
            "none",
            0,
            [],
            Decision(0.5, "none: an untrained weight", points),
        )
        path.with_suffix(".json").write_text(Sidecar(name, model, config, file_sha256(path), *facts).to_json())
    return folder
