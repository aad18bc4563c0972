"""Scores and raw maps of every shipped weight on the example pairs: written by `python -m tests.golden.house`.

house.npz     WEIGHT/PAIR/answer: similarity, log-odds (a, b), log-odds (b, a), score; of a network about one face its
              logits of the pair's first face
              WEIGHT/PAIR/METHOD: (2, 16, 16) float32, the maps of both faces, each averaged over 16 x 16 cells
              keypoints/PHOTO: (5, 2) float32, the keypoints that were fed, pixels; a last digit of theirs is enough to
              move maps whose gradients nearly vanish
house.json    the same keys -> sha256 of the values before averaging (`--exact` compares them, on one machine; those of
              CLOSE, which are now summed in another order, with house.npz instead)
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from explain import explain, methods_for
from models import Face, Result, available_weights, detect_faces, load_model, open_photo, predict
from models.outputs import ClassOutput

HERE = Path(__file__).parent
PHOTOS = HERE.parent.parent / "ui" / "examples"
PAIRS = {"strangers": ("obama_2012.jpg", "biden_2010.jpg"), "same": ("obama_2012.jpg", "obama_2009.jpg")}
CELLS = 16
CLOSE = ("fggb",)
"""Methods compared to 1e-4 of the largest value, not bit for bit."""


def found(
    weight: str, pairs: Sequence[str] = tuple(PAIRS), skip: Sequence[str] = ()
) -> Iterator[tuple[str, np.ndarray]]:
    """Key -> raw values, of one weight on some pairs by every method but those to skip."""
    model = load_model(weight, "cpu")
    for pair in pairs:
        names = PAIRS[pair]
        faces = [face_of(name) for name in names[: model.faces]]
        result = predict(model, *faces, grad=True)
        yield f"{weight}/{pair}/answer", answer_of(result)
        for method in (m for m in methods_for(model) if m not in skip):
            maps = explain(result, method)
            yield f"{weight}/{pair}/{method}", np.stack([m.values for m in maps])


def face_of(name: str) -> Face:
    """The largest face of a photo, its keypoints as they were when the file was written."""
    face = detect_faces(open_photo(PHOTOS / name))[0]
    return replace(face, keypoints=np.load(HERE / "house.npz")[f"keypoints/{name}"])


def answer_of(result: Result) -> np.ndarray:
    """The numbers of an answer: of a pair four, of a face the logits."""
    if isinstance(result.output, ClassOutput):
        return result.output.logits.detach()[0].numpy()
    ab, ba = result.pair.logit.detach()[0].tolist()
    return np.array([result.similarity, ab, ba, result.score])


def coarse(values: np.ndarray) -> np.ndarray:
    """(faces, h, w) -> (faces, CELLS, CELLS) float32; anything else as it is."""
    if values.ndim != 3:
        return values
    return F.adaptive_avg_pool2d(torch.from_numpy(values)[None], CELLS)[0].numpy()


def close(value: np.ndarray, wanted: np.ndarray) -> bool:
    """Equal to 1e-4 of the largest value?"""
    return bool(np.abs(value - wanted).max() <= 1e-4 * np.abs(wanted).max())


def main() -> int:
    """Write the files, or compare with them bit for bit; 1 when something differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exact", action="store_true", help="write nothing; compare hashes")
    parser.add_argument("--weights", nargs="*", help="default: all")
    parser.add_argument("--skip", nargs="*", default=[], help="methods left out")
    args = parser.parse_args()
    torch.set_num_threads(1)
    hashes: dict[str, str] = {}
    values: dict[str, np.ndarray] = {}
    for weight in args.weights or available_weights():
        for key, value in found(weight, skip=args.skip):
            values[key] = coarse(value)
            hashes[key] = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        print(weight, flush=True)
    if args.exact:
        wanted = json.loads((HERE / "house.json").read_text())
        known = [key for key in hashes if key in wanted]  # methods that came later have oracles of their own
        stored = np.load(HERE / "house.npz")
        wrong = [k for k in known if hashes[k] != wanted[k] and not (k.endswith(CLOSE) and close(values[k], stored[k]))]
        print(
            f"{len(known) - len(wrong)} of {len(known)} equal bit for bit ({', '.join(CLOSE)}: to 1e-4)",
            *wrong,
            sep="\n",
        )
        return bool(wrong)
    if (HERE / "house.npz").exists():  # keep what was not asked for
        values = {**np.load(HERE / "house.npz"), **values}
        hashes = {**json.loads((HERE / "house.json").read_text()), **hashes}
    np.savez_compressed(HERE / "house.npz", **values)
    (HERE / "house.json").write_text(json.dumps(hashes, indent=0, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
