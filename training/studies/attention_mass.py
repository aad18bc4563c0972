"""Does CBAM move attention to the eyes? The mean share of HiRes-CAM by region, for arms with none, SE and CBAM.

    python -m training.studies.attention_mass [--data DIR] [--json benchmarks/results/attention_mass.json]

Every face of MFR2 (real masks) and of LFW (a drawn mask each) passes all arms. A face's map is the part of
HiRes-CAM (Draelos and Carin, 2020) that speaks for the cosine, at the model's own layer: of the CAM family the one that
stands deletion and insertion on EdgeFace (docs/evidence.md). It explains the cosine

    mfr2        with the mean embedding of the person's other photos
    masked_lfw  with the embedding of the same photo without the mask

and its mass is counted in the regions of models/faces/regions.py. Differences between arms are paired: the same faces,
the same targets. Intervals are 95 % bootstraps over people: they speak of faces, not of what another training seed
does.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from models.commands import check_file, command
from models.faces.face import FaceBatch
from models.faces.regions import MASS_REGIONS, mass_regions
from models.pair import PairModel
from models.taps import record
from models.weights import load_pair, read_sidecar
from training.data.crops import Crops
from training.data.sets import by_identity, data_root, folder_crops, identity_of, lfw_pairs, mfr2_masked
from training.evaluate.masked import masked_crops
from training.evaluate.metrics import bootstrap_ci
from training.evaluate.report import write_json
from training.evaluate.scoring import encode_crops, unique_images

ARMS = ("edgeface_none", "edgeface_se", "edgeface_cbam")
CLAIM = "CBAM moves attention to the eyes"
BATCH = 32
TINY = 1e-9
"""A map whose highest value is not above this holds nothing: its face is left out, in every arm."""


@dataclass(frozen=True)
class Faces:
    """The faces of one set.

    Attributes:
        crops: that are explained.
        bare: the same faces without the drawn mask; None where the masks are real.
        masked: name -> wears a mask.
    """

    crops: Crops
    bare: Crops | None
    masked: Mapping[str, bool]


def mfr2_faces(root: Path, model: PairModel) -> Faces:
    """All images of MFR2 of people with at least two."""
    masked = mfr2_masked(root)
    names = [n for group in by_identity(sorted(masked)).values() if len(group) > 1 for n in group]
    return Faces(folder_crops(root / "mfr2", model.spec, names), None, masked)


def lfw_faces(root: Path, model: PairModel) -> Faces:
    """All images of LFW's pairs, each in a mask."""
    folder, names = root / "lfw" / "images", unique_images(lfw_pairs(root))
    crops = masked_crops(folder, model.spec, names)
    return Faces(crops, folder_crops(folder, model.spec, names), dict.fromkeys(names, True))


SETS = {"mfr2": mfr2_faces, "masked_lfw": lfw_faces}


def targets(model: PairModel, faces: Faces) -> Tensor:
    """(N, D) unit vectors: what the embedding of each face is compared with."""
    codes = encode_crops(model, faces.bare or faces.crops)
    unit = {name: model.embedding(code[None])[0] for name, code in codes.items()}
    if faces.bare is not None:
        return torch.stack([unit[n] for n in faces.crops.names])
    groups = by_identity(faces.crops.names)
    others = [sum(unit[o] for o in groups[identity_of(n)] if o != n) for n in faces.crops.names]
    return F.normalize(torch.stack([torch.as_tensor(v) for v in others]), dim=1)


def hires_cam(model: PairModel, faces: FaceBatch, target: Tensor) -> np.ndarray:
    """(B, h, w) float32 HiRes-CAM, where positive, of the cosine with (B, D) unit vectors, at the model's own layer."""
    device = next(model.parameters()).device
    image = faces.image.to(device).requires_grad_(True)
    with record() as evidence, torch.enable_grad():
        embedding = model.embedding(model.encode(image, faces.keypoints.to(device)))
        cosine = (embedding * target.to(device)).sum()
        features = evidence[model.cam_tap]  # (B, C, h, w)
        (gradient,) = torch.autograd.grad(cosine, features)
    maps: np.ndarray = (gradient * features).sum(1).clamp_min(0).detach().cpu().numpy()
    return maps


def shares(maps: np.ndarray, keypoints: np.ndarray, size: int) -> np.ndarray:
    """(B, R) share of each map in each of MASS_REGIONS, stretched over the crop; NaN where a map holds nothing."""
    found = np.full((len(maps), len(MASS_REGIONS)), np.nan)
    for i, values in enumerate(maps):
        if values.max() > TINY:
            mass = np.asarray(Image.fromarray(values).resize((size, size), Image.Resampling.BILINEAR), np.float64)
            regions = mass_regions(keypoints[i], size)
            found[i] = [mass[regions[r]].sum() / mass.sum() for r in MASS_REGIONS]
    return found


