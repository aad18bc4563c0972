"""Pre-training by distillation: a backbone learns the teachers' embedding of a face; in place of web-scale face data.

    python -m training.distill --model svit --data DIR [--epochs 16] [--lr 7e-4] [--out runs/svit_distill]
    accelerate launch -m training.distill --model svit ...        # the same on several GPUs or nodes

The teachers see clean aligned faces, once (training/tools/teachers.py); the student sees augmented ones. Faces: FIW
train without the held-out families, and CelebA; never LFW, MFR2 or FIW val. Loss: losses.distillation. AdamW without
decay on norms and biases, gradient norm 1, learning rate loop.warm_stable_decay, bf16. After every epoch the mean
centred cosine to the teachers on clean faces of the held-out families selects the weights kept in
<out>/model.safetensors (<out>/model.json says what they are); a verification network is then calibrated and exported
as weights/<model> (training/tools/verification_export.py), a kinship backbone goes on to training.kinship. The run
continues by itself when the command is given again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from safetensors.torch import save_file
from torch import Tensor, nn

from models import create_pair
from models.faces.face import FaceBatch, InputSpec
from models.pair import PairModel
from models.registry import entry
from training.data.augment import Augment, augmented, draw
from training.data.crops import Crops, Morphs, draw_morphs, joined_batch
from training.data.holdout import is_held_out
from training.data.sets import celeba_crops, data_root, family_of, fiw_crops
from training.tools.checkpoint import command_line
from training.tools.loop import (
    EarlyStopping,
    Run,
    descend,
    gathered,
    is_offset,
    my_rows,
    parameter_groups,
    set_rate,
    warm_stable_decay,
)
from training.tools.losses import distillation
from training.tools.resume import Batches, generator_of
from training.tools.settings import add_settings, chosen
from training.tools.teachers import available_teachers, joined_targets, teacher_embeddings, weight_teacher
from training.tools.verification_export import ship
from training.tools.warm_start import begin

LOG_EVERY = 10


@dataclass(frozen=True)
class Settings:
    """Of the optimisation.

    Attributes:
        epochs: passes over the faces.  batch: over all processes.  warmup: steps.  patience: epochs.
        decay: last part of the run over which the learning rate falls to zero.
        offsets: learning rate of a ViT's position offsets, in those of all else: they start at zero, and AdamW takes a
            weight no further than the sum of its steps.
        reach: how far augmentation moves a face, in Augment's own ranges.
        channels_last: memory format, faster for convolutional networks.
    """

    epochs: int = 16
    batch: int = 128
    lr: float = 7e-4
    warmup: int = 300
    decay: float = 0.4
    weight_decay: float = 0.05
    offsets: float = 1.0
    reach: float = 1.0
    patience: int = 6
    seed: int = 0
    channels_last: bool = False

    def facts(self) -> dict[str, Any]:
        """What a resumed run must share; the others may change."""
        names = ("batch", "lr", "warmup", "weight_decay", "offsets", "reach", "seed")
        return {k: getattr(self, k) for k in names}


@dataclass(frozen=True)
class Lesson:
    """Aligned faces with the embedding to learn.

    Attributes:
        crops: one or more sets, one behind the other.
        rows: which of their rows are used.
        target: (rows of all sets, D) unit vectors.
    """

    crops: tuple[Crops | Morphs, ...]
    rows: np.ndarray
    target: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def faces(self, index: np.ndarray) -> FaceBatch:
        """Faces of positions in `rows`, in that order."""
        return joined_batch(self.crops, self.rows[index])

    def targets(self, index: np.ndarray) -> Tensor:
        """(n, D) of positions in `rows`."""
        return self.target[torch.from_numpy(self.rows[index])]


class Student(nn.Module):
    """A network as face -> (B, dim) unit embedding; a linear map is added where its embedding has another length."""

    def __init__(self, model: PairModel, dim: int) -> None:
        super().__init__()
        self.model = model
        own = embedding_length(model)
        self.to_teacher = nn.Identity() if own == dim else nn.Linear(own, dim)

    def forward(self, image: Tensor, keypoints: Tensor) -> Tensor:
        return F.normalize(self.to_teacher(self.model.embedding(self.model.encode(image, keypoints))), dim=1)


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
            faces = lesson.faces(index).to(mean.device)
            embedding = student(faces.image, faces.keypoints)
            cosines.append(F.cosine_similarity(embedding - mean, lesson.targets(index).to(mean) - mean, dim=1))
    student.train()
    return float(torch.cat(cosines).mean())


def fit(
    student: Student, train: Lesson, held_out: Lesson, how: Settings, augment: Augment, run: Run, facts: dict[str, Any]
) -> float:
    """Train; the best held-out cosine. Weights of the best epoch lie in the run folder: model.safetensors."""
    accelerator = run.accelerator
    layout = torch.channels_last if how.channels_last else torch.contiguous_format
    student.to(memory_format=layout)
    optimizer = torch.optim.AdamW(parameter_groups(student, how.weight_decay, is_offset, how.offsets), lr=how.lr)
    network, optimizer = accelerator.prepare(student, optimizer)
    batches, stopping = Batches(len(train), how.batch, how.seed), EarlyStopping(how.patience)
    total, mine = how.epochs * batches.per_epoch, my_rows(accelerator, how.batch)
    mean = train.target[torch.from_numpy(train.rows)].mean(0).to(accelerator.device)
    objects = {"student": student, "optimizer": optimizer, "stopping": stopping}
    facts = {**facts, **how.facts(), "faces": len(train)}
    start = run.resume(objects, facts)
    network.train()
    for step in run.steps(start, total, objects, facts):
        set_rate(how.lr * warm_stable_decay(step, total, how.warmup, how.decay), optimizer)
        rows = batches.rows(step)
        draws = draw(augment, how.batch, generator_of(how.seed, step))
        faces = augmented(train.faces(rows[mine]), draws[mine]).to(accelerator.device)
        image = faces.image.contiguous(memory_format=layout)
        embedding = gathered(network(image, faces.keypoints))  # (batch, D)
        loss = distillation(embedding, train.targets(rows).to(mean), mean)
        descend(run, step, loss, network, optimizer)
        if step % LOG_EVERY == 0:
            run.log(step, loss=loss.item(), lr=optimizer.param_groups[0]["lr"])
        if (step + 1) % batches.per_epoch == 0:
            select(run, step, student, held_out, mean, how.batch, stopping, facts)
            if stopping.exhausted:
                break
    return stopping.best


def select(
    run: Run,
    step: int,
    student: Student,
    held_out: Lesson,
    mean: Tensor,
    batch: int,
    stopping: EarlyStopping,
    facts: dict[str, Any],
) -> None:
    """PatchQuery at the held-out faces, log, and keep the weights when they are the best so far."""
    value = held_out_cosine(student, held_out, mean, batch)
    run.log(step, held_out_cosine=value)
    run.draw_curve()
    if stopping.better(value) and run.accelerator.is_main_process:
        keep(run.folder, student, {**facts, "steps": step + 1, "held_out_cosine": value})


def keep(folder: Path, student: Student, facts: dict[str, Any]) -> None:
    """Write the student's network (without the map to the teachers' length) and what it is."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in student.model.state_dict().items()}
    save_file(tensors, folder / "model.part")
    (folder / "model.part").replace(folder / "model.safetensors")
    (folder / "model.json").write_text(json.dumps({**facts, "command": command_line()}, indent=1) + "\n")


