"""Does likeness of people decide whether an expression is read rightly? On CK+ and JAFFE, which nothing was trained on.

    python -m training.studies.expression_identity [--model NAME] [--state RUN/model.safetensors] [--data DIR]
        [--json benchmarks/results/expression_identity.json]

ELIM (W. Kim et al., "Optimal Transport-based Identity Matching for Identity-invariant Facial Expression Recognition",
NeurIPS 2022) says that people differ in how they show one expression. Likeness is the cosine of EdgeFace embeddings.
A teacher is the mean expression embedding of one other person's faces of one class; a face is named by its nearest
teacher. Three figures a set and network:

    teachers     accuracy with the four people of each class most alike to the probe's person, less that with the four
                 least alike
    error        the chance that, of a face named wrongly and one of the same class named rightly, the wrong one is less
                 alike to its most alike other person; 0.5: likeness says nothing. With all teachers, and of the
                 network's own answers
    pairs        rank correlation, over pairs of two people's faces of one class, of the likeness of the people and of
                 their expression embeddings

Intervals: 95 %, bootstrap over people.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from models.commands import check_file, command
from models.face_model import ClassModel
from models.weights import load_pair, read_sidecar
from training.data.crops import Crops
from training.data.expression_sets import Posed, ckplus, ckplus_crops, jaffe, jaffe_crops
from training.data.sets import data_root
from training.evaluate.class_figures import bootstrap
from training.evaluate.report import write_json
from training.studies.class_weights import add_weights, chosen_weights
from training.studies.wording import interval, signed

TEACHERS, BATCH, ENCODER = 4, 64, "edgeface"
SETS = {"ckplus": (ckplus, ckplus_crops), "jaffe": (jaffe, jaffe_crops)}


@dataclass(frozen=True)
class Known:
    """Faces of known people.

    Attributes:
        labels: (N,).  people: of each face.
        identity: (N, D) unit vectors, of the face encoder.
        expression: (N, E) unit vectors, of the network.
        named: (N,) its own answers.
    """

    labels: np.ndarray
    people: tuple[str, ...]
    identity: np.ndarray
    expression: np.ndarray
    named: np.ndarray

    @cached_property
    def person(self) -> np.ndarray:
        """(N,) number of each face's person."""
        return np.unique(self.people, return_inverse=True)[1]

    @cached_property
    def means(self) -> np.ndarray:
        """(P, D) unit vectors: the mean identity of every person."""
        return unit(np.stack([self.identity[self.person == p].mean(0) for p in range(self.person.max() + 1)]))

    @cached_property
    def teachers(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(M,) person and (M,) class of every person's faces of one class, and (M, E) their mean expression."""
        pairs = np.unique(np.stack([self.person, self.labels], 1), axis=0)
        means = [self.expression[(self.person == p) & (self.labels == k)].mean(0) for p, k in pairs]
        return pairs[:, 0], pairs[:, 1], unit(np.stack(means))

    @cached_property
    def nearest_other(self) -> np.ndarray:
        """(N,) cosine of each face with the mean of the other person most alike to it."""
        cosine = self.identity @ self.means.T
        cosine[np.arange(len(cosine)), self.person] = -np.inf
        found: np.ndarray = cosine.max(1)
        return found


def unit(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = x / np.linalg.norm(x, axis=1, keepdims=True)
    return found


def named_by(known: Known, which: str) -> np.ndarray:
    """(N,) bool: is the face named rightly by its nearest teacher? Never by the person's own faces.

    Args:
        which: "nearest" or "farthest" (TEACHERS people of each class, by likeness to the probe's person), or "all".
    """
    owner, classes, means = known.teachers
    right = np.zeros(len(known.labels), bool)
    for p in range(len(known.means)):
        likeness = known.means[owner] @ known.means[p]
        chosen = np.concatenate(
            [_of_class(np.flatnonzero((classes == k) & (owner != p)), likeness, which) for k in set(classes)]
        )
        rows = np.flatnonzero(known.person == p)
        best = (known.expression[rows] @ means[chosen].T).argmax(1)
        right[rows] = classes[chosen][best] == known.labels[rows]
    return right


def _of_class(rows: np.ndarray, likeness: np.ndarray, which: str) -> np.ndarray:
    ranked = rows[np.argsort(-likeness[rows], kind="stable")]
    return {"nearest": ranked[:TEACHERS], "farthest": ranked[-TEACHERS:], "all": ranked}[which]


def error_auc(wrong: np.ndarray, likeness: np.ndarray, classes: np.ndarray) -> float:
    """Over pairs of a wrong and a right face of one class: share in which the wrong one is less alike; ties half.

    Raises:
        ValueError: no such pair.
    """
    won, pairs = 0.0, 0
    for k in np.unique(classes):
        a, b = likeness[(classes == k) & wrong], likeness[(classes == k) & ~wrong]
        won += float((a[:, None] < b).sum() + (a[:, None] == b).sum() / 2)
        pairs += len(a) * len(b)
    if not pairs:
        raise ValueError("no class has faces named wrongly and others named rightly")
    return won / pairs


def pair_correlation(known: Known) -> dict[str, Any]:
    """Rank correlation of likeness and of expression over pairs of two people's faces of one class."""
    owner, classes, means = known.teachers
    a, b = np.triu_indices(len(owner), 1)
    kept = (classes[a] == classes[b]) & (owner[a] != owner[b])
    a, b = a[kept], b[kept]
    alike = [(x[a] * x[b]).sum(1) for x in (known.means[owner], means)]
    ranks = [np.argsort(np.argsort(values)) for values in alike]

    def weighted(people: np.ndarray) -> float:
        times = np.bincount(people, minlength=len(known.means))
        weight = (times[owner[a]] * times[owner[b]]).astype(float)
        if weight.sum() == 0:
            raise ValueError("no two people share an expression")
        x, y = (r - np.average(r, weights=weight) for r in ranks)
        return float((weight * x * y).sum() / np.sqrt((weight * x * x).sum() * (weight * y * y).sum()))

    everyone = np.arange(len(known.means))
    return {"mean": weighted(everyone), "ci95": bootstrap(weighted, len(everyone)), "pairs": len(a)}


def mean_cell(values: np.ndarray, people: Sequence[str]) -> dict[str, Any]:
    """Mean over faces, interval over people."""
    return {"mean": float(values.mean()), "ci95": bootstrap(lambda r: float(values[r].mean()), len(values), people)}


def error_cell(known: Known, wrong: np.ndarray) -> dict[str, Any]:
    """error_auc of all faces with its interval, or none where no class has both kinds."""
    likeness, count = known.nearest_other, int(wrong.sum())
    try:
        value = error_auc(wrong, likeness, known.labels)
    except ValueError:
        return {"mean": None, "ci95": None, "wrong": count}
    ci = bootstrap(lambda r: error_auc(wrong[r], likeness[r], known.labels[r]), len(wrong), known.people)
    return {"mean": value, "ci95": ci, "wrong": count}


def figures(known: Known) -> dict[str, Any]:
    """All figures of one set and network."""
    right = {which: named_by(known, which) for which in ("all", "nearest", "farthest")}
    apart = right["nearest"].astype(float) - right["farthest"]
    own = known.named == known.labels
    return {
        "faces": len(known.labels),
        "people": len(known.means),
        "accuracy": {
            **{f"teachers: {which}": mean_cell(values.astype(float), known.people) for which, values in right.items()},
            "network": mean_cell(own.astype(float), known.people),
        },
        "nearest_less_farthest": mean_cell(apart, known.people),
        "error": {"teachers": error_cell(known, ~right["all"]), "network": error_cell(known, ~own)},
        "pairs": pair_correlation(known),
        "likeness_to_nearest": {"mean": float(known.nearest_other.mean()), "sd": float(known.nearest_other.std())},
    }


@torch.inference_mode()
def identities(crops: Crops) -> np.ndarray:
    """(N, D) unit embeddings of the face encoder."""
    model, parts = load_pair(ENCODER), []
    for start in tqdm(range(0, len(crops), BATCH), desc=ENCODER, unit="batch"):
        faces = crops.batch(np.arange(start, min(start + BATCH, len(crops))))
        parts.append(model.embedding(model.encode(faces.image, faces.keypoints)).numpy())
    return np.concatenate(parts)


@torch.inference_mode()
def known_faces(model: ClassModel, posed: Posed, crops: Crops, identity: np.ndarray, what: str) -> Known:
    """A set as one network sees it."""
    codes, logits = [], []
    for start in tqdm(range(0, len(crops), BATCH), desc=what, unit="batch"):
        faces = crops.batch(np.arange(start, min(start + BATCH, len(crops))))
        code = model.encode(faces.image, faces.keypoints)
        codes.append(model.embedding(code).numpy())
        logits.append(model.classify(code).numpy())
    return Known(posed.labels, posed.people, identity, np.concatenate(codes), np.concatenate(logits).argmax(1))


def table(report: Mapping[str, Any]) -> str:
    """The figures of every network and set."""
    lines = []
    for name, sets in report["weights"].items():
        for part in SETS:
            row = sets[part]
            lines.append(f"{name}, {part}: {row['faces']} faces of {row['people']} people")
            lines += [f"  accuracy, {k}: {interval(c['mean'], c['ci95'])}" for k, c in row["accuracy"].items()]
            lines.append(f"  most alike less least alike teachers: {signed(row['nearest_less_farthest'])}")
            for who, c in row["error"].items():
                shown = "none" if c["mean"] is None else f"{c['mean']:.3f} ({c['ci95'][0]:.3f} to {c['ci95'][1]:.3f})"
                lines.append(f"  wrong faces are less alike, {who}: {shown}, {c['wrong']} wrong")
            low, high = row["pairs"]["ci95"]
            lines.append(f"  pairs: {row['pairs']['mean']:.3f} ({low:.3f} to {high:.3f})")
    return "\n".join(lines)


@command()
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_weights(parser)
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/expression_identity.json"))
    args = parser.parse_args(arguments)
    check_file(args.json, "--json")
    root, weights = data_root(args.data), chosen_weights(args)
    found: dict[str, Any] = {name: dict(weight.facts) for name, weight in weights.items()}
    for part, (read, crops_of) in SETS.items():
        posed = read(root)
        identity = identities(crops_of(root, posed, load_pair(ENCODER).spec))
        for name, weight in weights.items():
            crops = crops_of(root, posed, weight.model.spec)
            found[name][part] = figures(known_faces(weight.model, posed, crops, identity, f"{name}, {part}"))
    report = {
        "protocol": f"likeness: cosine of {ENCODER} embeddings; {TEACHERS} teachers a class; every person's own faces "
        "left out; intervals: bootstrap over people",
        "encoder_sha256": read_sidecar(ENCODER).sha256,
        "weights": found,
    }
    print(table(report))
    write_json(report, args.json)
    print(f"wrote {args.json}")


if __name__ == "__main__":
    main()
