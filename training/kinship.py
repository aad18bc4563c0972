"""Train a kinship network on Families In the Wild: weights/<model>.safetensors.

    python -m training.kinship --model svit --init runs/svit_distill/model.safetensors
    python -m training.kinship --model siamese_ir --init runs/siamese_ir_distill/model.safetensors
    python -m training.kinship --model edgeface_kin --init weights/edgeface.safetensors
    accelerate launch -m training.kinship --model svit ...        # the same on several GPUs or nodes

The loop is one for all; what a network learns from a batch stands in training/tools/kin_objectives.py, how batches are
made in training/data/kin_batches.py. AdamW without decay on norms and biases; what --init brings learns at --lr, the
rest ten times faster; gradient norm 1; loop.warm_stable_decay; bf16. An exponential average of the weights is tried on
pairs of held-out training families every --check steps, and the best is kept; they also fit probability and threshold.
FIW's validation part is never read here. The run continues by itself when the command is given again.
"""

from __future__ import annotations

import argparse
import copy
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import gather_object
from torch import Tensor, nn

from models.commands import command
from models.pair import PairModel
from models.weights import file_sha256, tensors_in
from training.data.augment import Augment, augmented, draw, without_augmentation
from training.data.crops import Crops
from training.data.holdout import start_facts
from training.data.kin_batches import KinBatches, held_out_list, partners, split
from training.data.sets import Pair, data_root, family_of, fiw_crops, fiw_train_pairs
from training.evaluate.metrics import auc
from training.evaluate.scoring import encode_crops, score_pairs, unique_images
from training.tools.kin_export import ship_run
from training.tools.kin_objectives import Objective, Weights, objective_for
from training.tools.loop import (
    EarlyStopping,
    Run,
    descend,
    follow,
    make_accelerator,
    my_rows,
    parameter_groups,
    report,
    set_rate,
    warm_stable_decay,
)
from training.tools.resume import generator_of, seeds_of
from training.tools.settings import add_export, checked, json_object, network, overridden
from training.tools.student import keep
from training.tools.teachers import teacher_embeddings, weight_teacher
from training.tools.warm_start import freeze

LOG_EVERY = 10
NOISE = 1_000_000
"""In the place of a process's number where the noise of a step is seeded: no process has it."""
FRESH = 10.0
"""How much faster layers learn that start from scratch."""


@dataclass(frozen=True)
class Settings:
    """Of the optimisation.

    Attributes:
        steps: in all.  pairs: kin pairs a batch, one a family.  groups: relations a batch.
        balance: see KinBatches.
        lr: of what --init brings.  warmup: steps.  decay: last part, over which the learning rate falls to zero.
        average: decay of the weight average.  check: steps between trials; patience: trials without improvement.
        channels_last: memory format, faster for convolutional networks.
        weights: of the loss terms.
    """

    steps: int = 600
    pairs: int = 64
    groups: int = 4
    balance: float = 0.0
    lr: float = 1e-4
    warmup: int = 60
    decay: float = 0.6
    weight_decay: float = 0.05
    average: float = 0.99
    check: int = 60
    patience: int = 5
    seed: int = 0
    channels_last: bool = False
    weights: Weights = field(default_factory=Weights)

    def facts(self) -> dict[str, Any]:
        """What a resumed run must share."""
        values = {**asdict(self), **values_of(self.weights)}
        return {k: v for k, v in values.items() if k not in FREE}


FREE = ("weights", "steps", "decay", "check", "patience", "channels_last")
"""Settings that may change when a run is resumed (weights are listed one by one)."""


def values_of(weights: Weights) -> dict[str, Any]:
    return {f"weight_{k}": v for k, v in asdict(weights).items()}


@dataclass(frozen=True)
class Lesson:
    """What is learnt from.

    Attributes:
        crops: aligned faces.  batches: the pairs of any step.  held: image pairs of held-out families.
        target: (faces, D) unit embeddings of a teacher, or None.
    """

    crops: Crops
    batches: KinBatches
    held: list[Pair]
    target: Tensor | None = None


