"""The CAM adapter against the papers' formulas written out, and against the package run its normal way."""

from __future__ import annotations

import numpy as np
import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.image import scale_cam_image
from torch import Tensor, nn

from explain import explain
from explain.methods.grad_cam import CAMS, weighted_maps
from models.faces.face import FaceBatch
from models.pair import PairModel
from tests.explain.tiny import SIZE, seeded_result

ALL = list(CAMS)


def by_formula(method: str, A: Tensor, g: Tensor) -> Tensor:
    """(C, h, w) activations and gradients -> (h, w), each formula from its paper, place by place."""
    C, h, w = A.shape
    cam = torch.zeros(h, w, dtype=A.dtype)
    if method == "eigen_cam":
        X = A.reshape(C, -1).T
        X = X - X.mean(0)
        _, vectors = torch.linalg.eigh(X.T @ X)
        cam = (X @ vectors[:, -1]).reshape(h, w)
        strength = A.square().sum(0).sqrt()
        return (cam * torch.sign((cam * (strength - strength.mean())).sum())).relu()
    for k in range(C):
        if method == "grad_cam":
            weight: Tensor = g[k].sum() / (h * w)
        elif method == "grad_cam_plus_plus":
            alpha = g[k] ** 2 / (2 * g[k] ** 2 + A[k].sum() * g[k] ** 3)
            weight = (alpha.nan_to_num() * g[k].relu()).sum()
        elif method == "xgrad_cam":
            weight = (A[k] / A[k].sum() * g[k]).sum() if A[k].sum() > 0 else torch.zeros(())
        else:
            weight = g[k].relu() if method == "layer_cam" else g[k]
        cam += weight * A[k]
    return cam if method == "hires_cam" else cam.relu()


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("layer", ["shallow.features", "deep.features"])
def test_equals_the_formula(method: str, layer: str) -> None:
    result = seeded_result()
    features = result.evidence[layer]
    (gradients,) = torch.autograd.grad(result.output.similarity.sum(), features, retain_graph=True)
    for i, heatmap in enumerate(explain(result, method, layer=layer)):
        expected = by_formula(method, features[i].detach().double(), gradients[i].double()).numpy()
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(heatmap.values, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


class OneFace(nn.Module):
    """A pair model as the package wants it: one image in, one vector out."""

    def __init__(self, model: PairModel, face: FaceBatch) -> None:
        super().__init__()
        self.model, self.keypoints = model, face.keypoints

    def forward(self, image: Tensor) -> Tensor:
        return self.model.embedding(self.model.encode(image, self.keypoints))


@pytest.mark.parametrize("method", ALL)
def test_equals_the_package_run_with_its_own_hooks(method: str) -> None:
    result = seeded_result()
    wrapper = OneFace(result.model, result.faces[0]).requires_grad_(True)
    other = result.output.embeddings[1][0].detach()
    with getattr(pytorch_grad_cam, CAMS[method].package_class)(wrapper, [result.model.deep]) as cam:
        theirs = cam(result.faces[0].image.detach(), targets=[lambda embedding: (embedding * other).sum()])[0]
    result.model.requires_grad_(False)
    raw = explain(result, method)[0].values
    candidates = [np.maximum(raw, 0)]
    if method == "eigen_cam":  # the package leaves the sign to the SVD
        signed = weighted_maps("EigenCAM", result.evidence["deep.features"].detach().double().numpy(), np.zeros(1))[0]
        candidates = [np.maximum(signed, 0), np.maximum(-signed, 0)]
    scaled = [scale_cam_image(scale_cam_image(c[None], (SIZE, SIZE)))[0] for c in candidates]
    assert theirs.std() > 0.01
    assert min(float(np.abs(s - theirs).max()) for s in scaled) < 1e-2  # the package's small constants, see _balance


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e4])
@pytest.mark.parametrize("method", [m for m in ALL if CAMS[m].grad])
def test_small_gradients_keep_the_formula(method: str, factor: float) -> None:
    """The package adds 1e-6 to squared gradients: a cosine's gradients would vanish beside it."""
    generator = torch.Generator().manual_seed(0)
    A = torch.rand(2, 5, 4, 4, generator=generator, dtype=torch.float64)
    g = torch.randn(2, 5, 4, 4, generator=generator, dtype=torch.float64) * factor
    maps = weighted_maps(CAMS[method].package_class, A.numpy(), g.numpy())
    expected = np.stack([by_formula(method, A[i], g[i]).numpy() for i in range(2)])
    ours = maps if CAMS[method].signed else np.maximum(maps, 0)
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("method", [m for m in ALL if CAMS[m].grad])
def test_an_answer_that_ignores_the_layer_gives_a_zero_map(method: str) -> None:
    features = np.random.default_rng(0).random((2, 3, 4, 4))
    assert not weighted_maps(CAMS[method].package_class, features, np.zeros_like(features)).any()
