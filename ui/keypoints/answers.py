"""One face through the three ViTs of the keypoint comparison, aligned and moved: what the tab Keypoints shows.

Nothing here knows of components. Networks run in `look`, `sweeps` and `animation`, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from explain.keypoints.animate import animate_sweep
from explain.keypoints.find import SWEEPS, follow, sweep
from explain.keypoints.findings import Followed, Query, Sweep
from models import FaceBatch
from models.faces.affine import Move, moved
from models.faces.align import ARCFACE_112
from models.pair import PairModel
from ui.shared.answering import network, sidecar, weight_of
from ui.shared.held import HeldForSessions, fingerprint
from ui.shared.photos import Key, Shot

KPRPE, IRPE, ABSOLUTE = MODELS = ("vit_kprpe", "vit_irpe", "vit_abs")
"""The three networks; the tab wants weights of all of them."""
OFFSET_MODELS = (KPRPE, IRPE)

FOLLOWED: HeldForSessions[Mapping[str, Followed]] = HeldForSessions(lambda: 4)
"""The raw maps of the last faces that were looked at, 45 MB each, while a session that looked is there."""
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Setting:
    """What the controls of the tab say, and so what the networks are fed.

    Attributes:
        move: of the crop.
        keypoints: (x, y) in [0, 1] of the aligned crop, given to the model; None for the detected ones.
        off: the offsets are left out of both networks that have them.
    """

    move: Move = field(default_factory=Move)
    keypoints: Points | None = None
    off: bool = False


@dataclass(frozen=True)
class PatchQuery:
    """One face under one setting: what the session keeps, and from which all views of the tab are drawn.

    The raw maps, 45 MB, are held for the process (FOLLOWED); when they had to go, the same pass makes them again.

    Attributes:
        of: Shot.key of the face.
        setting: what the networks were fed.
        crops: the aligned and the moved face, batches of one, as they were fed.
        detected: (5, 2) in [0, 1] of the moved crop: where the detected keypoints went.
        alike: model -> cosine of the aligned and the moved face's embeddings.
    """

    of: Key
    setting: Setting
    crops: tuple[FaceBatch, FaceBatch]
    detected: np.ndarray
    alike: Mapping[str, float]

    @property
    def followed(self) -> Mapping[str, Followed]:
        """Model -> what it made of the face; under `off` without offsets. Raises WeightError as networks."""
        return _followed(self.setting.off, self.crops)

    @property
    def crop(self) -> np.ndarray:
        """(112, 112, 3) uint8: the moved crop."""
        return self.crops[1].pixels()[0]

    @property
    def keypoints(self) -> np.ndarray:
        """(5, 2) float32 in [0, 1] of the moved crop, as given to the networks."""
        return self.crops[1].keypoints[0].numpy()

    @property
    def similarity(self) -> dict[str, float]:
        """Curve of the sweep figures -> similarity to the aligned face, now."""
        off = {m: " off" if self.setting.off and m in OFFSET_MODELS else "" for m in MODELS}
        return {m + off[m]: self.alike[m] for m in MODELS}


def networks(off: bool = False) -> dict[str, PairModel]:
    """Model -> its network; with `off` those with offsets leave them out.

    Raises:
        WeightError: a weight is missing or damaged.
    """
    return {m: _without(m) if off and m in OFFSET_MODELS else network(weight_of(m) or m) for m in MODELS}


def _without(model: str) -> PairModel:
    from models.nets.vit_kprpe import VitKprpe

    net = network(weight_of(model) or model)
    if not isinstance(net, VitKprpe):
        raise TypeError(f"{model} is no {VitKprpe.__name__}")
    return net.without_offsets()


def detected(shot: Shot) -> np.ndarray:
    """(5, 2) float64: detected keypoints in [0, 1] of the aligned crop. Raises as Shot.face."""
    return moved(shot.face(), ARCFACE_112, Move()).keypoints[0].numpy().astype(np.float64)


def look(shot: Shot, setting: Setting) -> PatchQuery:
    """Run the three networks on the aligned and the moved face.

    The aligned face keeps its detected keypoints: what a moved keypoint changes shows as a difference from it.

    Raises:
        PhotoError: the photo is no longer there.  WeightError: as networks.
    """
    face, nets = shot.face(), networks(setting.off)
    spec = nets[KPRPE].spec
    own = None if setting.keypoints is None else np.array(setting.keypoints)
    still, other = moved(face, spec, Move()), moved(face, spec, setting.move, own)
    where = moved(face, spec, setting.move).keypoints[0].numpy()
    found = _followed(setting.off, (still, other))
    return PatchQuery(shot.key, setting, (still, other), where, {name: f.similarity for name, f in found.items()})


def _followed(off: bool, crops: tuple[FaceBatch, FaceBatch]) -> Mapping[str, Followed]:
    """What every network makes of the aligned and the moved face, held for the process."""
    key = (off, *(sidecar(weight_of(m) or m).sha256 for m in MODELS), *map(fingerprint, crops))
    return FOLLOWED.get(key, lambda: _follow_all(off, crops))


def _follow_all(off: bool, crops: tuple[FaceBatch, FaceBatch]) -> Mapping[str, Followed]:
    found = {name: follow(net, *crops) for name, net in networks(off).items()}
    return {**found, ABSOLUTE: replace(found[ABSOLUTE], attention={})}  # its attention is not shown: 4 MB less


@dataclass(frozen=True)
class Sweeps:
    """The curves of one face; `of` says which, and whether the offsets were left out as well."""

    of: tuple[Key, bool]
    curves: tuple[Sweep, ...]


def sweeps(shot: Shot, off: bool, held: Sweeps | None = None) -> Sweeps:
    """Similarity to the aligned face against each move by itself, with detected keypoints.

    Args:
        off: beside the networks also those two whose offsets are left out.
        held: returned as it is when it is of this face already. Raises as look.
    """
    of = (shot.key, off)
    if held is not None and held.of == of:
        return held
    nets = networks()
    if off:
        without = networks(off=True)
        nets |= {f"{m} off": without[m] for m in OFFSET_MODELS}
    face = shot.face()
    return Sweeps(of, tuple(sweep(nets, face, what) for what in SWEEPS))


@dataclass(frozen=True)
class View:
    """What is looked at: a patch in a layer; changing it runs nothing.

    Attributes:
        place: (y, x) in [0, 1] of the crop.
        layer: number of the block, from 0.
        head: from 0, None for the mean of all.
    """

    place: tuple[float, float]
    layer: int = 0
    head: int | None = None

    @property
    def bias(self) -> str:
        """Tap of the layer's offsets."""
        return f"block{self.layer}.rpe_bias"

    @property
    def attn(self) -> str:
        """Tap of the layer's attention."""
        return f"block{self.layer}.attn"


def fields(followed: Followed, view: View, patch: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) offsets of the query for the moved face, and their difference from the aligned one's."""
    still, other = (o.from_query(*patch, view.head) for o in followed.offsets[view.bias])
    return other, other - still


def animation(shot: Shot, what: str, view: View, patch: tuple[int, int], opacity: float) -> bytes:
    """GIF of a sweep, see explain.keypoints.animate.animate_sweep. Raises as look."""
    both = {m: net for m, net in networks().items() if m in OFFSET_MODELS}
    return animate_sweep(both, shot.face(), what, Query(patch, view.layer, view.head), opacity=opacity)
