"""Adopt a public checkpoint: convert it, calibrate it on pairs, write it with a sidecar into a folder of weights.

    python -m training.adopt FILE --model NAME [--weight-name NAME] [--pairs LIST.csv --images DIR] [--out FOLDER]
                             [--licence TEXT] [--source TEXT] [--bgr] [--half]

Taken are (training/tools/public.py) the IR networks of InsightFace's arcface_torch and of CVLface, CVLface's ViT and
ViT KP-RPE, facenet-pytorch's InceptionResnetV1 and EdgeFace, float or int8. timm's Twins-PCPVT is half of an S-ViT:
it becomes a start for training (--init), not a weight that answers.

The network is not trained here. Slope and offset of the probability and the threshold are fitted on --pairs, a CSV with
image_a, image_b, same (or kin) over raw photos, as `training.evaluate pairs` takes it; a verification network without
--pairs on those of the research data (KINSIGHT_DATA). Do not evaluate on the pairs that were used here.

The folder is --out, else KINSIGHT_WEIGHTS. With KINSIGHT_WEIGHTS set to it, the app and every command know the weight.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from models.commands import command
from models.pair import CosineLogit, PairModel
from models.registry import entry
from models.weights import file_sha256
from training.data.sets import DataError, Pair, data_root, data_row, read_pairs
from training.evaluate.metrics import auc
from training.evaluate.scoring import encode_photos, score_pairs, unique_images
from training.evaluate.setup import RAW
from training.tools.calibration import Calibration, calibrate_cosine, verification_pairs
from training.tools.checkpoint import Facts, command_line, export, user_folder
from training.tools.public import CheckpointError, Family, family_of, network_of, read_checkpoint, start_facts

UNKNOWN = "unknown: as stated by the checkpoint's owner"


@dataclass(frozen=True)
class Measured:
    """Cosines of pairs that the network was not trained on.

    Attributes:
        cosine, same: (P,).
        pairs: which pairs these are, in words.
        data: the sidecar's rows on them.
        notes: what a reader should know of them.
    """

    cosine: np.ndarray
    same: np.ndarray
    pairs: str
    data: list[dict[str, Any]]
    notes: list[str]


def adopt(args: argparse.Namespace) -> str:
    """Do what the command line says; what was written, in words.

    Raises:
        CheckpointError, DataError, PhotoError, ValueError: the file, the pairs or the folder will not do; in words.
    """
    weight = args.weight_name or args.model
    if not re.fullmatch(r"[\w.-]+", weight):
        raise CheckpointError(f"--weight-name {weight!r}: letters, digits, '_', '-' and '.' only")
    state = read_checkpoint(args.file)
    family = family_of(state)
    return (write_weight if family.answers else write_start)(args, weight, family, state)


def write_weight(args: argparse.Namespace, weight: str, family: Family, state: dict[str, Any]) -> str:
    """Calibrate and export. What can be refused is refused before a network runs."""
    folder = args.out or user_folder()
    if folder is None:
        raise CheckpointError("where to? Give --out FOLDER or set KINSIGHT_WEIGHTS")
    listed = pairs_given(args)
    model, config = network_of(args.model, state, bgr=args.bgr)
    measured = measured_on(model, args, listed)
    calibration, note = calibrated(model, measured)
    title, source = f"{args.file.name} ({family.title})", args.source or UNKNOWN
    notes = [
        f"Adopted from {title}, converted number for number; only the slope and offset of the probability were fitted "
        f"here. Source: {source}",
        note,
        *measured.notes,
    ]
    row = {"name": title, "size": 1, "hash": file_sha256(args.file), "source": source}
    facts = Facts(args.licence or UNKNOWN, [row, *measured.data], calibration, config=config, notes=notes)
    path = export(model, weight, facts, half=args.half, folder=folder)
    return f"wrote {path}\n{note}\nin the app: KINSIGHT_WEIGHTS={shlex.quote(str(folder))} python app.py"


def pairs_given(args: argparse.Namespace) -> list[Pair] | None:
    """The list of --pairs; None where there are research data in its place.

    Raises:
        CheckpointError: neither; a list without its photos.  DataError, ValueError: as read_pairs.
    """
    if args.pairs is not None:
        if args.images is None:
            raise CheckpointError("--pairs LIST.csv wants --images DIR, the folder its names are relative to")
        return read_pairs(args.pairs, args.images)
    wanted = "Give --pairs LIST.csv --images DIR: image_a, image_b, same, over photos"
    if entry(args.model).task != "verification":
        raise CheckpointError(f"a weight without calibration cannot answer. {wanted}, labelled for {args.model}'s task")
    try:
        data_root(args.data)
    except DataError as error:
        raise CheckpointError(
            f"a weight without calibration cannot answer. {wanted}, or set KINSIGHT_DATA to the research data"
        ) from error
    return None


def measured_on(model: PairModel, args: argparse.Namespace, listed: list[Pair] | None) -> Measured:
    """Cosines of the user's pairs, else of CelebA identities and FIW train members."""
    if listed is None:
        cosine, same, data = verification_pairs(model, data_root(args.data))
        words = "pairs of CelebA identities and FIW train members, faces detected and aligned as in uploaded photos"
        return Measured(cosine, same, f"same-person and different-person {words}", data, [])
    names = unique_images(listed)
    codes, missed = encode_photos(model, args.images, names)
    scored = score_pairs(model, codes, listed)
    notes = (
        [f"No face was detected in {len(missed)} of the {len(names)} photos of {args.pairs.name}."] if missed else []
    )
    row = data_row(f"{args.pairs.name} (calibration)", args.images, names)
    return Measured(scored.similarity, scored.same, f"{args.pairs.name}: {RAW}", [row], notes)