def arm_shares(model: PairModel, faces: Faces, what: str) -> np.ndarray:
    """(N, R) of every face of a set."""
    wanted, parts = targets(model, faces), []
    for start in tqdm(range(0, len(faces.crops), BATCH), desc=what, unit="batch"):
        rows = np.arange(start, min(start + BATCH, len(faces.crops)))
        batch = faces.crops.batch(rows)
        maps = hires_cam(model, batch, wanted[torch.from_numpy(rows)])
        parts.append(shares(maps, batch.keypoints.numpy(), model.spec.size))
    return np.concatenate(parts)


def flat_shares(faces: Faces) -> np.ndarray:
    """(N, R) the area of every region: what a flat map would have."""
    size = faces.crops.image.shape[1]
    return np.array([[m.mean() for m in mass_regions(k, size).values()] for k in faces.crops.keypoints])


def summary(by_arm: Mapping[str, np.ndarray], flat: np.ndarray, people: Sequence[str]) -> dict[str, Any]:
    """Mean shares of every arm and paired differences to the first, with intervals over people.

    Args:
        by_arm: arm -> (N, R) shares of the same faces; rows with NaN in any arm are left out everywhere.
        flat: (N, R).  people: of each face.
    """
    kept = ~np.isnan(np.concatenate(list(by_arm.values()), 1)).any(1)  # (N,)
    groups, (first, *others) = [p for p, keep in zip(people, kept, strict=True) if keep], by_arm
    return {
        "faces": len(groups),
        "left_out": len(people) - len(groups),
        "people": len(set(groups)),
        "mean": {arm: _means(values[kept], groups) for arm, values in by_arm.items()},
        "flat_map": dict(zip(MASS_REGIONS, (float(v) for v in flat[kept].mean(0)), strict=True)),
        "difference": {f"{arm} - {first}": _means(by_arm[arm][kept] - by_arm[first][kept], groups) for arm in others},
    }


def _means(values: np.ndarray, groups: Sequence[str]) -> dict[str, Any]:
    """Region -> mean and its interval."""
    return {
        region: {"mean": float(column.mean()), "ci95": bootstrap_ci(partial(_mean_of, column), groups)}
        for region, column in zip(MASS_REGIONS, values.T, strict=True)
    }


def _mean_of(column: np.ndarray, rows: np.ndarray) -> float:
    return float(column[rows].mean())


def verdict(difference: Mapping[str, Any]) -> str:
    """What the paired difference at the eyes says of CLAIM."""
    low, high = difference["eyes"]["ci95"]
    if low > 0:
        return "confirmed"
    return "refuted: attention moves away from the eyes" if high < 0 else "not confirmed: no difference is seen"


def set_report(root: Path, name: str, models: Mapping[str, PairModel]) -> dict[str, Any]:
    """One set, all arms: every face, and those with and without a mask where there are both."""
    faces = SETS[name](root, next(iter(models.values())))
    by_arm = {arm: arm_shares(model, faces, f"{name}, {arm}") for arm, model in models.items()}
    flat, people = flat_shares(faces), np.array([identity_of(n) for n in faces.crops.names])
    masked = np.array([faces.masked[n] for n in faces.crops.names])
    report = summary(by_arm, flat, list(people))
    parts = {"masked": masked, "bare": ~masked} if masked.any() and not masked.all() else {}
    report["parts"] = {
        part: summary({arm: v[rows] for arm, v in by_arm.items()}, flat[rows], list(people[rows]))
        for part, rows in parts.items()
    }
    last = f"{ARMS[-1]} - {ARMS[0]}"
    report["claim"] = verdict(report["difference"][last])
    return report


def table(report: Mapping[str, Any]) -> str:
    """Means and differences as text."""
    lines = []
    for name, values in report["sets"].items():
        lines.append(f"{name}: {values['faces']} faces of {values['people']} people, {values['left_out']} left out")
        for row, cells in {**values["mean"], **values["difference"]}.items():
            figures = "  ".join(f"{r} {_percent(cells[r])}" for r in MASS_REGIONS)
            lines.append(f"  {row:24s} {figures}")
        lines.append(f"  {CLAIM}: {values['claim']}")
    return "\n".join(lines)


def _percent(cell: Mapping[str, Any]) -> str:
    low, high = cell["ci95"]
    return f"{100 * cell['mean']:.2f} [{100 * low:.2f}, {100 * high:.2f}]"


@command()
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--set", action="append", choices=list(SETS), help="repeat; default: both")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/attention_mass.json"))
    args = parser.parse_args(arguments)
    check_file(args.json, "--json")
    root, models = data_root(args.data), {arm: load_pair(arm) for arm in ARMS}
    report = {
        "claim": CLAIM,
        "method": f"positive HiRes-CAM at {models[ARMS[0]].cam_tap} of a cosine: training/studies/attention_mass.py",
        "intervals": "95 %, bootstrap over people; one training seed an arm",
        "regions": "eyes, mask area, forehead and background add up to 1; nose and mouth lie in the mask area",
        "weights": {arm: read_sidecar(arm).sha256 for arm in ARMS},
        "sets": {name: set_report(root, name, models) for name in args.set or SETS},
    }
    print(table(report))
    write_json(report, args.json)
    print(f"\nwrote {args.json}")


if __name__ == "__main__":
    main()
