"""From a trained kinship network to a shipped weight: probability, threshold, operating points, sidecar."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from models.nets.facor import FaCoR
from models.nets.kin_joined import KinJoined
from models.nets.svit import KinLogit, Svit, SvitConfig
from models.pair import CosineLogit, PairModel
from models.weights import SHIPPED
from training.cards import write_cards
from training.data.crops import Crops
from training.data.holdout import TRAINED_ON, held_out_row, start_notes
from training.data.kin_batches import held_out_list, split
from training.data.sets import Pair, data_row, family_of, fiw_crops, fiw_train_pairs
from training.evaluate.metrics import auc, best_threshold, bootstrap_ci
from training.evaluate.scoring import Scored, compare_all, encode_crops, score_pairs, unique_images
from training.tools.calibration import Calibration, balanced_rows, fit_platt_of_mean, operating_points
from training.tools.checkpoint import RESEARCH, Facts, export
from training.tools.settings import network


def platt_of(model: PairModel) -> CosineLogit | KinLogit:
    """Where a network keeps slope and offset."""
    found = [m for m in model.modules() if isinstance(m, CosineLogit | KinLogit)]
    if len(found) != 1:
        raise ValueError(f"{model.name} has {len(found)} calibrations, one is wanted")
    return found[0]


def calibrate(model: PairModel, codes: dict[str, torch.Tensor], held: list[Pair]) -> tuple[Calibration, Scored]:
    """Fit slope and offset in place to the score, the mean of the probabilities of both orders; then the threshold.

    Until November 2026 they were fitted to the mean of both log-odds. That is another fit only where the order counts:
    of the shipped weights for facor alone, whose channel attention and gates tell the first face from the second (and
    for an S-ViT with the fusion "difference", which is not shipped).

    Raises:
        ValueError: as fit_platt_of_mean.
    """
    platt = platt_of(model)
    platt.slope.fill_(1.0)
    platt.offset.fill_(0.0)
    slope, offset = fit_platt_of_mean(raw_log_odds(model, codes, held), np.array([p.same for p in held]))
    platt.slope.fill_(slope)
    platt.offset.fill_(offset)
    scored = score_pairs(model, codes, held)
    rows = balanced_rows(scored.same)
    threshold = round(best_threshold(scored.score[rows], scored.same[rows]), 4)
    families = len({family_of(p.a) for p in held})
    pairs = f"image pairs of {families} held-out FIW training families, non-kin pairs of the same relations"
    counts = f"{int(scored.same.sum())} matching, {int((~scored.same).sum())} non-matching"
    return Calibration(
        threshold,
        f"best accuracy on as many matching as non-matching pairs: {pairs}",
        operating_points(scored.score, scored.same, f"{pairs}; {counts}"),
    ), scored


def raw_log_odds(model: PairModel, codes: dict[str, torch.Tensor], held: list[Pair]) -> np.ndarray:
    """(P, 2) log-odds as the network gives them, a column an order."""
    log_odds, _ = compare_all(model, codes, [(p.a, p.b) for p in held])
    return log_odds


def ship_run(name: str, config: dict[str, Any], state: Path, root: Path, seed: int, folder: Path = SHIPPED) -> Path:
    """Export what a run holds: its model.safetensors, with model.json beside it. See ship."""
    model = network(name, config)
    model.load_state_dict(load_file(state))
    crops = fiw_crops(root, "train", model.spec)
    held = held_out_list(crops.names, split(fiw_train_pairs(root))[1])
    facts = {k: v for k, v in json.loads(state.with_suffix(".json").read_text()).items() if k != "command"}
    return ship(model, config, crops, held, root, facts, seed, folder, [state])


def ship(
    model: PairModel,
    config: dict[str, Any],
    crops: Crops,
    held: list[Pair],
    root: Path,
    facts: dict[str, Any],
    seed: int,
    folder: Path = SHIPPED,
    sources: Sequence[Path] = (),
) -> Path:
    """Calibrate on held-out pairs, export as <folder>/<model name>.safetensors, rewrite the cards.

    Args:
        sources: weights, or a run's, of which this one is made: the held-out families that they saw are named.
    """
    model.eval().requires_grad_(False)
    calibration, scored = calibrate(model, encode_crops(model, crops, unique_images(held)), held)
    families = [family_of(p.a) for p in held]
    low, high = bootstrap_ci(lambda r: auc(scored.score[r], scored.same[r]), families)
    notes = [
        f"Training: {', '.join(f'{k} {v}' for k, v in facts.items() if v not in ('', None))}.",
        f"Held-out training families: AUC {auc(scored.score, scored.same):.4f} (95 % {low:.4f} to {high:.4f}, "
        "bootstrap over families); they also chose the stopping point, so this is slightly flattering.",
    ]
    if isinstance(model, Svit) and model.config.guide:
        notes.append("Ours: the maps of edgeface_kin guide every stage of S-ViT; the published network has no guide.")
    if isinstance(model, Svit) and model.config.mlp_ratios != SvitConfig().mlp_ratios:
        notes.append("Ours: its MLPs have fewer hidden units than published (training/prune.py).")
    if isinstance(model, KinJoined):
        notes.append(
            "The crowd's centres are means of at least five people of the training families, each counted once."
        )
    if isinstance(model, FaCoR):
        notes.append(
            "Our reading: one cross-attention, from unit-length maps, makes the score, is shown and guides the loss, "
            "whose temperature is its sum of squares / weight_relation_scale (published: 500)."
        )
        if model.rows_count:
            notes.append(
                "Ours: the largest value over places is pooled, so that single links count; published: the mean."
            )
    everybody = set(map(family_of, crops.names))
    notes += start_notes(sources, everybody)
    data = [data_row(TRAINED_ON, root / "fiw" / "train", crops.names), held_out_row(everybody, sources)]
    ready = Facts(RESEARCH, data, calibration, config=config, seed=seed, notes=notes)
    path = export(model, model.name, ready, half=True, folder=folder)
    write_cards(folder)
    return path
