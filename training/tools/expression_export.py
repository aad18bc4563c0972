"""From a trained expression network to a shipped weight: two temperatures, sidecar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from scipy.optimize import minimize_scalar
from torch import Tensor

from models.nets.expression import Expression
from models.weights import SHIPPED
from training.cards import write_cards
from training.data.ferplus import FOLDERS, PARTS, read_fer2013, read_votes
from training.data.sets import data_row
from training.tools.checkpoint import RESEARCH, Facts, export
from training.tools.verification_export import told
from training.tools.voted_faces import VotedFaces, logits_of

WIDEST = 10.0


def fit_factor(logits: Tensor, target: Tensor) -> float:
    """The factor on (N, 8) logits with the least cross-entropy to (N, 8) shares or (N,) classes.

    One over a temperature (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017). The loss is convex in
    the factor.
    """

    def loss(factor: float) -> float:
        return float(F.cross_entropy(factor * logits.double(), target.double() if target.ndim == 2 else target))

    return float(minimize_scalar(loss, bounds=(1 / WIDEST, WIDEST), method="bounded").x)


@torch.no_grad()
def calibrate(model: Expression, held: VotedFaces) -> None:
    """Set temperature (to the votes of all faces) and sharpening (to the class of faces with a majority), in place."""
    model.temperature.fill_(1.0)
    model.sharpening.fill_(1.0)
    logits, _ = logits_of(model, held.crops)
    model.temperature.fill_(1 / fit_factor(logits, held.shares))
    shares = logits / model.temperature
    model.sharpening.fill_(fit_factor(shares[held.agreed], held.shares[held.agreed].argmax(1)))


def ship(
    model: Expression,
    config: dict[str, Any],
    state: Path,
    held: VotedFaces,
    root: Path,
    seed: int,
    init: Path | None = None,
    folder: Path = SHIPPED,
) -> Path:
    """Load the run's best weights, calibrate, export as <folder>/<model name>.safetensors, rewrite the cards.

    Args:
        state: model.safetensors of the run, with model.json beside it.
        init: the run that this one went on from, where it did.
    """
    model.load_state_dict(load_file(state))
    model = model.to(memory_format=torch.contiguous_format).eval().requires_grad_(False)
    calibrate(model, held)
    notes = [
        f"Training: {told(state)}.",
        *([f"It started from: {told(init)}."] if init else []),
        "FER+'s validation part chose the epoch and both temperatures (shares of votes "
        f"{float(model.temperature):.3f}, majority {1 / float(model.sharpening):.3f} more).",
        "A shown expression is not a felt emotion. Training faces are grey, 48 px wide and web photos of mostly posed "
        "expressions; contempt and disgust are under 1 % of them. Not for decisions about people.",
    ]
    rows = []
    for part in ("train", "valid"):
        names = read_votes(root, part).names
        rows.append(data_row(f"ferplus_{part}", root / "ferplus" / PARTS[part], names))
    if model.config.single:
        names = read_fer2013(root, "train")[0].names
        rows.append(data_row("fer2013_train", root / "fer2013" / FOLDERS["train"], names))
    ready = Facts(RESEARCH, rows, None, config=config, seed=seed, notes=notes)
    path = export(model, model.name, ready, half=True, folder=folder)
    write_cards(folder)
    return path
