"""What is lost when a part of the face is covered, and does it matter whether a map chose the part?

    python -m training.studies.expression_occlusion [--model NAME] [--state RUN/model.safetensors] [--part test]
        [--limit 0] [--data DIR] [--json benchmarks/results/expression_occlusion.json]

Every face of FER+'s test part with a majority, plain and

    patch           a square of 1/4 or 3/8 of the side, as grey as the face's mean: at random (mean of three draws);
                    guided, where the map of the named class (--guide; Grad-CAM: Selvaraju et al., ICCV 2017) is
                    highest in the mean; and where the map of another face of the same named class is highest
    eyes nose mouth the regions of models/faces/regions.py, placed by landmarks, as grey as the face's mean
    worn            a surgical mask, sunglasses (models/faces/occluders.py)

Latent-OFER (I. Lee et al., ICCV 2023) says that guided occlusion hurts more than random occlusion. The difference is
paired, face by face. The other face's map tells whether the map of this face matters, or only that maps lie in the
middle of faces. Where the landmarks are wrong (training/tools/face_api.py says how often), regions and worn things lie
elsewhere: their losses are rather too small. Intervals: 95 %, bootstrap over faces; one training seed a network.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from models.commands import check_file, command
from models.face_model import ClassModel
from models.faces.face import FaceBatch
from models.faces.occluders import occlude
from models.faces.regions import region_masks
from models.faces.worn.camera import fit_camera
from training.data.sets import data_root
from training.evaluate.class_answers import logits_of
from training.evaluate.class_figures import bootstrap
from training.evaluate.report import write_json
from training.studies.class_maps import METHODS, Maps, stretched
from training.studies.class_weights import add_weights, chosen_weights, with_others
from training.studies.marked_faces import MarkedFaces, marked_faces
from training.studies.wording import interval, signed

SIDES = {"1/4": 12, "3/8": 18}
"""Of a patch: share of the crop's side, and pixels of 48."""
DRAWS, DRAWN = 3, 96
REGIONS = ("eyes", "nose", "mouth")
WORN = ("surgical", "sunglasses")
CLAIM = "guided occlusion hurts more than random occlusion (Latent-OFER)"


def covered(faces: FaceBatch, masks: np.ndarray) -> FaceBatch:
    """Faces with (B, h, w) bool places as grey as each face's mean."""
    mean = faces.image.mean((1, 2, 3))[:, None, None, None]
    return faces.with_image(torch.where(torch.from_numpy(masks)[:, None], mean, faces.image))


def squares(corners: np.ndarray, side: int, size: int) -> np.ndarray:
    """(B, 2) rows and columns of upper left corners -> (B, size, size) bool."""
    at = np.arange(size)
    inside = [(at >= corners[:, k, None]) & (at < corners[:, k, None] + side) for k in (0, 1)]
    return inside[0][:, :, None] & inside[1][:, None, :]


def highest(maps: np.ndarray, side: int) -> np.ndarray:
    """(B, h, w) maps -> (B, 2) upper left corner of the square with the highest mean."""
    means = F.avg_pool2d(torch.from_numpy(maps)[:, None].double(), side, 1)[:, 0]
    best = means.flatten(1).argmax(1).numpy()
    return np.stack(np.divmod(best, means.shape[2]), 1)


def of_another(corners: np.ndarray, named: np.ndarray) -> np.ndarray:
    """Corners dealt round among the faces of one named class: each face has those of the next."""
    dealt = corners.copy()
    for k in np.unique(named):
        rows = np.flatnonzero(named == k)
        dealt[rows] = corners[np.roll(rows, 1)]
    return dealt


def guides(model: ClassModel, faces: MarkedFaces, guide: Maps, what: str) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the named class of each face, and (N, 48, 48) the guide's map of it."""
    named, maps = [], []
    for rows in tqdm(faces.batches(), desc=f"{what}: maps", unit="batch"):
        batch = faces.batch(rows)
        named.append(logits_of(model, batch).argmax(1))
        maps.append(stretched(guide(model, batch, named[-1]), batch.image.shape[-1]))
    return np.concatenate(named), np.concatenate(maps)


def right(model: ClassModel, faces: MarkedFaces, change: Callable[[np.ndarray], FaceBatch], what: str) -> np.ndarray:
    """(N,) whether each changed face is named rightly; change: rows -> batch."""
    parts = [logits_of(model, change(rows)).argmax(1) for rows in tqdm(faces.batches(), desc=what, unit="batch")]
    return np.concatenate(parts) == faces.labels


def at_corners(faces: MarkedFaces, corners: np.ndarray, side: int, rows: np.ndarray) -> FaceBatch:
    batch = faces.batch(rows)
    return covered(batch, squares(corners[rows], side, batch.image.shape[-1]))


def at_region(faces: MarkedFaces, region: str, rows: np.ndarray) -> FaceBatch:
    batch = faces.batch(rows)
    masks = [region_masks(k, batch.image.shape[-1])[region] for k in faces.keypoints[rows]]
    return covered(batch, np.stack(masks))


def wearable(faces: MarkedFaces) -> MarkedFaces:
    """The faces on which something can be worn: without those whose landmarks coincide or lie on one line."""

    def fits(keypoints: np.ndarray) -> bool:
        try:
            fit_camera(keypoints * DRAWN - 0.5)
        except ValueError:
            return False
        return True

    return faces.only(np.array([fits(keypoints) for keypoints in faces.keypoints], bool))


