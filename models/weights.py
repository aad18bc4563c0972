"""Trained weights: find, verify, load strictly. The only reader of weights/.

A weight is <name>.safetensors with <name>.json beside it, its sidecar. A missing weight is an error;
nothing here ever falls back to random values.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from models.device import pick_device
from models.face_model import FaceModel
from models.operating_points import OperatingPoints as OperatingPoints
from models.pair import PairModel
from models.registry import MODELS, as_pair, config_of, create_model, list_models
from models.sidecars import Decision as Decision
from models.sidecars import Loan as Loan
from models.sidecars import Sidecar as Sidecar
from models.sidecars import TriOperating as TriOperating
from models.sidecars import WeightError as WeightError
from models.sidecars import check

SHIPPED = Path(__file__).resolve().parent.parent / "weights"


def weight_dirs() -> list[Path]:
    """Where weights are looked for: KINSIGHT_WEIGHTS (the user's own) first, then the repository's."""
    own = os.environ.get("KINSIGHT_WEIGHTS")
    return ([Path(own)] if own else []) + [SHIPPED]


def available_weights() -> list[str]:
    """Names of weights that have both file and sidecar, and both can be read, sorted."""
    stems = {p.stem for d in weight_dirs() for p in d.glob("*.safetensors") if p.with_suffix(".json").exists()}
    return sorted(name for name in stems if _flaw(find_weight(name)) is None)


def unreadable_weights() -> list[tuple[Path, str]]:
    """What is passed over where weights are looked for, and why: a folder or a .safetensors file, and a sentence.

    The content of a file is not hashed here: one that was altered is refused when it is loaded.
    """
    missing = [(d, f"There is no folder {d} (KINSIGHT_WEIGHTS).") for d in weight_dirs() if not d.is_dir()]
    files = [p for d in weight_dirs() for p in sorted(d.glob("*.safetensors"))]
    return missing + [(p, flaw) for p in files if (flaw := _flaw(p)) is not None]


def _flaw(path: Path) -> str | None:
    """Why a .safetensors file is no weight that can be offered; None when it is one."""
    beside = path.with_suffix(".json")
    if not beside.exists():
        return f"{path} has no sidecar {beside.name} beside it."
    return _flaw_of(path, *_marks(path)) or _not_lent(path)


def _marks(path: Path) -> list[tuple[int, int]]:
    """Age and size of a weight and of its sidecar."""
    return [(s.st_mtime_ns, s.st_size) for s in (path.stat(), path.with_suffix(".json").stat())]


def _not_lent(path: Path) -> str | None:
    """Why a weight cannot read what others lend it; None when it can."""
    try:
        _check_lenders(path)
        return None
    except WeightError as error:
        return str(error)


def _check_lenders(path: Path, borrowers: tuple[Path, ...] = ()) -> None:
    """All that lend to a weight, and to those, are there, and none reads from one that reads from it.

    Args:
        borrowers: sidecars on the way to this weight, the first one asked about first.

    Raises:
        WeightError: one is missing, or the loans go in a circle.
    """
    sidecar = path.with_suffix(".json").resolve()
    way = (*borrowers, sidecar)
    if sidecar in borrowers:
        circle = " from ".join(file.stem for file in way)
        raise WeightError(f"the sidecar {way[0]} cannot be used: its loans go in a circle, {circle}")
    for loan in _loans_of(path, *_marks(path)):
        _check_lenders(_lender(path, loan), way)


@lru_cache(maxsize=256)
def _loans_of(path: Path, *_marks: tuple[int, int]) -> list[Loan]:
    return _sidecar_of(path).loans


@lru_cache(maxsize=256)
def _sha256_of(path: Path, *_marks: tuple[int, int]) -> str:
    return _sidecar_of(path).sha256


@lru_cache(maxsize=256)
def _flaw_of(path: Path, *_marks: tuple[int, int]) -> str | None:
    """_flaw of files of this age and size."""
    try:
        sidecar = _sidecar_of(path)
        check(sidecar)
        if path.parent != SHIPPED:  # those fit (tests); asking the network imports it, and that takes seconds
            config_of(sidecar.model, **sidecar.config)
        with _opened(path):
            return None
    except WeightError as error:
        return str(error)
    except (ValueError, TypeError, KeyError) as error:
        return f"the sidecar {path.with_suffix('.json')} cannot be used: {error}"


def default_model(task: str = "kinship") -> str:
    """The weight that the page, the endpoints, the command lines and load_model use when nobody names one.

    The first model of the task in the registry's order that is a single network and has a weight: an order chosen on
    held-out training families, never on an evaluation set. Without any weight the first in that order, untrained.
    """
    order = [name for name in list_models(task) if not MODELS[name].joins]
    return next((name for name in order if name in available_weights()), order[0])


def find_weight(name: str) -> Path:
    """Path of <name>.safetensors.

    Raises:
        WeightError: when there is none with a sidecar.  TypeError: no name.
    """
    if not isinstance(name, str):
        given = type(name).__name__
        raise TypeError(f"a weight is named by a string such as 'dlib_kin' (available_weights()), not {given}")
    for directory in weight_dirs():
        path = directory / f"{name}.safetensors"
        if _whole(path):
            return path
    raise WeightError(
        f"{name} is untrained: no weight {name}.safetensors with a sidecar in {', '.join(map(str, weight_dirs()))}."
    )


def _whole(path: Path) -> bool:
    """Are a weight and its sidecar there?"""
    return os.path.exists(path) and os.path.exists(path.with_suffix(".json"))  # False too for a name that is too long


def read_sidecar(name: str) -> Sidecar:
    """The sidecar of a weight.

    Raises:
        WeightError: no such weight, or an unreadable sidecar.
    """
    return _sidecar_of(find_weight(name))


def _sidecar_of(path: Path) -> Sidecar:
    path = path.with_suffix(".json")
    try:
        return Sidecar.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WeightError(f"the sidecar {path} cannot be read: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[None]:
    """A .safetensors file whose header fits its length. Raises WeightError where it does not, or inside it."""
    try:
        with safe_open(path, framework="pt"):
            yield
    except (SafetensorError, OSError) as error:
        raise WeightError(f"{path} is no readable .safetensors file: {error}") from error


def tensors_in(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of any .safetensors file, unverified: read_tensors is for weights.

    Raises:
        WeightError: missing, damaged, or of another format.
    """
    with _opened(path):
        return load_file(path)


def file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a weight, verified (sha256), floating-point ones as float32, with those that others lend it.

    Raises:
        WeightError: altered weight, or one that lends to it is missing, borrows from it, or is not the file it was.
    """
    sidecar = _sidecar_of(path)
    if file_sha256(path) != sidecar.sha256:
        raise WeightError(f"{path} is not the file its sidecar describes (sha256 differs). Fetch it again.")
    stored = tensors_in(path)
    _check_lenders(path)
    for loan in sidecar.loans:
        stored |= loan.renamed(read_tensors(_lender(path, loan)))
    return {k: v.float() if v.is_floating_point() else v for k, v in stored.items()}


def parameters(name: str) -> int:
    """How many numbers the tensors of a weight hold, borrowed ones included, by the headers of the files.

    Running statistics of batch norms are not counted; the few other buffers are.

    Raises:
        WeightError: no such weight, damaged, or one that lends to it is not there or borrows from it.
    """
    _check_lenders(path := find_weight(name))
    return sum(n for key, n in _counts(path).items() if not key.endswith(STATISTICS))


STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""Ends of the names of what a batch norm keeps beside its parameters."""


def _counts(path: Path) -> dict[str, int]:
    """Name of a tensor -> how many numbers it holds, as read_tensors names them."""
    with _opened(path), safe_open(path, framework="pt") as file:
        counted = {key: math.prod(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 no dict
    for loan in _sidecar_of(path).loans:
        counted |= loan.renamed(_counts(_lender(path, loan)))
    return counted


def _lender(path: Path, loan: Loan) -> Path:
    """The very file that lends: beside the weight, or wherever weights are looked for."""
    for directory in (path.parent, *weight_dirs()):
        found = directory / f"{loan.weight}.safetensors"
        if _whole(found) and _sha256_of(found, *_marks(found)) == loan.sha256:
            return found
    raise WeightError(
        f"{path} reads {loan.prefix}* from {loan.weight}, as it was at sha256 {loan.sha256[:12]}...: not found."
    )


def load_model(name: str | None = None, device: torch.device | str | None = None) -> FaceModel:
    """A trained model, default_model() unless named, verified (sha256), loaded strictly, in eval mode.

    Parameters do not require gradients: explainers differentiate with respect to activations and inputs.

    Raises:
        WeightError: missing, altered or ill-fitting weight.  TypeError: no name.
    """
    name = default_model() if name is None else name
    sidecar, tensors = read_sidecar(name), read_tensors(find_weight(name))
    try:
        model = create_model(sidecar.model, **sidecar.config)
        model.load_state_dict(tensors, strict=True)
    except (RuntimeError, ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise WeightError(f"{find_weight(name)} does not fit {sidecar.model}: {error}") from error
    model.threshold = sidecar.decision.threshold if sidecar.decision else None
    where = torch.device(device or pick_device())
    model = model.eval().requires_grad_(False).to(where)
    if where.type == "mps":
        return model
    return model.to(memory_format=torch.channels_last)  # the layout convolutions on a CPU prefer


def load_pair(name: str | None = None, device: torch.device | str | None = None) -> PairModel:
    """load_model for weights that compare two faces.

    Raises:
        WeightError: as load_model, or a weight that answers about another number of faces.
    """
    model = load_model(name, device)
    try:
        return as_pair(model)
    except TypeError as error:
        raise WeightError(str(error)) from error
