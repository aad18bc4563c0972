"""Readers of the research sets: lists, pairs and aligned crops. Nothing here is downloaded.

The data folder is --data DIR, else the environment variable KINSIGHT_DATA, else ./data, laid out as

    fiw/{train,val}/Fxxxx/MIDy/*.jpg, fiw/{train_members,train_pairs,train_relations,val_pairs,val_triplets}.csv
    celeba/<id>/*.jpg    lfw/images/<name>/*.jpg, lfw/pairs.txt    mfr2/<name>/*.jpg, mfr2/pairs.txt
    KinFaceW-{I,II}/images/<relation>/*.jpg, KinFaceW-{I,II}/meta_data/*.mat

FIW images lie on the ArcFace 112 template, CelebA images on the 160 px template of the partial-face protocol:
they are aligned by those known keypoints. LFW, MFR2 and KinFaceW go through detection.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from models.faces.align import ARCFACE_112, PARTIAL_160
from models.faces.face import InputSpec
from models.pair_lists import pair_list
from training.data.crops import Crops, cached_crops, template_face
from training.data.detections import central_face
from training.data.lists import (
    PAIR_FORM,
    ListError,
    check_filled,
    check_photos,
    flag,
    named_pairs,
    numbered_lines,
    read_text,
)
from training.data.lists import DataError as DataError
from training.data.lists import need as need
from training.data.lists import read_csv as read_csv

RELATIONS = ("bb", "ss", "sibs", "fd", "fs", "md", "ms", "gfgd", "gfgs", "gmgd", "gmgs")
"""The eleven relations of FIW, in the order the papers list them."""


@dataclass(frozen=True)
class Pair:
    """One line of a pair list.

    Attributes:
        a, b: image names, relative to the set's folder.
        same: kin, or the same person, as the list means it.
        relation: such as "fs"; "" where the list has none.
        fold: of a cross-validation protocol; 0 where there is none.
    """

    a: str
    b: str
    same: bool
    relation: str = ""
    fold: int = 0


@dataclass(frozen=True)
class Kin:
    """A kin pair of FIW train: two members ("F0001/MID1"), not images; draw the images from fiw_members."""

    a: str
    b: str
    relation: str


def data_root(given: str | Path | None = None) -> Path:
    """--data, else KINSIGHT_DATA, else ./data.

    Raises:
        DataError: no such folder.
    """
    root = Path(given or os.environ.get("KINSIGHT_DATA") or "data")
    if not root.is_dir():
        raise DataError(f"no data folder {root}. Give --data DIR or set KINSIGHT_DATA, see docs/reproduce.md.")
    return root


def image_names(folder: Path) -> list[str]:
    """Every .jpg, .jpeg and .png below a folder, sorted, relative to it.

    Raises:
        DataError: no such folder, or no image in it.
    """
    kinds = {".jpg", ".jpeg", ".png"}
    names = sorted(p.relative_to(folder).as_posix() for p in need(folder).rglob("*") if p.suffix.lower() in kinds)
    if not names:
        raise DataError(f"no image (.jpg, .jpeg, .png) below {folder}")
    return names


def identity_of(name: str) -> str:
    """Identity of an image in an identity folder or in FIW: everything before the file name."""
    return name.rsplit("/", 1)[0]


def family_of(name: str) -> str:
    """Family of a FIW member or image name."""
    return name.split("/", 1)[0]


def photo_of(name: str) -> str:
    """The photograph a FIW face was cut from: "F0001/MID1/P00002_face0.jpg" -> "F0001/P00002".

    Two members cut from one photograph share its light, focus and colours: a shortcut to "kin" that no face carries.
    """
    return f"{family_of(name)}/{name.rsplit('/', 1)[1].split('_')[0]}"


def by_identity(names: Iterable[str]) -> dict[str, list[str]]:
    """Identity -> its images, in the given order."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(identity_of(name), []).append(name)
    return groups


