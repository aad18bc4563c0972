"""Sections of weights/README.md on more than one weight, from what their commands wrote to benchmarks/results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from models.weights import SHIPPED

RESULTS = SHIPPED.parent / "benchmarks" / "results"


def studies() -> list[str]:
    """A Markdown section for every study that was run."""
    files = {name: RESULTS / f"{name}.json" for name in STUDIES}
    return [STUDIES[name](json.loads(file.read_text())) for name, file in files.items() if file.exists()]


def markdown(cells: list[list[str]]) -> str:
    """A table with its first row as the heading."""
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|---" * len(cells[0]) + "|", *lines[1:]])


def ablation(report: Mapping[str, Any]) -> str:
    """training/studies/ablation.py: what each part of S-ViT's recipe brings."""
    rows = report["rows"]
    cells = [["variant", "what is trained", "steps", "seeds", "AUC of the score", "AUC of the similarity"]]
    parts = {"head": "fusion head on the frozen distilled backbone", "whole": "everything"}
    for row in rows:
        seeds = ", ".join(map(str, row["seeds"]))
        found = [_spread(row["auc"]), _spread(row.get("similarity_auc"))]
        cells.append([row["name"], parts[row["part"]], str(row["steps"]), seeds, *found])
    said = [f"`{command}`" for command in dict.fromkeys(row["command"] for row in rows)]
    begun = {name: _start(facts) for row in rows for name, facts in row["starts"].items()}
    lines = ["## Ablation of S-ViT's recipe", "", markdown(cells), ""]
    lines += [
        "On pairs of held-out training families; in brackets least and most of the seeds. Short runs, to compare rows "
        "with each other, not with the shipped weight, and with one seed a few hundredths may be chance; 0.5 is a head "
        "that has learnt nothing. A row alone: `--only NAME`.",
        "",
    ]
    lines += [f"- `--{name}`: {start}" for name, start in begun.items()]
    return "\n".join([*lines, *(f"- by {command}" for command in said), ""])


def _spread(auc: Mapping[str, float] | None) -> str:
    """Mean over seeds, with the extremes where they differ."""
    if auc is None:
        return ""
    apart = f" ({auc['least']:.4f} to {auc['most']:.4f})" if auc["least"] < auc["most"] else ""
    return f"{auc['mean']:.4f}{apart}"


def _start(facts: Mapping[str, Any]) -> str:
    """What a row of the ablation started from."""
    if "steps" not in facts:
        return f"`{facts['file']}`"
    return f"`{facts['file']}`, distilled for {facts['steps']} steps, held-out cosine {facts['held_out_cosine']:.3f}"


def distilled(report: Mapping[str, Any]) -> str:
    """training/studies/distill_study.py: LFW after distillation."""
    cells = [["backbone", "LFW", "AUC", "LFW, one view", "held-out cosine to the teachers", "steps"]]
    for row in report["rows"]:
        cosine = f"{row['held_out_cosine']:.3f}" if "held_out_cosine" in row else ""
        figures = [_interval(row["accuracy"], row["accuracy_ci95"]), f"{row['auc']:.4f}"]
        single = f"{100 * row['single_view']['accuracy']:.1f}"
        cells.append([row["weight"], *figures, single, cosine, str(row.get("steps", ""))])
    lines = ["## Backbones after distillation", "", markdown(cells), ""]
    lines += [
        "A row with steps is a backbone as distillation left it, the short runs that the ablation starts from; one "
        "without is a shipped weight, distilled for longer and then trained on its task. The three ViTs, shipped as "
        f"distilled, stand under affine_lfw, aligned. Accuracy in per cent. {report['rows'][0]['protocol']}.",
        "",
    ]
    lines += [f"- {row['weight']}: `{row['command']}`" for row in report["rows"]]
    return "\n".join([*lines, "", "By `python -m training.studies.distill_study`.", ""])


