"""What each part of S-ViT's recipe brings, measured on held-out training families: benchmarks/results/ablation.json.

    I="--init runs/svit_guided_edgeface_kin/model.safetensors --unguided runs/svit_distill/model.safetensors \\
        --resnet runs/ir18_none/model.safetensors"
    python -m training.studies.ablation $I                                                    # every row
    python -m training.studies.ablation $I --rows head                                        # fusions and lambda
    python -m training.studies.ablation $I --rows whole --only "no augmentation"              # one row
    torchrun --nproc_per_node 2 -m training.studies.ablation $I --rows whole                  # on two cores

Rows of "head" train the fusion head alone on the frozen distilled backbone, whose maps of every face and of its mirror
image are computed once; so they compare fusions and lambdas, not whole networks. Rows of "whole" train everything by
training/kinship.py for a short while, but a guide's encoder stays as it is: the recipe of the shipped S-ViT in batches
of half its size, and the same without one of its parts. Every row is run with one or more seeds; the figure is the AUC
on pairs of held-out training families (mean, smallest, largest). FIW's validation part is never read. Rows that are not
run again are kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from models import create_pair
from models.commands import command
from models.faces.face import FaceBatch
from models.nets.svit import FUSIONS, Svit
from models.nets.svit_guide import PREFIX
from models.pair import PairModel
from models.weights import SHIPPED, file_sha256, tensors_in
from training.cards import write_cards
from training.data.augment import Augment, without_augmentation
from training.data.kin_batches import partners
from training.data.sets import data_root
from training.evaluate.metrics import auc
from training.evaluate.scoring import encode_all, encode_crops, score_pairs, unique_images
from training.kinship import Lesson, Settings, fit, lesson_of, start_from
from training.studies.summary import RESULTS
from training.tools.checkpoint import command_line, git_commit
from training.tools.kin_objectives import FusionObjective, Weights, objective_for
from training.tools.loop import Run, make_accelerator, set_rate, warm_stable_decay
from training.tools.resume import generator_of, seed_step
from training.tools.settings import checked
from training.tools.warm_start import freeze

LAMBDAS = (0.0, 0.001, 0.003, 0.01)
HEAD = Settings(steps=300, lr=1e-3, warmup=50, weights=Weights(contrast=0.0))
RECIPE = Settings(pairs=32, lr=1e-4, warmup=20, weights=Weights(teacher=10.0, noise=0.5))
TEACHER = "edgeface_kin"
FROZEN = f"{PREFIX}trunk"
Row = dict[str, Any]
Starts = dict[str, dict[str, Tensor]]
"""The argument that gave them -> tensors to start from."""


@dataclass(frozen=True)
class Variant:
    """The recipe with one thing changed.

    Attributes:
        start: which argument names the weights to start from; "" for none.
        model: registry name.  plain: without augmentation.  balance: see KinBatches.
        weights: of the loss terms, where they differ.
    """

    start: str = "init"
    model: str = "svit"
    plain: bool = False
    balance: float = RECIPE.balance
    weights: Mapping[str, Any] = field(default_factory=dict)


VARIANTS = {
    "recipe": Variant(),
    "no guide": Variant(start="unguided"),
    "neither guide nor distillation": Variant(start=""),
    "ResNet-18 in place of S-ViT, cosine of its embeddings": Variant(start="resnet", model="siamese_ir"),
    "no augmentation": Variant(plain=True),
    "all relations drawn alike": Variant(balance=1.0),
    "no noise on the maps": Variant(weights={"noise": 0.0}),
    "no teacher": Variant(weights={"teacher": 0.0}),
    "no InfoNCE on the embedding": Variant(weights={"contrast": 0.0}),
}
"""Rows of "whole"."""


def started(tensors: dict[str, Tensor], seed: int, **config: Any) -> Svit:
    """A distilled S-ViT with a fresh head, with a guide where the tensors have one."""
    torch.manual_seed(seed)
    model = create_pair("svit", guide=any(name.startswith(PREFIX) for name in tensors), **config)
    assert isinstance(model, Svit)
    start_from(model, tensors, FusionObjective.trunk)
    freeze(model, FROZEN if model.config.guide else "")
    return model


def both_views(model: Svit, lesson: Lesson) -> Tensor:
    """(2, faces, C, h, w) float16 maps of every face and of its mirror image."""
    views = []
    for view in (lambda faces: faces, FaceBatch.mirrored):
        codes = encode_all(model.eval(), len(lesson.crops), lambda r, v=view: v(lesson.crops.batch(r)), "maps")  # type: ignore[misc]
        views.append(codes.half())
    return torch.stack(views)


def train_head(model: Svit, codes: Tensor, lesson: Lesson, how: Settings) -> float:
    """Train the fusion head on stored maps -> AUC on the held-out pairs."""
    objective = objective_for(model, how.weights)
    parameters = [p for n, p in objective.named_parameters() if n.startswith(("model.head.", "center."))]
    optimizer = torch.optim.AdamW(parameters, lr=how.lr, weight_decay=how.weight_decay)
    for step in range(how.steps):
        seed_step(how.seed, step)
        set_rate(how.lr * warm_stable_decay(step, how.steps, how.warmup, how.decay), optimizer)
        batch = lesson.batches(step)
        rows = torch.from_numpy(batch.rows)
        x, y = codes[torch.randint(len(codes), (len(rows),)), rows].float().chunk(2)
        partner = partners(batch.relation, how.weights.negatives, generator_of(how.seed, step))
        terms, _ = objective.pair_terms(x, y, partner)
        optimizer.zero_grad()
        (terms["cross_entropy"] + terms["center"]).backward()
        optimizer.step()
    names = unique_images(lesson.held)
    held = {n: codes[0, lesson.crops.row[n]].float() for n in names}
    scored = score_pairs(model.eval(), held, lesson.held)
    return auc(scored.score, scored.same)


def head_rows(tensors: dict[str, Tensor], root: Path, seeds: int, only: str = "") -> list[Row]:
    """Fusions at lambda .003, then lambdas with the product."""
    lesson = lesson_of(root, started(tensors, 0), HEAD, "")
    codes = both_views(started(tensors, 0), lesson)
    wanted = [(f, 0.003) for f in FUSIONS] + [("product", value) for value in LAMBDAS if value != 0.003]
    rows = []
    for fusion, center in wanted:
        if only in ("", name := f"fusion {fusion}, lambda {center:g}"):
            how = [replace(HEAD, seed=s, weights=replace(HEAD.weights, center=center)) for s in range(seeds)]
            values = [one_head(started(tensors, h.seed, fusion=fusion), codes, lesson, h) for h in how]
            rows.append(row("head", name, values, steps=HEAD.steps))
    return rows


def one_head(model: Svit, codes: Tensor, lesson: Lesson, how: Settings) -> float:
    return train_head(model, codes, replace(lesson, batches=lesson.batches.reseeded(how.seed)), how)


def whole_rows(starts: Starts, root: Path, seeds: int, steps: int, folder: Path, only: str = "") -> list[Row]:
    """The variants whose start was given."""
    rows = []
    for name, variant in VARIANTS.items():
        if only in ("", name) and (not variant.start or variant.start in starts):
            weights = replace(RECIPE.weights, **variant.weights)
            how = replace(RECIPE, steps=steps, check=steps, balance=variant.balance, weights=weights)
            found = [whole(starts, root, replace(how, seed=s), variant, folder / f"{name}-{s}") for s in range(seeds)]
            rows.append(row("whole", name, *map(list, zip(*found, strict=True)), steps=steps))
    return rows


def whole(starts: Starts, root: Path, how: Settings, variant: Variant, folder: Path) -> tuple[float, float]:
    """One short run of training/kinship.py -> AUC on the held-out pairs at its end, of score and of similarity."""
    tensors = starts.get(variant.start, {})
    model = model_of(variant, tensors, how.seed)
    how = replace(how, channels_last=variant.model != "svit")
    run = Run(folder, make_accelerator(), how.seed)
    with run.accelerator.main_process_first():
        lesson = lesson_of(root, model, how, TEACHER if how.weights.teacher else "")
    augment = without_augmentation() if variant.plain else Augment()
    fit(objective_for(model, how.weights), lesson, how, augment, run, {"ablation": folder.name}, bool(tensors))
    run.accelerator.wait_for_everyone()  # until the kept weights are written
    model.load_state_dict(load_file(folder / "model.safetensors"))
    scored = score_pairs(model.eval(), encode_crops(model, lesson.crops, unique_images(lesson.held)), lesson.held)
    return auc(scored.score, scored.same), auc(scored.similarity, scored.same)


def model_of(variant: Variant, tensors: dict[str, Tensor], seed: int) -> PairModel:
    """The network of a variant with the weights it starts from."""
    if variant.model == "svit" and tensors:
        return started(tensors, seed)
    torch.manual_seed(seed)
    model = create_pair(variant.model)
    if tensors:
        start_from(model, tensors, objective_for(model, RECIPE.weights).trunk)
    return model


def row(part: str, name: str, values: list[float], similarity: Sequence[float] = (), *, steps: int) -> Row:
    """A line of the table; `similarity` where the embedding is trained too."""
    said = {"part": part, "name": name, "steps": steps, "seeds": list(range(len(values))), "auc": spread(values)}
    return {**said, "similarity_auc": spread(similarity)} if similarity else said


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"mean": sum(values) / len(values), "least": min(values), "most": max(values)}


def entered(kept: list[Row], new: list[Row]) -> list[Row]:
    """Rows with new ones in the place of those of the same name; heads first, each part in the order it is run."""
    rows = {(r["part"], r["name"]): r for r in kept} | {(r["part"], r["name"]): r for r in new}
    order = list(VARIANTS)
    return sorted(rows.values(), key=lambda r: (r["part"], order.index(r["name"]) if r["name"] in order else -1))


def start_facts(path: Path) -> Row:
    """What a distilled backbone is: hash, and steps and held-out cosine where its run says them."""
    said = json.loads(path.with_suffix(".json").read_text()) if path.with_suffix(".json").exists() else {}
    known = {k: said[k] for k in ("steps", "held_out_cosine") if k in said}
    return {"file": path.as_posix(), "sha256": file_sha256(path), **known}


@command()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--init", type=Path, required=True, help="distilled S-ViT (.safetensors)")
    parser.add_argument("--unguided", type=Path, help="the same without a guide, for a row of its own")
    parser.add_argument("--resnet", type=Path, help="distilled IR-ResNet, for a row of its own")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--rows", choices=("head", "whole", "all"), default="all")
    parser.add_argument("--only", default="", help="name of a single row")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=150, help="of the rows that train everything")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"), help="run folders")
    args = checked(parser.parse_args())
    root = data_root(args.data)
    files = {name: path for name in ("init", "unguided", "resnet") if (path := getattr(args, name))}
    starts = {name: tensors_in(path) for name, path in files.items()}
    new = head_rows(starts["init"], root, args.seeds, args.only) if args.rows != "whole" else []
    if args.rows != "head":
        new += whole_rows(starts, root, args.seeds, args.steps, args.out, args.only)
    if make_accelerator().is_main_process:
        begun = {name: start_facts(path) for name, path in files.items()}
        facts = {"command": command_line(), "git_commit": git_commit(), "starts": begun}
        path = RESULTS / "ablation.json"
        kept: list[Row] = json.loads(path.read_text())["rows"] if path.exists() else []
        path.write_text(json.dumps({"rows": entered(kept, [{**r, **facts} for r in new])}, indent=1) + "\n")
        write_cards(SHIPPED)


if __name__ == "__main__":
    main()
