"""docs/reproduce.md: the data, the command of every weight, and the commands that rewrite the pages."""

from __future__ import annotations

import re
from pathlib import Path

from models.evaluations import evaluation_order
from models.weights import SHIPPED, Sidecar
from training.docs import facts
from training.docs.text import MADE, link, table

RESULTS = SHIPPED.parent / "benchmarks" / "results"
TEACHERS = {
    "edgeface_xs_q.pt": (
        "EdgeFace XS, int8",
        "a31314377876ab9fa2a75e5638bc528efe79fd17d5c9c0a228fb7f846d7581a6",
        "`checkpoints/` of https://github.com/yayoimizuha/face_recognition_train; the network's own place is "
        "https://github.com/otroshi/edgeface",
    ),
    "arcface_mobilefacenet.pth": (
        "MobileFaceNet, trained on CASIA-WebFace with ArcFace",
        "4c08e11a0a2bbf299910210da647c7d8105c348f4c533868e1710dbcf7b22480",
        "MIT; where this file was obtained was not written down, its sum says whether another is the same",
    ),
}
"""Public file under teachers/ -> what it is, its sha256, where it is."""
_TEACHERS = "\n".join(f"| `teachers/{n}` | {what}; sha256 `{sha}` | {at} |" for n, (what, sha, at) in TEACHERS.items())
HEAD = f"""# Reproduce

`make test` makes the environment. The commands below run in it from the root of the repository; a weight is written
to `weights/` with its sidecar.

## Data

The sets are for non-commercial research and are not redistributed: no image of them is in the repository. Get them
from their owners and lay them out under `data/`, or name the folder in `KINSIGHT_DATA` or with `--data`.

| folder | set | where |
|---|---|---|
| `fiw/train`, `fiw/val`, `fiw/*.csv` | Families In the Wild, RFIW2020 | https://web.northeastern.edu/smilelab/fiw/ |
| `celeba/<id>/*.jpg` | CelebA, aligned to 160 px | https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html |
| `lfw/images`, `lfw/pairs.txt` | Labeled Faces in the Wild, deep-funneled | http://vis-www.cs.umass.edu/lfw/ |
| `KinFaceW-I`, `KinFaceW-II` | KinFaceW with its five folds | https://www.kinfacew.com |
| `mfr2` | MFR2, real masks | https://github.com/aqeelanwar/MaskTheFace |
| `ferplus/FER2013*` | FER2013's pictures, votes in `label.csv` | https://github.com/tessav/crowd-emotion |
| `fer2013/<part>/<class>` | FER2013, its own labels | https://github.com/RecepTahirGunlu/Duygu-Tanima |
| `ckplus/<class>` | CK+, 48 px | https://github.com/WuJie1010/Facial-Expression-Recognition.Pytorch |
| `jaffe` | JAFFE | https://zenodo.org/records/3451524 |
| `faceapi` | face-api's landmark and expression networks (MIT) | https://github.com/vladmandic/face-api |
{_TEACHERS}

`dlib_resnet` is converted from the PyPI package `face-recognition-models==0.3.0`."""
_NARROW = """'{"token_dim": 48, "embed_dim": 640}'"""
_PRUNED = """'{"token_dim": 48, "embed_dim": 640, "mlp_ratio": 1}'"""


def _vit(name: str, first: str = "") -> list[str]:
    """Runs of a ViT before its last one: as large as published, narrowed, trained on, pruned."""
    stem = "--offsets 20 --stem weights/dlib_resnet.safetensors"
    return [
        f"python -m training.distill --model {name} {first}--epochs 2 --batch 64 --lr 1e-3 --warmup 100 {stem} "
        "--teachers dlib_resnet arcface_mobilefacenet",
        f"python -m training.narrow --weight {name} --teachers edgeface dlib_resnet",
        f"python -m training.distill --model {name} --config {_NARROW} --init runs/{name}_narrow/model.safetensors "
        f"--teachers edgeface dlib_resnet --epochs 3 --batch 32 --lr 5e-4 --warmup 100 {stem} "
        f"--no-export --out runs/{name}_edge",
        f"python -m training.prune --model {name} --state runs/{name}_edge/model.safetensors --config {_PRUNED} "
        "--no-export",
    ]