def links(report: Mapping[str, Any]) -> str:
    """training/studies/link_study.py: whether FaCoRNet's attention says something."""
    places = report["places"]
    cells = [
        ["places that count, median (5 % to 95 % of pairs)", "AUC", "AUC, all links alike", "gain by the links"],
        [
            f"{places['median']:.1f} of {places['of']} ({places['p5']:.1f} to {places['p95']:.1f})",
            f"{report['auc']:.4f}",
            f"{report['auc_links_alike']:.4f}",
            _signed(report["gain"]),
        ],
    ]
    lines = ["## Links of FaCoRNet", "", markdown(cells), ""]
    lines += [
        f"`{report['weight']}`, {report['pairs']} {report['protocol']}. Gain: hundredths of AUC; with all links "
        f"at 1/{places['of']} a pair's log-odds move by {report['mean_change_of_log_odds']:.2f} on average.",
        "",
    ]
    return "\n".join([*lines, "By `python -m training.studies.link_study`, which says what these are.", ""])


def gates(report: Mapping[str, Any]) -> str:
    """training/studies/gate_comparison.py: none, SE and CBAM over seeds."""
    runs, apart = report["runs"], report["differences"]
    names = list(next(iter(apart.values())))
    cells = [["arm", *names]]
    for gate, seeds in runs.items():
        for seed, row in sorted(seeds.items()):
            cells.append([f"{gate}, seed {seed}", *(f"{100 * row[n]:.2f}" for n in names)])
    for gate, row in apart.items():
        cells.append([f"**{gate}**", *(_signed(row[n]) for n in names)])
    lines = ["## Gates compared", "", markdown(cells), ""]
    lines += [f"In per cent; differences within a seed, 95 % by Student's t over seeds. {report['protocol']}."]
    return "\n".join([*lines, "By `python -m training.studies.gate_comparison`.", ""])


def _signed(cell: Mapping[str, Any]) -> str:
    if cell["ci95"] is None:
        return f"{100 * cell['mean']:+.2f}"
    low, high = (100 * v for v in cell["ci95"])
    return f"{100 * cell['mean']:+.2f} ({low:+.2f} to {high:+.2f})"


def attention(report: Mapping[str, Any]) -> str:
    """training/studies/attention_mass.py: where Grad-CAM lies."""
    lines = ["## Where Grad-CAM lies", ""]
    for name, found in report["sets"].items():
        regions = list(found["flat_map"])
        cells = [[f"{name}, {found['faces']} faces", *regions]]
        for arm, row in found["mean"].items():
            cells.append([arm, *(f"{100 * row[r]['mean']:.2f}" for r in regions)])
        for arm, row in found["difference"].items():
            cells.append([f"**{arm}**", *(_signed(row[r]) for r in regions)])
        cells.append(["a flat map", *(f"{100 * found['flat_map'][r]:.2f}" for r in regions)])
        lines += [markdown(cells), "", f"{report['claim']}: {found['claim']}.", ""]
    said = f"In per cent of the map's mass. {report['method']}; intervals: {report['intervals']}. {report['regions']}."
    return "\n".join([*lines, said, "By `python -m training.studies.attention_mass`.", ""])


def parts(report: Mapping[str, Any]) -> str:
    """training/studies/part_study.py: attention and what it is compared with, by the columns of PartialLFW."""
    rows, apart = report["rows"], report["differences"]
    first = rows[0]["name"]
    names = list(rows[0]["columns"])
    cells = [["network", *names]]
    for row in (r for r in rows if r["columns"]):
        cells.append([row["name"], *(_accuracy(row["columns"][n]) for n in names)])
    for name, columns in apart.items():
        cells.append([f"**{first} - {name}**", *(_signed(columns[n]) for n in names)])
    lines = ["## Attention and average pooling on partial faces", "", markdown(cells), ""]
    lines += [f"In per cent; differences within a fold, 95 % by Student's t over folds. {rows[0]['protocol']}.", ""]
    if mapped := [row for row in rows if "maps" in row]:
        lines += [markdown([["network", *_MAPS], *([row["name"], *_map_cells(row["maps"])] for row in mapped)]), ""]
        lines += [f"What these are: training/evaluate/part_maps.py; {mapped[0]['maps']['intervals']}.", ""]
    lines += [f"- {row['name']} ({row['inference'].split(',')[0]}): `{row['training']['command']}`" for row in rows]
    said = "By `python -m training.studies.part_study`, from the reports of `python -m training.evaluate partial_lfw`."
    return "\n".join([*lines, "", said, ""])


