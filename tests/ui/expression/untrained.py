"""An untrained weight under the name that the tab Expression opens with, for a folder of tests."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from models import create_model
from models.weights import Sidecar, file_sha256

SHARPENED = 6.0
"""Factor on the head's weights, so that classes and faces differ visibly."""


def write_expression_weight(folder: Path) -> Path:
    """Write expression into a folder and return it."""
    torch.manual_seed(0)
    network, path = create_model("expression"), folder / "expression.safetensors"
    tensors = {k: SHARPENED * v if k == "head.weight" else v for k, v in network.state_dict().items()}
    save_file({k: v.contiguous() for k, v in tensors.items()}, path)
    facts = ("expression", "none: UNTRAINED", "tests/ui/expression/untrained.py", "none", 0, [])
    path.with_suffix(".json").write_text(Sidecar("expression", "expression", {}, file_sha256(path), *facts).to_json())
    return folder
