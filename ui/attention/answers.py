"""The three arms behind the Attention tab, without any of the page: photos in, comparisons out."""

from __future__ import annotations

import hashlib
from pathlib import Path

from explain import Curve, layers_for
from explain.attention.compare import ARMS, Comparison, Scene, compare_arms, set_scene, trust
from explain.attention.report import write_comparison
from models import WeightError
from models.pair import PairModel
from models.weights import Sidecar
from ui.shared.answering import network, sidecar, weight_of
from ui.shared.evidence import FOUND
from ui.shared.photos import Shot

NEEDS = tuple(ARMS)
"""The models this cannot do without."""


def networks() -> dict[str, PairModel]:
    """Every arm by the name of its model.

    Raises:
        WeightError: an arm has no weight.
    """
    return {model: network(_weight(model)) for model in ARMS}


def sidecars() -> dict[str, Sidecar]:
    """What is known of every arm. Raises as networks."""
    return {model: sidecar(_weight(model)) for model in ARMS}


def _weight(model: str) -> str:
    weight = weight_of(model)
    if weight is None:
        raise WeightError(f"{model} is untrained: there is nothing to compare.")
    return weight


def layers(method: str) -> list[str]:
    """Taps that a method can read in every arm, in order of depth. Raises as networks."""
    return layers_for(next(iter(networks().values())), method)


def scene_of(first: Shot, second: Shot | None, occluder: str, seed: int) -> Scene:
    """The chosen faces, the first one dressed. Raises PhotoError when a photo is gone."""
    return set_scene(first.face(), second.face() if second else None, occluder, seed)


def compare(scene: Scene, method: str, layer: str | None) -> Comparison:
    """Ask every arm and explain it. Raises as networks; ValueError for an unknown method or layer."""
    return compare_arms(networks(), scene, method, layer)


def curves(scene: Scene, compared: Comparison) -> tuple[Curve, ...]:
    """Deletion and insertion of the map of face a of every arm, tested once for page and report. Raises as networks."""
    seen = hashlib.sha256(b"".join(crop.tobytes() for crop in compared.crops)).hexdigest()
    key = (*(card.sha256 for card in sidecars().values()), seen, compared.method, compared.layer)
    found: tuple[Curve, ...] = FOUND.get(key, lambda: trust(networks(), scene, compared))
    return found


def report(folder: Path, scene: Scene, compared: Comparison, opacity: float) -> Path:
    """Write a comparison into <folder>.zip. Raises as networks; OSError when it cannot be written."""
    made = curves(scene, compared)
    return write_comparison(folder, compared, made, sidecars(), opacity=opacity, archive=True)
