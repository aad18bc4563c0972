"""The CAM family: feature maps of one layer, weighted by what they do to the answer.

The activations are the very tensor the answer was computed from (result.evidence), the gradients come from
torch.autograd.grad of the answer at it. The grad-cam package (Gildenblat et al., MIT) only does the weighting
arithmetic: it is given a stand-in module without target layers, so it puts no hook on the model, runs no forward
pass and shares no state between threads; its maps are taken before its min-max scaling.

For a pair the answer is the cosine with the other face's embedding (or the log-odds). The gradient at a
face's own features does not pass through the other face, which therefore stays fixed.

Grad-CAM: Selvaraju et al., ICCV 2017. Grad-CAM++: Chattopadhay et al., WACV 2018. Layer-CAM: Jiang et al., TIP 2021.
XGrad-CAM: Fu et al., BMVC 2020. HiRes-CAM: Draelos and Carin, 2020. Eigen-CAM: Muhammad and Yeasin, IJCNN 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from explain.core.answers import answer
from explain.core.findings import FACES, Heatmap
from models.predict import Result

_NOT_SHOWN = " It is as coarse as the layer, and shows where the evidence was read, not why."


@dataclass(frozen=True)
class Cam:
    """One member of the family.

    Attributes:
        package_class: its name in pytorch_grad_cam.
        title: for pickers.
        caption: what the map is, and what it does not show.
        signed: keep the values below zero; else the method's own ReLU is applied.
        grad: it weights by gradients.
    """

    package_class: str
    title: str
    caption: str
    signed: bool = False
    grad: bool = True


CAMS: dict[str, Cam] = {
    "grad_cam": Cam(
        "GradCAM",
        "Grad-CAM",
        "Feature maps weighted by the mean gradient of the answer at each, added up; only what raises it." + _NOT_SHOWN,
    ),
    "grad_cam_plus_plus": Cam(
        "GradCAMPlusPlus",
        "Grad-CAM++",
        "Like Grad-CAM with the positive gradients of each place weighted apart, so that several places can stand out."
        + _NOT_SHOWN,
    ),
    "layer_cam": Cam(
        "LayerCAM",
        "Layer-CAM",
        "Each feature value times its own positive gradient: finer than one weight a map." + _NOT_SHOWN,
    ),
    "xgrad_cam": Cam(
        "XGradCAM",
        "XGrad-CAM",
        "Like Grad-CAM with each map's gradients weighted by where the map is active." + _NOT_SHOWN,
    ),
    "hires_cam": Cam(
        "HiResCAM",
        "HiRes-CAM (signed)",
        "Each feature value times its own gradient: above zero raises the answer, below zero lowers it." + _NOT_SHOWN,
        signed=True,
    ),
    "eigen_cam": Cam(
        "EigenCAM",
        "Eigen-CAM",
        "The strongest common pattern of the feature maps. It does not look at the answer or at the other face.",
        grad=False,
    ),
}


def explainer(label: str) -> Callable[..., tuple[Heatmap, Heatmap]]:
    """The member of CAMS as a function (result, *, target, layer) -> heatmaps of face a and face b."""

    def run(result: Result, *, target: str = "similarity", layer: str | None = None) -> tuple[Heatmap, Heatmap]:
        return cam_maps(result, label, target=target, layer=layer)

    return run


def cam_maps(
    result: Result, label: str, *, target: str = "similarity", layer: str | None = None
) -> tuple[Heatmap, Heatmap]:
    """Maps of one CAM method for both faces, at the resolution of the layer.

    Args:
        result: from predict, with grad=True unless the method is Eigen-CAM.
        label: one of CAMS.
        target: "similarity" or "logit".
        layer: a `features` tap; by default model.cam_tap.

    Raises:
        ValueError: a layer that was not recorded, is not per face, or a result without a graph.
    """
    cam, name = CAMS[label], layer or result.model.cam_tap
    features = face_evidence(result, name)
    gradients = evidence_gradient(result, features, target) if cam.grad else torch.zeros_like(features)
    maps = weighted_maps(cam.package_class, _float64(features), _float64(gradients))
    if not cam.grad:
        maps = oriented(maps, _float64(features))
    if not cam.signed:
        maps = np.maximum(maps, 0)
    maps = result.model.on_crop(name, torch.from_numpy(maps)).cpu().numpy()
    unit = f"{target} x activation" if cam.grad else "activation"
    a, b = (
        Heatmap(m.astype(np.float32), face, label, cam.signed, unit, f"{cam.caption} Layer: {name}.")
        for m, face in zip(maps, FACES, strict=True)
    )
    return a, b


def face_evidence(result: Result, name: str) -> Tensor:
    """The recorded tensor of a per-face tap: row 0 is face a, row 1 face b.

    Raises:
        ValueError: no such tap, or one with other rows.
    """
    if name not in result.evidence:
        raise ValueError(f"no layer {name!r} was recorded; there are: {', '.join(result.evidence) or 'none'}")
    evidence = result.evidence[name]
    if len(evidence) != 2:
        raise ValueError(f"the tap {name!r} has {len(evidence)} rows, not one a face")
    return evidence


def require_graph(result: Result) -> None:
    """Raises ValueError when the result was predicted without its autograd graph."""
    if not result.output.similarity.requires_grad:
        raise ValueError("this method needs gradients: answer the pair with predict(..., grad=True)")


def evidence_gradient(result: Result, evidence: Tensor, target: str) -> Tensor:
    """Gradient of the answer at recorded evidence, in its shape; zero where the answer does not depend on it."""
    require_graph(result)
    value = answer(result.output, target).sum()
    (gradient,) = torch.autograd.grad(value, evidence, retain_graph=True, materialize_grads=True)
    return gradient


def weighted_maps(package_class: str, features: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """The package's arithmetic on given activations and gradients, before ReLU and scaling.

    Args:
        features, gradients: (2, C, h, w) float64.

    Returns:
        (2, h, w) float64.
    """
    import pytorch_grad_cam  # its imports take a second; only CAMs pay

    c = _balance(package_class, features, gradients)
    stand_in = nn.PReLU()  # has a parameter, which the package asks for, and draws no random number
    with getattr(pytorch_grad_cam, package_class)(stand_in, target_layers=[]) as cam:
        maps: np.ndarray = cam.get_cam_image(None, None, None, features / c, gradients * c, False)
    return maps


def _balance(package_class: str, features: np.ndarray, gradients: np.ndarray) -> float:
    """The c for which (features / c, gradients * c) make the package's own small constants vanish.

    Both formulas below give the same map for every c, but the package adds 1e-6 to the squared gradients of Grad-CAM++
    (those of a cosine are usually smaller) and 1e-7 to the summed activations of XGrad-CAM.
    """
    if package_class == "GradCAMPlusPlus" and gradients.any():
        return 1e3 / float(np.abs(gradients).max())
    if package_class == "XGradCAM" and features.any():
        return float(np.abs(features).max()) / 1e3
    return 1.0


def oriented(maps: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Eigen-CAM's component has no sign of its own: turn it so that it goes up where activations are strong.

    Args:
        maps: (2, h, w).  features: (2, C, h, w).
    """
    strength = np.linalg.norm(features, axis=1)
    agreement = (maps * (strength - strength.mean((1, 2), keepdims=True))).sum((1, 2), keepdims=True)
    return np.where(agreement < 0, -maps, maps)


def _float64(x: Tensor) -> np.ndarray:
    return x.detach().double().cpu().numpy()