def worn(faces: MarkedFaces, kind: str, rows: np.ndarray) -> FaceBatch:
    """Something drawn on the faces at 96 px; the make follows the row."""
    wide = F.interpolate(faces.batch(rows).image, (DRAWN, DRAWN), mode="bilinear")
    pixels = (wide * 255).round().byte().permute(0, 2, 3, 1).numpy()
    keypoints = faces.keypoints[rows] * DRAWN - 0.5
    drawn = [occlude(p, k, kind, int(row)).image for p, k, row in zip(pixels, keypoints, rows, strict=True)]
    image: Tensor = torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).float() / 255
    return FaceBatch(image, torch.from_numpy(faces.keypoints[rows]).float())


def conditions(model: ClassModel, faces: MarkedFaces, guide: Maps, what: str) -> dict[str, np.ndarray]:
    """Condition -> (N,) float: was the face named rightly (of random patches: the share of draws)."""
    named, maps = guides(model, faces, guide, what)
    found = {"plain": (named == faces.labels).astype(float)}

    def ask(name: str, change: Callable[[np.ndarray], FaceBatch]) -> np.ndarray:
        return right(model, faces, change, f"{what}: {name}").astype(float)

    rng, size = np.random.default_rng(0), maps.shape[1]
    for share, side in SIDES.items():
        own = highest(maps, side)
        draws = [rng.integers(0, size - side + 1, own.shape) for _ in range(DRAWS)]
        places = {"guided": [own], "another's map": [of_another(own, named)], "random": draws}
        for how, corners in places.items():
            name = f"{how}, {share}"
            found[name] = np.mean([ask(name, partial(at_corners, faces, c, side)) for c in corners], 0)
    found |= {region: ask(region, partial(at_region, faces, region)) for region in REGIONS}
    return found | {kind: ask(kind, partial(worn, faces, kind)) for kind in WORN}


def mean_cell(values: np.ndarray) -> dict[str, Any]:
    return {"mean": float(values.mean()), "ci95": bootstrap(lambda r: float(values[r].mean()), len(values))}


def figures(found: Mapping[str, np.ndarray], labels: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Accuracy, loss and recall by class of every condition; the claim, and the control, at every size of patch."""
    rows = {}
    for name, values in found.items():
        recall = {n: float(values[labels == k].mean()) for k, n in enumerate(names) if (labels == k).any()}
        rows[name] = {"accuracy": mean_cell(values), "loss": mean_cell(found["plain"] - values), "recall": recall}
    apart = {}
    for share in SIDES:
        guided = found[f"guided, {share}"]
        apart[share] = {
            "random less guided": mean_cell(found[f"random, {share}"] - guided),
            "another's map less guided": mean_cell(found[f"another's map, {share}"] - guided),
        }
    return {
        "conditions": rows,
        "differences": apart,
        "claim": {s: verdict(c["random less guided"]) for s, c in apart.items()},
    }


def verdict(difference: Mapping[str, Any]) -> str:
    """Of the claim, from the interval of accuracy under random less under guided patches."""
    low, high = difference["ci95"]
    return "confirmed" if low > 0 else "refuted" if high < 0 else "not seen"


def table(report: Mapping[str, Any]) -> str:
    """Every condition of every network, in per cent."""
    lines = []
    for name, row in report["weights"].items():
        lines.append(f"{name}, {report['faces']} faces")
        for condition, values in row["conditions"].items():
            accuracy = values["accuracy"]
            shown = f"{interval(accuracy['mean'], accuracy['ci95'])}  loss {signed(values['loss'])}"
            lines.append(f"  {condition:22s} {shown}")
        for share, cells in row["differences"].items():
            lines += [f"  {what}, {share}: {signed(cell)}" for what, cell in cells.items()]
            lines.append(f"  {CLAIM}, {share}: {row['claim'][share]}")
    return "\n".join(lines)


@command()
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_weights(parser)
    parser.add_argument("--part", choices=("valid", "test"), default="test")
    parser.add_argument("--guide", choices=list(METHODS), default="grad_cam", help="map that chooses the patch")
    parser.add_argument("--limit", type=int, default=0, help="faces, drawn at random; 0: all")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/expression_occlusion.json"))
    args = parser.parse_args(arguments)
    check_file(args.json, "--json")
    weights, every = chosen_weights(args), marked_faces(data_root(args.data), args.part, args.limit)
    faces = wearable(every)
    found = {}
    for name, weight in weights.items():
        asked = conditions(weight.model, faces, METHODS[args.guide], name)
        found[name] = {**weight.facts, **figures(asked, faces.labels, weight.model.classes)}
    report = {
        "claim": CLAIM,
        "guide": args.guide,
        "protocol": f"FER+ {args.part} part, {len(every)} faces with a majority less {len(every) - len(faces)} whose "
        "landmarks lie on one line; patches and regions as grey as the face's mean; "
        f"guided by {args.guide}; intervals: bootstrap over faces, differences paired",
        "faces": len(faces),
        "weights": found,
    }
    report = with_others(report, args.json)
    print(table(report))
    write_json(report, args.json)
    print(f"wrote {args.json}")


if __name__ == "__main__":
    main()
