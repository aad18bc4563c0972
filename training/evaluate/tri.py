"""Task "tri": is this child theirs? RFIW's task 2, or any list of raw photos."""

from __future__ import annotations

from typing import Any

from models.weights import TriOperating
from training.data.sets import data_root, family_of, fiw_crops
from training.data.triplets import Triplet, read_triplets, unique_faces
from training.evaluate.report import at_threshold, head
from training.evaluate.scoring import encode_crops, encode_photos
from training.evaluate.setup import RAW, Setup
from training.evaluate.triplets import score_triplets

SCORE = (
    "score: calibrated mean of the log-odds of (father, child) and (mother, child), each over both orders; accuracy at "
    "the threshold of held-out training families"
)


def tri(setup: Setup) -> dict[str, Any]:
    """FIW's validation triplets, or --triplets LIST.csv --images DIR."""
    operating = setup.sidecar.rule.tri
    if operating is None:
        name = setup.sidecar.name
        raise ValueError(f"{name} is not calibrated for triplets: python -m training.triplets --model {name}")
    return _validation(setup, operating) if setup.triplets is None else _listed(setup, operating)


def _validation(setup: Setup, operating: TriOperating) -> dict[str, Any]:
    root = data_root(setup.data)
    triplets = read_triplets(root / "fiw" / "val_triplets.csv")
    crops = fiw_crops(root, "val", setup.model.spec, unique_faces(triplets))
    codes = encode_crops(setup.model, crops)
    protocol = (
        f"FIW val_triplets (RFIW2020 task 2), images aligned by the ArcFace template they were stored on; {SCORE}; "
        "intervals: bootstrap over the families of the father"
    )
    return _report(setup, "tri", protocol, triplets, codes, operating)


def _listed(setup: Setup, operating: TriOperating) -> dict[str, Any]:
    """Under a name of its own, so that in the sidecar it does not take the place of FIW's."""
    if setup.triplets is None or setup.images is None:
        raise ValueError("the task tri wants --images DIR with --triplets LIST.csv")
    triplets = read_triplets(setup.triplets, setup.images)
    names = unique_faces(triplets)
    codes, missed = encode_photos(setup.model, setup.images, names)
    protocol = (
        f"{setup.triplets.name}: {RAW}; {SCORE}; intervals: bootstrap over the top folders of the father (over the "
        "father's image itself where there is no folder)"
    )
    report = _report(setup, "triplets", protocol, triplets, codes, operating)
    return {**report, "images": len(names), "undetected": len(missed), "undetected_images": missed}


def _report(
    setup: Setup, task: str, protocol: str, triplets: list[Triplet], codes: dict[str, Any], operating: TriOperating
) -> dict[str, Any]:
    first = {**head(task, setup.sidecar, protocol), "calibrated_on": operating.protocol}
    scored = score_triplets(setup.model, codes, triplets, operating)
    groups = [family_of(t.father) for t in triplets]
    return at_threshold(first, scored, [t.relation for t in triplets], operating.threshold, groups)
