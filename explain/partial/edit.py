"""What somebody leaves of a face: a part of the protocol, something worn, pixels rubbed out by hand; applied to pixels.

    edited = apply_edit(crop, keypoints, Edit("left eye", 0.3, centred=True))
    edited.image        # (160, 160, 3) uint8, what networks on the protocol's frame are fed
    edited.visible      # 0.19, of the aligned face

All of it is stated in pixels of the face aligned to models.faces.align.PARTIAL_160. A network with another frame gets
the same edit through the alignment (`carry`): each pixel of its own crop is hidden when the nearest pixel of the 160 px
crop is, beyond whose edge the last row or column counts on; worn things are resampled bilinearly; the shift of a
centred part is turned and scaled with the frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from models.faces.align import PARTIAL_160
from models.faces.face import Face, FaceBatch, InputSpec
from models.faces.geometry import apply_affine, invert_affine, warp
from models.faces.occluders import occlude
from models.faces.partial_crops import CENTRE, FILL, LANDMARKS, SIDE, WHOLE, Box, box_around, move

HALVES = {"upper half": Box(0, 0, SIDE - 1, SIDE // 2 - 1), "lower half": Box(0, SIDE // 2, SIDE - 1, SIDE - 1)}
"""Rows 0 to 79, and 80 to 159: not in the protocol."""
WORN = {"sunglasses": "sunglasses", "mask": "surgical"}
"""Preset -> one of models.faces.occluders.OCCLUDERS."""
PRESETS = (WHOLE, *LANDMARKS, *HALVES, *WORN)


@dataclass(frozen=True, eq=False)
class Edit:
    """What is done to a face.

    Attributes:
        part: one of PRESETS: what stays visible, or what is worn.
        factor: size of a landmark's box, the protocol's; the other presets have none.
        centred: what stays is moved to the middle: a landmark as in the protocol, anything else by its bounding box.
        erased: (160, 160) bool, True where pixels are hidden by hand, before the move; None for nowhere.
        seed: draws the make of what is worn.

    Raises:
        ValueError: an unknown preset, a factor that is not above 0, or a mask of another shape.
    """

    part: str = WHOLE
    factor: float = 0.3
    centred: bool = False
    erased: np.ndarray | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.part not in PRESETS:
            raise ValueError(f"no part {self.part!r}; there are: {', '.join(PRESETS)}")
        if not 0 < self.factor <= 1:
            raise ValueError(f"the size lies above 0 and is at most 1, got {self.factor:g}")
        if self.erased is not None and (self.erased.shape != (SIDE, SIDE) or self.erased.dtype != bool):
            raise ValueError(f"erased must be ({SIDE}, {SIDE}) bool, got {self.erased.shape} {self.erased.dtype}")

    @property
    def box(self) -> Box | None:
        """What the preset leaves visible; None when it hides nothing."""
        if self.part in LANDMARKS:
            return box_around(LANDMARKS[self.part], self.factor)
        return HALVES.get(self.part)

    @property
    def changes(self) -> bool:
        """Something is done at all."""
        return self.part != WHOLE or (self.erased is not None and bool(self.erased.any()))


@dataclass(frozen=True, eq=False)
class Edited:
    """An aligned face after an edit. Pixels of the 160 px frame.

    Attributes:
        image: (160, 160, 3) uint8, as fed.
        hidden: (160, 160) bool, what became the fill, before the move.
        worn: (160, 160) bool, what a drawn thing covers, before the move.
        dressed: (160, 160, 3) uint8, the face with the drawn thing, nothing hidden, before the move.
        shift: (dx, dy) of the move in pixels.
    """

    image: np.ndarray
    hidden: np.ndarray
    worn: np.ndarray
    dressed: np.ndarray
    shift: tuple[float, float]

    @property
    def visible(self) -> float:
        """Fraction of the aligned face that is neither hidden nor covered, in [0, 1]."""
        return 1 - float((self.hidden | self.worn).mean())


def apply_edit(crop: np.ndarray, keypoints: np.ndarray, edit: Edit) -> Edited:
    """Edit an aligned face. For a landmark's part this is models.faces.partial_crops.crop_part, pixel by pixel.

    Args:
        crop: (160, 160, 3) uint8, aligned to PARTIAL_160.
        keypoints: (5, 2) pixels of the crop.

    Raises:
        ValueError: another size, or something worn on keypoints that lie on one line.
    """
    if crop.shape != (SIDE, SIDE, 3):
        raise ValueError(f"edits are defined on {SIDE} x {SIDE} faces, got {crop.shape}")
    dressed, worn = crop, np.zeros((SIDE, SIDE), bool)
    if edit.part in WORN:
        drawn = occlude(crop, keypoints, WORN[edit.part], edit.seed)
        dressed, worn = drawn.image, drawn.mask
    hidden = np.zeros((SIDE, SIDE), bool) if edit.box is None else outside(edit.box)
    if edit.erased is not None:
        hidden = hidden | edit.erased
    image = np.where(hidden[..., None], np.uint8(FILL), dressed)
    shift = _shift(edit, hidden) if edit.centred else (0.0, 0.0)
    return Edited(move(image, *shift) if any(shift) else image, hidden, worn, dressed, shift)


def outside(box: Box) -> np.ndarray:
    """(160, 160) bool: True where a box leaves nothing visible; the pixels under its edges belong to it."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return ~((x >= box.left) & (x <= box.right) & (y >= box.top) & (y <= box.bottom))


