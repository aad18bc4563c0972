"""Public checkpoints: the file's tensors, the family they are of, and the network they become.

    checkpoint = read_checkpoint(Path("backbone.pth"))
    model, config = network_of("ir50.paper", checkpoint)

The names of a family are mapped in its network's own file (models/nets); here is the table of families.
"""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from models.nets import edgeface, facenet, ir_resnet, svit, vit_kprpe
from models.pair import PairModel
from models.registry import config_of, create_pair, entry, list_models

Converted = tuple[dict[str, Any], dict[str, Tensor]]
"""Values of the network's config as far as the file shows them, and its tensors under the names used here."""


class CheckpointError(ValueError):
    """A file that cannot be adopted; the message says why, in words."""


@dataclass(frozen=True)
class Family:
    """Public networks that share their parameter names.

    Attributes:
        title: for people.
        mark: part of a name that its files have and other families' do not.
        cls: of the network, as in the registry.  part: beginning of the names that the file fills.
        first: the convolution that reads the pixels, after conversion.
        convert: the file's tensors -> Converted.
        free: config values in which the file may differ from the registered ones; they go into the sidecar.
        answers: the whole network is in the file; else it is only a start for training.
    """

    title: str
    mark: str
    cls: str
    part: str
    first: str
    convert: Callable[[Mapping[str, Any]], Converted]
    free: tuple[str, ...] = ()
    answers: bool = True


def _vit(state: Mapping[str, Any]) -> Converted:
    config, own = vit_kprpe.from_cvlface(state)
    return asdict(config), own


def _twins(state: Mapping[str, Any]) -> Converted:
    blocks = {tuple(map(int, k.split(".")[1:3])) for k in state if k.startswith("blocks.")}
    if not blocks:
        raise ValueError("it has no blocks")
    depths = tuple(sum(stage == i for stage, _ in blocks) for i in range(1 + max(stage for stage, _ in blocks)))
    return {"depths": depths}, svit.from_timm(state)


