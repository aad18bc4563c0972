"""A few real steps of the partial-face recipe with a tiny network on noise, for the tests; also started under torchrun.

    python -m tests.training.partial_worker FOLDER EPOCHS

Afterwards FOLDER/embedding.npy holds the embedding of the first faces.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.faces.align import PARTIAL_160
from models.nets.partial_face import PartialAverage, PartialAverageConfig, PartialFace, PartialFaceConfig
from models.pair import PairModel
from training.data.augment import Augment
from training.data.crops import Crops
from training.partial import Settings, fit
from training.tools.lessons import Lesson, faces_of
from training.tools.loop import Run, make_accelerator
from training.tools.student import Student

DIM, FACES = 12, 16
STILL = Augment(0, 1, 0, 0, 0, 0, 0, 0, 0)


def lesson(rows: range) -> Lesson:
    """Faces of noise, two an identity, on the protocol's template, with random targets."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (FACES, 160, 160, 3), dtype=np.uint8)
    keypoints = np.tile((PARTIAL_160.points() / 160).astype(np.float32), (FACES, 1, 1))
    names = tuple(f"F{i // 2}/MID1/P{i}_face0.jpg" for i in range(FACES))
    target = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(FACES, DIM))).float(), dim=1)
    return Lesson((Crops(names, image, keypoints, np.ones(FACES, bool)),), np.array(rows), target)


def settings(epochs: int) -> Settings:
    return Settings(epochs, 4, 3e-3, 2, 0.1, patience=99, channels_last=False)


def tiny(attention: bool = True) -> PairModel:
    torch.manual_seed(0)
    if attention:
        return PartialFace(PartialFaceConfig(4, (1, 1, 1), DIM, parts=3))
    return PartialAverage(PartialAverageConfig(4, (1, 1, 1), DIM))


def train(
    folder: Path, how: Settings, model: PairModel | None = None, augment: Augment | None = None
) -> tuple[Student, float]:
    student = Student(model or tiny(), DIM)
    run = Run(folder, make_accelerator("no"), 0)
    sets = faces_of(lesson(range(12))), lesson(range(12, 16))
    return student, fit(student, *sets, how, augment or Augment(), run, {"model": "tiny"})


def embedding(student: Student) -> Tensor:
    shown = lesson(range(FACES)).faces(np.arange(4))
    with torch.no_grad():
        return student.eval()(shown.image, shown.keypoints)


def without_batch_norm(model: PairModel) -> PairModel:
    """Group norm in place of batch norm, whose statistics are those of a process."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, (nn.BatchNorm1d, nn.BatchNorm2d)):
                setattr(module, name, nn.GroupNorm(1, child.num_features))
    return model


def same_everywhere(folder: Path, epochs: int) -> Tensor:
    """Training that must not depend on the number of processes."""
    how = replace(settings(epochs), worn=0.5, cross_entropy=0.5)
    return embedding(train(folder, how, without_batch_norm(tiny()))[0])


if __name__ == "__main__":
    out = Path(sys.argv[1])
    np.save(out / "embedding.npy", same_everywhere(out, int(sys.argv[2])).numpy())
