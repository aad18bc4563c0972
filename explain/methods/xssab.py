"""xSSAB: what makes two faces alike and what makes them differ, from two gradients.

"Efficient Explainable Face Verification based on Similarity Score Argument Backpropagation" (Huber, Luu, Terhorst,
Damer, WACV 2024). With the unit embeddings a and b of N dimensions and a decision threshold theta on their cosine, the
arguments a_k b_k of the cosine are parted:

    alike  = those with a_k b_k >= theta / N,     different = the others
    S      = mean over RGB |d sum_alike a_k b_k / d image|  -  mean over RGB |d sum_different a_k b_k / d image|

for either face with the other's embedding fixed. FGGB (pair_gradients.py) has a map for every dimension instead of two.
"""

from __future__ import annotations

import torch
from torch import Tensor

from explain.core.findings import Heatmap
from explain.core.recorded import require_graph
from explain.methods.pair_gradients import NO_THETA, decision_cosine
from models.predict import Result
from models.registry import as_pair

CAPTION = (
    "Pixels that move the embedding dimensions on which the two faces agree (above zero) or differ (below zero), each "
    "group taken as one sum. It shows where the network is sensitive, not what happens when a place is changed; inside "
    "a group, dimensions can cancel."
)


def xssab(result: Result, *, target: str = "similarity", theta: float | None = None) -> tuple[Heatmap, ...]:
    """Signed maps of both faces at the resolution of the crop.

    Args:
        result: from predict(grad=True).
        target: "similarity", the only one: the method takes the cosine apart.
        theta: decision threshold on the cosine; by default decision_cosine of the model.

    Raises:
        ValueError: a result without a graph, or another target.
    """
    require_graph(result)
    if target != "similarity":
        raise ValueError(f"xssab explains the similarity, not the {target}")
    own = decision_cosine(as_pair(result.model)) if theta is None else theta
    a, b = (e[0] for e in result.output.embeddings)
    alike = (a * b).detach() >= (own or 0.0) / a.numel()
    caption = f"{CAPTION} Threshold on the cosine: {NO_THETA if own is None else f'{own:.3f}.'}"
    maps = zip(sensitivities(result, alike), sensitivities(result, ~alike), strict=True)
    return tuple(
        Heatmap((s - d).cpu().numpy(), i, "xssab", signed=True, unit="similarity per pixel value", caption=caption)
        for i, (s, d) in enumerate(maps)
    )


def sensitivities(result: Result, chosen: Tensor) -> tuple[Tensor, ...]:
    """Mean over RGB of the magnitude of the gradient of the chosen arguments' sum: an (H, W) tensor a face.

    Args:
        chosen: (N,) bool, dimensions whose a_k b_k are added up.
    """
    a, b = (e[0] for e in result.output.embeddings)
    total = ((a * b.detach() + a.detach() * b) * chosen).sum()
    gradients = torch.autograd.grad(total, [f.image for f in result.faces], retain_graph=True)
    return tuple(g[0].abs().mean(0) for g in gradients)
