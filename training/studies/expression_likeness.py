"""Are the maps human-like? Mean map of each expression against the facial action units of that emotion.

    python -m training.studies.expression_likeness [--model NAME] [--state RUN/model.safetensors] [--method grad_cam]
        [--part test] [--data DIR] [--json benchmarks/results/expression_likeness.json]

As arXiv 2401.11835 asks: of the faces of an expression that a network names rightly, the mean map (each face's map adds
up to 1 first) is cut at a share of the pixels and compared, by intersection over union, with a mask of the emotion's
action units (training/studies/action_units.py) placed on the mean of the same faces' 68 landmarks. Two cuts: as many
pixels as the mask has, and 20 %. Beside it

    each face       the map of every face against the mask on its own landmarks, mean over faces and emotions
    random map      a grid of noise as coarse as the map, stretched alike: mean and 95 % of the draws
    other maps      the same masks against the mean maps of the five other emotions
    randomised      the same network with new numbers: if it fits as well, the fit says nothing of what was learned

Develop with --part valid; the figures are of FER+'s test part. Intervals: 95 %, bootstrap over faces.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from models.commands import check_file, command
from models.face_model import ClassModel
from training.data.sets import data_root
from training.evaluate.class_answers import class_logits
from training.evaluate.report import write_json
from training.studies.action_units import EMOTIONS, emotion_mask
from training.studies.class_maps import METHODS, Maps, stretched
from training.studies.class_weights import Weight, add_weights, chosen_weights, renewed, with_others
from training.studies.marked_faces import MarkedFaces, marked_faces
from training.studies.wording import interval

SIZE, BATCH, ROUNDS, FIXED = 48, 32, 1000, 0.2
RENEWED = 2
"""Networks with new numbers."""
PUBLISHED = {"mean of 12 networks": 0.270, "best": 0.327, "worst": 0.207, "source": "arXiv 2401.11835, masks of theirs"}


@dataclass(frozen=True)
class Shown:
    """The faces of each emotion that a network names rightly.

    Attributes:
        faces: of the whole part.
        rows: emotion -> rows.
        classes: emotion -> number of its class.
    """

    faces: MarkedFaces
    rows: Mapping[str, np.ndarray]
    classes: Mapping[str, int]

    def masks(self) -> dict[str, np.ndarray]:
        """Emotion -> (SIZE, SIZE) bool, on the mean landmarks of its faces."""
        return {e: emotion_mask(e, self.faces.landmarks[rows].mean(0), SIZE) for e, rows in self.rows.items()}


def rightly_named(model: ClassModel, faces: MarkedFaces, limit: int, seed: int = 0) -> Shown:
    """At most `limit` faces of each emotion whose leading class is their label, drawn at random."""
    right, rng = class_logits(model, faces.crops, "naming").argmax(1) == faces.labels, np.random.default_rng(seed)
    classes = {e: model.classes.index(e) for e in EMOTIONS}
    found = {e: rng.permutation(np.flatnonzero(right & (faces.labels == k)))[:limit] for e, k in classes.items()}
    return Shown(faces, {e: np.sort(rows) for e, rows in found.items() if len(rows)}, classes)


def maps_of(model: ClassModel, shown: Shown, method: Maps, what: str) -> dict[str, np.ndarray]:
    """Emotion -> (n, SIZE, SIZE) maps of its class, each adding up to 1."""
    found = {}
    for emotion, rows in tqdm(shown.rows.items(), desc=what, unit="emotion"):
        parts = []
        for start in range(0, len(rows), BATCH):
            faces = shown.faces.batch(rows[start : start + BATCH])
            classes = np.full(len(faces), shown.classes[emotion])
            parts.append(stretched(method(model, faces, classes), SIZE))
        found[emotion] = np.concatenate(parts)
    return found


def top(maps: np.ndarray, count: int) -> np.ndarray:
    """(B, h, w) -> (B, h, w) bool: the `count` highest places of each."""
    flat = maps.reshape(len(maps), -1)
    found = np.zeros(flat.shape, bool)
    np.put_along_axis(found, np.argpartition(-flat, count - 1, axis=1)[:, :count], True, 1)
    return found.reshape(maps.shape)


def iou(maps: np.ndarray, mask: np.ndarray, share: float | None = None) -> np.ndarray:
    """(B,) intersection over union of a mask with the highest places: as many as the mask has, or a share of all."""
    count = int(mask.sum()) if share is None else round(share * mask.size)
    chosen = top(maps, max(count, 1))
    both, either = (chosen & mask).sum((1, 2)), (chosen | mask).sum((1, 2))
    found: np.ndarray = both / np.maximum(either, 1)
    return found


def redrawn_means(maps: np.ndarray, rng: np.random.Generator, rounds: int = ROUNDS) -> np.ndarray:
    """(rounds + 1, h, w): the mean map, then those of faces drawn with replacement."""
    weights = rng.multinomial(len(maps), np.full(len(maps), 1 / len(maps)), rounds) / len(maps)
    weights = np.concatenate([np.full((1, len(maps)), 1 / len(maps)), weights])
    return (weights @ maps.reshape(len(maps), -1)).reshape(-1, *maps.shape[1:])


def cell(values: np.ndarray) -> dict[str, Any]:
    """First value with the 95 % interval of the others."""
    return {"mean": float(values[0]), "ci95": [float(v) for v in np.percentile(values[1:], [2.5, 97.5])]}


def likeness(maps: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray], seed: int = 0) -> dict[str, Any]:
    """What the mean maps share with the masks, see the module: own area, 20 %, other maps, their difference."""
    rng = np.random.default_rng(seed)
    means = {e: redrawn_means(m, rng) for e, m in maps.items()}
    table = {e: {m: iou(means[m], masks[e]) for m in means} for e in means}  # mask, map -> (rounds + 1,)
    own = np.mean([table[e][e] for e in table], 0)
    others = np.mean([[table[e][m] for m in table if m != e] for e in table], (0, 1))
    return {
        "own_area": cell(own),
        "fixed_area": cell(np.mean([iou(means[e], masks[e], FIXED) for e in table], 0)),
        "other_maps": cell(others),
        "own_less_other_maps": cell(own - others),
        "emotions": {e: {**cell(table[e][e]), "faces": len(maps[e])} for e in table},
        "table": {e: {m: float(v[0]) for m, v in row.items()} for e, row in table.items()},
    }


def each_face(maps: Mapping[str, np.ndarray], shown: Shown, seed: int = 0) -> dict[str, Any]:
    """Every face's map against the mask on its own landmarks: mean over faces, then over emotions."""
    rng, means = np.random.default_rng(seed), []
    for emotion, rows in shown.rows.items():
        masks = [emotion_mask(emotion, shown.faces.landmarks[row], SIZE) for row in rows]
        found = np.array([iou(m[None], mask)[0] for m, mask in zip(maps[emotion], masks, strict=True)])
        means.append(redrawn_means(found[:, None, None], rng)[:, 0, 0])
    return cell(np.mean(means, 0))


