"""Excitation backpropagation for a pair: which places excite the embedding dimensions on which two faces agree.

Zhang et al., IJCV 2018; for faces: Williford, May, Byrne, "Explainable Face Recognition", ECCV 2020. With the codes a
and b of the two faces, excitation starts at dimension k of either face in the ratio of relu(a_k b_k) and goes down as
explain/core/excitation.py says; it is read at a layer, added up over channels, with a sum of 1.

    contrastive = relu(P - P'),  P' started in the ratio of relu(-a_k b_k), the dimensions on which the faces differ
    truncated   = the same, only at the places that hold the top 80 % of P
    subtree     = sum over the best three deeper layers of score * (P started at one node of the layer alone);
                  the node has the largest score -x dy'/dx among those with dy/dx >= 0, y = sum of relu(a_k b_k),
                  y' = sum of relu(-a_k b_k); layers whose best score is not above zero are left out

In the paper on faces P' and y' come from a third person; a pair has none, so the other face's negated code stands in
for it (the dual unit of Zhang et al.). The value x in a node's score is our reading: below an average all places of a
channel have the same slope. Defined for networks of convolutions, affine maps, ReLU, pooling and sums.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor

from explain.core.excitation import Excitation
from explain.core.findings import Heatmap
from models.predict import Result
from models.taps import kind_of, record, tap_names

_HOW = " It follows excitation only: what holds a value down is not seen."
CAPTIONS = {
    "ebp": "Places that excite the embedding dimensions on which the two faces agree; all places add up to 1." + _HOW,
    "contrastive_ebp": "Places that excite the dimensions on which the two faces agree more than those on which they "
    "differ." + _HOW,
    "truncated_ebp": "As the contrastive map, only at the places that hold 80 % of what excites the agreeing "
    "dimensions." + _HOW,
    "subtree_ebp": "Places that excite single units, one a layer: those that hold the faces' agreement up and would "
    "weaken their differences." + _HOW,
}
KEPT = 0.8
BEST = 3
"""Layers of which a subtree map is made."""


def explainer(label: str) -> Callable[..., tuple[Heatmap, ...]]:
    """One of CAPTIONS as a function (result, *, target, layer) -> a heatmap a face."""

    def run(result: Result, *, target: str = "similarity", layer: str | None = None) -> tuple[Heatmap, ...]:
        return excitation_maps(result, label, target=target, layer=layer)

    return run


def excitation_maps(
    result: Result, label: str, *, target: str = "similarity", layer: str | None = None
) -> tuple[Heatmap, ...]:
    """Excitation of both faces over the crop, as much as at the layer; values are not signed.

    Args:
        result: from predict; no graph needed.
        label: one of CAPTIONS.
        target: "similarity", the only one: excitation starts at the two codes.
        layer: a `features` tap; by default the first one.

    Raises:
        ValueError: another target, or a network with an operation for which excitation is not defined.
    """
    if target != "similarity":
        raise ValueError(f"{label} explains the similarity, not the {target}")
    name = layer or next(tap for tap in tap_names(result.model) if kind_of(tap) == "features")
    values = subtrees(result, name) if label == "subtree_ebp" else _contrasted(result, label, name)
    drawn = result.model.on_crop(name, values)
    kept = values.sum((1, 2), keepdim=True) / drawn.sum((1, 2), keepdim=True).clamp_min(1e-30)  # drawn finer or coarser
    caption = f"{CAPTIONS[label]} Layer: {name}."
    maps = (drawn * kept).cpu().numpy()
    return tuple(Heatmap(m.copy(), i, label, False, "share of the excitation", caption) for i, m in enumerate(maps))


def _contrasted(result: Result, label: str, name: str) -> Tensor:
    agree, differ = winning(result, name)
    values = agree if label == "ebp" else (agree - differ).clamp_min(0)
    return values * top(agree, KEPT) if label == "truncated_ebp" else values


def winning(result: Result, name: str) -> tuple[Tensor, Tensor]:
    """Excitation at a layer from the dimensions on which the faces agree, and from those on which they differ.

    Returns:
        Two (2, h, w) tensors; each map adds up to 1, or is zero.
    """
    codes, evidence = _encoded(result, excited=True)
    products = (codes[0] * codes[1]).detach().expand_as(codes)
    agree, differ = (_share(codes, evidence[name], start.clamp_min(0)) for start in (products, -products))
    return agree, differ


def mean_excitation(result: Result, name: str) -> Tensor:
    """(2, h, w) excitation at a layer from all dimensions of both codes alike; each map adds up to 1, or is zero."""
    codes, evidence = _encoded(result, excited=True)
    return _share(codes, evidence[name], torch.ones_like(codes))


def subtrees(result: Result, name: str) -> Tensor:
    """(2, h, w) excitation at a layer from the best nodes of the best deeper layers; adds up to 1, or is zero."""
    model = result.model
    taps = [tap for tap in tap_names(model) if kind_of(tap) == "features"]
    deeper = taps[taps.index(name) + 1 :] or [name]
    codes, evidence = _encoded(result, excited=False)
    products = codes * codes.detach().flip(0)
    layers = [evidence[tap] for tap in deeper]
    up, against = (
        torch.autograd.grad(part.clamp_min(0).sum(), layers, retain_graph=True) for part in (products, -products)
    )
    scores = [
        torch.where(g >= 0, -x.detach() * h, -torch.inf).flatten(1).max(1)
        for x, g, h in zip(layers, up, against, strict=True)
    ]
    weight = torch.stack([score.values.clamp_min(0) for score in scores])  # (L, 2)
    weight = weight * (weight >= weight.sort(0, descending=True).values[:BEST][-1])
    codes, evidence = _encoded(result, excited=True)
    maps = []
    for tap, score in zip(deeper, scores, strict=True):
        node = torch.zeros_like(evidence[tap]).flatten(1).scatter(1, score.indices[:, None], 1.0)
        maps.append(_share(evidence[tap], evidence[name], node.view_as(evidence[tap])))
    total = weight.sum(0).clamp_min(1e-30)
    return torch.einsum("lb,lbhw->bhw", weight / total, torch.stack(maps))


def _encoded(result: Result, excited: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Codes of both faces and the taps on the way, with a graph whose gradients are excitation, or plain ones."""
    images = torch.cat([f.image.detach() for f in result.faces]).requires_grad_(True)
    keypoints = torch.cat([f.keypoints.detach() for f in result.faces])
    with record() as evidence, torch.enable_grad(), Excitation() if excited else nullcontext():
        return result.model.encode(images, keypoints), evidence


def _share(above: Tensor, below: Tensor, start: Tensor) -> Tensor:
    """(B, h, w) excitation that arrives at a layer, added up over channels; each map adds up to 1, or is zero."""
    (down,) = torch.autograd.grad(above, below, start, retain_graph=True, materialize_grads=True)
    total = down.sum((1, 2, 3), keepdim=True)
    return torch.where(total > 0, down / total.clamp_min(1e-30), 0.0).sum(1)


def top(maps: Tensor, share: float) -> Tensor:
    """(B, h, w) -> the same, bool: the fewest places, largest first, that hold this share of a map's sum."""
    flat = maps.flatten(1)
    ordered, places = flat.sort(1, descending=True)
    before = ordered.cumsum(1) - ordered
    kept = torch.zeros_like(flat, dtype=torch.bool).scatter(1, places, before < share * flat.sum(1, keepdim=True))
    return kept.view_as(maps)
