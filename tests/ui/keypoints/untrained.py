"""Untrained ViTs under the names the page looks for, in a folder of the tests' own: their offsets are random."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from models import create_model
from models.weights import Decision, OperatingPoints, Sidecar, file_sha256

MODELS = ("vit_abs", "vit_irpe", "vit_kprpe")


def write_vits(folder: Path) -> Path:
    """Write vit_{abs,irpe,kprpe} into a folder and return it."""
    points = OperatingPoints([0.0, 1.0], [1.0, 0.0], [1.0, 0.0], "nothing: an untrained weight")
    for model in MODELS:
        torch.manual_seed(0)
        network = create_model(model)
        for key, parameter in network.named_parameters():
            if "rpe" in key:  # zero at the start: nothing to see
                torch.nn.init.normal_(parameter, std=2.0)
        save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / f"{model}.safetensors")
        facts = (
            "verification",
            "none",
            "tests/ui/keypoints/untrained.py",
            "none",
            0,
            [],
            Decision(0.5, "none: UNTRAINED", points),
        )
        sha256 = file_sha256(folder / f"{model}.safetensors")
        (folder / f"{model}.json").write_text(Sidecar(model, model, {}, sha256, *facts).to_json())
    return folder
