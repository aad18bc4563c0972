"""What a network of the partial-face comparison starts from: EdgeFace's head, and another network of the comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from models.nets.partial_edgeface import EdgeFaceStages
from models.nets.partial_face import PartialFace, fully_connected
from training.tools.warm_start import StartError

HEAD = "trunk.head."


@torch.no_grad()
def head_as_fc(trunk: EdgeFaceStages, state: Mapping[str, Tensor], images: Tensor) -> dict[str, Tensor]:
    """EdgeFace's head, LayerNorm and FC, as the FC and batch norm of PartialAverage: {"fc.0.weight": ...}.

    LayerNorm centres the channels and divides by their deviation. The first is linear and becomes part of the FC; the
    second is a factor for each face, which hardly turns an embedding, and becomes its mean over the images. The batch
    norm starts with their statistics and undoes them, so that FC and norm answer as the head did.

    Args:
        trunk: with EdgeFace's weights, in eval mode.  state: those weights, of registry name edgeface.
        images: (B, 3, 160, 160).
    """
    gain, shift = state[HEAD + "norm.weight"].float(), state[HEAD + "norm.bias"].float()
    weight, bias = state[HEAD + "fc.weight"].float(), state[HEAD + "fc.bias"].float()
    pooled = torch.cat([trunk(part)[1].mean((2, 3)) for part in images.split(64)]).float().cpu()
    centred = (weight * gain) - (weight * gain).mean(1, keepdim=True)
    layer = fully_connected(weight.shape[1], weight.shape[0])
    linear, norm = layer
    assert isinstance(linear, nn.Linear) and isinstance(norm, nn.BatchNorm1d)
    linear.weight.copy_(centred / pooled.std(1, unbiased=False).mean())
    out = linear(pooled)
    mean, variance = out.mean(0), out.var(0, unbiased=False)
    norm.load_state_dict(
        {
            "running_mean": mean,
            "running_var": variance,
            "weight": (variance + norm.eps).sqrt(),
            "bias": mean + weight @ shift + bias,
            "num_batches_tracked": torch.tensor(0),
        }
    )
    return {f"fc.{name}": value for name, value in layer.state_dict().items()}


def for_every_part(model: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The average-pooled network's weights with its FC repeated for every part of `model`.

    Where all maps are flat and open, both networks then have the same embedding: neither arm starts ahead. Weights of
    other networks, and those for a network without parts, stay as they are.
    """
    if not isinstance(model, PartialFace):
        return dict(state)
    one = {name.removeprefix("fc."): value for name, value in state.items() if name.startswith("fc.")}
    rest = {name: value for name, value in state.items() if not name.startswith("fc.")}
    return rest | {f"aggregate.{k}.{name}": value for k in range(len(model.aggregate)) for name, value in one.items()}


def load_fitting(model: nn.Module, state: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """Load what fits by name and shape: the trunk of another network of the comparison, for one.

    Returns:
        Names of the model's tensors that were not loaded, and of those in `state` that found no place; sorted.

    Raises:
        StartError: not one parameter fits.
    """
    own = model.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and value.shape == own[name].shape}
    if not fitting.keys() & dict(model.named_parameters()).keys():
        raise StartError("these weights are of another network: no parameter has a name and shape of this one")
    model.load_state_dict(fitting, strict=False)
    return sorted(own.keys() - fitting.keys()), sorted(state.keys() - fitting.keys())


def by_module(names: Iterable[str]) -> str:
    """ "aggregate (24), fork (18)": how many tensors of each part of a network."""
    counts = Counter(name.split(".")[0] for name in names)
    return ", ".join(f"{module} ({count})" for module, count in counts.items()) or "nothing"
