"""Aligned faces, decoded once: a uint8 memory map on disk, shared by every epoch and every process.

    crops = cached_crops("celeba", root / "celeba", names, DLIB_150, partial(template_face, source=PARTIAL_160))
    crops.batch([0, 5, 7])        # FaceBatch of three
    crops.image[0]                # (150, 150, 3) uint8, read lazily from the map

The cache lies in runs/cache/ (or KINSIGHT_CACHE) and is keyed by the set, the file list, the template, the way
faces are found and CACHE_VERSION; delete the folder whenever you like.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from models.faces.face import Face, FaceBatch, InputSpec
from models.faces.photo import open_photo
from training.data.detections import cache_dir, central_face, detector_source

CACHE_VERSION = 1
"""Raise it when alignment changes what a crop looks like; a change in detection is noticed by itself."""


@dataclass(frozen=True)
class Crops:
    """Aligned faces of one set.

    Attributes:
        names: path of each image, relative to the set's folder.
        image: (N, size, size, 3) uint8 RGB, a read-only memory map.
        keypoints: (N, 5, 2) float32 in [0, 1] of the crop.
        found: (N,) bool, False where no face was detected and default_face was used.
    """

    names: tuple[str, ...]
    image: np.ndarray
    keypoints: np.ndarray
    found: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def row(self) -> dict[str, int]:
        """Name -> row."""
        return {name: i for i, name in enumerate(self.names)}

    def only(self, kept: np.ndarray) -> Crops:
        """The faces that (N,) bool keeps."""
        names = tuple(name for name, keep in zip(self.names, kept, strict=True) if keep)
        return Crops(names, self.image[kept], self.keypoints[kept], self.found[kept])

    def batch(self, rows: Sequence[int] | np.ndarray, device: torch.device | str = "cpu") -> FaceBatch:
        """Rows -> FaceBatch with float images in [0, 1]; bytes travel to the device, not floats."""
        rows = np.asarray(rows)
        image = torch.from_numpy(self.image[rows]).to(device).permute(0, 3, 1, 2).float() / 255  # (B, 3, H, W)
        return FaceBatch(image, torch.from_numpy(self.keypoints[rows]).to(device))


def template_face(photo: np.ndarray, source: InputSpec) -> Face:
    """A face in an image that is already aligned to the template `source` (at any resolution); confidence 1."""
    keypoints = source.resized(photo.shape[1]).points().astype(np.float32)
    box = np.array([0, 0, photo.shape[1] - 1, photo.shape[0] - 1], np.float32)
    return Face(photo, keypoints, box, 1.0)


def cached_crops(
    key: str,
    folder: Path,
    names: Sequence[str],
    spec: InputSpec,
    find_face: Callable[[np.ndarray], Face] = central_face,
    read: Callable[[Path, str], Path | bytes] = Path.joinpath,
) -> Crops:
    """Aligned crops of folder/name for every name, from the cache or made now (with a progress bar).

    Args:
        key: a word for the set; part of the cache's file name.
        find_face: photo -> Face; template_face for aligned sets, central_face for photos.
        read: (folder, name) -> the image's file or its bytes.

    Raises:
        FileNotFoundError: an image of the list is missing.
        PhotoError: an image cannot be read.
    """
    target = cache_dir() / f"{key}-{spec.size}-{_cache_key(folder, names, spec, find_face)}"
    if not target.exists():
        _fill(target, folder, names, spec, find_face, read)
    image, keypoints, found = (np.load(target / f"{n}.npy", mmap_mode="r") for n in ("image", "keypoints", "found"))
    return Crops(tuple(names), image, np.array(keypoints), np.array(found))


def _cache_key(folder: Path, names: Sequence[str], spec: InputSpec, find_face: Callable[[np.ndarray], Face]) -> str:
    how = find_face if isinstance(find_face, partial) else partial(find_face)
    source = detector_source().decode() if how.func is central_face else ""  # detection has many settings
    facts = [source, CACHE_VERSION, str(folder.resolve()), list(names), spec.size, spec.template]
    facts += [how.func.__name__, repr(how.args), repr(how.keywords)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _fill(
    target: Path,
    folder: Path,
    names: Sequence[str],
    spec: InputSpec,
    find_face: Callable[[np.ndarray], Face],
    read: Callable[[Path, str], Path | bytes],
) -> None:
    """Write the arrays beside `target` and rename them into place: another process sees all of them or nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=target.name, dir=target.parent))
    shape = (len(names), spec.size, spec.size, 3)
    image = np.lib.format.open_memmap(part / "image.npy", mode="w+", dtype=np.uint8, shape=shape)
    keypoints = np.zeros((len(names), 5, 2), np.float32)
    found = np.zeros(len(names), bool)
    for i, name in enumerate(tqdm(names, desc=f"aligning {target.name.split('-')[0]}", unit="face")):
        face = find_face(open_photo(read(folder, name)))
        crop = face.aligned(spec)
        image[i], keypoints[i], found[i] = crop.pixels()[0], crop.keypoints[0].numpy(), face.confidence > 0
    image.flush()
    np.save(part / "keypoints.npy", keypoints)
    np.save(part / "found.npy", found)
    try:
        part.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(part)


