"""Sections of docs/results.md on more than one weight, from what their commands wrote to benchmarks/results."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from models.weights import SHIPPED
from training.docs.text import sentence, table
from training.studies.calibration_table import calibration
from training.studies.evidence_table import evidence
from training.studies.expression_sections import EXPRESSION
from training.studies.losses_table import losses
from training.studies.wording import by, holds_0, interval, section, seen, share, signed, spread

RESULTS = SHIPPED.parent / "benchmarks" / "results"


MOVED = re.compile(
    r"training\.(ablation|attention_mass|digits|distill_study|gate_comparison|link_study|part_study|position_study)\b"
)
"""Modules as older results name them; they are in training.studies now."""


def studies() -> list[str]:
    """A Markdown section for every study that was run."""
    files = {name: RESULTS / f"{name}.json" for name in STUDIES}
    return [STUDIES[name](_read(file.read_text())) for name, file in files.items() if file.exists()]


def _read(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(MOVED.sub(r"training.studies.\1", text))
    return found


def ablation(report: Mapping[str, Any]) -> str:
    """training/studies/ablation.py: what each part of S-ViT's recipe brings."""
    rows = report["rows"]
    cells = [["variant", "what is trained", "steps", "seeds", "AUC of the score", "AUC of the similarity"]]
    parts = {"head": "fusion head on the frozen distilled backbone", "whole": "everything"}
    for row in rows:
        seeds = ", ".join(map(str, row["seeds"]))
        found = [spread(row["auc"]), spread(row.get("similarity_auc"))]
        cells.append([row["name"], parts[row["part"]], str(row["steps"]), seeds, *found])
    begun = {name: _start(facts) for row in rows for name, facts in row["starts"].items()}
    said = (
        "AUC on pairs of held-out training families; in brackets the least and the most of the seeds. Short runs, to "
        "compare rows with each other, not with the shipped weight; with one seed a few hundredths may be chance, and "
        "0.5 is a head that has learnt nothing. The row with a ResNet-18 starts from a shipped weight, which was "
        "distilled for longer and has learnt to tell persons apart. Measured with the S-ViT that the reference encoder "
        "guided and taught, shipped until November 2026, and not again since."
    )
    starts = "\n".join(f"- `--{name}`: {start}" for name, start in begun.items())
    return section("Ablation of S-ViT's recipe", table(cells), said, starts, _commands(rows))


