"""FGGB: which pixels make two faces alike and which make them differ, from gradients of single embedding dimensions.

"Explainable Face Verification via Feature-Guided Gradient Backpropagation" (Lu, Xu, Ebrahimi, 2024). With the unit
embeddings a and b of N dimensions and a decision threshold theta on their cosine:

    w_k = a_k b_k - theta / N            what dimension k adds to the decision; sum_k w_k = cos(a, b) - theta
    G_k = mean over RGB |d a_k / d image|, divided by its L2 norm
    S   = sum_k w_k G_k                  above zero speaks for "alike", below zero for "different"

then smoothed with a Gaussian (25 x 25, sigma 5). The same for b. A plain gradient of the cosine would add up signed
gradients in which dimensions cancel; here every dimension has its own map.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from explain.findings import FACES, Heatmap
from explain.grad_cam import require_graph
from models.outputs import Result
from models.pair import CosineLogit, PairModel

CAPTION = (
    "Places whose pixels move the embedding dimensions on which the two faces agree (above zero) or differ (below "
    "zero), as against the decision threshold. It shows where the network is sensitive, not what happens when a place "
    "is changed."
)
CHUNK = 8
"""Embedding dimensions differentiated at once."""


def fggb(result: Result, *, target: str = "similarity", theta: float | None = None) -> tuple[Heatmap, Heatmap]:
    """Signed maps of both faces at the resolution of the crop.

    Args:
        result: from predict(grad=True).
        target: "similarity", the only one: the method takes the cosine apart.
        theta: decision threshold on the cosine; by default where the model's calibrated score is 0.5.

    Raises:
        ValueError: a result without a graph, or another target.
    """
    require_graph(result)
    if target != "similarity":
        raise ValueError(f"fggb explains the similarity, not the {target}")
    theta = cosine_at(result.model, 0.5) if theta is None else theta
    weights = dimension_weights(result.output.embedding_a[0], result.output.embedding_b[0], theta)
    caption = f"{CAPTION} Threshold on the cosine: {theta:.3f}."
    a, b = (
        Heatmap(smoothed(m).cpu().numpy(), face, "fggb", signed=True, unit="weighted sensitivity", caption=caption)
        for m, face in zip(signed_maps(result, weights), FACES, strict=True)
    )
    return a, b


def cosine_at(model: PairModel, score: float) -> float:
    """The cosine at which a model's calibrated score is `score`; 0 for a model whose score is no function of it.

    Raises:
        ValueError: a score that is not inside (0, 1).
    """
    if not 0 < score < 1:
        raise ValueError(f"a score lies inside (0, 1), got {score}")
    heads = [m for m in model.modules() if isinstance(m, CosineLogit)]
    if len(heads) != 1 or float(heads[0].slope) == 0:
        return 0.0
    cosine = (torch.logit(torch.tensor(score, dtype=torch.float64)) - heads[0].offset.cpu()) / heads[0].slope.cpu()
    return float(cosine.clamp(-1, 1))


def dimension_weights(a: Tensor, b: Tensor, theta: float) -> Tensor:
    """(N,), (N,) unit embeddings -> (N,) w_k = a_k b_k - theta / N, which add up to cos - theta."""
    return (a * b - theta / a.numel()).detach()


def signed_maps(result: Result, weights: Tensor) -> tuple[Tensor, Tensor]:
    """S of both faces, before smoothing: two (H, W) tensors.

    d a_k / d image_a and d b_k / d image_b come from one backward pass, since an embedding depends on its own face
    alone; CHUNK dimensions are batched into one vectorised vector-Jacobian product.
    """
    images = (result.a.image, result.b.image)
    outputs = (result.output.embedding_a, result.output.embedding_b)
    maps = [torch.zeros_like(image[0, 0]) for image in images]
    basis = torch.eye(weights.numel(), device=weights.device)[:, None]  # (N, 1, N)
    for rows, w in zip(basis.split(CHUNK), weights.split(CHUNK), strict=True):
        gradients = torch.autograd.grad(outputs, images, (rows, rows), retain_graph=True, is_grads_batched=True)
        for i, gradient in enumerate(gradients):  # (chunk, 1, 3, H, W)
            maps[i] = maps[i] + torch.einsum("k,khw->hw", w, unit_sensitivity(gradient[:, 0]))
    return maps[0], maps[1]


def unit_sensitivity(gradient: Tensor) -> Tensor:
    """(K, 3, H, W) gradients -> (K, H, W): mean over RGB of the magnitude, each map of unit L2 norm (or zero)."""
    magnitude = gradient.abs().mean(1)
    norm = magnitude.flatten(1).norm(dim=1)[:, None, None]
    return torch.where(norm > 0, magnitude / norm, torch.zeros_like(magnitude))


def smoothed(values: Tensor) -> Tensor:
    """(H, W) -> (H, W), Gaussian 25 x 25, sigma 5 pixels (smaller where the crop is)."""
    kernel = min(25, 2 * ((min(values.shape) - 1) // 2) + 1)
    return gaussian_blur(values[None, None], [kernel, kernel], [5.0, 5.0])[0, 0]
