"""The three arms behind the Attention tab, without any of the page: photos in, comparisons out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from explain import Curve, layers_for
from explain.attention.compare import ARMS, Comparison, Scene, compare_arms, set_scene, trust
from explain.attention.report import write_comparison
from models import FaceBatch, WeightError
from models.pair import PairModel
from models.weights import Sidecar
from ui.shared.answering import network, sidecar, weight_of
from ui.shared.evidence import FOUND
from ui.shared.held import fingerprint
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


def aligned(scene: Scene) -> tuple[FaceBatch, FaceBatch]:
    """Face a and b as every arm is fed. Raises as networks."""
    spec = next(iter(networks().values())).spec
    return scene.a.aligned(spec), scene.b.aligned(spec)


def fits(scene: Scene, compared: Comparison) -> bool:
    """Is the comparison one of these very faces? Raises as networks."""
    pairs = zip(aligned(scene), compared.crops, strict=True)
    return scene.titles == compared.titles and all(np.array_equal(face.pixels()[0], crop) for face, crop in pairs)


def curves(scene: Scene, compared: Comparison) -> tuple[Curve, ...]:
    """Deletion and insertion of the map of face a of every arm, tested once for page and report. Raises as networks."""
    faces = map(fingerprint, aligned(scene))
    key = (*(card.sha256 for card in sidecars().values()), *faces, compared.method, compared.layer)
    found: tuple[Curve, ...] = FOUND.get(key, lambda: trust(networks(), scene, compared))
    return found


def report(folder: Path, scene: Scene, compared: Comparison, opacity: float) -> Path:
    """Write a comparison into <folder>.zip. Raises as networks; OSError when it cannot be written."""
    made = curves(scene, compared)
    return write_comparison(folder, compared, made, sidecars(), opacity=opacity, archive=True)
