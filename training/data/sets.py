"""Readers of the research sets: lists, pairs and aligned crops. Nothing here is downloaded.

The data folder is --data DIR, else the environment variable KINSIGHT_DATA, else ./data, laid out as

    fiw/{train,val}/Fxxxx/MIDy/*.jpg, fiw/{train_members,train_pairs,train_relations,val_pairs,val_triplets}.csv
    celeba/<id>/*.jpg    lfw/images/<name>/*.jpg, lfw/pairs.txt    mfr2/<name>/*.jpg, mfr2/pairs.txt
    KinFaceW-{I,II}/images/<relation>/*.jpg, KinFaceW-{I,II}/meta_data/*.mat

FIW images lie on the ArcFace 112 template, CelebA images on the 160 px template of the partial-face protocol:
they are aligned by those known keypoints. LFW, MFR2 and KinFaceW go through detection.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from models.errors import UserError
from models.faces.align import ARCFACE_112, PARTIAL_160
from models.faces.face import InputSpec
from training.data.crops import Crops, cached_crops, template_face
from training.data.detections import central_face

RELATIONS = ("bb", "ss", "sibs", "fd", "fs", "md", "ms", "gfgd", "gfgs", "gmgd", "gmgs")
"""The eleven relations of FIW, in the order the papers list them."""


class DataError(UserError, FileNotFoundError):
    """A research set is not where it is looked for; the message names the missing path and the ways to give it."""


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
        raise DataError(f"no data folder {root}. Give --data DIR or set KINSIGHT_DATA; the README says what goes in.")
    return root


def need(path: Path) -> Path:
    """The path itself.

    Raises:
        DataError: it does not exist.
    """
    if not path.exists():
        raise DataError(f"missing {path}. Is {path.parent} complete? The README says where to obtain each set.")
    return path


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
    return {r["member"]: r["gender"] for r in read_csv(root / "fiw" / "train_members.csv")}


def fiw_train_pairs(root: Path) -> list[Kin]:
    """The kin pairs of FIW train members, with their relation."""
    rows = read_csv(root / "fiw" / "train_pairs.csv")
    return [Kin(r["member_a"], r["member_b"], r["relation"]) for r in rows]


def fiw_relations(root: Path) -> list[tuple[str, str, str]]:
    """(member a, member b, what a is to b: child, parent, sibling, spouse, ...), FIW train."""
    rows = read_csv(root / "fiw" / "train_relations.csv")
    return [(r["member_a"], r["member_b"], r["a_is_the"]) for r in rows]


def fiw_val_pairs(root: Path) -> list[Pair]:
    """RFIW task 1, validation list: evaluation only. Names are relative to fiw/val."""
    return read_pairs(root / "fiw" / "val_pairs.csv")


def read_pairs(path: Path) -> list[Pair]:
    """A CSV with image_a, image_b, kin (or same) as 0/1, and optionally relation.

    Raises:
        DataError: no such file.
        ValueError: a column is missing, the list is empty, or a label is neither 0 nor 1.
    """
    rows = read_csv(path)
    label = next((c for c in ("kin", "same") if rows and c in rows[0]), None)
    if label is None or not {"image_a", "image_b"} <= rows[0].keys():
        raise ValueError(f"{path}: wants the columns image_a, image_b, kin (or same), and optionally relation")
    bad = {r[label] for r in rows} - {"0", "1"}
    if bad:
        raise ValueError(f"{path}: {label} is 0 or 1, found {sorted(map(str, bad))[:3]}")
    return [Pair(r["image_a"], r["image_b"], r[label] == "1", r.get("relation") or "") for r in rows]


def read_csv(path: Path) -> list[dict[str, str]]:
    with need(path).open(newline="", encoding="utf-8-sig") as file:
        return [{k: (v or "").strip() for k, v in row.items() if k} for row in csv.DictReader(file)]


def lfw_pairs(root: Path) -> list[Pair]:
    """The 6,000 pairs of LFW's view 2 with fold 0 to 9. Names are relative to lfw/images. Evaluation only."""
    lines = [line.split() for line in need(root / "lfw" / "pairs.txt").read_text().splitlines() if line.strip()]
    each = int(lines[0][1])  # pairs of each kind in a fold
    return [_name_pair(cells, "{0}/{0}_{1:04d}.jpg", i // (2 * each)) for i, cells in enumerate(lines[1:])]


def mfr2_pairs(root: Path) -> list[Pair]:
    """The 848 pairs of MFR2 (real masks). Names are relative to mfr2. Evaluation only."""
    lines = need(root / "mfr2" / "pairs.txt").read_text().splitlines()
    files = _png_or_jpg(root / "mfr2")
    return [_name_pair(line.split(), "{0}/{0}_{1:04d}", 0, files) for line in lines if line.strip()]


def _png_or_jpg(folder: Path) -> dict[str, str]:
    return {Path(n).with_suffix("").as_posix(): n for n in image_names(folder)}


def _name_pair(cells: list[str], pattern: str, fold: int, files: dict[str, str] | None = None) -> Pair:
    """ "name 1 4" is a same pair, "name 1 other 2" a different one."""
    other, number = (cells[0], cells[2]) if len(cells) == 3 else (cells[2], cells[3])
    a, b = pattern.format(cells[0], int(cells[1])), pattern.format(other, int(number))
    return Pair(files[a] if files else a, files[b] if files else b, len(cells) == 3, "", fold)


def mfr2_masked(root: Path) -> dict[str, bool]:
    """MFR2 image name -> does the person wear a mask?"""
    files, masked = _png_or_jpg(root / "mfr2"), {}
    for line in need(root / "mfr2" / "mfr2_labels.txt").read_text().splitlines():
        if line.strip():
            person, number, kind = (cell.strip() for cell in line.split(","))
            masked[files[f"{person}/{person}_{int(number):04d}"]] = kind != "no-mask"
    return masked


KINFACE_FOLDERS = {"fd": "father-dau", "fs": "father-son", "md": "mother-dau", "ms": "mother-son"}


def kinface_pairs(root: Path, part: str) -> list[Pair]:
    """KinFaceW "I" or "II" with its standard folds 1 to 5. Names are relative to KinFaceW-<part>/images."""
    from scipy.io import loadmat

    pairs = []
    for relation, folder in KINFACE_FOLDERS.items():
        table = loadmat(need(root / f"KinFaceW-{part}" / "meta_data" / f"{relation}_pairs.mat"))["pairs"]
        for fold, kin, a, b in table:
            names = f"{folder}/{a.item()}", f"{folder}/{b.item()}"
            pairs.append(Pair(*names, bool(kin.item()), relation, int(fold.item())))
    return pairs


def data_row(name: str, folder: Path, names: Iterable[str]) -> dict[str, Any]:
    """A sidecar's line on a set: its name, how many files, and one sha256 over their names and contents."""
    digest, count = hashlib.sha256(), 0
    for count, file in enumerate(sorted(names), 1):  # noqa: B007 -- the last count is the size
        digest.update(file.encode() + b"\0" + hashlib.sha256((folder / file).read_bytes()).digest())
    return {"name": name, "size": count, "hash": digest.hexdigest()}