def calibrated(model: PairModel, measured: Measured) -> tuple[Calibration, str]:
    """Slope and offset fitted into the network; the calibration, and a sentence on how well the pairs are told apart.

    Raises:
        ValueError: only one kind of pair, or the same cosine for all.
    """
    assert isinstance(model.logit, CosineLogit)
    cosine, same = measured.cosine, measured.same
    calibration = calibrate_cosine(model.logit, cosine, same, measured.pairs, smooth=True)
    found = auc(cosine, same)
    note = f"Cosines of the calibration pairs: AUC {found:.4f}."
    if found == 1:
        note += " No pair is doubtful: a longer or harder list gives a surer probability."
    if found < 0.7:
        note += (
            " That is poor: is the list labelled for this network's question, and does the network take BGR (--bgr)?"
        )
    return calibration, note


def write_start(args: argparse.Namespace, weight: str, family: Family, state: dict[str, Any]) -> str:
    """A run's model.safetensors and model.json: what is not in the file has random values (seed 0)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, config = network_of(args.model, state, bgr=args.bgr)
    folder = (args.out or user_folder() or Path("runs")) / f"{weight}_start"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.safetensors"
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)
    facts = {"licence": args.licence or UNKNOWN, "source": args.source or UNKNOWN, "command": command_line()}
    path.with_suffix(".json").write_text(start_facts(args.model, config, init=file_sha256(args.file), **facts))
    settings = f" --config {shlex.quote(json.dumps(config))}" if config else ""
    return (
        f"wrote {path}\n{family.title} holds only the part {family.part}* of {args.model}: the rest is untrained, so "
        "this is no weight that answers, but a start for training:\n"
        f"python -m training.distill --model {args.model}{settings} --init {shlex.quote(str(path))}"
    )


@command(ValueError, KeyError)
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the checkpoint: .safetensors, or what torch.save wrote")
    parser.add_argument("--model", required=True, help="registry name of the network, such as ir50.paper")
    parser.add_argument("--weight-name", default="", help="name of the weight; default: the network's")
    parser.add_argument("--pairs", type=Path, help="CSV with image_a, image_b, same (or kin): calibration")
    parser.add_argument("--images", type=Path, help="folder the CSV's names are relative to")
    parser.add_argument("--data", type=Path, help="research data, without --pairs; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--out", type=Path, help="folder of weights; default: KINSIGHT_WEIGHTS")
    parser.add_argument("--licence", default="", help="of the checkpoint; goes into the sidecar")
    parser.add_argument("--source", default="", help="where the checkpoint comes from; goes into the sidecar")
    parser.add_argument(
        "--bgr", action="store_true", help="it was trained on BGR images, as the AdaFace repository's were"
    )
    parser.add_argument("--half", action="store_true", help="store float16")
    print(adopt(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