def start_from(model: PairModel, tensors: dict[str, Tensor], trunk: tuple[str, ...]) -> None:
    """Load the parameters under the given prefixes; all of them must be there.

    Raises:
        ValueError: one is missing or has another shape.
    """
    own = model.state_dict()
    wanted = {k for k in own if k.startswith(trunk) and not k.startswith("logit.")}
    wrong = sorted(k for k in wanted if k not in tensors or tensors[k].shape != own[k].shape)
    if wrong:
        raise ValueError(f"--init does not fit {model.name}: {', '.join(wrong[:3])} ({len(wrong)} in all)")
    model.load_state_dict({**own, **{k: tensors[k].to(own[k].dtype) for k in wanted}})


def optimizer_groups(objective: Objective, started: bool, how: Settings) -> list[dict[str, Any]]:
    """Groups for AdamW: what was not brought with trained weights learns FRESH times as fast."""
    brought = tuple(f"model.{prefix}" for prefix in objective.trunk) if started else ("",)
    return parameter_groups(objective, how.weight_decay, lambda name: not name.startswith(brought), FRESH)


def freeze_norms(model: nn.Module) -> None:
    """Keep the statistics of batch norms that come with trained weights."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eval()


def held_out_auc(model: PairModel, crops: Crops, held: list[Pair], accelerator: Accelerator) -> float:
    """AUC of the score on held-out pairs; the processes share the encoding and come to the same value."""
    names = unique_images(held)[accelerator.process_index :: accelerator.num_processes]
    mine = torch.stack(list(encode_crops(model.eval(), crops, names).values()))  # one storage: views pickle it whole
    shares: list[tuple[list[str], Tensor]] = gather_object([(names, mine)])
    codes = {name: code for part, values in shares for name, code in zip(part, values, strict=True)}
    scored = score_pairs(model, codes, held)
    return auc(scored.score, scored.same)


def fit(
    objective: Objective,
    lesson: Lesson,
    how: Settings,
    augment: Augment,
    run: Run,
    facts: dict[str, Any],
    started: bool,
) -> float:
    """Train; the best held-out AUC. The averaged weights that reached it lie in the run folder: model.safetensors."""
    accelerator, model = run.accelerator, objective.model
    layout = torch.channels_last if how.channels_last else torch.contiguous_format
    model.to(memory_format=layout)
    average = copy.deepcopy(model).to(accelerator.device).requires_grad_(False)
    optimizer = torch.optim.AdamW(optimizer_groups(objective, started, how), lr=how.lr)
    network, optimizer = accelerator.prepare(objective, optimizer)
    stopping = EarlyStopping(how.patience)
    objects = {"objective": objective, "average": average, "optimizer": optimizer, "stopping": stopping}
    facts = {**facts, **how.facts()}
    start = run.resume(objects, facts)
    for step in run.steps(start, how.steps, objects, facts):
        network.train()
        if started:
            freeze_norms(network)
        set_rate(how.lr * warm_stable_decay(step, how.steps, how.warmup, how.decay), optimizer)
        batch, generator = lesson.batches(step), generator_of(how.seed, step)
        rows, draws = batch.rows, draw(augment, len(batch.rows), generator)
        mine = my_rows(accelerator, len(rows))
        faces = augmented(lesson.crops.batch(rows[mine], accelerator.device), draws[mine])
        partner = partners(batch.relation, how.weights.negatives, generator).to(accelerator.device)
        target = None if lesson.target is None else lesson.target[torch.from_numpy(rows)].to(accelerator.device)
        seed = torch.tensor(seeds_of(how.seed, step, NOISE))
        terms = network(faces.image.contiguous(memory_format=layout), faces.keypoints, partner, seed, target)
        loss = torch.stack(list(terms.values())).sum()
        descend(run, step, loss, network, optimizer)
        follow(average, model, min(how.average, (step + 1) / (step + 10)))
        if step % LOG_EVERY == 0:
            run.log(step, loss=loss.item(), **{k: v.item() for k, v in terms.items()})
        if (step + 1) % how.check == 0 or step + 1 == how.steps:
            select(run, step, average, lesson, stopping, facts)
            if stopping.exhausted:
                break
    return stopping.best


def select(
    run: Run, step: int, average: PairModel, lesson: Lesson, stopping: EarlyStopping, facts: dict[str, Any]
) -> None:
    """Try the averaged network on held-out families; keep it when it is the best so far."""
    value = held_out_auc(average, lesson.crops, lesson.held, run.accelerator)
    run.log(step, held_out_auc=value)
    run.draw_curve()
    if stopping.better(value) and run.accelerator.is_main_process:
        keep(run.folder, average, {**facts, "steps": step + 1, "held_out_auc": value})


def lesson_of(root: Path, model: PairModel, how: Settings, teacher: str) -> Lesson:
    """Faces, batches, held-out pairs and, where a teacher is named, its embeddings."""
    crops = fiw_crops(root, "train", model.spec)
    pairs, held = split(fiw_train_pairs(root))
    target = None
    if teacher:
        from_weight = weight_teacher(teacher)
        target = torch.from_numpy(teacher_embeddings(from_weight, fiw_crops(root, "train", from_weight.spec)))
    batches = KinBatches(crops.names, pairs, how.pairs, how.groups, how.seed, how.balance)
    return Lesson(crops, batches, held_out_list(crops.names, held), target)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="registry name of a kinship network")
    parser.add_argument("--config", type=json_object, default={}, help='JSON overrides, such as {"fusion": "sum"}')
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--out", type=Path, help="default: runs/<model>_kinship")
    parser.add_argument("--init", type=Path, nargs="+", help="distilled or trained weights (.safetensors), one or more")
    parser.add_argument("--frozen", default="", help="parameters that stay as they are, such as backbone.guide.trunk")
    parser.add_argument("--teacher", default="", help="a kinship weight whose similarities to agree with")
    parser.add_argument("--plain", action="store_true", help="no augmentation")
    parser.add_argument("--augment", type=json_object, default={}, help='JSON overrides of Augment: {"erase": 0}')
    add_export(parser)
    for name, value in {**asdict(Settings()), **asdict(Weights())}.items():
        if name != "weights":
            flag = "--weight-of-teacher" if name == "teacher" else f"--{name.replace('_', '-')}"
            kind: dict[str, Any] = {"action": "store_true"} if isinstance(value, bool) else {"type": type(value)}
            parser.add_argument(flag, dest=f"how_{name}", default=value, **kind)
    return checked(parser.parse_args())


def settings_of(args: argparse.Namespace) -> Settings:
    given = {k.removeprefix("how_"): v for k, v in vars(args).items() if k.startswith("how_")}
    weights = Weights(**{k: given.pop(k) for k in asdict(Weights())})
    return Settings(**given, weights=weights)


def learn(args: argparse.Namespace, root: Path, how: Settings, folder: Path) -> None:
    """Train as the command line says; the best weights lie in the folder."""
    augment = overridden(without_augmentation() if args.plain else Augment(), args.augment, "--augment")
    accelerator = make_accelerator()
    torch.manual_seed(how.seed)
    model = network(args.model, args.config)
    objective = objective_for(model, how.weights)
    if args.init:
        tensors = {name: value for path in args.init for name, value in tensors_in(path).items()}
        start_from(model, tensors, objective.trunk)
        objective.started()
    freeze(model, args.frozen)
    with accelerator.main_process_first():  # caches are written once
        lesson = lesson_of(root, model, how, args.teacher)
    facts = {
        "model": args.model,
        "config": json.dumps(args.config, sort_keys=True),
        "init": " ".join(map(file_sha256, args.init)) if args.init else "scratch",
        "teacher": args.teacher,
        "augmentation": not args.plain,
        **({"frozen": args.frozen} if args.frozen else {}),
        **({"augment": json.dumps(args.augment, sort_keys=True)} if args.augment else {}),
        **start_facts(args.init or (), map(family_of, lesson.crops.names)),
    }
    fit(objective, lesson, how, augment, Run(folder, accelerator, how.seed), facts, bool(args.init))


@command()
def main() -> None:
    args = parse()
    root, how = data_root(args.data), settings_of(args)
    folder = args.out or Path("runs") / f"{args.model}_kinship"
    if not args.export_only:
        learn(args, root, how, folder)
    state = report(folder) if PartialState().is_main_process else None
    if state and args.export:
        print(f"wrote {ship_run(args.model, args.config, state, root, how.seed)}")


if __name__ == "__main__":
    main()
