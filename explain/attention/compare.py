"""The same network without a gate, with SE and with CBAM, asked about the same two faces.

    scene = set_scene(face, None, "surgical", seed=3)
    compared = compare_arms({name: load_pair(name) for name in ARMS}, scene)
    compared.arms[2].answers[0].similarity, compared.arms[2].maps, compared.arms[2].gates

Every map explains a cosine, so one photo alone needs a second face to be compared with: the same photo without the
occluder, or, when nothing is worn, its mirror image. (With itself the cosine is 1, its gradient zero, and so the map.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from explain.attention.gates import Gates, read_gates
from explain.attention.region_mass import RegionMass, attention_mass
from explain.core.faithfulness import faithfulness
from explain.core.findings import Curve, Heatmap
from explain.core.measured import Measured, default_method, measured, rank
from explain.methods.grad_cam import CAMS
from explain.registry import EXPLAINERS, explain
from models.faces.face import MIRRORED, Face
from models.faces.occluders import occlude
from models.pair import PairModel
from models.predict import Result, predict

ARMS = {"edgeface_none": "no gate", "edgeface_se": "SE", "edgeface_cbam": "CBAM"}
"""Name of the weight -> what the reader calls it."""
NOTHING = "none"
"""The occluder that is none."""
MIRROR = "its mirror image"
"""What one bare photo is compared with."""
METHODS = (*CAMS, "covering_gradients")
"""Labels of EXPLAINERS that can be compared between arms: those that are quick enough for three networks."""
EYE_DISTANCE = 105.0
"""Pixels between the eyes beyond which a photo is shrunk before anything is drawn on it: three times the crop's."""


def measured_on_arms() -> dict[str, Measured]:
    """Method -> how it did on the arm where it did worst, the best first; methods that an arm lacks are left out."""
    found = [measured(arm) for arm in ARMS]
    known = [m for m in METHODS if all(m in figures for figures in found)]
    worst = [min((figures[m] for figures in found), key=lambda f: f.ci95[0]) for m in known]
    return {f.method: f for f in sorted(worst, key=lambda f: rank(f.method, f.ci95[0], f.seconds))}


def default_map() -> str:
    """The method that did best on the arms; on arms that were not measured, best on the other weights."""
    return next(iter(measured_on_arms()), default_method(next(iter(ARMS)), METHODS))


@dataclass(frozen=True)
class Scene:
    """Two faces that every arm compares, and what they are.

    Attributes:
        a: the face of photo 1, wearing the occluder.
        b: the face of photo 2; without one, photo 1 bare, or its mirror image when nothing is worn.
        bare: photo 1 without the occluder.
        second: b is another photo.
        occluder: one of models.faces.occluders.OCCLUDERS, or NOTHING.
        seed: that drew it.
    """

    a: Face
    b: Face
    bare: Face
    second: bool
    occluder: str
    seed: int

    @property
    def titles(self) -> tuple[str, str]:
        """What a and b are, in words."""
        worn = f"photo 1 with {self.wears}" if self.occluder != NOTHING else "photo 1"
        if self.second:
            return worn, "photo 2"
        return worn, "photo 1 bare" if self.occluder != NOTHING else MIRROR

    @property
    def wears(self) -> str:
        """The occluder in words."""
        return WORDS[self.occluder]


WORDS = {
    NOTHING: "nothing in front",
    "surgical": "a surgical mask",
    "cloth": "a cloth mask",
    "n95": "an N95 mask",
    "sunglasses": "sunglasses",
    "scarf": "a scarf",
    "hand": "a hand",
}


@dataclass(frozen=True)
class Answered:
    """What an arm said about two faces: which, cosine in [-1, 1], calibrated score in [0, 1]."""

    pair: str
    similarity: float
    score: float


@dataclass(frozen=True)
class Arm:
    """What one network answered and what it looked at.

    Attributes:
        weight: name of its weight.
        answers: the pair that is explained first.
        maps: of face a and b.
        mass: of either map, by region.
        gates: of face a and b, empty without gates.
    """

    weight: str
    answers: tuple[Answered, ...]
    maps: tuple[Heatmap, ...]
    mass: tuple[RegionMass, ...]
    gates: tuple[tuple[Gates, ...], ...]

    @property
    def title(self) -> str:
        return ARMS.get(self.weight, self.weight)


@dataclass(frozen=True)
class Comparison:
    """All arms on one scene.

    Attributes:
        titles: what face a and b are.
        occluder, seed: as in Scene.
        method, layer: of the maps.
        crops: (size, size, 3) uint8 of face a and b, what the arms saw.
        arms: in the order they were given.
    """

    titles: tuple[str, str]
    occluder: str
    seed: int
    method: str
    layer: str | None
    crops: tuple[np.ndarray, np.ndarray]
    arms: tuple[Arm, ...]

    def heatmaps(self) -> list[Heatmap]:
        """Every map, for one scale."""
        return [h for arm in self.arms for h in arm.maps]


def set_scene(first: Face, second: Face | None, occluder: str, seed: int) -> Scene:
    """Dress photo 1, and choose what it is compared with.

    Args:
        first, second: faces in their photos; photo 2 stays as it is.
        occluder: one of models.faces.occluders.OCCLUDERS, or NOTHING.
        seed: decides make, fit and colour; the same seed draws the same thing.

    Raises:
        ValueError: an unknown occluder.
    """
    if occluder not in WORDS:
        raise ValueError(f"no occluder {occluder!r}; there are: {', '.join(WORDS)}")
    bare = smaller(first)
    a = bare
    if occluder != NOTHING:
        a = Face(occlude(bare.photo, bare.keypoints, occluder, seed).image, bare.keypoints, bare.box, bare.confidence)
    b = second or (bare if occluder != NOTHING else mirror_image(bare))
    return Scene(a, b, bare, second is not None, occluder, seed)


