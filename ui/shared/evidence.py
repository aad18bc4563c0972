"""Answers taken apart: maps, regions, faithfulness and the report, for the photos of a session."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from explain import (
    EXPLAINERS,
    Curve,
    Evidence,
    Heatmap,
    PatchQuery,
    RegionDrops,
    explain,
    explain_step_by_step,
    read_evidence,
    write_report,
)
from explain import occlude_regions as _occlude_regions
from explain.core.faithfulness import faithfulness
from explain.core.first_parts import FirstParts
from explain.core.parts import PartValues
from explain.evidence import left_eye
from explain.methods.part_shapley import part_values, part_values_step_by_step
from explain.report.known import Known
from models import Result, predict
from models.faces.face import FaceBatch
from models.running import step
from ui.shared.answering import Answer, answer_of, ask, network, sidecar
from ui.shared.held import HeldForSessions, fingerprint
from ui.shared.photos import Key, Shot
from ui.shared.turns import TURNS

INSIDE: HeldForSessions[Evidence] = HeldForSessions(lambda: 8)
"""The raw evidence of the last answers, while a session that asked for it is there."""
FOUND: HeldForSessions[Any] = HeldForSessions(lambda: 64)
"""What took hundreds of passes, by the faces it is about: the report says what the page has shown, at once."""


@dataclass(frozen=True)
class Maps:
    """Heatmaps with the crops they lie on, one a face.

    Attributes:
        weight, method, layer: what was run; layer is None for the model's own choice.
        maps: raw heatmaps.
        crops: (size, size, 3) uint8, what the model saw.
        of: Shot.key of both photos.
    """

    weight: str
    method: str
    layer: str | None
    maps: tuple[Heatmap, ...]
    crops: tuple[np.ndarray, ...]
    of: tuple[Key, Key]


@dataclass(frozen=True)
class Seen:
    """What a session keeps of the pass that made an answer.

    The raw evidence, some megabytes, is held for the process (INSIDE); when it had to go, the same pass makes it again.

    Attributes:
        weight: name of the weight that answered.
        faces: the aligned faces it saw, batches of one on the CPU.
        crops: (size, size, 3) uint8, what the model saw, one a face.
        place: (y, x) in [0, 1] of the crop, the patch to look at first.
    """

    weight: str
    faces: tuple[FaceBatch, ...]
    crops: tuple[np.ndarray, ...]
    place: tuple[float, float]

    @property
    def inside(self) -> Evidence:
        """Attention, links and shares, raw; each may be missing. Raises WeightError as network."""
        return INSIDE.get(self._key, lambda: read_evidence(predict(network(self.weight), *self.faces)))

    @property
    def _key(self) -> tuple[str, ...]:
        return sidecar(self.weight).sha256, *map(fingerprint, self.faces)

    def hold(self, result: Result) -> Seen:
        """Keep the evidence of this very pass, so that looking at it runs nothing."""
        INSIDE.get(self._key, lambda: read_evidence(result))
        return self


def answer_and_look(a: Shot, b: Shot, weight: str) -> tuple[Answer, Seen]:
    """Score the chosen faces of two photos, and keep what the score was made of. Raises as ask."""
    result = ask(a, b, weight)
    faces = tuple(face.to("cpu") for face in result.faces)
    seen = Seen(weight, faces, crops_of(result), left_eye(result))
    return answer_of(result, weight), seen.hold(result)


def crops_of(result: Result) -> tuple[np.ndarray, ...]:
    """(size, size, 3) uint8 a face: what the model saw."""
    return tuple(face.pixels()[0] for face in result.faces)


def make_maps(a: Shot, b: Shot, weight: str, method: str, layer: str | None) -> Maps:
    """Run the model with its evidence and explain it.

    Raises:
        PhotoError, WeightError: as ask.  ValueError: a method or layer the model does not have.
    """
    result = ask(a, b, weight, grad=EXPLAINERS[method].grad)
    return Maps(weight, method, layer, maps_of(result, weight, method, layer), crops_of(result), (a.key, b.key))


def growing_maps(a: Shot, b: Shot, weight: str, method: str, layer: str | None) -> Iterator[tuple[Maps, bool]]:
    """As make_maps; of a method that samples coarse maps first, each with True, unless the fine ones are held.

    It ends early where the session asks for other maps meanwhile.

    Raises:
        As make_maps.
    """
    result = ask(a, b, weight, grad=EXPLAINERS[method].grad)
    crops, of, options = crops_of(result), (a.key, b.key), {"layer": layer} if layer else {}
    if EXPLAINERS[method].refine is None or FOUND.holds(_key(result, weight, method, layer)):
        yield Maps(weight, method, layer, maps_of(result, weight, method, layer), crops, of), False
        return
    overtaken = TURNS.watch()
    for found in explain_step_by_step(result, method, **options):
        step()  # one that goes beyond its time ends between two maps
        if overtaken():
            return
        yield Maps(weight, method, layer, found, crops, of), True
    _held(result, weight, lambda: found, method, layer)


def maps_of(result: Result, weight: str, method: str, layer: str | None) -> tuple[Heatmap, ...]:
    """Maps of an answer of a weight, a map a face. Raises ValueError as make_maps."""
    options = {"layer": layer} if layer else {}
    found: tuple[Heatmap, ...] = _held(result, weight, lambda: explain(result, method, **options), method, layer)
    return found


def curve_of(result: Result, weight: str, heatmap: Heatmap) -> Curve:
    """Deletion and insertion of a map of an answer, beside random orders."""
    digest = sha256(heatmap.values.tobytes()).hexdigest()
    key = "curve", heatmap.method, heatmap.face, heatmap.values.shape, digest
    found: Curve = _held(result, weight, lambda: faithfulness(result, heatmap), *key)
    return found


def known(result: Result, weight: str, method: str, maps: tuple[Heatmap, ...]) -> Known:
    """What a report says of an answer: the maps that were shown, what was made before, and the rest now."""
    curves = tuple(curve_of(result, weight, heatmap) for heatmap in maps)
    return Known({method: maps}, {method: curves}, _parts_of(result, weight), _regions_of(result, weight))


def _parts_of(result: Result, weight: str) -> tuple[PartValues, ...]:
    found: tuple[PartValues, ...] = _held(result, weight, lambda: part_values(result), "parts")
    return found


def _regions_of(result: Result, weight: str) -> tuple[RegionDrops, ...]:
    found: tuple[RegionDrops, ...] = _held(result, weight, lambda: _occlude_regions(result), "regions")
    return found


def _held(result: Result, weight: str, make: Callable[[], Any], *what: Hashable) -> Any:
    return FOUND.get(_key(result, weight, *what), make)


def _key(result: Result, weight: str, *what: Hashable) -> tuple[Hashable, ...]:
    return (sidecar(weight).sha256, *map(fingerprint, result.faces), *what)


def occlude_regions(a: Shot, b: Shot, weight: str) -> tuple[RegionDrops, ...]:
    """What covering each region of either face takes from the score. Raises as ask."""
    return _regions_of(ask(a, b, weight), weight)


def parts(a: Shot, b: Shot, weight: str) -> tuple[PartValues, ...]:
    """What each part of either face is worth to the answer, exactly. Raises as ask."""
    return _parts_of(ask(a, b, weight), weight)


def growing_parts(a: Shot, b: Shot, weight: str) -> Iterator[tuple[FirstParts | PartValues, ...]]:
    """As parts; first figures first, where the exact ones are not held: each once, a finding a face.

    It ends early where the session asks for something else meanwhile. Raises as ask.
    """
    result = ask(a, b, weight)
    if FOUND.holds(_key(result, weight, "parts")):
        yield _parts_of(result, weight)
        return
    overtaken = TURNS.watch()
    shown: list[int] = []
    for found in part_values_step_by_step(result):
        step()  # one that goes beyond its time ends between two pieces
        if overtaken():
            return
        now = [*map(id, found)]
        if now != shown:
            yield found
        shown = now
    _held(result, weight, lambda: found, "parts")


def curves(a: Shot, b: Shot, maps: Maps) -> tuple[Curve, ...]:
    """Deletion and insertion of every map, beside random orders. Raises as ask."""
    result = ask(a, b, maps.weight)
    return tuple(curve_of(result, maps.weight, heatmap) for heatmap in maps.maps)


def report(
    folder: Path, a: Shot, b: Shot, maps: Maps, *, threshold: float, opacity: float, look: PatchQuery | None = None
) -> Path:
    """Write everything about a pair into <folder>.zip, with the patch that is looked at on the page.

    Raises:
        PhotoError, WeightError: as ask.  OSError: the folder cannot be written.
    """
    result = ask(a, b, maps.weight, grad=EXPLAINERS[maps.method].grad)
    return write_report(
        folder,
        result,
        (a.face(), b.face()),
        [maps.method],
        sidecar=sidecar(maps.weight),
        threshold=threshold,
        layer=maps.layer,
        look=look,
        opacity=opacity,
        archive=True,
        known=known(result, maps.weight, maps.method, maps.maps),
    )
