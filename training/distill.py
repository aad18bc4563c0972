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

import torch
from accelerate import PartialState
from torch import Tensor

from models.commands import command
from models.registry import entry
from training.data.augment import Augment, augmented, draw
from training.data.holdout import start_facts
from training.data.sets import data_root
from training.tools import epochs
from training.tools.epochs import Step
from training.tools.lessons import Lesson, lessons
from training.tools.loop import Run, gathered, is_offset, make_accelerator, parameter_groups, report
from training.tools.losses import distillation
from training.tools.resume import Batches
from training.tools.settings import add_export, add_settings, add_teachers, checked, chosen, json_object, network
from training.tools.student import Student, held_out_cosine
from training.tools.verification_export import ship
from training.tools.warm_start import begin


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


def fit(
    student: Student, train: Lesson, held_out: Lesson, how: Settings, augment: Augment, run: Run, facts: dict[str, Any]
) -> float:
    """Train; the best held-out cosine. Weights of the best epoch lie in the run folder: model.safetensors."""
    layout = torch.channels_last if how.channels_last else torch.contiguous_format
    student.to(memory_format=layout)
    optimizer = torch.optim.AdamW(parameter_groups(student, how.weight_decay, is_offset, how.offsets), lr=how.lr)
    network, optimizer = run.accelerator.prepare(student, optimizer)
    mean = train.mean().to(run.accelerator.device)

    def loss(step: Step) -> tuple[Tensor, dict[str, float]]:
        draws = draw(augment, how.batch, step.generator)
        faces = augmented(train.faces(step.own, mean.device), draws[step.mine])
        image = faces.image.contiguous(memory_format=layout)
        embedding = gathered(network(image, faces.keypoints))  # (batch, D)
        learnt = distillation(embedding, train.targets(step.rows).to(mean), mean)
        return learnt, {"lr": optimizer.param_groups[0]["lr"]}

    def trial() -> tuple[float, dict[str, float]]:
        value = held_out_cosine(student, held_out, mean, how.batch)
        return value, {"held_out_cosine": value}

    batches, objects = Batches(len(train), how.batch, how.seed), {"student": student, "optimizer": optimizer}
    return epochs.train(run, student, network, (optimizer,), how, batches, loss, trial, objects, facts)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="registry name")
    parser.add_argument("--config", type=json_object, default={}, help='JSON overrides, such as {"drop_path": 0.1}')
    parser.add_argument("--data", type=Path, default=None, help="data folder; else KINSIGHT_DATA, else ./data")
    parser.add_argument("--out", type=Path, default=None, help="default: runs/<model>_distill")
    add_export(parser)
    add_teachers(parser)
    parser.add_argument("--morphs", type=int, default=0, help="mixtures of two training faces to add")
    parser.add_argument("--init", type=Path, nargs="+", help="weights to start from; for a guide also the encoder's")
    parser.add_argument("--stem", type=Path, help="the reference encoder's weights, for a ViT's stem: left as they are")
    parser.add_argument("--windows", action="store_true", help="KP-RPE starts on places of the face, not at zero")
    parser.add_argument("--frozen", default="", help="parameters that stay as they are, such as backbone.guide.trunk")
    parser.add_argument("--overfit", type=int, default=0, help="only the first N faces, no augmentation: a check")
    add_settings(parser, Settings())
    return checked(parser.parse_args())


def learn(args: argparse.Namespace, root: Path, how: Settings, folder: Path) -> None:
    """Train as the command line says; the best weights lie in the folder."""
    accelerator = make_accelerator()
    torch.manual_seed(how.seed)
    model = network(args.model, args.config)
    with accelerator.main_process_first():  # caches are written once
        train, held_out = lessons(root, model.spec, args.teachers, args.morphs)
    begun = begin(model, args.init or (), args.stem, args.windows, args.frozen)
    augment = Augment().reaching(how.reach)
    if args.overfit:
        train = held_out = Lesson(train.crops, train.rows[: args.overfit], train.target)
        augment = Augment(0, 1, 0, 0, 0, 0, 0, 0, 0)
    student = Student(model, train.target.shape[1])
    run = Run(folder, accelerator, how.seed)
    facts = {
        "model": args.model,
        "config": json.dumps(args.config, sort_keys=True),
        "teachers": ", ".join(args.teachers),
    }
    if begun or args.morphs:
        facts |= {"init": "", "frozen": "", **begun, "morphs": args.morphs}
    facts |= start_facts([*(args.init or ()), *([args.stem] if args.stem else [])], train.families())
    fit(student, train, held_out, how, augment, run, facts)


@command()
def main() -> None:
    args = parse()
    root, how = data_root(args.data), chosen(Settings(), args)
    folder = args.out or Path("runs") / f"{args.model}_distill"
    if not args.export_only:
        learn(args, root, how, folder)
    if PartialState().is_main_process:
        state = report(folder)
        if args.export and entry(args.model).task == "verification":
            init = args.init[0] if args.init else None
            print(ship(network(args.model, args.config), args.config, state, root, how.seed, init))


if __name__ == "__main__":
    main()
