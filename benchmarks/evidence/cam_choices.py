"""Why do class activation maps fail? The choices that make one, each measured alone.

    python -m benchmarks.evidence.cam_choices [--models edgeface_kin expression] [--pairs 25]

On the pairs (or faces) of the benchmark of evidence, with its curves and random orders:

    layer       Grad-CAM and HiRes-CAM at every layer that has places
    ReLU        Grad-CAM with the values below zero kept
    pooling     HiRes-CAM, which weighs each place by its own gradient where Grad-CAM takes the layer's mean
    target      Grad-CAM of the other scalar: a pair's log-odds, a class's probability
    smoothing   HiRes-CAM, mean over noisy copies of the face (SmoothGrad: Smilkov et al., 2017)
    pixels      xSSAB, a map of single pixels, with the Gaussian that FGGB ends with
    grid        the occlusion map, averaged to the grid of each layer and stretched again: what a map as coarse as the
                layer could reach if it knew the answer

Writes benchmarks/results/cam_choices.json and its table in docs/evidence.md. A weight is measured in one go, some ten
seconds a pair on one core.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from benchmarks.evidence.by_weight import Benchmark
from benchmarks.evidence.curves import RANDOM, Protocol, order_rows, scalars_of
from benchmarks.evidence.page import write_choices
from benchmarks.evidence.pairs import drawn
from benchmarks.evidence.summary import summarise
from explain import explain
from explain.core.findings import Heatmap
from explain.core.recorded import evidence_gradient, face_evidence
from explain.methods.grad_cam import CAMS, weighted_maps
from explain.methods.pair_gradients import smoothed as blurred
from explain.registry import layers_for, methods_for
from models import load_model, predict, read_sidecar
from models.faces.face import FaceBatch
from models.outputs import ClassOutput
from models.predict import Result

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "cam_choices.json"
PROTOCOL = Protocol()
OTHER = {"logit": "log-odds", "score": "probability"}
"""Name of a scalar in records -> in the table."""
COPIES, NOISE = 16, 0.1
"""Noisy copies of a face, and the standard deviation of their noise, in the range of the pixels."""


def signed_grad_cam(result: Result, layer: str) -> Heatmap:
    """Grad-CAM of the first face without its last step, the ReLU."""
    features = face_evidence(result, layer)
    gradients = evidence_gradient(result, features, result.explained)
    values = (x.detach().double().cpu().numpy() for x in (features, gradients))
    maps = result.model.on_crop(layer, torch.from_numpy(weighted_maps(CAMS["grad_cam"].package_class, *values)))
    return Heatmap(maps[0].float().cpu().numpy(), 0, "grad_cam", True, "", "")


def smoothed(result: Result, layer: str, seed: int = 0) -> Heatmap:
    """Mean HiRes-CAM over noisy copies of the first face, the other as it is."""
    first, *others = result.faces
    generator, found = torch.Generator().manual_seed(seed), []
    for _ in range(COPIES):
        noise = NOISE * torch.randn(first.image.shape, generator=generator)
        copy = FaceBatch(first.image + noise, first.keypoints)
        found.append(explain(predict(result.model, copy, *others, grad=True), "hires_cam", layer=layer)[0])
    return replace(found[0], values=np.mean([h.values for h in found], 0, dtype=np.float32))


def as_coarse(heatmap: Heatmap, side: int) -> Heatmap:
    """A map averaged to a grid of side x side."""
    values = torch.from_numpy(heatmap.values)[None, None]
    return replace(heatmap, values=F.adaptive_avg_pool2d(values, side)[0, 0].numpy())


def other_target(result: Result) -> str:
    """The scalar that is not explained by default: a pair's log-odds, a class's probability."""
    return list(scalars_of(result))[1]


def choices(result: Result) -> Iterator[tuple[str, str, Heatmap]]:
    """What is varied, the choice, and its map of the first face."""
    model = result.model
    for layer in layers_for(model, "grad_cam"):
        for method in ("grad_cam", "hires_cam"):
            yield f"{CAMS[method].title}, layer", layer, explain(result, method, layer=layer)[0]
        yield "Grad-CAM without ReLU, layer", layer, signed_grad_cam(result, layer)
    target = other_target(result)
    yield "Grad-CAM, target", OTHER[scalars_of(result)[target]], explain(result, "grad_cam", target=target)[0]
    yield "HiRes-CAM, smoothed over copies", f"{COPIES}", smoothed(result, model.cam_tap)
    if "xssab" in methods_for(model):
        pixels = explain(result, "xssab")[0]
        yield "xSSAB", "of single pixels", pixels
        wide = blurred(torch.from_numpy(pixels.values)).numpy()
        yield "xSSAB", "smoothed as FGGB is", replace(pixels, values=wide)
    occlusion = explain(result, "occlusion")[0]
    yield "Occlusion", "as it is", occlusion
    sides = {layer: face_evidence(result, layer).shape[-1] for layer in layers_for(model, "grad_cam")}
    for side in sorted(set(sides.values()), reverse=True):
        yield "Occlusion, on the grid", f"{side} x {side}", as_coarse(occlusion, side)


def records_of(number: int, same: bool | None, result: Result, protocol: Protocol) -> list[dict[str, Any]]:
    """A record a choice and one for the random orders; "method" holds what is varied and the choice."""
    found = list(choices(result))
    rows = order_rows(result, [heatmap for *_, heatmap in found], protocol, random=True)
    target = scalars_of(result)[result.explained]
    names = [json.dumps([what, choice]) for what, choice, _ in found] + [RANDOM]
    common = {"pair": number, "same": same, "target": target, "seconds": 0.0}
    return [{**common, "method": name, "curves": row} for name, row in zip(names, rows, strict=True)]


def measured(weight: str, each: int, data: Path, protocol: Protocol = PROTOCOL) -> dict[str, Any]:
    """The figures of one weight on `each` pairs of either kind, or twice as many faces."""
    model, sidecar = load_model(weight, "cpu"), read_sidecar(weight)
    pairs, records = drawn(sidecar.task, data, model.spec, each), []
    for n in tqdm(range(2 * each), desc=weight, unit="pair"):
        result = predict(model, *pairs.faces(n), grad=True)
        records += records_of(n, pairs.same(n), result, protocol)
    rows = []
    for name, figures in summarise(records, None).items():
        what, choice = json.loads(name)
        shares = {f: figures[f]["beats_random"]["pairs"] for f in protocol.fills}
        rows.append({"what": what, "choice": choice, "both": figures["beats_random"]["pairs"], **shares})
    unit = "faces" if isinstance(result.output, ClassOutput) else "pairs"
    return {"sha256": sidecar.sha256, "unit": unit, "count": 2 * each, "smoothed_at": model.cam_tap, "rows": rows}


COMMAND = Benchmark(
    "benchmarks.evidence.cam_choices",
    "Class activation maps: which choice?",
    ("edgeface_kin", "expression"),
    25,
    RESULTS,
    write_choices,
    {"protocol": PROTOCOL.to_json(), "copies": COPIES, "noise": NOISE},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each weight, keep those of other weights in the file, write."""
    COMMAND.run(COMMAND.parse(arguments), measured)


if __name__ == "__main__":
    main()
