"""Untrained, thin networks of the partial-face comparison under the names the page looks for, for a folder of tests."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from models import create_model
from models.weights import Decision, OperatingPoints, Sidecar, file_sha256

TINY = {"width": 8, "depths": (1, 1, 1), "dim": 16, "trunk": "bottleneck"}
MODELS = ("partial_face", "partial_average")


def write_partial_weights(folder: Path) -> Path:
    """Write partial_{face,average} into a folder and return it.

    Their slope is steep, so that scores of one person with and without an edit differ visibly.
    """
    points = OperatingPoints([0.0, 1.0], [1.0, 0.0], [1.0, 0.0], "nothing: an untrained weight")
    rule = Decision(0.5, "none: UNTRAINED", points)
    for model in MODELS:
        torch.manual_seed(0)
        network = create_model(model, **TINY)
        network.head.slope.fill_(8.0)
        network.head.offset.fill_(-5.0)
        save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / f"{model}.safetensors")
        facts = ("verification", "none", "tests/ui/partial/untrained.py", "none", 0, [], rule)
        sha256 = file_sha256(folder / f"{model}.safetensors")
        (folder / f"{model}.json").write_text(Sidecar(model, model, TINY, sha256, *facts).to_json())
    return folder