def smaller(face: Face) -> Face:
    """The face in a copy of its photo in which the eyes are at most EYE_DISTANCE pixels apart."""
    scale = EYE_DISTANCE / max(float(np.linalg.norm(face.keypoints[1] - face.keypoints[0])), 1e-6)
    if scale >= 1:
        return face
    height, width = face.photo.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    photo = np.asarray(Image.fromarray(face.photo).resize(size, Resampling.BOX))
    ratio = np.array([size[0] / width, size[1] / height])
    keypoints = ((face.keypoints + 0.5) * ratio - 0.5).astype(np.float32)
    box = ((face.box.reshape(2, 2) + 0.5) * ratio - 0.5).reshape(4).astype(np.float32)
    return Face(photo, keypoints, box, face.confidence)


def mirror_image(face: Face) -> Face:
    """The photo mirrored, left and right keypoints exchanged."""
    last = face.photo.shape[1] - 1
    keypoints = face.keypoints[MIRRORED] * np.array([-1, 1]) + np.array([last, 0])
    left, top, right, bottom = face.box
    box = np.array([last - right, top, last - left, bottom], np.float32)
    return Face(np.ascontiguousarray(face.photo[:, ::-1]), keypoints.astype(np.float32), box, face.confidence)


def compare_arms(
    models: Mapping[str, PairModel], scene: Scene, method: str = "grad_cam", layer: str | None = None
) -> Comparison:
    """Ask every arm about the scene and explain its cosine.

    Args:
        models: weight -> network, in eval mode; all of one InputSpec.
        method: one of METHODS.
        layer: the tap it reads; by default the models' own.

    Raises:
        ValueError: no network, networks that take different crops, an unknown method or layer.
    """
    if method not in METHODS:
        raise ValueError(f"no method {method!r} to compare arms by; there are: {', '.join(METHODS)}")
    specs = {model.spec for model in models.values()}
    if not specs:
        raise ValueError("there is no arm to compare")
    if len(specs) > 1:
        raise ValueError(f"{', '.join(models)} do not all take the same crop, so their maps cannot be compared")
    spec, arms = specs.pop(), []
    for weight, model in models.items():
        result = predict(model, scene.a, scene.b, grad=EXPLAINERS[method].grad)
        arms.append(_arm(weight, result, scene, method, layer))
    crops = scene.a.aligned(spec).pixels()[0], scene.b.aligned(spec).pixels()[0]
    return Comparison(scene.titles, scene.occluder, scene.seed, method, layer, crops, tuple(arms))


def _arm(weight: str, result: Result, scene: Scene, method: str, layer: str | None) -> Arm:
    maps = explain(result, method, layer=layer)
    size = result.model.spec.size
    mass = tuple(
        attention_mass(h, face.keypoints[0].cpu().numpy(), size) for h, face in zip(maps, result.faces, strict=True)
    )
    return Arm(weight, answers(result, scene), maps, mass, read_gates(result))


def answers(result: Result, scene: Scene) -> tuple[Answered, ...]:
    """The explained pair; with two photos and an occluder also photo 1 with and without it, and both photos bare."""
    a, b = scene.titles
    found = [Answered(f"{a} and {b}", result.similarity, result.score)]
    if scene.second and scene.occluder != NOTHING:
        for title, x, y in ((f"{a} and bare", scene.a, scene.bare), ("photo 1 bare and photo 2", scene.bare, scene.b)):
            other = predict(result.model, x, y)
            found.append(Answered(title, other.similarity, other.score))
    return tuple(found)


def difference(left: Heatmap, right: Heatmap) -> Heatmap:
    """Right minus left, place by place, at the finer of both resolutions: above zero where the right one has more.

    Raises:
        ValueError: maps of different methods or faces, which cannot be subtracted.
    """
    if (left.method, left.face, left.unit) != (right.method, right.face, right.unit):
        raise ValueError("only maps of one method, face and unit can be subtracted")
    height, width = (max(left.values.shape[i], right.values.shape[i]) for i in (0, 1))
    values = right.resized(height, width) - left.resized(height, width)
    caption = "One map minus the other. It says where they differ, not which of them is right."
    floor = max(left.floor, right.floor)
    return Heatmap(values, left.face, left.method, True, f"difference of {left.unit}", caption, floor)


def relative(heatmap: Heatmap) -> Heatmap:
    """The map in multiples of its own mean magnitude: where it looks, whatever its strength.

    A flat map is 1 everywhere, one that holds nothing (nothing above its floor) 0; the colour scale reaches at least 3.
    """
    magnitude = np.abs(heatmap.values)
    values = heatmap.values / magnitude.mean() if magnitude.max() > heatmap.floor else np.zeros_like(heatmap.values)
    return Heatmap(
        values, heatmap.face, heatmap.method, heatmap.signed, "times the map's mean", heatmap.caption, floor=3.0
    )


def shown(heatmaps: Sequence[Heatmap], *, by_mean: bool) -> list[Heatmap]:
    """Raw, or relative() to the mean of each."""
    return [relative(h) for h in heatmaps] if by_mean else list(heatmaps)


def trust(models: Mapping[str, PairModel], scene: Scene, compared: Comparison) -> tuple[Curve, ...]:
    """Deletion and insertion of every arm's map of face a, by the similarity that the map explains."""
    return tuple(
        faithfulness(predict(models[arm.weight], scene.a, scene.b), arm.maps[0], target="similarity")
        for arm in compared.arms
    )
