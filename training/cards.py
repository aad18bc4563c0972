"""weights/README.md from the sidecars: the results, a table a task, and one card a weight.

    python -m training.cards [REPORT.json ...]

enters reports of training.evaluate into the sidecars of their weights, then writes the page.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from models.registry import MODELS
from models.weights import SHIPPED, Sidecar
from training.data.holdout import HELD_OUT_ROW
from training.evaluate.published import LAYOUTS, beside
from training.studies.summary import markdown, studies

HEAD = """# Weights

Made by `python -m training.cards` from the sidecars (`<name>.json`); do not edit by hand. Loading verifies the
sha256, builds the network from the sidecar's config and loads strictly. "Non-commercial research" comes from the
sets a weight was trained on. None of these weights proves kinship or identity.
"""


def write_cards(folder: Path = SHIPPED) -> Path:
    """Write folder/README.md: results, then one card for each sidecar, in the order of names."""
    sidecars = [Sidecar.from_json(p.read_text()) for p in sorted(folder.glob("*.json"))]
    path = folder / "README.md"
    measured = studies() if folder == SHIPPED else []
    path.write_text("\n".join([HEAD, *results(sidecars), *measured, *(card(s, folder) for s in sidecars)]))
    return path


def results(sidecars: list[Sidecar]) -> list[str]:
    """A Markdown section for each task that a weight was evaluated on, published figures below ours."""
    sections = []
    for task, layout in LAYOUTS.items():
        reports = {s.name: s.metrics[task] for s in sidecars if task in s.metrics}
        if reports:
            lines = [f"## Results: {task}", "", markdown(beside(task, reports)), ""]
            sections.append("\n".join(lines + ([layout.note + ".", ""] if layout.note else [])))
    return sections


def card(sidecar: Sidecar, folder: Path) -> str:
    """One weight as Markdown."""
    size = (folder / f"{sidecar.name}.safetensors").stat().st_size / 1e6
    far, tar = sidecar.operating_points.at(sidecar.threshold)
    known = MODELS.get(sidecar.model)
    lines = [
        f"## {sidecar.name}",
        "",
        known.summary if known else sidecar.model,
        "",
        f"- task: {sidecar.task}; licence: {sidecar.licence}; {size:.1f} MB; sha256 `{sidecar.sha256}`",
        f"- made by `{sidecar.command}` at {sidecar.git_commit}" + _seed(sidecar),
        f"- threshold {sidecar.threshold:g} on the score: {sidecar.threshold_protocol}",
        f"- at that threshold FAR {far:.4f}, TAR {tar:.4f} ({sidecar.operating_points.measured_on(sidecar.threshold)})",
        *_triplets(sidecar),
        *(f"- reads {o.prefix}* from {o.weight}, sha256 `{o.sha256}`" for o in sidecar.loans),
        *(f"- data: {row['name']}, {row['size']} {_unit(row)}, sha256 `{row['hash']}`" for row in sidecar.data),
        *(f"- {name}: {_figures(values)}" for name, values in sidecar.metrics.items()),
        *(f"- {note}" for note in sidecar.notes),
        f"- versions: {', '.join(f'{k} {v}' for k, v in sidecar.versions.items())}",
    ]
    return "\n".join(lines) + "\n"


def _seed(sidecar: Sidecar) -> str:
    return "" if sidecar.seed is None else f", seed {sidecar.seed}"


def _unit(row: dict[str, Any]) -> str:
    return "families" if row["name"] == HELD_OUT_ROW else "files"


def _triplets(sidecar: Sidecar) -> list[str]:
    if sidecar.tri is None:
        return []
    points, threshold = sidecar.tri.points, sidecar.tri.threshold
    far, tar = points.at(threshold)
    between = points.measured_on(threshold).removeprefix(points.protocol)  # empty where the rates were counted
    return [
        f"- father, mother and child: threshold {sidecar.tri.threshold:g} on the score of the three, there FAR "
        f"{far:.4f}, TAR {tar:.4f}: {sidecar.tri.protocol}{between}"
    ]


def _figures(values: dict[str, Any]) -> str:
    low, high = values["accuracy_ci95"]
    tars = ", ".join(f"TAR {tar:.3f} at FAR {far}" for far, tar in values["tar"].items())
    return (
        f"accuracy {values['accuracy']:.4f} (95 % {low:.4f} to {high:.4f}), AUC {values['auc']:.4f}, {_map(values)}"
        f"{tars}; {values['protocol']}"
    )


def _map(values: dict[str, Any]) -> str:
    if "map" not in values:
        return ""
    low, high = values["map_ci95"]
    return f"mAP {values['map']:.4f} (95 % {low:.4f} to {high:.4f}), "


def enter(report: dict[str, Any], folder: Path = SHIPPED) -> None:
    """Put an evaluation report into the sidecar of its weight, under the name of its task.

    Raises:
        ValueError: the report is on another file than the sidecar.
    """
    path = folder / f"{report['weight']}.json"
    sidecar = Sidecar.from_json(path.read_text())
    if report["weight_sha256"] != sidecar.sha256:
        raise ValueError(f"the report is on another {report['weight']} (sha256 differs): evaluate it again")
    sidecar.metrics[report["task"]] = {k: v for k, v in report.items() if k not in LEFT_OUT}
    path.write_text(sidecar.to_json())


LEFT_OUT = ("undetected_images", "published")
"""Of a report: names of somebody's images, and what is no measurement of the weight."""


def main() -> None:
    for argument in sys.argv[1:]:
        enter(json.loads(Path(argument).read_text()))
    print(write_cards())


if __name__ == "__main__":
    main()
