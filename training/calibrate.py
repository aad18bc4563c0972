"""The probability and threshold of a weight for your own photos, from labelled pairs of them.

    python -m training.calibrate MODEL --pairs LIST.csv --images DIR [--prior P] [--out FOLDER] [--json FILE]

A threshold that was chosen on one set of photos may be wrong on another: similarities of old portraits, say, are all
higher. Here slope and offset of the probability are fitted anew on LIST.csv (image_a, image_b, kin or same); the
network stays as it is. Printed is what that gains: accuracy and calibration error with the shipped threshold, and
cross-fitted, that is on families that the fit did not see (images joined by matching pairs are one family).

The probability assumes that half of all pairs match; --prior P says which share does, and moves the threshold to
1 - P. With --out (or KINSIGHT_WEIGHTS) the weight is written there under a new name, with its sidecar; the app and
every command then offer it. Do not evaluate it on the same list.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.commands import check_file, command
from models.errors import UserError
from models.pair import PairModel
from models.prior import EVEN
from models.weights import Sidecar, load_pair, read_sidecar
from training.data.sets import Pair, data_row, read_pairs
from training.evaluate.report import write_json
from training.evaluate.scoring import compare_all, encode_photos, sigmoid, unique_images
from training.evaluate.setup import RAW
from training.tools.calibration import Calibration, fit_platt, operating_points
from training.tools.checkpoint import Facts, export, user_folder
from training.tools.crossfit import FOLDS, cross_fit, figures_of
from training.tools.kin_export import platt_of


@dataclass(frozen=True)
class Domain:
    """A list of pairs answered by a weight.

    Attributes:
        pairs: the list.  images: the folder of its photos.
        log_odds: (P, 2) by the weight as it is.
        missed: photos without a detectable face.
    """

    name: str
    pairs: list[Pair]
    images: Path
    log_odds: np.ndarray
    missed: int

    @property
    def same(self) -> np.ndarray:
        """(P,) bool."""
        return np.array([p.same for p in self.pairs])

    @property
    def words(self) -> str:
        """Which pairs these are."""
        matching = int(self.same.sum())
        return f"{self.name}: {matching} matching and {len(self.pairs) - matching} other pairs; {RAW}"


def answered(model: PairModel, path: Path, images: Path) -> Domain:
    """Every pair of a list of photos.

    Raises:
        DataError, ListError, PhotoError: the list or a photo will not do; in words.
    """
    pairs = read_pairs(path, images)
    codes, missed = encode_photos(model, images, unique_images(pairs))
    log_odds, _ = compare_all(model, codes, [(p.a, p.b) for p in pairs])
    return Domain(path.name, pairs, images, log_odds, len(missed))


def compared(domain: Domain, shipped: float, prior: float = EVEN) -> dict[str, Any]:
    """Figures with the shipped probability and threshold, and with a cross-fitted one.

    Args:
        shipped: the weight's threshold.
        prior: the share of matching pairs that is expected; the new threshold is 1 - prior.

    Raises:
        ValueError: only one kind of pair, or fewer families than folds.
    """
    fitted, same = cross_fit(domain.log_odds, domain.pairs), domain.same
    return {
        "pairs": len(same),
        "matching": int(same.sum()),
        "families": len(set(fitted.groups)),
        "folds": FOLDS,
        "prior": prior,
        "undetected": domain.missed,
        "shipped": figures_of(sigmoid(domain.log_odds).mean(1), same, shipped, fitted.groups),
        "cross_fitted": figures_of(fitted.score, same, 1 - prior, fitted.groups),
    }


def moved(model: PairModel, domain: Domain, prior: float) -> Calibration:
    """Slope and offset of a network fitted anew, in place, on the whole list."""
    slope, offset = fit_platt(domain.log_odds.mean(1), domain.same, smooth=True)
    platt = platt_of(model)
    platt.offset.mul_(slope).add_(offset)
    platt.slope.mul_(slope)
    score = sigmoid(slope * domain.log_odds + offset).mean(1)
    chosen = f"even odds where a share of {prior:g} of all pairs matches, probability fitted on {domain.words}"
    return Calibration(1 - prior, chosen, operating_points(score, domain.same, domain.words))


def write(model: PairModel, sidecar: Sidecar, domain: Domain, prior: float, name: str, folder: Path) -> Path:
    """The weight under a new name, calibrated on the whole list."""
    calibration = moved(model, domain, prior)
    row = data_row(f"{domain.name} (calibration)", domain.images, unique_images(domain.pairs))
    note = (
        f"The network is {sidecar.name} (sha256 {sidecar.sha256[:12]}) as it was; only slope and offset of the "
        f"probability were fitted here, on {domain.words}"
    )
    data, notes = [*sidecar.data, row], [*sidecar.notes, note]
    facts = Facts(sidecar.licence, data, calibration, config=sidecar.config, seed=sidecar.seed, notes=notes)
    return export(model, name, facts, half=True, folder=folder)


def sentence(what: str, found: dict[str, Any]) -> str:
    """One row of figures in words."""
    accuracy, error = (f"{found[k]:.3f} ({found[f'{k}_ci95'][0]:.3f}-{found[f'{k}_ci95'][1]:.3f})" for k in TOLD)
    return f"{what}: accuracy {accuracy}, calibration error {error}, threshold {found['threshold']:g}"


TOLD = ("accuracy", "ece")


def run(args: argparse.Namespace) -> str:
    """Do what the command line says; what was found, and written, in words."""
    if not 0 < args.prior < 1:
        raise UserError(f"--prior is a share between 0 and 1, not {args.prior:g}")
    name = args.weight_name or f"{args.model}_{args.pairs.stem}"
    if not re.fullmatch(r"[\w.-]+", name):
        raise UserError(f"--weight-name {name!r}: letters, digits, '_', '-' and '.' only")
    check_file(args.json, "--json")
    model, sidecar, folder = load_pair(args.model, "cpu"), read_sidecar(args.model), args.out or user_folder()
    domain = answered(model, args.pairs, args.images)
    report = compared(domain, sidecar.rule.threshold, args.prior)
    lines = [
        f"{sidecar.name} on {domain.words}; {report['families']} families",
        sentence("as shipped", report["shipped"]),
        sentence(f"fitted on other families ({FOLDS} folds)", report["cross_fitted"]),
    ]
    if args.json:
        facts = {"weight": sidecar.name, "weight_sha256": sidecar.sha256, "protocol": domain.words}
        write_json({**facts, **report}, args.json)
        lines.append(f"wrote {args.json}")
    if folder is None:
        return "\n".join([*lines, "no weight was written: give --out FOLDER or set KINSIGHT_WEIGHTS"])
    path = write(model, sidecar, domain, args.prior, name, folder)
    return "\n".join(
        [*lines, f"wrote {path}", f"in the app: KINSIGHT_WEIGHTS={shlex.quote(str(folder))} python app.py"]
    )


@command(ValueError)
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.calibrate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="name of a weight that compares two faces")
    parser.add_argument("--pairs", type=Path, required=True, help="CSV with image_a, image_b, kin (or same)")
    parser.add_argument("--images", type=Path, required=True, help="folder the CSV's names are relative to")
    parser.add_argument("--prior", type=float, default=EVEN, help="share of matching pairs to expect; one half")
    parser.add_argument("--out", type=Path, help="folder of weights; default: KINSIGHT_WEIGHTS")
    parser.add_argument("--weight-name", default="", help="default: MODEL_LIST")
    parser.add_argument("--json", type=Path, help="write the figures here")
    print(run(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