BEFORE = {
    **{name: _vit(name) for name in ("vit_abs", "vit_irpe")},
    "vit_kprpe": _vit("vit_kprpe", "--windows "),
    "dlib_kin": ["python -m training.kinship_head"],
    "svit": [
        "python -m training.distill --model svit --morphs 40000 --epochs 2 --batch 256 --lr 1e-3 --warmup 200",
        """python -m training.distill --model svit --config '{"guide": true}' """
        "--init runs/svit_distill/model.safetensors weights/edgeface_kin.safetensors --frozen backbone.guide.trunk "
        "--epochs 6 --batch 256 --lr 6e-4 --warmup 60 --out runs/svit_guided_edgeface_kin",
        """python -m training.kinship --model svit --config '{"guide": true}' --frozen backbone.guide.trunk """
        "--weight-of-teacher 10 --noise 0.5 --lr 1e-4 --check 25 --teacher edgeface_kin "
        "--init runs/svit_guided_edgeface_kin/model.safetensors --steps 250 --out runs/svit_kin_edgeface_kin",
    ],
}
"""Name of a weight -> runs that its sidecar does not name, in their order."""
WEIGHTS = """## Weights

In this order: what is needed comes first. `distill`, `kinship`, `recognition` and `partial` write a log and a learning
curve into their run folder and go on where they stopped when the command is given again. On several GPUs or nodes they
run under `accelerate launch`; on a CPU with two processes, `ACCELERATE_USE_CPU=true torchrun --nproc_per_node 2 -m`
takes the place of `python -m`."""
EVALUATIONS = """## Figures

`python -m training.evaluate TASK --model NAME --json OUT.json` measures; `python -m training.cards OUT.json` enters the
report into the sidecar. `python -m training.evaluate pairs --model NAME --pairs LIST.csv --images DIR` takes any list
with the columns `image_a,image_b,relation,kin` (or `same`) over raw photos."""
STUDIES = {
    "Ablation of S-ViT's recipe": "python -m training.studies.ablation "
    "--init runs/svit_guided_edgeface_kin/model.safetensors --unguided "
    "runs/svit_distill/model.safetensors --resnet runs/ir18_none/model.safetensors",
    "Backbones after distillation": "python -m training.studies.distill_study LFW.json OTHER.json",
    "Links of FaCoRNet": "python -m training.studies.link_study",
    "Gates compared": "python -m training.studies.gate_comparison --runs runs/seeds",
    "Where HiRes-CAM lies": "python -m training.studies.attention_mass",
    "Attention and average pooling on partial faces": "python -m training.studies.part_study "
    "runs/partial_face_partial runs/partial_average_partial runs/partial_average_whole",
    "Digits under affine transforms": "python -m training.studies.digits",
    "How far thresholds travel": "python -m training.studies.calibration --pairs LIST.csv --images DIR",
    "Losses compared alike": "python -m training.studies.losses",
    "Position encodings on faces that are not aligned": "python -m training.studies.position_study ABS.json IRPE.json "
    "KPRPE.json",
}
"""Heading on the results' page -> command; each writes a file of benchmarks/results."""
_IR18 = "\n".join(
    f"python -m training.{command} {facts.EARLIER_TEACHERS}"
    for command in (
        "distill --model siamese_ir --epochs 4 --lr 1.5e-3 --warmup 60 --channels-last",
        "recognition --model ir18_none --init runs/siamese_ir_distill/model.safetensors --epochs 7 --batch 64 "
        "--lr 1e-3 --warmup 100 --out runs/ir18_trunk --no-export",
        "recognition --model ir18_none --init runs/ir18_trunk/model.safetensors --epochs 2 --batch 64 --lr 6e-4 "
        "--warmup 60 --out runs/ir18_none --no-export",
    )
)
ARMS = f"""The runs that `python -m training.studies.gate_comparison --runs runs/seeds` reads are those of the weights
`edgeface_none`, `edgeface_se` and `edgeface_cbam`, given again with `--epochs 1 --seed N --no-export --out
runs/seeds/ARM-N`. The IR-18 that `expression_arms` and the ablation start from was made by

```
{_IR18}
```

and those with gates by the last line with `--model ir18_se.paper` (`ir18_cbam.paper`), `--config
'{{"width": 32, "dim": 256}}'` and `--out runs/ir18_se` (`runs/ir18_cbam`). The runs that `part_study` reads are named
with its results."""
PAGES = """## Pages

| page | command |
|---|---|
| weights/README.md, docs/results.md, docs/reproduce.md, docs/cards, the README's table | `python -m training.cards` |
| docs/screenshot.png, docs/screenshot.json | `python -m benchmarks.screenshot` |
| benchmarks/results/examples.json | `python -m benchmarks.examples` |
| benchmarks/results/evidence.json, docs/evidence.png | `python -m benchmarks.evidence` |
| benchmarks/results/patched.json | `python -m benchmarks.evidence.patched` |
| benchmarks/results/speed.json, evidence_speed.json, live.json, vit_cost.json, svit_training.json | `make bench` |
| benchmarks/results/first_page.json | `python -m benchmarks.first_page` |

`python -m training.clean --set celeba` lists side faces of a training set; nothing is deleted, and no
recipe reads the list."""


def page(sidecars: list[Sidecar], here: Path, docs: Path) -> str:
    """The whole page."""
    blocks, seen = [], set[str]()
    for sidecar in sidecars:
        every = [*BEFORE.get(sidecar.name, []), *facts.commands(sidecar), *_calibration(sidecar)]
        fresh = [c for c in dict.fromkeys(every) if c not in seen]
        seen.update(fresh)
        blocks.append("\n".join([f"# {sidecar.name}", *fresh]))
    commands = "\n\n".join(blocks)
    code = f"```\n{commands}\n```"
    return (
        "\n\n".join([MADE, HEAD, WEIGHTS, code, EVALUATIONS, _evaluations(sidecars), _studies(here, docs), PAGES])
        + "\n"
    )


def _calibration(sidecar: Sidecar) -> list[str]:
    """For three faces, where the sidecar has it."""
    known = sidecar.decision
    return [f"python -m training.triplets --model {sidecar.name}"] if known and known.tri else []


def _evaluations(sidecars: list[Sidecar]) -> str:
    every = sorted({task for s in sidecars for task in s.metrics}, key=evaluation_order)
    rows = [[task, ", ".join(f"`{s.name}`" for s in sidecars if task in s.metrics)] for task in every]
    return table([["task", "weights measured"], *rows])


def _was_run(study: str) -> bool:
    """Has the study of a command written its file? Without one the results' page has no section on it."""
    found = re.search(r"training\.studies\.(\w+)", study)
    assert found, study
    return (RESULTS / f"{found[1]}.json").exists()


def _studies(here: Path, docs: Path) -> str:
    results = docs / "results.md"
    rows = [[link(name, here, results, name), f"`{command}`"] for name, command in STUDIES.items() if _was_run(command)]
    return "\n\n".join(["## Studies", table([["study", "command"], *rows]), ARMS])
