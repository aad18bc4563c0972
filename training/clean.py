"""List the side faces of a training set, which masked-face recognition's source drops.

    python -m training.clean --data DIR --set celeba|fiw [--ratio 0.2]

MTCNN finds the face nearest the image's centre. Its deviation is the horizontal distance of the eyes' midpoint from the
middle of the face window, as a fraction of the window's width: near 0 from the front, larger the more the head is
turned. Images above the ratio, and images without a face, are listed in dropped.csv, the others in kept.csv, with a
contact sheet, in runs/clean/<set>/. Nothing is deleted, and no recipe reads the lists: who wants to train without side
faces copies what kept.csv names into a data folder.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from models.commands import command
from models.faces.face import Face
from models.faces.photo import open_photo
from training.data.detections import central_face
from training.data.sets import data_root, image_names
from training.tools.settings import checked

SETS = {"celeba": Path("celeba"), "fiw": Path("fiw/train")}
"""Set -> folder of its images below the data folder. Evaluation sets are never cleaned."""
RATIO = 0.2
"""Largest deviation that is kept. The source names no number; ours was chosen on the contact sheets: above it faces
are in profile (1.6 % in samples of CelebA and of FIW), from 0.1 to 0.2 they are half turned (another 16 to 19 %)."""
TILE, COLUMNS, ROWS = 96, 10, 8
"""Contact sheet: pixels of an image, images in a row, rows in each half."""


@dataclass(frozen=True)
class Judged:
    """One image of the set.

    Attributes:
        name: relative to the set's folder.
        deviation: of the eyes' midpoint, in widths of the face window; NaN when no face was found.
    """

    name: str
    deviation: float

    def kept(self, ratio: float) -> bool:
        return self.deviation <= ratio  # NaN is not


def deviation(face: Face) -> float:
    """|midpoint of the eyes - middle of the box|, horizontally, over the box's width; NaN for a face not detected."""
    if face.confidence == 0:
        return math.nan
    left, _, right, _ = (float(v) for v in face.box)
    eyes = float(face.keypoints[:2, 0].mean())
    return abs(eyes - (left + right) / 2) / max(right - left, 1e-6)


def judge(folder: Path, names: Sequence[str], find_face: Callable[[np.ndarray], Face] = central_face) -> list[Judged]:
    """Every image's deviation, in the given order."""
    return [Judged(name, deviation(find_face(open_photo(folder / name)))) for name in tqdm(names, unit="face")]


def write_list(path: Path, rows: Sequence[Judged]) -> None:
    """CSV with the columns image and deviation (empty when no face was found)."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "deviation"])
        writer.writerows([r.name, "" if math.isnan(r.deviation) else f"{r.deviation:.4f}"] for r in rows)


def contact_sheet(folder: Path, kept: Sequence[Judged], dropped: Sequence[Judged], ratio: float) -> Image.Image:
    """An even sample of the kept (above) and of the dropped (below), each in order of deviation."""
    heights = [24 + TILE * min(ROWS, max(1, math.ceil(len(rows) / COLUMNS))) for rows in (kept, dropped)]
    sheet = Image.new("RGB", (COLUMNS * TILE, sum(heights)), "white")
    pen = ImageDraw.Draw(sheet)
    halves = ((0, f"kept: deviation <= {ratio:g}", kept), (heights[0], f"dropped: no face, or > {ratio:g}", dropped))
    for top, word, rows in halves:
        pen.text((6, top + 6), f"{word}; {len(rows)} images", fill="black")
        for i, row in enumerate(evenly(rows, COLUMNS * ROWS)):
            x, y = i % COLUMNS * TILE, top + 24 + i // COLUMNS * TILE
            sheet.paste(Image.fromarray(open_photo(folder / row.name)).resize((TILE, TILE)), (x, y))
            label = "no face" if math.isnan(row.deviation) else f"{row.deviation:.2f}"
            pen.rectangle((x, y, x + 7 * len(label), y + 11), fill="white")
            pen.text((x + 1, y), label, fill="black")
    return sheet


def evenly(rows: Sequence[Judged], count: int) -> list[Judged]:
    """At most `count` rows spread over all of them, in order of deviation, images without a face last."""
    ordered = sorted(rows, key=lambda r: (math.isnan(r.deviation), r.deviation))
    places = np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int)
    return [ordered[i] for i in places]


def clean(folder: Path, out: Path, ratio: float, find_face: Callable[[np.ndarray], Face] = central_face) -> str:
    """Judge a folder and write kept.csv, dropped.csv and contact_sheet.png.

    Returns:
        One line that says what was found.
    """
    judged = judge(folder, image_names(folder), find_face)
    kept, dropped = ([r for r in judged if r.kept(ratio) == keep] for keep in (True, False))
    out.mkdir(parents=True, exist_ok=True)
    write_list(out / "kept.csv", kept)
    write_list(out / "dropped.csv", dropped)
    contact_sheet(folder, kept, dropped, ratio).save(out / "contact_sheet.png")
    faceless = sum(math.isnan(r.deviation) for r in dropped)
    return (
        f"{folder}: kept {len(kept)} of {len(judged)}; dropped {len(dropped) - faceless} turned faces (deviation > "
        f"{ratio:g}) and {faceless} images without a face. Lists and contact sheet in {out}"
    )


@command()
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="data folder; default KINSIGHT_DATA, else ./data")
    parser.add_argument("--set", choices=sorted(SETS), required=True)
    parser.add_argument("--ratio", type=float, default=RATIO, help="largest deviation kept, in widths of the window")
    parser.add_argument("--out", type=Path, help="default runs/clean/<set>")
    args = checked(parser.parse_args(argv))
    out = args.out or Path(__file__).resolve().parent.parent / "runs" / "clean" / args.set
    print(clean(data_root(args.data) / SETS[args.set], out, args.ratio))


if __name__ == "__main__":
    main()