def fiw_crops(root: Path, split: str, spec: InputSpec, names: Sequence[str] | None = None) -> Crops:
    """Aligned faces of FIW "train" or "val", all or those named ("F0001/MID1/P00001_face0.jpg")."""
    folder = root / "fiw" / split
    names = image_names(folder) if names is None else names
    return cached_crops(f"fiw_{split}", folder, names, spec, partial(template_face, source=ARCFACE_112))


def celeba_crops(root: Path, spec: InputSpec) -> Crops:
    """Aligned faces of the CelebA identity folders."""
    folder = root / "celeba"
    return cached_crops("celeba", folder, image_names(folder), spec, partial(template_face, source=PARTIAL_160))


def folder_crops(folder: Path, spec: InputSpec, names: Sequence[str] | None = None) -> Crops:
    """Faces of any folder of photos, detected (the face nearest the centre) and aligned."""
    names = image_names(folder) if names is None else names
    return cached_crops(folder.name, folder, names, spec, central_face)


def fiw_members(root: Path) -> dict[str, str]:
    """FIW train member -> gender, "m" or "f"."""
    return {r["member"]: r["gender"] for r in read_csv(root / "fiw" / "train_members.csv", ("member", "gender"))}


def fiw_train_pairs(root: Path) -> list[Kin]:
    """The kin pairs of FIW train members, with their relation."""
    rows = read_csv(root / "fiw" / "train_pairs.csv", ("member_a", "member_b", "relation"))
    return [Kin(r["member_a"], r["member_b"], r["relation"]) for r in rows]


def fiw_relations(root: Path) -> list[tuple[str, str, str]]:
    """(member a, member b, what a is to b: child, parent, sibling, spouse, ...), FIW train."""
    rows = read_csv(root / "fiw" / "train_relations.csv", ("member_a", "member_b", "a_is_the"))
    return [(r["member_a"], r["member_b"], r["a_is_the"]) for r in rows]


def fiw_val_pairs(root: Path) -> list[Pair]:
    """RFIW task 1, validation list: evaluation only. Names are relative to fiw/val."""
    return read_pairs(root / "fiw" / "val_pairs.csv")


def read_pairs(path: Path, images: Path | None = None) -> list[Pair]:
    """A table with image_a, image_b, kin (or same) as 0/1, and optionally relation.

    Args:
        images: folder that must have every photo of the list; None looks for none.

    Raises:
        DataError: no such file, or a photo is missing.  ListError: a column is missing, the list is empty, or a label
            is neither 0 nor 1.
    """
    listed = pair_list(read_text(path), str(path), "image_a, image_b, kin (or same), and optionally relation")
    if not listed.label:
        raise ListError(
            f"{path} wants the columns image_a, image_b, kin (or same); it has: {', '.join(listed.header)}."
        )
    pairs = []
    for p in listed.pairs:
        check_filled(path, p.row, {"image_a": p.a, "image_b": p.b})
        check_photos(path, p.row, images, p.a, p.b)
        pairs.append(Pair(p.a, p.b, flag(path, p.row, listed.label, p.label), p.relation))
    return pairs


