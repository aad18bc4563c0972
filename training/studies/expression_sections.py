"""Sections of docs/results.md on the studies of expression, from what their commands wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from training.docs.text import sentence, table
from training.studies.wording import by, holds_0, interval, section, signed

Report = Mapping[str, Any]


def precise(cell: Report) -> str:
    """Three digits and the interval; empty where there is none."""
    if cell["mean"] is None:
        return ""
    low, high = cell["ci95"]
    return f"{cell['mean']:.3f} ({low:.3f} to {high:.3f})"


def likeness(report: Report) -> str:
    """training/studies/expression_likeness.py: maps against action units."""
    heads = ["as many pixels", "20 % of pixels", "each face", "random map", "other emotions' maps", "own less others'"]
    cells, emotions = [["network, map", *heads, "randomised network"]], []
    for name, method, found in _methods(report):
        shown = [found["own_area"], found["fixed_area"], found["each_face"], found["random_map"]["own_area"]]
        shown += [found["other_maps"], found["own_less_other_maps"]]
        cells.append([f"{name}, {method}", *map(precise, shown), f"{found['randomised']['mean']:.3f}"])
        emotions.append((f"{name}, {method}", found["emotions"]))
    names = list(emotions[0][1])
    each = [
        ["network, map", *names],
        *([row, *(precise(e[n]) if n in e else "" for n in names)] for row, e in emotions),
    ]
    out = report["published"]
    said = (
        f"Intersection over union of the mean map and the mask of an emotion's action units, mean over emotions. "
        f"Published for twelve networks, on masks of their own: {out['mean of 12 networks']:.3f} in the mean, "
        f"{out['worst']:.3f} to {out['best']:.3f} ({out['source'].split(',')[0]}). {sentence(report['protocol'])}"
    )
    parts = [_fits(report), table(cells), said, "By emotion:", table(each), by("expression_likeness")]
    return section("Maps and action units", *parts)


def _methods(report: Report) -> list[tuple[str, str, Report]]:
    return [(n, m, found) for n, row in report["weights"].items() for m, found in row["methods"].items()]


def _fits(report: Report) -> str:
    """What the maps do better than, in words."""
    lines = []
    for name, method, found in _methods(report):
        (low, high), (_, most) = found["own_area"]["ci95"], found["random_map"]["own_area"]["ci95"]
        random = "better than" if low > most else "within the range of"
        own = found["own_less_other_maps"]
        others = "as well as" if holds_0(own) else "better than" if own["mean"] > 0 else "worse than"
        new = found["randomised"]["mean"]
        learned = "below" if high < new else "above" if low > new else "at"
        lines.append(
            f"- {name}, {method}: {random} random maps; an emotion's units are found {others} by the maps of other "
            f"emotions; {learned} the level of a network with random numbers."
        )
    return "\n".join(lines)


def occlusion(report: Report) -> str:
    """training/studies/expression_occlusion.py: accuracy of covered faces."""
    names, first = list(report["weights"]), next(iter(report["weights"].values()))
    cells = [["covered", *(f"{n}: {what}" for n in names for what in ("accuracy", "loss"))]]
    for condition in first["conditions"]:
        found = [report["weights"][n]["conditions"][condition] for n in names]
        shown = [(interval(f["accuracy"]["mean"], f["accuracy"]["ci95"]), signed(f["loss"])) for f in found]
        cells.append([condition, *(text for pair in shown for text in pair)])
    for share in first["differences"]:
        for what in first["differences"][share]:
            apart = [("", signed(report["weights"][n]["differences"][share][what])) for n in names]
            cells.append([f"**{what}, {share}**", *(text for pair in apart for text in pair)])
    claims = [
        f"- {n}, patches of {s} of the side: {c}." for n in names for s, c in report["weights"][n]["claim"].items()
    ]
    said = f"In per cent of {report['faces']} faces. {sentence(report['protocol'])} One training seed a network."
    heading = f"The claim: {report['claim']}."
    return section(
        "Covered faces and expression", heading, "\n".join(claims), table(cells), said, by("expression_occlusion")
    )


def identity(report: Report) -> str:
    """training/studies/expression_identity.py: likeness of people and errors."""
    heads = ["network's accuracy", "all teachers", "most alike", "least alike", "most less least alike"]
    cells = [["network, set", *heads, "error, teachers", "error, network", "pairs"]]
    for name, row in report["weights"].items():
        for part in ("ckplus", "jaffe"):
            found, accuracy = row[part], row[part]["accuracy"]
            keys = ("network", "teachers: all", "teachers: nearest", "teachers: farthest")
            shown = [interval(accuracy[k]["mean"], accuracy[k]["ci95"]) for k in keys]
            shown += [signed(found["nearest_less_farthest"])]
            shown += [precise(found["error"]["teachers"]), precise(found["error"]["network"]), precise(found["pairs"])]
            cells.append([f"{name}, {part}", *shown])
    said = (
        "Accuracy in per cent. Error: chance that a face named wrongly is less alike to its most alike other person "
        "than one of its class named rightly; .5 says nothing. Pairs: rank correlation of the likeness of two people "
        f"and of their expression embeddings. {sentence(report['protocol'])}"
    )
    return section("Likeness of people and expression", table(cells), said, by("expression_identity"))


def race(report: Report) -> str:
    """training/evaluate/public_race.py: a public network on the same faces."""
    cells = [["faces", "accuracy", "macro F1", "ECE", "accuracy without contempt"]]
    for part, name in (("ferplus", "FER+ test"), ("fer2013", "FER2013 PrivateTest")):
        found = report[part]
        known = found["without_contempt"]
        f1 = interval(found["macro_f1"], found["macro_f1_ci95"])
        shown = [interval(c["accuracy"], c["accuracy_ci95"]) for c in (found, known)]
        cells.append([name, shown[0], f1, f"{found['ece']:.3f}", shown[1]])
    said = f"In per cent, ECE as a share. {report['network']}. {sentence(report['protocol'])}"
    return section("A public expression network", table(cells), said, "By `python -m training.evaluate.public_race`.")


def arms(report: Report) -> str:
    """training/studies/expression_arms.py: one thing changed at a time."""
    cells = [["arm", "accuracy", "each seed", "macro F1", "KL to the votes", "ECE of the votes"]]
    for row in report["rows"]:
        each = ", ".join(f"{100 * seed['accuracy']:.1f}" for seed in row["seeds"].values())
        mean = row["mean"]
        shares = [f"{100 * mean['accuracy']:.1f}", each, f"{100 * mean['macro_f1']:.1f}"]
        cells.append([row["name"], *shares, f"{mean['kl']:.3f}", f"{mean['ece_votes']:.3f}"])
    said = f"In per cent, KL and ECE as they are; means over the seeds. {sentence(report['protocol'])}"
    return section("Arms of the expression recipe", table(cells), said, by("expression_arms"))


def curve(report: Report) -> str:
    """training/studies/expression_curve.py: FER2013's labels after more epochs."""
    cells = [["epochs more", "labels", "majority", "labels, training faces", "majority, training faces"]]
    trained = [report["before"]["train"], *[None] * (len(report["epochs"]) - 1), report["train_after"]]
    for number, (held, seen) in enumerate(zip([report["before"]["valid"], *report["epochs"]], trained, strict=True)):
        both = [f"{100 * row[k]:.1f}" if row else "" for row in (held, seen) for k in ("labels", "majority")]
        cells.append([str(number), *both])
    said = (
        f"In per cent of the {report['faces']['valid']} faces of the validation part, and of as many training faces as "
        "they are stored. Labels: FER2013's own, by the second head. The shipped network learns on with these labels "
        "at full weight."
    )
    return section("More epochs for FER2013's labels", table(cells), said, by("expression_curve"))


EXPRESSION: dict[str, Callable[[Report], str]] = {
    "public_race": race,
    "expression_arms": arms,
    "expression_curve": curve,
    "expression_likeness": likeness,
    "expression_occlusion": occlusion,
    "expression_identity": identity,
}
"""Name of the results' file -> its section."""