@dataclass(frozen=True)
class Morphs:
    """Mixtures of two aligned faces each: new faces, for which a teacher has an answer too.

    Distillation gains from mixtures that teacher and student both see (Beyer et al., "Knowledge distillation: A good
    teacher is patient and consistent", CVPR 2022). Made when a batch is asked for.

    Attributes:
        crops: sets, one behind the other.
        pair: (N, 2) rows over all sets.  share: (N,) of the second face, in [0, 1].
    """

    crops: tuple[Crops, ...]
    pair: np.ndarray
    share: np.ndarray

    def __len__(self) -> int:
        return len(self.pair)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Which faces, in which shares: a key for caches."""
        every = [name for crops in self.crops for name in crops.names]
        return tuple(f"{every[i]}+{s:.4f}*{every[j]}" for (i, j), s in zip(self.pair, self.share, strict=True))

    def batch(self, rows: Sequence[int] | np.ndarray, device: torch.device | str = "cpu") -> FaceBatch:
        """Rows -> FaceBatch; pixels and keypoints are mixed alike."""
        rows = np.asarray(rows)
        a, b = (joined_batch(self.crops, self.pair[rows, side], device) for side in (0, 1))
        s = torch.from_numpy(self.share[rows].astype(np.float32)).to(device)
        image = torch.lerp(a.image, b.image, s[:, None, None, None])
        return FaceBatch(image, torch.lerp(a.keypoints, b.keypoints, s[:, None, None]))


def draw_morphs(crops: tuple[Crops, ...], rows: np.ndarray, count: int, seed: int = 0) -> Morphs:
    """`count` mixtures of the given rows, shares between .3 and .7. The same for crops of another size."""
    rng = np.random.default_rng(seed)
    return Morphs(crops, rng.choice(rows, (count, 2)), rng.uniform(0.3, 0.7, count))


def joined_batch(crops: Sequence[Crops | Morphs], rows: np.ndarray, device: torch.device | str = "cpu") -> FaceBatch:
    """Faces of rows counted over all sets, one behind the other, in the order of the rows."""
    starts = np.cumsum([0, *(len(c) for c in crops)])
    which = np.searchsorted(starts, rows, side="right") - 1
    order = np.concatenate([np.flatnonzero(which == k) for k in range(len(crops))])
    parts = [c.batch(rows[which == k] - starts[k], device) for k, c in enumerate(crops) if (which == k).any()]
    joined, back = FaceBatch.cat(parts), torch.from_numpy(np.argsort(order)).to(device)
    return FaceBatch(joined.image[back], joined.keypoints[back])
