"""Faces in, shares of votes out: the networks behind the tab Expression, without any of the page.

Networks run in `look`, `cover`, `make_map`, `check`, `parts`, `regions` and `report`, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explain import EXPLAINERS, Curve, Heatmap, explain, faithfulness, layers_for, part_values
from explain.core.parts import PartValues
from explain.expression.cover import cover_words, covered
from explain.expression.regions import RegionShares, region_shares
from explain.expression.report import write_expression
from explain.expression.said import TASK, Said, ask, load_expression, said_of
from explain.report.known import Known
from models import Result, available_weights, predict
from models.outputs import ClassOutput
from ui.shared.answering import sidecar
from ui.shared.evidence import FOUND
from ui.shared.held import Held, fingerprint
from ui.shared.photos import Shot

if TYPE_CHECKING:  # a page is there before a network is: its imports take a second
    from models.nets.expression import Expression

NETWORKS: Held[Expression] = Held(lambda: len(weights()))
MOST_FACES = 24
"""Faces of one photo that are answered, the largest first."""
THUMBNAIL = 72
"""Side in pixels of the crops in the row of faces."""
Key = tuple[str, int, bytes]


@dataclass(frozen=True)
class Looked:
    """What a session keeps of an answer: numbers, and small crops.

    Attributes:
        weight: its name.
        key: which face is explained: photo, number, and where its keypoints are.
        numbers: index in the photo of every face that is answered.
        every: their answers, largest face first.
        crops: (size, size, 3) uint8, aligned as the network is fed, a crop a face.
        covers: what is on the chosen face; empty for nothing.
        covered: the answer then, and that crop; None for nothing.
    """

    weight: str
    key: Key
    numbers: tuple[int, ...]
    every: tuple[Said, ...]
    crops: tuple[np.ndarray, ...]
    covers: tuple[str, ...] = ()
    covered: tuple[Said, np.ndarray] | None = None

    @property
    def chosen(self) -> int:
        """Place of the face that is explained, among those answered."""
        return self.numbers.index(self.key[1])

    @property
    def said(self) -> Said:
        """The answer about the chosen face, nothing covered."""
        return self.every[self.chosen]


@dataclass(frozen=True)
class Mapped:
    """A map of an answer.

    Attributes:
        weight, method, layer: what was run; layer is None for the model's own choice.
        target: the class, or "X - Y", that it explains.
        key: of the face.
        heatmap: raw.
        crop: (size, size, 3) uint8, what the model was fed.
    """

    weight: str
    method: str
    layer: str | None
    target: str
    key: Key
    heatmap: Heatmap
    crop: np.ndarray


def weights() -> list[str]:
    """Names of the shipped and the user's weights that tell expressions."""
    return [name for name in available_weights() if sidecar(name).task == TASK]


def default_weight() -> str | None:
    """The weight the tab opens with: the one of the task's name where there is one; None without any."""
    names = weights()
    return TASK if TASK in names else next(iter(names), None)


def network(weight: str) -> Expression:
    """A trained model, loaded once for everybody.

    Raises:
        WeightError: no such weight, a damaged one, or one that answers something else.
    """
    return NETWORKS.get(weight, lambda: load_expression(weight))


def key_of(shot: Shot) -> Key:
    """Which face."""
    return shot.path, shot.chosen, shot.marks[shot.chosen].keypoints.tobytes()


def look(shot: Shot, weight: str, covers: Sequence[str] = (), seed: int = 0) -> Looked:
    """Answer about every face of a photo, and about the chosen one covered: one pass for it, one for all others.

    Raises:
        PhotoError: the photo is no longer there.  WeightError: as network.  ValueError: an unknown cover.
    """
    model, face = network(weight), shot.face()
    numbers = tuple(i for i in range(len(shot.marks)) if i < MOST_FACES or i == shot.chosen)
    batches = {i: shot.pick(i).face().aligned(model.spec) for i in numbers}
    crops = tuple(batch.pixels()[0] for batch in batches.values())
    others = [i for i in numbers if i != shot.chosen]
    extra = [covered(face, model.spec, covers, seed)] if covers else []
    asked = [*(batches[i] for i in others), *extra]
    said = ask(model, asked) if asked else []
    every = dict(zip(others, said, strict=False)) | {shot.chosen: bare(shot, weight)}
    then = (said[-1], extra[0].pixels()[0]) if extra else None
    return Looked(weight, key_of(shot), numbers, tuple(every[i] for i in numbers), crops, tuple(covers), then)


