"""A network that learns the teachers' embedding: what it answers, how it is tried, what is kept of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from models.pair import PairModel
from training.tools.checkpoint import command_line
from training.tools.lessons import Lesson


class Student(nn.Module):
    """A network as face -> (B, dim) unit embedding; a linear map is added where its embedding has another length."""

    def __init__(self, model: PairModel, dim: int) -> None:
        super().__init__()
        self.model = model
        own = embedding_length(model)
        self.to_teacher = nn.Identity() if own == dim else nn.Linear(own, dim)

    def forward(self, image: Tensor, keypoints: Tensor, raw: bool = False) -> Tensor:
        """-> (B, dim) of length 1, or with `raw` of the length of the code, which tells an image's quality.

        Raises:
            ValueError: `raw`, and the code is a map.
        """
        code = self.model.encode(image, keypoints)
        unit = F.normalize(self.to_teacher(self.model.embedding(code)), dim=1)
        if raw and code.ndim != 2:
            raise ValueError(f"the code of {self.model.name} is a map: it has no length")
        return unit * code.norm(dim=1, keepdim=True) if raw else unit


@torch.inference_mode()
def embedding_length(model: PairModel) -> int:
    """Length of the embedding, seen by embedding one blank face."""
    device, training = next(model.parameters()).device, model.training
    image = torch.zeros(1, 3, model.spec.size, model.spec.size, device=device)
    length = model.eval().embedding(model.encode(image, torch.zeros(1, 5, 2, device=device))).shape[1]
    model.train(training)
    return length


def held_out_cosine(student: nn.Module, lesson: Lesson, mean: Tensor, batch: int) -> float:
    """Mean over clean faces of cos(student - mean, target - mean)."""
    student.eval()
    cosines = []
    with torch.no_grad():  # not inference mode: bf16 copies of the weights may be kept for training
        for start in range(0, len(lesson), batch):
            index = np.arange(start, min(start + batch, len(lesson)))
            faces = lesson.faces(index, mean.device)
            embedding = student(faces.image, faces.keypoints)
            cosines.append(F.cosine_similarity(embedding - mean, lesson.targets(index).to(mean) - mean, dim=1))
    student.train()
    return float(torch.cat(cosines).mean())


def keep(folder: Path, network: nn.Module, facts: dict[str, Any]) -> None:
    """Write a run's best network, and beside it what it is: model.safetensors and model.json."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    save_file(tensors, folder / "model.part")
    (folder / "model.part").replace(folder / "model.safetensors")
    (folder / "model.json").write_text(json.dumps({**facts, "command": command_line()}, indent=1) + "\n")