def _commands(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows' commands, once where they differ in the row's name alone."""
    every = dict.fromkeys(re.sub(r"--only ('[^']*'|\S+)", "--only NAME", row["command"]) for row in rows)
    return "\n".join(["By:", "", *(f"- `{command}`" for command in every)])


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
        figures = [interval(row["accuracy"], row["accuracy_ci95"]), f"{row['auc']:.4f}"]
        single = f"{100 * row['single_view']['accuracy']:.1f}"
        cells.append([row["weight"], *figures, single, cosine, str(row.get("steps", ""))])
    said = (
        "A row with steps is a backbone as distillation left it, the short runs that the ablation starts from; one "
        "without is a weight shipped until November 2026, distilled for longer and then trained on its task. Accuracy "
        "in per cent. "
        f"{report['rows'][0]['protocol']}."
    )
    made = "\n".join(f"- {row['weight']}: `{row['command']}`" for row in report["rows"])
    return section("Backbones after distillation", table(cells), said, made, by("distill_study"))


def links(report: Mapping[str, Any]) -> str:
    """training/studies/link_study.py: whether FaCoRNet's attention says something."""
    places = report["places"]
    cells = [
        ["places that count, median (5 % to 95 % of pairs)", "AUC", "AUC, all links alike", "gain by the links"],
        [
            f"{places['median']:.1f} of {places['of']} ({places['p5']:.1f} to {places['p95']:.1f})",
            f"{report['auc']:.4f}",
            f"{report['auc_links_alike']:.4f}",
            signed(report["gain"]),
        ],
    ]
    found = "hardly counts" if holds_0(report["gain"]) else "counts"
    said = (
        f"Cross-attention weighs places of one face against places of the other, and the weighing {found}: "
        f"`{report['weight']}` is compared with itself with every link set to 1/{places['of']}, which moves a pair's "
        f"log-odds by {report['mean_change_of_log_odds']:.2f} on average. Gain in hundredths of AUC; "
        f"{report['pairs']} {report['protocol']}."
    )
    loss = (
        "The published loss, among kin pairs alone, can be lowered by telling which two faces were fused together; "
        "that is why it counts a tenth in the training of `facor`."
    )
    return section("Links of FaCoRNet", table(cells), said, loss, by("link_study"))


def gates(report: Mapping[str, Any]) -> str:
    """training/studies/gate_comparison.py: none, SE and CBAM over seeds."""
    runs, apart = report["runs"], report["differences"]
    names = list(next(iter(apart.values())))
    cells = [["arm", *names]]
    for gate, seeds in runs.items():
        for seed, row in sorted(seeds.items()):
            cells.append([f"{gate}, seed {seed}", *(f"{100 * row[n]:.2f}" for n in names)])
    for gate, row in apart.items():
        cells.append([f"**{gate}**", *(signed(row[n]) for n in names)])
    said = f"In per cent; differences within a seed, 95 % by Student's t over seeds. {sentence(report['protocol'])}"
    return section("Gates compared", seen(apart), table(cells), said, by("gate_comparison"))


def attention(report: Mapping[str, Any]) -> str:
    """training/studies/attention_mass.py: where HiRes-CAM lies."""
    shown = []
    for name, found in report["sets"].items():
        regions = list(found["flat_map"])
        cells = [[f"{name}, {found['faces']} faces", *regions]]
        for arm, row in found["mean"].items():
            cells.append([arm, *(f"{100 * row[r]['mean']:.2f}" for r in regions)])
        for arm, row in found["difference"].items():
            cells.append([f"**{arm}**", *(signed(row[r]) for r in regions)])
        cells.append(["a flat map", *(f"{100 * found['flat_map'][r]:.2f}" for r in regions)])
        shown += [f"{report['claim']}, {name}: {found['claim']}.", table(cells)]
    said = f"In per cent of the map's mass; intervals: {report['intervals']}. {report['regions'].capitalize()}."
    return section("Where HiRes-CAM lies", *shown, said, by("attention_mass"))


def parts(report: Mapping[str, Any]) -> str:
    """training/studies/part_study.py: attention and what it is compared with, by the columns of PartialLFW."""
    rows, apart = report["rows"], report["differences"]
    first = rows[0]["name"]
    names = list(rows[0]["columns"])
    cells = [["network", *names]]
    for row in (r for r in rows if r["columns"]):
        cells.append([row["name"], *(_accuracy(row["columns"][n]) for n in names)])
    for name, columns in apart.items():
        cells.append([f"**{first} - {name}**", *(signed(columns[n]) for n in names)])
    said = f"In per cent; differences within a fold, 95 % by Student's t over folds. {rows[0]['protocol']}."
    made = "\n".join(f"- {r['name']} ({r['inference'].split(',')[0]}): `{r['training']['command']}`" for r in rows)
    differences = seen({f"{first} - {name}": columns for name, columns in apart.items()})
    return section(
        "Attention and average pooling on partial faces",
        differences,
        READING,
        table(cells),
        said,
        _maps(rows),
        made,
        by("part_study"),
    )


READING = """Our reading of why attention gains no accuracy here, not measured: a map is a sigmoid of a ReLU, so no
place in it weighs more than twice another, hidden places included; and both kinds learn from faces that are cut and
shifted, while the published average pooling falls behind on centred parts above all."""


def _maps(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the part maps do, of the networks that were asked."""
    mapped = [row for row in rows if "maps" in row]
    if not mapped:
        return ""
    shown = table([["network", *_MAPS], *([row["name"], *_map_cells(row["maps"])] for row in mapped)])
    return f"{shown}\n\nThese are defined in training/evaluate/part_maps.py; {mapped[0]['maps']['intervals']}."


def digits(report: Mapping[str, Any]) -> str:
    """training/studies/digits.py: position encodings under affine transforms beyond those of training."""
    rows, gaps = report["rows"], report["gaps"]
    sets = [k for k, v in rows[0].items() if isinstance(v, Mapping)]
    cells = [["position encoding", *sets, "published: MNIST to AffNIST"]]
    for row in rows:
        published = f"{100 * row['published']:.1f}" if row["published"] else ""
        cells.append([row["position"], *(interval(row[k]["mean"], row[k]["ci95"]) for k in sets), published])
    for gap in gaps:
        found = [signed(gap[k]) if k in gap else "" for k in sets]
        cells.append([f"**{gap['better']} - {gap['worse']}**", *found, ""])
    seeds = len(rows[0][sets[0]]["per_seed"])
    said = f"In per cent, {seeds} seeds; differences within a seed. {report['interval']}."
    apart = {f"{g['better']} - {g['worse']}": {k: g[k] for k in sets if k in g} for g in gaps}
    return section("Digits under affine transforms", seen(apart), table(cells), said, by("digits"))


def positions(report: Mapping[str, Any]) -> str:
    """training/studies/position_study.py: what ViTs lose on faces that are not aligned, by position encoding."""
    names = list(report["rows"][0]["losses"])
    cells = [["", "aligned", *(f"loss, {name}" for name in names)]]
    for row in report["rows"]:
        given = {n.partition(", ")[2]: None for n in row["losses"]}  # other keypoints than those detected, or ""
        for other in given:
            found = [row["losses"].get(", ".join(filter(None, (name, other)))) for name in names]
            losses = [interval(c["mean"], c["ci95"]) if c else "" for c in found]
            aligned = "" if other else interval(row["aligned"]["mean"], row["aligned"]["ci95"])
            cells.append([", ".join(filter(None, (row["weight"], other))), aligned, *losses])
    for row in (r for r in report["rows"] if "shares" in r):
        shares = [row["shares"][name] for name in names]
        cells.append([f"**{row['weight']}: share of {report['rows'][0]['weight']}'s**", "", *map(share, shares)])
    said = (
        f"Accuracy and losses in per cent; {report['protocol']}. A share's interval is a bootstrap of folds. One "
        "training seed each."
    )
    heading = "Position encodings on faces that are not aligned"
    return section(heading, _unaligned(report["rows"]), OURS, table(cells), said, by("position_study"))


OURS = """Two things differ from the published networks: patches are read from the reference encoder's first stages,
and KP-RPE's offsets start as windows on places of the face."""


def _unaligned(rows: Sequence[Mapping[str, Any]]) -> str:
    """The finding in words: losses on loose crops, and what the keypoints themselves bring."""
    lines = [
        f"- On loose detection crops `{row['weight']}` loses {share(row['shares']['unaligned'])} of what "
        f"`{rows[0]['weight']}` loses."
        for row in rows
        if "unaligned" in row.get("shares", {})
    ]
    for row in rows:
        if other := row["losses"].get(f"unaligned, {TEMPLATE}"):
            lost = [interval(cell["mean"], cell["ci95"]) for cell in (row["losses"]["unaligned"], other)]
            lines.append(
                f"- Given the keypoints of an aligned face instead of the detected ones, `{row['weight']}` loses "
                f"{lost[1]} points there, against {lost[0]}: the difference is what following the keypoints brings, "
                "the rest of its gain comes from the windows that its offsets start as."
            )
    return "\n".join(lines)


TEMPLATE = "template keypoints"


_MAPS = {
    "overlap of the maps": ("overlap",),
    "rank correlation, cropped": ("cropped", "rank_correlation"),
    "rank correlation, occluded": ("occluded", "rank_correlation"),
    "within a face, cropped": ("cropped", "within_face"),
    "within a face, occluded": ("occluded", "within_face"),
}


def _accuracy(cell: Mapping[str, Any]) -> str:
    return interval(cell["accuracy"], cell["accuracy_ci95"])


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
    "calibration": calibration,
    "losses": losses,
    "evidence": evidence,
    **EXPRESSION,
}
"""Name of the results' file -> its section."""