IR = "models.nets.ir_resnet:IRResNet"
FAMILIES: tuple[Family, ...] = (
    Family(
        "InsightFace arcface_torch IR network",
        "layer1.0.bn1.weight",
        IR,
        "trunk.",
        "conv1.weight",
        ir_resnet.from_public,
    ),
    Family("CVLface IR network", ".res_layer.", IR, "trunk.", "conv1.weight", ir_resnet.from_public),
    Family(
        "CVLface ViT",
        "pos_embed",
        "models.nets.vit_kprpe:VitKprpe",
        "net.",
        "patch_embed.proj.weight",
        _vit,
        free=("keypoint_shift",),
    ),
    Family(
        "facenet-pytorch InceptionResnetV1",
        "conv2d_1a.conv.weight",
        "models.nets.facenet:FaceNet",
        "trunk.",
        "conv2d_1a.conv.weight",
        facenet.from_facenet_pytorch,
    ),
    Family(
        "EdgeFace",
        ".xca.",
        "models.nets.edgeface:EdgeFace",
        "trunk.",
        "stem.0.weight",
        edgeface.from_public,
        free=("size",),
    ),
    Family(
        "timm Twins-PCPVT",
        "patch_embeds.0.",
        "models.nets.svit:Svit",
        "backbone.",
        "stages.0.embed.proj.weight",
        _twins,
        free=("depths",),
        answers=False,
    ),
)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Names and tensors of a .safetensors file, or of what torch.save wrote (a state dict, also under "state_dict").

    Nothing but tensors is unpickled: torch.load(weights_only=True). The classifier of an AdaFace checkpoint
    ("head.kernel") is left out.

    Raises:
        CheckpointError: no such file, not a checkpoint, or one that holds more than tensors.
    """
    if not path.is_file():
        raise CheckpointError(f"no file {path}")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else _unpickled(path)
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, ValueError, EOFError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{path} was not read: it is damaged, no checkpoint, or holds more than tensors, and nothing else is "
            f"unpickled because that runs code. Save its state_dict() with torch.save. ({reason[:200]})"
        ) from error
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not any(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f"{path} holds no table of tensors (a state dict)")
    return {name: value for name, value in state.items() if name != "head.kernel"}


def _unpickled(path: Path) -> Any:
    with warnings.catch_warnings():  # torch announces the end of quantised tensors; here they are only read
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True)


def family_of(state: Mapping[str, Any]) -> Family:
    """The family whose mark is among the names.

    Raises:
        CheckpointError: none.
    """
    for family in FAMILIES:
        if any(family.mark in name for name in state):
            return family
    known = "; ".join(f.title for f in FAMILIES)
    raise CheckpointError(f"its names ({_few(list(state))}) are of no family that is known here: {known}")


def network_of(name: str, state: Mapping[str, Any], *, bgr: bool = False) -> tuple[PairModel, dict[str, Any]]:
    """A public checkpoint as a registered network, loaded strictly, uncalibrated, in eval mode.

    Args:
        name: in the registry.  state: from read_checkpoint.
        bgr: the checkpoint was trained on BGR images; its first layer is turned round, so that RGB is right here too.

    Returns:
        The network, and the config values in which it differs from the registered one.

    Raises:
        CheckpointError: another family or size than the network's; a name is missing, left over or of another shape.
        KeyError: no such network.
    """
    family, row = family_of(state), entry(name)
    if row.cls != family.cls:
        raise CheckpointError(f"it looks like a checkpoint of {family.title}, which {name} is not; {_use(family)}")
    try:
        values, own = family.convert(state)
    except ValueError as error:
        raise CheckpointError(f"it looks like a checkpoint of {family.title}, but: {error}") from error
    if differing := differences(name, values, family.free):
        words = ", ".join(f"{k} {values[k]} where {name} has {v}" for k, v in differing.items())
        raise CheckpointError(f"it looks like a checkpoint of {family.title} with {words}; {_use(family, values)}")
    config = {k: v for k, v in values.items() if getattr(config_of(name), k) != v}
    model = create_pair(name, **config)
    _load(model, family, own, bgr)
    return model.eval().requires_grad_(False), config


def differences(name: str, values: Mapping[str, Any], free: Sequence[str]) -> dict[str, Any]:
    """Config values of a registered network that a file contradicts -> what the network has."""
    config = config_of(name)
    return {k: getattr(config, k) for k, v in values.items() if k not in free and getattr(config, k) != v}


def _use(family: Family, values: Mapping[str, Any] | None = None) -> str:
    """Which networks there are for a family, or for a file of it."""
    names = [n for n in list_models() if entry(n).cls == family.cls]
    fitting = [n for n in names if not differences(n, values or {}, family.free)]
    if values is not None and not fitting:
        return "no registered network is like that"
    return f"give --model {' or '.join(fitting)}"


def _load(model: PairModel, family: Family, own: dict[str, Tensor], bgr: bool) -> None:
    """Fill the family's part of the network.

    Batch norms of old files have no count of batches, which no answer depends on: theirs is zero.
    """
    part = model.get_submodule(family.part.rstrip("."))
    wanted = part.state_dict()
    own = {**{k: v for k, v in wanted.items() if k.endswith("num_batches_tracked") or k in ("mean", "std")}, **own}
    if words := misfits(wanted, own):
        raise CheckpointError(f"it looks like a checkpoint of {family.title}, but does not fit {model.name}: {words}")
    if bgr:
        own[family.first] = own[family.first].flip(1)
    part.load_state_dict(own, strict=True)


def misfits(wanted: Mapping[str, Tensor], found: Mapping[str, Any]) -> str:
    """What is missing, left over or of another shape, in words; empty where all fits."""
    missing, left = [k for k in wanted if k not in found], [k for k in found if k not in wanted]
    shapes = [
        f"{k} is {_shape(found[k])}, not {_shape(v)}"
        for k, v in wanted.items()
        if k in found and _shape(found[k]) != _shape(v)
    ]
    kinds = {"missing": missing, "left over": left, "of another shape": shapes}
    return "; ".join(f"{len(names)} {kind}: {_few(names)}" for kind, names in kinds.items() if names)


def _shape(value: Any) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, Tensor) else "no tensor"


def _few(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def start_facts(name: str, config: Mapping[str, Any], **facts: str) -> str:
    """What a recipe writes beside its model.safetensors: the network and its config."""
    return json.dumps({"model": name, "config": json.dumps(config, sort_keys=True), **facts}, indent=1) + "\n"
