"""A few real distillation steps of a tiny network on noise, for the tests; also started under torchrun.

    python -m tests.training.distill_worker FOLDER STEPS [PRECISION]

Afterwards FOLDER/embedding.npy holds the trained embedding of the first faces.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.nets.svit import Svit, SvitConfig
from training.data.augment import Augment
from training.data.crops import Crops
from training.distill import Settings, fit
from training.tools.lessons import Lesson
from training.tools.loop import Run, make_accelerator
from training.tools.student import Student

DIM, FACES, BATCH = 12, 24, 8
CONFIG = SvitConfig(64, (1, 1, 1, 1), (8, 16, 20, 32), (1, 2, 5, 4), embed_dim=DIM, drop_path=0.3)


def lesson(rows: range) -> Lesson:
    """Faces of noise in two sets, with random targets."""
    rng = np.random.default_rng(0)
    sets = []
    for n in (10, FACES - 10):
        image = rng.integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)
        keypoints = rng.random((n, 5, 2)).astype(np.float32)
        sets.append(Crops(tuple(f"F{i}/m/{i}.jpg" for i in range(n)), image, keypoints, np.ones(n, bool)))
    target = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(FACES, DIM))).float(), dim=1)
    return Lesson(tuple(sets), np.array(rows), target)


def distil(folder: Path, steps: int, precision: str = "no", drop_path: float = 0.3) -> Tensor:
    """Train for `steps` steps (2 an epoch, 16 faces) and embed the first faces."""
    torch.manual_seed(0)
    student = Student(Svit(SvitConfig(**{**vars(CONFIG), "drop_path": drop_path})), DIM)
    how = Settings(epochs=steps // 2, batch=BATCH, lr=3e-3, warmup=1, decay=0.1)
    run = Run(folder, make_accelerator(precision), how.seed)
    fit(student, lesson(range(16)), lesson(range(16, FACES)), how, Augment(), run, {"model": "tiny"})
    faces = lesson(range(FACES)).faces(np.arange(6))
    with torch.no_grad():
        return student.eval()(faces.image, faces.keypoints)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    # stochastic depth draws per process, so the comparison of one with two processes goes without
    np.save(out / "embedding.npy", distil(out, int(sys.argv[2]), drop_path=0.0).numpy())