def _shift(edit: Edit, hidden: np.ndarray) -> tuple[float, float]:
    """What takes the part's landmark, or the middle of what is left, to CENTRE; nothing where nothing is hidden."""
    if edit.part in LANDMARKS:
        x, y = LANDMARKS[edit.part]
    elif hidden.all() or not hidden.any():
        return 0.0, 0.0
    else:
        rows, columns = np.nonzero(~hidden)
        x, y = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
    return float(CENTRE[0] - x), float(CENTRE[1] - y)


def carry(edited: Edited, own: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The same edit on the crop of a network with another frame, see the module's text.

    Args:
        own: (S, S, 3) uint8, the whole face in that frame.
        matrix: (2, 3) from pixels of the 160 px crop to pixels of that frame.

    Returns:
        (S, S, 3) uint8.
    """
    size = own.shape[0]
    y, x = np.mgrid[:size, :size]
    places = apply_affine(invert_affine(matrix), np.stack([x.ravel(), y.ravel()], 1).astype(np.float64))
    column, row = np.rint(places).astype(int).clip(0, SIDE - 1).T
    image = own
    if edited.worn.any():
        inside = ((places >= 0) & (places <= SIDE - 1)).all(1)
        worn = (edited.worn[row, column] & inside).reshape(size, size, 1)
        image = np.where(worn, warp(edited.dressed, matrix, (size, size)), image)
    image = np.where(edited.hidden[row, column].reshape(size, size, 1), np.uint8(FILL), image)
    dx, dy = matrix[:, :2] @ np.array(edited.shift)
    return move(image, float(dx), float(dy)) if any(edited.shift) else image


@dataclass(frozen=True, eq=False)
class Canvas:
    """A face aligned to the protocol's frame and to those of some networks, on which edits are made. Without its photo.

    Attributes:
        crop: (160, 160, 3) uint8.
        keypoints: (5, 2) pixels of the crop.
        frames: of networks: the whole face as they are fed, and the (2, 3) map there from the 160 px crop.
    """

    crop: np.ndarray
    keypoints: np.ndarray
    frames: Mapping[InputSpec, tuple[FaceBatch, np.ndarray]]

    @staticmethod
    def of(face: Face, specs: Iterable[InputSpec] = ()) -> Canvas:
        """Align a face to PARTIAL_160, and to whatever else networks want.

        Raises:
            ValueError: keypoints that coincide.
        """
        batch, back = face.aligned(PARTIAL_160), invert_affine(face.alignment(PARTIAL_160))
        frames = {}
        for spec in {*specs, PARTIAL_160}:
            forth = face.alignment(spec)
            matrix = np.hstack([forth[:, :2] @ back[:, :2], forth[:, :2] @ back[:, 2:] + forth[:, 2:]])
            frames[spec] = (batch if spec == PARTIAL_160 else face.aligned(spec)), matrix
        return Canvas(batch.pixels()[0], batch.keypoints[0].numpy() * SIDE - 0.5, frames)

    def edited(self, edit: Edit) -> Edited:
        """Raises as apply_edit."""
        return apply_edit(self.crop, self.keypoints, edit)

    def whole(self, spec: InputSpec) -> FaceBatch:
        """The face as a network of this frame is fed. Raises KeyError for a frame that was not asked for."""
        return self.frames[spec][0]

    def fed(self, edited: Edited, spec: InputSpec) -> FaceBatch:
        """The edited face as a network of this frame is fed: a batch of one, keypoints moved along. Raises as whole."""
        own, matrix = self.frames[spec]
        if not (edited.hidden.any() or edited.worn.any()):
            return own
        pixels = edited.image if spec == PARTIAL_160 else carry(edited, own.pixels()[0], matrix)
        shift = matrix[:, :2] @ np.array(edited.shift) / spec.size
        image = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255
        return FaceBatch(image, own.keypoints + torch.as_tensor(shift, dtype=torch.float32))