def lfw_pairs(root: Path) -> list[Pair]:
    """The 6,000 pairs of LFW's view 2 with fold 0 to 9. Names are relative to lfw/images. Evaluation only.

    Raises:
        DataError: no such file.  ListError: it is no list of view 2.
    """
    path = root / "lfw" / "pairs.txt"
    (_, first), *lines = numbered_lines(path)
    head = first.split()
    folds, each = map(int, head) if len(head) == 2 and all(c.isdecimal() for c in head) else (0, 0)
    if not folds * each or len(lines) != 2 * folds * each:
        raise ListError(
            f"{path} is no list of LFW's view 2: its first line is FOLDS PAIRS, such as 10 300, and 2 x FOLDS x PAIRS "
            f"lines follow, {PAIR_FORM}; found {first[:60]!r} and {len(lines)} lines."
        )
    pairs = named_pairs(path, lines)
    return [
        Pair(_lfw_photo(*a), _lfw_photo(*b), a[0] == b[0], "", i // (2 * each)) for i, (_, a, b) in enumerate(pairs)
    ]


def _lfw_photo(name: str, number: int) -> str:
    return f"{name}/{name}_{number:04d}.jpg"


def mfr2_pairs(root: Path) -> list[Pair]:
    """The 848 pairs of MFR2 (real masks). Names are relative to mfr2. Evaluation only.

    Raises:
        DataError: no such file, or a photo is missing.  ListError: a line of another form.
    """
    path = root / "mfr2" / "pairs.txt"
    pairs, files = named_pairs(path, numbered_lines(path)), _png_or_jpg(root / "mfr2")
    return [Pair(_mfr2_photo(path, i, files, *a), _mfr2_photo(path, i, files, *b), a[0] == b[0]) for i, a, b in pairs]


def _mfr2_photo(path: Path, line: int, files: dict[str, str], name: str, number: int) -> str:
    found = files.get(f"{name}/{name}_{number:04d}")
    if found is None:
        raise DataError(f"{path}, line {line}: there is no photo {name}/{name}_{number:04d} in {path.parent}.")
    return found


def _png_or_jpg(folder: Path) -> dict[str, str]:
    return {Path(n).with_suffix("").as_posix(): n for n in image_names(folder)}


def mfr2_masked(root: Path) -> dict[str, bool]:
    """MFR2 image name -> does the person wear a mask?

    Raises:
        DataError: no such file, or a photo is missing.  ListError: a line that is not "name, number, kind".
    """
    path = root / "mfr2" / "mfr2_labels.txt"
    files, masked = _png_or_jpg(root / "mfr2"), {}
    for line, text in numbered_lines(path):
        cells = [cell.strip() for cell in text.split(",")]
        if len(cells) != 3 or not cells[1].isdecimal():
            raise ListError(f'{path}, line {line}: wants "name, number, kind of mask", found {text[:60]!r}.')
        masked[_mfr2_photo(path, line, files, cells[0], int(cells[1]))] = cells[2] != "no-mask"
    return masked


KINFACE_FOLDERS = {"fd": "father-dau", "fs": "father-son", "md": "mother-dau", "ms": "mother-son"}


def kinface_pairs(root: Path, part: str) -> list[Pair]:
    """KinFaceW "I" or "II" with its standard folds 1 to 5. Names are relative to KinFaceW-<part>/images.

    Raises:
        DataError: no such file.  ListError: a file of another form.
    """
    pairs = []
    for relation, folder in KINFACE_FOLDERS.items():
        path = need(root / f"KinFaceW-{part}" / "meta_data" / f"{relation}_pairs.mat")
        for fold, kin, a, b in _mat_rows(path):
            pairs.append(Pair(f"{folder}/{a}", f"{folder}/{b}", bool(kin), relation, fold))
    return pairs


def _mat_rows(path: Path) -> list[tuple[int, int, str, str]]:
    from scipy.io import loadmat

    try:
        table = loadmat(path)["pairs"]
        return [(int(fold.item()), int(kin.item()), str(a.item()), str(b.item())) for fold, kin, a, b in table]
    except Exception as error:  # scipy's reader has no error of its own: NotImplementedError, ValueError, struct.error
        raise ListError(
            f'{path} wants a MATLAB file of version 5 to 7 (save -v7) with a table "pairs": fold, kin, image, image; '
            f"it cannot be read so: {error}"
        ) from error


def data_row(name: str, folder: Path, names: Iterable[str]) -> dict[str, Any]:
    """A sidecar's line on a set: its name, how many files, and one sha256 over their names and contents."""
    digest, count = hashlib.sha256(), 0
    for count, file in enumerate(sorted(names), 1):  # noqa: B007 -- the last count is the size
        digest.update(file.encode() + b"\0" + hashlib.sha256((folder / file).read_bytes()).digest())
    return {"name": name, "size": count, "hash": digest.hexdigest()}