def bare(shot: Shot, weight: str) -> Said:
    """The answer about the chosen face, nothing covered; what is made of it next asks no more. Raises as look."""
    output = result_of(shot, weight).output
    assert isinstance(output, ClassOutput)
    return said_of(network(weight), output)[0]


def cover(shot: Shot, looked: Looked, covers: Sequence[str], seed: int = 0) -> Looked:
    """The same answer with something else on the chosen face; only that face is asked again, bare and covered.

    Raises:
        as look.
    """
    if not covers:
        return replace(looked, covers=(), covered=None)
    model, face = network(looked.weight), shot.face()
    fed = covered(face, model.spec, covers, seed)
    (then,) = ask(model, [fed])
    alone = bare(shot, looked.weight)
    every = tuple(alone if i == looked.chosen else said for i, said in enumerate(looked.every))
    return replace(looked, every=every, covers=tuple(covers), covered=(then, fed.pixels()[0]))


def result_of(shot: Shot, weight: str, method: str | None = None) -> Result:
    """The chosen face asked alone, with its evidence; without gradients once for all that is made of it.

    Raises:
        as look.
    """
    model = network(weight)
    fed = shot.face().aligned(model.spec)
    if method and EXPLAINERS[method].grad:
        return predict(model, fed, grad=True)
    found: Result = FOUND.get((sidecar(weight).sha256, fingerprint(fed), "answer"), lambda: predict(model, fed))
    return found


def make_map(shot: Shot, weight: str, method: str, layer: str | None, target: str) -> Mapped:
    """Explain the answer about the chosen face.

    Raises:
        PhotoError, WeightError: as look.  ValueError: a method, layer or class the model does not have.
    """
    result = result_of(shot, weight, method)
    result.output.scalar(target)  # a class that is none is said to be none, whatever the method looks at
    options: dict[str, Any] = {"layer": layer} if layer in layers_for(network(weight), method) else {}
    wanted = target if EXPLAINERS[method].targets else None
    made = _held(result, weight, lambda: explain(result, method, target=wanted, **options), method, layer, target)
    (heatmap,) = made
    return Mapped(weight, method, layer, target, key_of(shot), heatmap, result.faces[0].pixels()[0])


def check(shot: Shot, mapped: Mapped) -> Curve:
    """Deletion and insertion of a map, of the number it explains. Raises as look."""
    result = result_of(shot, mapped.weight)
    what = "curve", mapped.method, mapped.layer, mapped.target
    watched = result.output.watching(mapped.target)
    made: Curve = _held(result, mapped.weight, lambda: faithfulness(result, mapped.heatmap, target=watched), *what)
    return made


def parts(shot: Shot, weight: str, target: str) -> PartValues:
    """What each part of the face is worth to a class, exactly. Raises as look."""
    result = result_of(shot, weight)
    (made,) = _held(result, weight, lambda: part_values(result, target=target), "parts", target)
    found: PartValues = made
    return found


def regions(shot: Shot, weight: str) -> RegionShares:
    """Every class's share with one region after another covered. Raises as look."""
    result = result_of(shot, weight)
    found: RegionShares = _held(result, weight, lambda: region_shares(result), "region shares")
    return found


def _held(result: Result, weight: str, make: Callable[[], Any], *what: Hashable) -> Any:
    """Made once for a face and a weight, while a session that asked for it is there."""
    return FOUND.get((sidecar(weight).sha256, *map(fingerprint, result.faces), *what), make)


def report(folder: Path, shot: Shot, looked: Looked, mapped: Mapped, opacity: float) -> Path:
    """Write everything about the chosen face into <folder>.zip.

    Raises:
        PhotoError, WeightError: as look.  OSError: the folder cannot be written.
    """
    result, weight = result_of(shot, mapped.weight, mapped.method), mapped.weight
    maps, curves = {mapped.method: (mapped.heatmap,)}, {mapped.method: (check(shot, mapped),)}
    then = {cover_words(looked.covers): looked.covered[0]} if looked.covered else {}
    return write_expression(
        folder,
        result,
        shot.face(),
        looked.said,
        mapped.method,
        sidecar=sidecar(weight),
        regions=regions(shot, weight),
        target=mapped.target,
        layer=mapped.layer,
        covered=then,
        opacity=opacity,
        known=Known(maps, curves, (parts(shot, weight, mapped.target),)),
        archive=True,
    )
