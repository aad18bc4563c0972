"""A face with something over it: a region taken away as everywhere here (explain/core/fill.py), or a thing worn.

covered(face, model.spec, ("mouth",))           the mouth's region blurred away
covered(face, model.spec, ("mask",), seed=3)    a surgical mask, drawn on the photo
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from explain.core.fill import cover_of
from explain.core.words import joined
from models.faces.face import Face, FaceBatch, InputSpec
from models.faces.occluders import occlude
from models.faces.regions import region_masks

HIDDEN = ("eyes", "nose", "mouth")
"""Regions of models/faces/regions.py."""
WORN = {"mask": "surgical", "sunglasses": "sunglasses"}
"""Word -> one of models.faces.occluders.OCCLUDERS."""
COVERS = (*HIDDEN, *WORN)
FILL = "blur"


def covered(face: Face, spec: InputSpec, covers: Sequence[str], seed: int = 0) -> FaceBatch:
    """The aligned face with all of `covers` on it: worn things first, then the regions.

    Args:
        face: in its photo; the keypoints stay those of the bare face.
        spec: what the model is fed.
        covers: any of COVERS.
        seed: draws the make of what is worn.

    Returns:
        A batch of one; without covers the face as it is.

    Raises:
        ValueError: an unknown cover, or keypoints that give no alignment.
    """
    unknown = [name for name in covers if name not in COVERS]
    if unknown:
        raise ValueError(f"no cover {unknown[0]!r}; there are: {', '.join(COVERS)}")
    photo = face.photo
    for name, kind in WORN.items():
        if name in covers:
            photo = occlude(photo, face.keypoints, kind, seed).image
    batch = replace(face, photo=photo).aligned(spec)
    regions = region_masks(batch.keypoints[0].numpy(), spec.size)
    hidden = [regions[name] for name in HIDDEN if name in covers]
    if not hidden:
        return batch
    mask = torch.from_numpy(np.logical_or.reduce(hidden))
    return batch.with_image(cover_of(batch.image, FILL)(mask[None]))


def cover_words(covers: Sequence[str]) -> str:
    """ "the mouth and the eyes", for a sentence: "with ... covered"."""
    found = [name for name in COVERS if name in covers]
    return joined([f"the {name}" if name in HIDDEN else _worn(name) for name in found]) if found else "nothing"


def _worn(name: str) -> str:
    return "the lower face (a mask)" if name == "mask" else "the eyes (sunglasses)"
