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

from collections.abc import Iterator

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from explain.core.findings import Heatmap
from explain.core.recorded import require_graph
from models.pair import CosineLogit, PairModel
from models.predict import Result
from models.registry import as_pair
from models.taps import kind_of

CAPTION = (
    "Places whose pixels move the embedding dimensions on which the two faces agree (above zero) or differ (below "
    "zero), as against the decision threshold. It shows where the network is sensitive, not what happens when a place "
    "is changed."
)
NO_THETA = "none (0): the score is no function of the cosine."
CHUNK = 8
"""Embedding dimensions differentiated at once."""


def fggb(result: Result, *, target: str = "similarity", theta: float | None = None) -> tuple[Heatmap, ...]:
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
        raise ValueError(f"fggb explains the similarity, not the {target}")
    own = decision_cosine(as_pair(result.model)) if theta is None else theta
    theta = own or 0.0
    weights = dimension_weights(result.output.embeddings[0][0], result.output.embeddings[1][0], theta)
    caption = f"{CAPTION} Threshold on the cosine: {NO_THETA if own is None else f'{theta:.3f}.'}"
    return tuple(
        Heatmap(smoothed(m).cpu().numpy(), i, "fggb", signed=True, unit="weighted sensitivity", caption=caption)
        for i, m in enumerate(signed_maps(result, weights))
    )


def decision_cosine(model: PairModel) -> float | None:
    """The cosine at the threshold of the model's weight, at a score of 0.5 where it has none (untrained).

    None for a model whose score is no function of the cosine.
    """
    return cosine_at(model, 0.5 if model.threshold is None else model.threshold)


def cosine_at(model: PairModel, score: float) -> float | None:
    """The cosine at which a model's calibrated score is `score`; None for a model whose score is no function of it.

    Raises:
        ValueError: a score that is not inside (0, 1).
    """
    if not 0 < score < 1:
        raise ValueError(f"a score lies inside (0, 1), got {score}")
    heads = [m for m in model.modules() if isinstance(m, CosineLogit)]
    if not model.by_similarity or len(heads) != 1 or float(heads[0].slope) == 0:
        return None
    cosine = (torch.logit(torch.tensor(score, dtype=torch.float64)) - heads[0].offset.cpu()) / heads[0].slope.cpu()
    return float(cosine.clamp(-1, 1))


def dimension_weights(a: Tensor, b: Tensor, theta: float) -> Tensor:
    """(N,), (N,) unit embeddings -> (N,) w_k = a_k b_k - theta / N, which add up to cos - theta."""
    return (a * b - theta / a.numel()).detach()


def signed_maps(result: Result, weights: Tensor) -> tuple[Tensor, Tensor]:
    """S of both faces, before smoothing: two (H, W) tensors.

    Args:
        result: from predict(grad=True).
        weights: (N,) w_k.
    """
    maps = [torch.zeros_like(face.image[0, 0]) for face in result.faces]
    for w, gradients in zip(weights.split(CHUNK), embedding_gradients(result), strict=True):
        for i, gradient in enumerate(gradients):
            maps[i] = maps[i] + torch.einsum("k,khw->hw", w, unit_sensitivity(gradient))
    return maps[0], maps[1]


def embedding_gradients(result: Result) -> Iterator[tuple[Tensor, Tensor]]:
    """d a_k / d image_a and d b_k / d image_b, CHUNK dimensions at a time: two (CHUNK, 3, H, W) tensors.

    Both come from one vectorised backward pass, since an embedding depends on its own face alone. Where all of it
    passes through recorded features with fewer values than the embedding has dimensions, the chain rule is taken at
    that neck: the network is differentiated once a value of the neck, and the rest is a matrix product.
    """
    images, outputs = tuple(face.image for face in result.faces), result.output.embeddings
    neck = narrow_neck(result)
    if neck is None:
        for a, b in vjp_rows(outputs, images):
            yield a[:, 0], b[:, 0]
        return
    below = [image.new_empty(neck[0].numel(), *image.shape[1:]) for image in images]  # (C h w, 3, H, W)
    done = 0
    for rows in vjp_rows(tuple(neck.flatten(1).split(1)), images):
        for whole, part in zip(below, rows, strict=True):
            whole[done : done + len(part)] = part[:, 0]
        done += len(rows[0])
    for (above,) in vjp_rows(outputs, (neck,)):  # (chunk, 2, C, h, w)
        a, b = (torch.tensordot(above[:, i].flatten(1), below[i], 1) for i in (0, 1))
        yield a, b


def vjp_rows(outputs: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, ...]]:
    """Gradients of output dimension 0, 1, ... (of all outputs at once) at the inputs, CHUNK dimensions at a time.

    Args:
        outputs: of shape (1, N) each.

    Yields:
        One (chunk, *shape) tensor an input.
    """
    basis = torch.eye(outputs[0].shape[1], device=outputs[0].device)[:, None]  # (N, 1, N)
    for rows in basis.split(CHUNK):
        grads = (rows,) * len(outputs)
        yield torch.autograd.grad(outputs, inputs, grads, retain_graph=True, is_grads_batched=True)


def narrow_neck(result: Result) -> Tensor | None:
    """The recorded features with the fewest values a face, when that is fewer than the embedding has dimensions and
    the whole embedding passes through them; None otherwise.

    "Passes through" is checked on a random direction: the gradient by way of the neck must be the gradient itself.
    """
    per_face = [t for n, t in result.evidence.items() if kind_of(n) == "features" and len(t) == 2 and t.requires_grad]
    neck = min(per_face, key=lambda t: t[0].numel(), default=None)
    embedding = result.output.embeddings[0]
    if neck is None or neck[0].numel() >= embedding.shape[1]:
        return None
    direction = torch.randn(embedding.shape, generator=torch.Generator().manual_seed(0)).to(embedding)
    (above,) = torch.autograd.grad(embedding, neck, direction, retain_graph=True, materialize_grads=True)
    (through,) = torch.autograd.grad(neck, result.faces[0].image, above, retain_graph=True)
    (whole,) = torch.autograd.grad(embedding, result.faces[0].image, direction, retain_graph=True)
    return neck if torch.allclose(through, whole, rtol=1e-3, atol=1e-4 * float(whole.abs().max())) else None


def unit_sensitivity(gradient: Tensor) -> Tensor:
    """(K, 3, H, W) gradients -> (K, H, W): mean over RGB of the magnitude, each map of unit L2 norm (or zero)."""
    magnitude = gradient.abs().mean(1)
    norm = magnitude.flatten(1).norm(dim=1)[:, None, None]
    return torch.where(norm > 0, magnitude / norm, torch.zeros_like(magnitude))


def smoothed(values: Tensor) -> Tensor:
    """(H, W) -> (H, W), Gaussian 25 x 25, sigma 5 pixels (smaller where the crop is)."""
    kernel = min(25, 2 * ((min(values.shape) - 1) // 2) + 1)
    return gaussian_blur(values[None, None], [kernel, kernel], [5.0, 5.0])[0, 0]