def lessons(root: Path, spec: InputSpec, weight: str = "", morphs: int = 0) -> tuple[Lesson, Lesson, list[str]]:
    """(training faces, held-out faces, names of the teachers).

    Args:
        weight: a trained weight that teaches too.  morphs: how many mixtures of training faces to add.
    """
    teachers = [*available_teachers(root), *([weight_teacher(weight)] if weight else [])]

    def sets(of: InputSpec) -> tuple[Crops, ...]:
        return fiw_crops(root, "train", of), celeba_crops(root, of)

    crops = sets(spec)
    out = np.array([is_held_out(family_of(n)) for n in crops[0].names] + [False] * len(crops[1]))

    def mixed(of: tuple[Crops, ...]) -> tuple[Morphs, ...]:
        return (draw_morphs(of, np.flatnonzero(~out), morphs),) if morphs else ()

    def all_of(of: InputSpec) -> tuple[Crops | Morphs, ...]:
        return *sets(of), *mixed(sets(of))

    embedded = [np.concatenate([teacher_embeddings(t, c) for c in all_of(t.spec)]) for t in teachers]
    train = np.concatenate([np.flatnonzero(~out), len(out) + np.arange(morphs)])
    every, target = all_of(spec), joined_targets(embedded)
    return Lesson(every, train, target), Lesson(every, np.flatnonzero(out), target), [t.name for t in teachers]


