"""A public network of 329 KB on the faces that ours is measured on: face-api's seven expressions.

    python -m training.evaluate.public_race [--data DIR] [--json benchmarks/results/public_race.json]

How much around the face it is shown is chosen in its favour, by its accuracy on FER+'s validation faces. It cannot say
contempt: such a face counts against it, and accuracy without them stands beside. Its makers name its training images
only as public sets and pictures from the web, so that it may have seen these very faces.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from models.commands import check_file, command
from models.expressions import EXPRESSIONS
from training.data.crops import Crops
from training.data.ferplus import ferplus_crops, read_fer2013, read_votes, single_labels
from training.data.sets import data_root
from training.evaluate.class_answers import labelled_figures
from training.evaluate.class_figures import bootstrap, ece
from training.evaluate.report import write_json
from training.tools.face_api import PUBLIC_EXPRESSIONS, PublicExpressions, read_expressions

MARGINS = (-0.1, -0.05, 0.0, 0.05, 0.1, 0.2)
BATCH, TRIED = 32, 1000
"""Faces at once (more take longer on a CPU: their maps leave its heap), and to choose the margin by."""
PROTOCOL = (
    "FER+ test faces with a majority, and FER2013 PrivateTest with its own labels, both on FER+'s copies of the "
    "pictures; margin chosen on FER+ validation faces; contempt cannot be answered and counts as an error; intervals: "
    "bootstrap over faces, per class Wilson"
)
SOURCE = "vladmandic/face-api, face_expression_model (MIT), uint8 weights, 112 px"


def public_shares(net: PublicExpressions, crops: Crops, margin: float) -> np.ndarray:
    """(N, 8) float32 probabilities in the order of EXPRESSIONS; contempt, which it cannot say, is 0."""
    found = np.zeros((len(crops), len(EXPRESSIONS)), np.float32)
    columns = np.array([EXPRESSIONS.index(name) for name in PUBLIC_EXPRESSIONS])
    for start in tqdm(range(0, len(crops), BATCH), desc=f"face-api, margin {margin:g}", unit="batch"):
        rows = np.arange(start, min(start + BATCH, len(crops)))
        found[np.ix_(rows, columns)] = net(crops.batch(rows).image, margin).numpy()
    return found


def public_figures(labels: np.ndarray, shares: np.ndarray) -> dict[str, Any]:
    """labelled_figures of face-api's network, its ECE, and accuracy without the faces it has no word for."""
    right = shares.argmax(1) == labels
    known = labels != EXPRESSIONS.index("contempt")
    return {
        **labelled_figures(labels, shares.argmax(1), EXPRESSIONS),
        "ece": ece(shares.max(1), right),
        "without_contempt": {
            "faces": int(known.sum()),
            "accuracy": float(right[known].mean()),
            "accuracy_ci95": bootstrap(lambda r: float(right[known][r].mean()), int(known.sum())),
        },
    }


def chosen_margin(net: PublicExpressions, root: Path) -> tuple[float, dict[str, float]]:
    """The margin of the highest accuracy on validation faces of FER+ drawn at random, and the accuracy of each."""
    votes = read_votes(root, "valid")
    drawn = np.random.default_rng(0).permutation(np.flatnonzero(votes.agreed))[:TRIED]
    votes = votes.only(np.isin(np.arange(len(votes.names)), drawn))
    crops = ferplus_crops(root, "valid", votes.names)
    found = {m: float((public_shares(net, crops, m).argmax(1) == votes.majority).mean()) for m in MARGINS}
    return max(found, key=lambda m: found[m]), {f"{m:g}": value for m, value in found.items()}


def race(root: Path) -> dict[str, Any]:
    """face-api's network on FER+'s test faces with a majority, and on FER2013's PrivateTest.

    Raises:
        DataError: a set or the network's files are missing.
    """
    net = read_expressions(root / "faceapi")
    margin, tried = chosen_margin(net, root)
    every = read_votes(root, "test", every=True)
    crops = ferplus_crops(root, "test", every.names)
    shares, labels = public_shares(net, crops, margin), single_labels(crops, *read_fer2013(root, "test"))
    labelled = labels >= 0
    return {
        "network": SOURCE,
        "margin": margin,
        "margins_on_validation": tried,
        "protocol": PROTOCOL,
        "ferplus": public_figures(every.majority[every.agreed], shares[every.agreed]),
        "fer2013": public_figures(labels[labelled], shares[labelled]),
    }


@command()
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/public_race.json"))
    args = parser.parse_args(arguments)
    check_file(args.json, "--json")
    report = race(data_root(args.data))
    write_json(report, args.json)
    for name in ("ferplus", "fer2013"):
        low, high = report[name]["accuracy_ci95"]
        print(f"{name}: {report[name]['accuracy']:.4f} ({low:.4f} to {high:.4f}), margin {report['margin']:g}")
    print(f"wrote {args.json}")


if __name__ == "__main__":
    main()