def random_maps(masks: Mapping[str, np.ndarray], grid: int, seed: int = 0) -> dict[str, Any]:
    """Noise as coarse as a map: mean of the draws and the range of 95 % of them, at both cuts."""
    noise = torch.rand(ROUNDS, len(masks), grid, grid, generator=torch.Generator().manual_seed(seed))
    maps = F.interpolate(noise, (SIZE, SIZE), mode="bilinear").numpy()
    found = {}
    for name, share in (("own_area", None), ("fixed_area", FIXED)):
        draws = np.mean([iou(maps[:, i], mask, share) for i, mask in enumerate(masks.values())], 0)
        found[name] = cell(np.concatenate([[draws.mean()], draws]))
    return {"grid": grid, **found}


def asked(name: str, weight: Weight, shown: Shown, methods: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """All figures of one network."""
    masks, report = shown.masks(), {}
    new = [renewed(weight, seed + k) for k in range(RENEWED)]
    for method in methods:
        maps = maps_of(weight.model, shown, METHODS[method], f"{name}, {method}")
        fits = [likeness(maps_of(n, shown, METHODS[method], "randomised"), masks)["own_area"]["mean"] for n in new]
        report[method] = {
            **likeness(maps, masks),
            "each_face": each_face(maps, shown),
            "random_map": random_maps(masks, grid_of(weight.model, shown, method)),
            "randomised": {"mean": float(np.mean(fits)), "each": fits},
        }
    area = {e: float(m.mean()) for e, m in masks.items()}
    return {**weight.facts, "mask_area": area, "methods": report}


def grid_of(model: ClassModel, shown: Shown, method: str) -> int:
    """Side of a method's maps in places; of occlusion the number of its steps."""
    if method == "occlusion":
        return 11
    rows = next(iter(shown.rows.values()))[:1]
    return METHODS[method](model, shown.faces.batch(rows), np.zeros(1, np.int64)).shape[-1]


def table(report: Mapping[str, Any]) -> str:
    """A line for each network and method."""
    lines = []
    for name, row in report["weights"].items():
        for method, found in row["methods"].items():
            cells = [("mean map", found["own_area"]), ("20 %", found["fixed_area"]), ("each face", found["each_face"])]
            cells += [("random map", found["random_map"]["own_area"]), ("other maps", found["other_maps"])]
            text = "  ".join(f"{what} {interval(c['mean'], c['ci95'])}" for what, c in cells)
            lines.append(f"{name}, {method}: {text}  randomised {100 * found['randomised']['mean']:.1f}")
    return "\n".join(lines)


@command()
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_weights(parser)
    parser.add_argument("--method", action="append", choices=list(METHODS), help="repeat; default: all")
    parser.add_argument("--faces", type=int, default=100, help="of each emotion, at most")
    parser.add_argument("--part", choices=("valid", "test"), default="test")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/expression_likeness.json"))
    args = parser.parse_args(arguments)
    check_file(args.json, "--json")
    weights, faces = chosen_weights(args), marked_faces(data_root(args.data), args.part)
    found = {}
    for name, weight in weights.items():
        shown = rightly_named(weight.model, faces, args.faces)
        found[name] = asked(name, weight, shown, args.method or list(METHODS))
    report = {
        "protocol": f"FER+ {args.part} part, faces with a majority that the network names rightly, at most "
        f"{args.faces} an emotion; 95 % intervals: bootstrap over faces",
        "published": PUBLISHED,
        "weights": found,
    }
    report = with_others(report, args.json)
    print(table(report))
    write_json(report, args.json)
    print(f"wrote {args.json}")


if __name__ == "__main__":
    main()