def make_accelerator(precision: str = "bf16") -> Accelerator:
    """For any number of processes; parameters outside the embedding (a pair's head) get no gradient.

    Args:
        precision: "bf16" (autocast; parameters stay in fp32) or "no".
    """
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(mixed_precision=precision, kwargs_handlers=[unused])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="registry name")
    parser.add_argument("--config", type=json.loads, default={}, help='JSON overrides, such as {"drop_path": 0.1}')
    parser.add_argument("--data", type=Path, default=None, help="data folder; else KINSIGHT_DATA, else ./data")
    parser.add_argument("--out", type=Path, default=None, help="default: runs/<model>_distill")
    parser.add_argument("--no-export", dest="export", action="store_false", help="leave weights/ as it is")
    parser.add_argument("--init", type=Path, nargs="+", help="weights to start from; for a guide also the encoder's")
    parser.add_argument("--stem", type=Path, help="the reference encoder's weights, for a ViT's stem: left as they are")
    parser.add_argument("--windows", action="store_true", help="KP-RPE starts on places of the face, not at zero")
    parser.add_argument("--frozen", default="", help="parameters that stay as they are, such as backbone.guide.trunk")
    parser.add_argument("--teacher", default="", help="a trained weight that teaches too, such as dlib_kin")
    parser.add_argument("--morphs", type=int, default=0, help="mixtures of two training faces to add")
    parser.add_argument("--overfit", type=int, default=0, help="only the first N faces, no augmentation: a check")
    add_settings(parser, Settings())
    return parser.parse_args()


def main() -> None:
    args = parse()
    root = data_root(args.data)
    how = chosen(Settings(), args)
    accelerator = make_accelerator()
    torch.manual_seed(how.seed)
    model = create_pair(args.model, **args.config)
    with accelerator.main_process_first():  # caches are written once
        train, held_out, teachers = lessons(root, model.spec, args.teacher, args.morphs)
    begun = begin(model, args.init or (), args.stem, args.windows, args.frozen)
    augment = Augment().reaching(how.reach)
    if args.overfit:
        train = held_out = Lesson(train.crops, train.rows[: args.overfit], train.target)
        augment = Augment(0, 1, 0, 0, 0, 0, 0, 0, 0)
    student = Student(model, train.target.shape[1])
    run = Run(args.out or Path("runs") / f"{args.model}_distill", accelerator, how.seed)
    facts = {"model": args.model, "config": json.dumps(args.config, sort_keys=True), "teachers": ", ".join(teachers)}
    if begun or args.morphs:
        facts |= {"init": "", "frozen": "", **begun, "morphs": args.morphs}
    best = fit(student, train, held_out, how, augment, run, facts)
    if accelerator.is_main_process:
        state = run.folder / "model.safetensors"
        print(f"held-out cosine to the teachers: {best:.4f}; weights: {state}")
        if args.export and entry(args.model).task == "verification":
            init = args.init[0] if args.init else None
            print(ship(create_pair(args.model, **args.config), args.config, state, root, how.seed, init))


if __name__ == "__main__":
    main()
