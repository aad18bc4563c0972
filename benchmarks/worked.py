"""Worked examples for docs/evidence.md: `python -m benchmarks.worked`.

Example pairs of the app (public-domain portraits), each with the map that the app shows first on the weight that
answers, the exact parts, and two class activation maps; what each one's test says on this very pair, how far it agrees
with the first, and the parts in words. Writes docs/worked/*.jpg, the text on the page, and the hashes of the weights
into benchmarks/results/worked.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.evidence.page import PAGE
from explain import EXPLAINERS
from explain.core import render
from explain.core.agreement import agreement
from explain.report.parts import words_of
from models.tasks import TASKS
from training.docs.text import put, table
from ui.kinship.side_by_side import Tried, try_method
from ui.shared import answering, cards, evidence, offering
from ui.shared.examples import EXAMPLES, Example

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "worked"
RESULTS = ROOT / "benchmarks" / "results" / "worked.json"
SHOWN = (0, 6, 7)
"""Numbers of the examples: relatives, strangers, one person."""
BESIDE = ("occlusion", "part_shapley", "hires_cam", "grad_cam")
"""Methods beside the one that is shown first."""
SIDE, GAP, OPACITY = 168, 6, 0.55
"""Of a picture, between pictures, and of the maps."""


def methods_of(weight: str) -> list[str]:
    """The one that is shown first, and those beside it."""
    first = offering.default_method(weight)
    return [first, *(m for m in BESIDE if m != first)]


def picture(tried: Sequence[Tried]) -> Image.Image:
    """A column a method, face A above face B; the maps of a method on one scale."""
    sheet = Image.new("RGB", (len(tried) * (SIDE + GAP) - GAP, 2 * SIDE + GAP), "white")
    for x, one in enumerate(tried):
        assert one.maps is not None, one.error
        limit = render.shared_limit(one.maps.maps)
        for y, heatmap in enumerate(one.maps.maps):
            crop = Image.fromarray(one.maps.crops[y]).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            over = render.overlay(np.asarray(crop), heatmap, opacity=OPACITY, limit=limit)
            sheet.paste(Image.fromarray(np.asarray(over)), (x * (SIDE + GAP), y * (SIDE + GAP)))
    return sheet


def text(example: Example, weight: str, tried: Sequence[Tried], name: str) -> str:
    """Heading, picture, answer, table, parts in words."""
    a, b = example.shots()
    answer, row = answering.answer(a, b, weight), answering.sidecar(weight)
    task = TASKS[row.task]
    said = task.yes if answer.score >= row.rule.threshold else task.no
    known = f"{example.names}: {example.known}. `{weight}` says {answer.score:.2f}, {said}."
    first = tried[0].maps
    assert first is not None
    rows = [["method", "face A", "face B", "agreement with the first"]]
    for one in tried:
        assert one.maps is not None
        alike = "" if one is tried[0] else f"{agreement(first.maps, one.maps.maps):+.2f}"
        rows.append([EXPLAINERS[one.method].title, *(cards.reading(c) for c in one.curves), alike])
    columns = ", ".join(EXPLAINERS[one.method].title.replace(" (signed)", "") for one in tried)
    shown = f"![Maps over {example.names}, from the left: {columns}](worked/{name})"
    parts = "\n\n".join(f"> {sentence}" for sentence in words_of(evidence.parts(a, b, weight)))
    return "\n\n".join([f"### {example.names}", known, shown, table(rows), "In words:", parts])


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    PICTURES.mkdir(exist_ok=True)
    blocks, used = [], dict[str, Any]()
    for number in SHOWN:
        example = EXAMPLES[number]
        weight = example.weight()
        assert weight is not None
        a, b = example.shots()
        tried = [try_method(a, b, weight, method) for method in methods_of(weight)]
        name = f"{Path(example.a).stem}-{Path(example.b).stem}.jpg"
        picture(tried).save(PICTURES / name, quality=88)
        blocks.append(text(example, weight, tried, name))
        used[name] = {"weight": weight, "sha256": answering.sidecar(weight).sha256, "methods": methods_of(weight)}
    report = {"command": "python -m benchmarks.worked", "pictures": used}
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    PAGE.write_text(put(PAGE.read_text(), "worked examples", "\n\n".join(blocks)))


if __name__ == "__main__":
    main()
