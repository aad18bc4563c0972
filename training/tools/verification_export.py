"""From a trained same-person network to a shipped weight: probability, threshold, operating points, sidecar.

Calibration pairs: faces of the held-out FIW training families, which the network never saw; same-person pairs of
members and pairs of members of different families (identity_pairs of training/tools/calibration.py), aligned as they
are stored.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from models.pair import CosineLogit, PairModel
from models.weights import SHIPPED, file_sha256
from training.cards import write_cards
from training.data.crops import Crops
from training.data.holdout import TRAINED_ON, held_out_row, is_held_out, start_notes
from training.data.sets import celeba_crops, data_row, family_of, fiw_crops
from training.evaluate.metrics import auc, bootstrap_ci
from training.evaluate.scoring import encode_crops
from training.tools.calibration import Calibration, calibrate_cosine, identity_pairs
from training.tools.checkpoint import RESEARCH, Facts, export
from training.tools.kin_export import platt_of


def held_out_names(crops: Crops) -> list[str]:
    """The crops whose families no recipe trains on."""
    return [name for name in crops.names if is_held_out(family_of(name))]


def calibrate(model: PairModel, crops: Crops) -> tuple[Calibration, str]:
    """Fit the logit in place on held-out identities; the calibration, and a sentence on their AUC."""
    names = held_out_names(crops)
    codes = encode_crops(model, crops, names)
    unit = F.normalize(torch.stack([codes[n] for n in names]), dim=1)
    pairs, same = identity_pairs(names)
    cosine = (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(1).double().numpy()
    families = [family_of(names[i]) for i in pairs[:, 0]]
    words = f"pairs of members of {len(set(map(family_of, names)))} held-out FIW training families"
    logit = platt_of(model)
    assert isinstance(logit, CosineLogit)
    low, high = bootstrap_ci(lambda r: auc(cosine[r], same[r]), families)
    note = (
        f"Held-out identities ({words}): AUC {auc(cosine, same):.4f} (95 % {low:.4f} to {high:.4f}, bootstrap over "
        "families); their faces also chose the stopping point, so this is slightly flattering."
    )
    return calibrate_cosine(logit, cosine, same, words), note


def told(state: Path) -> str:
    """What a run wrote beside its weights, in words; name and hash of a weight that has a sidecar.

    The hash of the file alone where nothing lies beside it.
    """
    beside = state.with_suffix(".json")
    facts = json.loads(beside.read_text()) if beside.exists() else {"sha256": file_sha256(state)}
    if "git_commit" in facts:  # a sidecar, which has a card of its own
        facts = {"weight": facts["name"], "sha256": facts["sha256"]}
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value not in ("", "{}", None))


def ship(
    model: PairModel,
    config: dict[str, Any],
    state: Path,
    root: Path,
    seed: int,
    init: Path | None = None,
    folder: Path = SHIPPED,
) -> Path:
    """Load the run's best weights, calibrate, export as <folder>/<model name>.safetensors, rewrite the cards.

    Args:
        state: model.safetensors of the run, with model.json beside it.
        init: the weights that the run started from.
    """
    model.load_state_dict(load_file(state))
    model = model.to("cpu").to(memory_format=torch.contiguous_format).eval().requires_grad_(False)
    fiw, celeba = fiw_crops(root, "train", model.spec), celeba_crops(root, model.spec)
    calibration, note = calibrate(model, fiw)
    everybody = set(map(family_of, fiw.names))
    notes = [f"Training: {told(state)}.", *([f"It started from: {told(init)}."] if init else []), note]
    notes += start_notes([state], everybody)
    data = [
        data_row(TRAINED_ON, root / "fiw" / "train", fiw.names),
        held_out_row(everybody, [state]),
        data_row("celeba", root / "celeba", celeba.names),
    ]
    ready = Facts(RESEARCH, data, calibration, config=config, seed=seed, notes=notes)
    path = export(model, model.name, ready, half=True, folder=folder)
    write_cards(folder)
    return path
