"""Photos turned by quarters: is the same face found, and if not, do the words say that the photo may be turned?

    python -m training.studies.turned_photos [--photos 120] [--seed 7] [--data DIR] [--json FILE]

One photo each of as many people of CelebA and of FIW's training part as --photos says, drawn by the seed, as it is and
turned by one, two and three quarters. The right keypoints of a turned photo are those of the upright one, turned.
models/faces/turned.py was tuned on other draws; evaluation sets are not used.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.commands import check_file, command
from models.errors import UserError
from models.faces.detect import detect_faces
from models.faces.face import Face
from models.faces.photo import open_photo
from models.faces.quality import LYING, assess
from models.faces.turned import turned_back
from training.data.sets import by_identity, data_root, image_names
from training.evaluate.metrics import bootstrap_ci
from training.evaluate.report import write_json
from training.tools.settings import checked

SETS = {"CelebA": Path("celeba"), "FIW train": Path("fiw/train")}
NEAR = 0.05
"""Largest distance of a keypoint from where it should be, in eye distances, that counts as found."""
STRICTER = (0.99, 0.995, 0.999)
"""Confidences below which a warning is tried, beside quality.UNSURE."""
RIGHT, WARNED, SILENT, NOTHING = "right", "wrong, with a warning", "wrong, without a warning", "no face"


def drawn(folder: Path, number: int, seed: int) -> list[Path]:
    """A photo each of `number` people (or of all there are)."""
    people, draw = by_identity(tuple(image_names(folder))), random.Random(seed)
    chosen = draw.sample(sorted(people), min(number, len(people)))
    return [folder / draw.choice(sorted(people[person])) for person in chosen]


def outcome(upright: Face, quarters: int) -> tuple[str, float]:
    """(what detection makes of the photo of a face, turned counter-clockwise by quarters, and its confidence)."""
    photo = np.ascontiguousarray(np.rot90(upright.photo, quarters))
    faces = detect_faces(photo)
    if not faces:
        return NOTHING, 0.0
    back = turned_back(faces[0], quarters, upright.photo)
    eyes = float(np.linalg.norm(upright.keypoints[1] - upright.keypoints[0]))
    if float(np.linalg.norm(back.keypoints - upright.keypoints, axis=1).max()) <= NEAR * eyes:
        return RIGHT, faces[0].confidence
    return WARNED if warned(faces[0]) else SILENT, faces[0].confidence


def warned(face: Face) -> bool:
    """Do the words about a face say that the photo may be turned?"""
    return any("turned by" in words or "may be turned" in words for words in assess(face).warnings)


def wilson(hits: int, of: int, z: float = 1.96) -> list[float]:
    """95 % score interval of a share (Wilson, JASA 1927)."""
    share, add = hits / of, z * z / of
    half = z * np.sqrt(share * (1 - share) / of + add / of / 4)
    return [float(np.clip((share + add / 2 + sign * half) / (1 + add), 0, 1)) for sign in (-1, 1)]


def figures(paths: Sequence[Path]) -> dict[str, Any]:
    """Counts and shares over the photos of a set."""
    upright = [faces[0] for path in paths if (faces := detect_faces(open_photo(path)))]
    if not upright:
        raise UserError("no face was found in any upright photo of the draw")
    found = [[outcome(face, quarters) for quarters in (1, 2, 3)] for face in upright]
    table = np.array([[kind for kind, _ in row] for row in found])
    sure = np.array([[confidence for _, confidence in row] for row in found])
    right, silent = (table == RIGHT).mean(1), (table == SILENT).any(1)
    return {
        "photos": len(paths),
        "upright": {
            "found": len(upright),
            "turned by mistake": sum(abs(assess(face).roll_deg) > LYING for face in upright),
            "warned": sum(map(warned, upright)),
        },
        "turned": {kind: int((table == kind).sum()) for kind in (RIGHT, WARNED, SILENT, NOTHING)},
        "share_right": float(right.mean()),
        "share_right_ci95": bootstrap_ci(lambda rows: float(right[rows].mean()), [str(i) for i in range(len(right))]),
        "photos_silent": int(silent.sum()),
        "share_of_photos_silent_ci95": wilson(int(silent.sum()), len(silent)),
        "stricter": {str(t): stricter(t, upright, table, sure) for t in STRICTER},
    }


def stricter(floor: float, upright: Sequence[Face], table: np.ndarray, sure: np.ndarray) -> dict[str, int]:
    """What would be if every face less sure than `floor` were said to be uncertain."""
    return {
        "upright warned": sum(warned(face) or face.confidence < floor for face in upright),
        SILENT: int(((table == SILENT) & (sure >= floor)).sum()),
    }


@command()
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=120, help="of each set; default: %(default)s")
    parser.add_argument("--seed", type=int, default=7, help="of the draw; default: %(default)s")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/turned_photos.json"))
    args = checked(parser.parse_args(arguments))
    check_file(args.json, "--json")
    root = data_root(args.data)
    report: dict[str, Any] = {"seed": args.seed, "near": NEAR, "sets": {}}
    for name, folder in SETS.items():
        report["sets"][name] = figures(drawn(root / folder, args.photos, args.seed))
        print(f"{name}: {report['sets'][name]}", flush=True)
    report["intervals"] = "of shares right: bootstrap over photos; of photos with a silent mistake: Wilson"
    write_json(report, args.json)
    print(f"wrote {args.json}")


if __name__ == "__main__":
    main()
