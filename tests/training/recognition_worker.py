"""A few real recognition steps of a tiny IR-ResNet on noise, for the tests; also started under torchrun.

    python -m tests.training.recognition_worker FOLDER=EPOCHS ...

trains once a pair of them, one after the other; then FOLDER/embedding-RANK.npy holds the embedding of the first faces.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.nets.ir_resnet import IRConfig, IRResNet
from training.data.augment import Augment
from training.data.crops import Crops
from training.recognition import Settings, fit
from training.tools.lessons import Faces, Lesson, faces_of
from training.tools.loop import Run, make_accelerator
from training.tools.student import Student

DIM, FACES = 12, 16


def lesson(rows: range) -> Lesson:
    """Faces of noise, two an identity, on ArcFace's template, with random targets."""
    from models.faces.align import ARCFACE_112

    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (FACES, 112, 112, 3), dtype=np.uint8)
    keypoints = np.tile((ARCFACE_112.points() / 112).astype(np.float32), (FACES, 1, 1))
    names = tuple(f"F{i // 2}/MID1/P{i}_face0.jpg" for i in range(FACES))
    target = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(FACES, DIM))).float(), dim=1)
    return Lesson((Crops(names, image, keypoints, np.ones(FACES, bool)),), np.array(rows), target)


def settings(epochs: int, worn: float) -> Settings:
    return Settings(epochs=epochs, batch=8, lr=3e-3, warmup=2, decay=0.1, patience=99, worn=worn, channels_last=False)


def faces(rows: range) -> Faces:
    return faces_of(lesson(rows))


def train(
    folder: Path, epochs: int, augment: Augment | None = None, worn: float = 0.3, *, gate: str = "none", **given: Any
) -> tuple[Student, float]:
    """Other settings by name."""
    torch.manual_seed(0)
    student = Student(IRResNet(IRConfig(18, 4, dim=DIM, gate=gate, reduction=2)), DIM)
    run = Run(folder, make_accelerator("no"), 0)
    how, sets = replace(settings(epochs, worn), **given), (faces(range(12)), faces(range(12, 16)))
    return student, fit(student, *sets, how, augment or Augment(), run, {"model": "tiny"})


def embedding(student: Student) -> Tensor:
    shown = lesson(range(FACES)).faces(np.arange(4))
    with torch.no_grad():
        return student.eval()(shown.image, shown.keypoints)


if __name__ == "__main__":
    for run in sys.argv[1:]:
        out, epochs = run.rsplit("=", 1)
        trained = train(Path(out), int(epochs))[0]
        np.save(Path(out) / f"embedding-{torch.distributed.get_rank()}.npy", embedding(trained).numpy())
