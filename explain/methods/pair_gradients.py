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

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from explain.core.findings import Heatmap
from explain.core.quick_backward import QuickBackward
from explain.core.recorded import require_graph
from explain.core.smooth import smooth
from models.pair import CosineLogit, PairModel
from models.predict import Result
from models.registry import as_pair
from models.taps import kind_of, record

CAPTION = (
    "Places whose pixels move the embedding dimensions on which the two faces agree (above zero) or differ (below "
    "zero), as against the decision threshold. It shows where the network is sensitive, not what happens when a place "
    "is changed."
)
NO_THETA = "none (0): the score is no function of the cosine."
CHUNK = 8
"""Embedding dimensions differentiated at once."""
PRODUCT = 64
"""Embedding dimensions multiplied at once, where the chain rule is taken at a neck."""


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
    done = 0
    for gradients in embedding_gradients(result):
        w = weights[done : done + len(gradients[0])]
        for i, gradient in enumerate(gradients):
            magnitude, norm = sensitivity(gradient)
            scale = torch.where(norm > 0, w / norm, torch.zeros_like(norm))
            maps[i] = maps[i] + torch.tensordot(scale, magnitude, 1)
        done += len(w)
    return maps[0], maps[1]


def embedding_gradients(result: Result) -> Iterator[tuple[Tensor, Tensor]]:
    """d a_k / d image_a and d b_k / d image_b, some dimensions at a time: two (chunk, 3, H, W) tensors.

    The network runs once on CHUNK copies of both faces; then each backward pass gives every copy another dimension:
    quicker than one graph differentiated in a batch (vmap), since every kernel sees a plain batch. Where all of an
    embedding passes through recorded features with fewer values than it has dimensions, the chain rule is taken at
    that neck: the network is differentiated once a value of the neck, and the rest is a matrix product.
    """
    images, embedding, evidence = copies(result, CHUNK)
    neck = narrow_neck(result)
    if neck is None:
        yield from gradient_rows(embedding, images)
        return
    below = both(gradient_rows(evidence[neck], images))  # (C h w, 3, H, W) a face
    above = both(gradient_rows(embedding, evidence[neck]))  # (N, C, h, w) a face
    for a, b in zip(*(up.flatten(1).split(PRODUCT) for up in above), strict=True):
        yield torch.tensordot(a, below[0], 1), torch.tensordot(b, below[1], 1)


def both(rows: Iterator[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """All rows of either face in one tensor."""
    a, b = zip(*rows, strict=True)
    return torch.cat(a), torch.cat(b)


def copies(result: Result, count: int) -> tuple[Tensor, Tensor, Mapping[str, Tensor]]:
    """Both faces answered again as a batch of copies, those of the first face first.

    Returns:
        (2 count, 3, H, W) pixels, (2 count, N) unit embeddings with their graph, and the recorded evidence.
    """
    faces, model = result.faces, as_pair(result.model)
    images = torch.cat([f.image.detach().expand(count, -1, -1, -1) for f in faces]).requires_grad_(True)
    keypoints = torch.cat([f.keypoints.detach().expand(count, -1, -1) for f in faces])
    with record() as evidence, torch.enable_grad(), QuickBackward():
        embedding = model.embedding(model.encode(images, keypoints))
    return images, embedding, evidence


def gradient_rows(output: Tensor, inputs: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Gradients of value 0, 1, ... of the output at the inputs, as many values at a time as there are copies.

    Args:
        output, inputs: of a batch of copies, those of the first face first.

    Yields:
        Of either face a (chunk, *shape) tensor.
    """
    count, values = len(output) // 2, output[0].numel()
    for rows in torch.eye(values, device=output.device).split(count):
        grads = torch.zeros(2, count, values, device=output.device)
        grads[:, : len(rows)] = rows
        (found,) = torch.autograd.grad(output, inputs, grads.view_as(output), retain_graph=True)
        a, b = found.split(count)
        yield a[: len(rows)], b[: len(rows)]


def narrow_neck(result: Result) -> str | None:
    """The tap of the recorded features with the fewest values a face, when that is fewer than the embedding has
    dimensions and the whole embedding passes through them; None otherwise.

    "Passes through" is checked on a random direction: the gradient by way of the neck must be the gradient itself.
    """
    per_face = {n: t for n, t in result.evidence.items() if kind_of(n) == "features" and len(t) == 2}
    sizes = {name: tensor[0].numel() for name, tensor in per_face.items() if tensor.requires_grad}
    name = min(sizes, key=lambda n: sizes[n], default=None)
    embedding, image = result.output.embeddings[0], result.faces[0].image
    if name is None or sizes[name] >= embedding.shape[1]:
        return None
    neck = per_face[name]
    direction = torch.randn(embedding.shape, generator=torch.Generator().manual_seed(0)).to(embedding)
    (above,) = torch.autograd.grad(embedding, neck, direction, retain_graph=True, materialize_grads=True)
    (through,) = torch.autograd.grad(neck, image, above, retain_graph=True)
    (whole,) = torch.autograd.grad(embedding, image, direction, retain_graph=True)
    return name if torch.allclose(through, whole, rtol=1e-3, atol=1e-4 * float(whole.abs().max())) else None


def sensitivity(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """(K, 3, H, W) gradients -> (K, H, W) mean over RGB of their magnitude, and (K,) the L2 norm of each map."""
    magnitude = gradient.abs().mean(1)
    return magnitude, magnitude.flatten(1).norm(dim=1)


def smoothed(values: Tensor) -> Tensor:
    """(H, W) -> (H, W), Gaussian 25 x 25, sigma 5 pixels (smaller where the crop is)."""
    kernel = min(25, 2 * ((min(values.shape) - 1) // 2) + 1)
    return smooth(values[None, None], kernel, 5.0)[0, 0]