def digits(report: Mapping[str, Any]) -> str:
    """training/studies/digits.py: position encodings under affine transforms beyond those of training."""
    rows, gaps = report["rows"], report["gaps"]
    sets = [k for k, v in rows[0].items() if isinstance(v, Mapping)]
    cells = [["position encoding", *sets, "published: MNIST to AffNIST"]]
    for row in rows:
        published = f"{100 * row['published']:.1f}" if row["published"] else ""
        cells.append([row["position"], *(_interval(row[k]["mean"], row[k]["ci95"]) for k in sets), published])
    for gap in gaps:
        found = [_signed(gap[k]) if k in gap else "" for k in sets]
        cells.append([f"**{gap['better']} - {gap['worse']}**", *found, ""])
    seeds = len(rows[0][sets[0]]["per_seed"])
    said = f"In per cent, {seeds} seeds; differences within a seed. {report['interval']}."
    lines = ["## Digits under affine transforms", "", markdown(cells), "", said]
    return "\n".join([*lines, "By `python -m training.studies.digits`, which says what the sets are.", ""])


def positions(report: Mapping[str, Any]) -> str:
    """training/studies/position_study.py: what ViTs lose on faces that are not aligned, by position encoding."""
    names = list(report["rows"][0]["losses"])
    cells = [["", "aligned", *(f"loss, {name}" for name in names)]]
    for row in report["rows"]:
        given = {n.partition(", ")[2]: None for n in row["losses"]}  # other keypoints than those detected, or ""
        for other in given:
            found = [row["losses"].get(", ".join(filter(None, (name, other)))) for name in names]
            losses = [_interval(c["mean"], c["ci95"]) if c else "" for c in found]
            aligned = "" if other else _interval(row["aligned"]["mean"], row["aligned"]["ci95"])
            cells.append([", ".join(filter(None, (row["weight"], other))), aligned, *losses])
    for row in (r for r in report["rows"] if "shares" in r):
        shares = [row["shares"][name] for name in names]
        told = [f"{s['mean']:.2f} ({s['ci95'][0]:.2f} to {s['ci95'][1]:.2f})" for s in shares]
        cells.append([f"**{row['weight']}: share of the loss of {report['rows'][0]['weight']}**", "", *told])
    said = (
        f"Accuracy and losses in per cent; {report['protocol']}. A share's interval is a bootstrap of folds. One "
        "training seed each."
    )
    lines = ["## Position encodings on faces that are not aligned", "", markdown(cells), "", said]
    return "\n".join(
        [*lines, "By `python -m training.studies.position_study` on reports of `training.evaluate affine_lfw`.", ""]
    )


_MAPS = {
    "overlap of the maps": ("overlap",),
    "rank correlation, cropped": ("cropped", "rank_correlation"),
    "rank correlation, occluded": ("occluded", "rank_correlation"),
    "within a face, cropped": ("cropped", "within_face"),
    "within a face, occluded": ("occluded", "within_face"),
}


def _accuracy(cell: Mapping[str, Any]) -> str:
    return _interval(cell["accuracy"], cell["accuracy_ci95"])


def _interval(mean: float, ci95: Sequence[float]) -> str:
    low, high = (100 * v for v in ci95)
    return f"{100 * mean:.1f} ({low:.1f} to {high:.1f})"


def _map_cells(maps: Mapping[str, Any]) -> list[str]:
    """Figures of _MAPS with their intervals; empty where the network has none."""
    cells = []
    for *path, key in _MAPS.values():
        found = maps.get(path[0], {}) if path else maps
        low, high = found.get(f"{key}_ci95", (0, 0))
        cells.append(f"{found[key]:.3f} ({low:.3f} to {high:.3f})" if key in found else "")
    return cells


STUDIES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "distill_study": distilled,
    "ablation": ablation,
    "link_study": links,
    "gate_comparison": gates,
    "attention_mass": attention,
    "part_study": parts,
    "digits": digits,
    "position_study": positions,
}
"""Name of the results' file -> its section."""
