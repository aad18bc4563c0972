"""Export: a trained model becomes weights/<name>.safetensors with a sidecar in which every field is measured.

    export(model, "dlib_kin", Facts(licence=..., data=[...], calibration=calibration, metrics={...}))

The weight's pages (weights/README.md, docs/cards) are made from the sidecars by `python -m training.cards`.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from models.errors import UserError
from models.face_model import FaceModel
from models.registry import entry
from models.weights import (
    SHIPPED,
    Decision,
    Loan,
    Sidecar,
    available_weights,
    file_sha256,
    find_weight,
    read_sidecar,
    read_tensors,
)
from training.tools.calibration import Calibration

CC0 = "CC0-1.0"
RESEARCH = "non-commercial research"
"""Licence of whatever was trained on FIW, CelebA or KinFaceW."""
REPOSITORY = Path(__file__).resolve().parents[2]
OVERRIDE = "KINSIGHT_EXPORT_DIRTY"
"""Environment variable: 1 exports into weights/ from a tree with uncommitted code; the sidecar then says so."""


class DirtyTreeError(UserError, RuntimeError):
    """Code differs from the commit that the sidecar would name; the message lists the files and the ways out."""


@dataclass(frozen=True)
class Facts:
    """What export cannot find out by itself.

    Attributes:
        licence: of the weight.
        data: rows of training.data.sets.data_row, one a set that was used.
        calibration: threshold and operating points as measured; None for a network that answers with classes.
        metrics: evaluation name -> JSON of training.evaluate.
        config: values of the model's config that differ from its defaults.
        seed: of the training; None where nothing is drawn.
        notes: sentences a reader of the weight should know.
    """

    licence: str
    data: list[dict[str, Any]]
    calibration: Calibration | None
    metrics: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    notes: list[str] = field(default_factory=list)


def user_folder() -> Path | None:
    """KINSIGHT_WEIGHTS, where it is set."""
    own = os.environ.get("KINSIGHT_WEIGHTS")
    return Path(own) if own else None


def export(model: FaceModel, name: str, facts: Facts, *, half: bool = False, folder: Path = SHIPPED) -> Path:
    """Write folder/<name>.safetensors and its sidecar.

    Args:
        half: store floating-point parameters as float16 (they load as float32); buffers stay as they are. What another
            weight has already (`borrowed`) is not stored.

    Returns:
        Path of the .safetensors file.

    Raises:
        DirtyTreeError: folder is the repository's weights/ and code is not committed; nothing is written.
    """
    facts = replace(facts, notes=[*facts.notes, *check_tree(folder)])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    parameters, loans = {k for k, _ in model.named_parameters()}, borrowed(model, name)
    own = {k: v for k, v in model.state_dict().items() if not k.startswith(tuple(loan.prefix for loan in loans))}
    tensors = {k: _stored(v, half and k in parameters) for k, v in own.items()}
    save_file(tensors, path)
    path.chmod(0o644)  # safetensors writes files that only their owner can read
    path.with_suffix(".json").write_text(_sidecar(model.name, name, path, facts, loans).to_json())
    return path


def borrowed(model: FaceModel, name: str) -> list[Loan]:
    """What weight `name` shares, tensor by tensor and bit by bit, with others that are there."""
    state, loans = model.state_dict(), []
    for prefix, (weight, theirs) in model.lenders.items():
        own = {k: v for k, v in state.items() if k.startswith(prefix)}
        if not own or weight == name or weight not in available_weights():
            continue
        loan = Loan(prefix, weight, theirs, read_sidecar(weight).sha256)
        others = loan.renamed(read_tensors(find_weight(weight)))
        if own.keys() == others.keys() and all(torch.equal(v.cpu(), others[k]) for k, v in own.items()):
            loans.append(loan)
    return loans


def _stored(value: torch.Tensor, half: bool) -> torch.Tensor:
    value = value.detach().cpu().contiguous()
    return value.half() if half and value.is_floating_point() else value


def _sidecar(model: str, name: str, path: Path, facts: Facts, loans: list[Loan]) -> Sidecar:
    return Sidecar(
        name=name,
        model=model,
        config=facts.config,
        sha256=file_sha256(path),
        task=entry(model).task,
        licence=facts.licence,
        command=command_line(),
        git_commit=git_commit(),
        seed=facts.seed,
        data=facts.data,
        decision=_decision(facts.calibration),
        metrics=facts.metrics,
        versions=library_versions(),
        notes=facts.notes,
        loans=loans,
    )


def _decision(known: Calibration | None) -> Decision | None:
    return Decision(known.threshold, known.threshold_protocol, known.points) if known else None


def command_line() -> str:
    """The command that started this program, as one types it."""
    main = sys.modules["__main__"]
    module = main.__spec__.name.removesuffix(".__main__") if main.__spec__ else None
    program = f"python -m {module}" if module else f"python {Path(sys.argv[0]).name}"
    return shlex.join([*shlex.split(program), *hide_data_folder(sys.argv[1:])])


def hide_data_folder(arguments: list[str]) -> list[str]:
    """The same arguments with the value of --data, a path of somebody's machine, replaced by the default "data".

    Without --export-only, which repeats the end of the command that made a run.
    """
    shown = [argument for argument in arguments if argument != "--export-only"]
    for i, argument in enumerate(shown):
        if argument == "--data" and i + 1 < len(shown):
            shown[i + 1] = "data"
        elif argument.startswith("--data="):
            shown[i] = "--data=data"
    return shown


def check_tree(folder: Path) -> list[str]:
    """Refuse to export uncommitted code into weights/; the sidecar's note where OVERRIDE allows it.

    Raises:
        DirtyTreeError: see export.
    """
    changed = changed_files()
    if not changed or folder.resolve() != SHIPPED.resolve():
        return []
    files = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
    if os.environ.get(OVERRIDE) == "1":
        return [f"Exported with {OVERRIDE}=1 from a tree with uncommitted changes in {files}."]
    raise DirtyTreeError(
        f"not exported: {files} differ from the commit that the sidecar would name. Commit and give the command "
        f"again (a finished run is not repeated), or set {OVERRIDE}=1, which the sidecar will say"
    )


def git(*arguments: str) -> str:
    """What git answers in this repository.

    Raises:
        OSError: there is no git.  subprocess.CalledProcessError: it failed, as outside a repository.
    """
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.rstrip()


def changed_files() -> list[str]:
    """Code in models/ and training/ that is not as committed: tracked files, and others that are imported by now.

    Paths from the repository's root; none outside git.
    """
    try:
        tracked = git("status", "--porcelain", "--untracked-files=no", "--", "models/*.py", "training/*.py")
        loaded = git("status", "--porcelain", "--", *files) if (files := loaded_files()) else ""
    except (OSError, subprocess.CalledProcessError):
        return []
    return sorted({line[3:] for part in (tracked, loaded) for line in part.splitlines()})


def git_commit() -> str:
    """The commit checked out, with "-dirty" when there are changed_files; "unknown" outside git."""
    try:
        return git("rev-parse", "HEAD") + ("-dirty" if changed_files() else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def loaded_files() -> list[str]:
    """The repository's own source files that are imported by now."""
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    own = [Path(f).resolve() for f in files if f]
    rooms = [REPOSITORY / "models", REPOSITORY / "training"]
    return sorted({str(f) for f in own if any(room in f.parents for room in rooms)})


def library_versions() -> dict[str, str]:
    """Python and the libraries that touch the numbers."""
    names = ("torch", "torchvision", "timm", "numpy", "pillow", "facenet-pytorch", "safetensors")
    return {"python": platform.python_version(), **{n: version(n) for n in names}}
