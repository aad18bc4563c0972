"""Maps of one class for batches of faces: what the explainers of the app show one at a time, in a few lines each.

Grad-CAM: Selvaraju et al., ICCV 2017. Layer-CAM: Jiang et al., TIP 2021. HiRes-CAM: Draelos and Carin, 2020. Occlusion:
Zeiler and Fergus, ECCV 2014.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.face_model import ClassModel
from models.faces.face import FaceBatch
from models.taps import record

PATCH, STRIDE = 1 / 6, 1 / 12
"""Of occlusion, in sides of the crop: the patch and the steps that it moves by."""

Maps = Callable[[ClassModel, FaceBatch, np.ndarray], Tensor]
"""(model, B faces, (B,) classes) -> (B, h, w), not below zero: what raises the class's logit, over the crop."""


def features_and_gradient(model: ClassModel, faces: FaceBatch, classes: np.ndarray) -> tuple[Tensor, Tensor]:
    """(B, C, h, w) at the model's CAM layer, and the gradient of each face's class logit at them."""
    with record() as evidence, torch.enable_grad():
        image = faces.image.clone().requires_grad_(True)
        logits = model.classify(model.encode(image, faces.keypoints))
        target = logits.gather(1, torch.from_numpy(classes)[:, None]).sum()
        features = evidence[model.cam_tap]
        (gradient,) = torch.autograd.grad(target, features)
    return features.detach(), gradient


def grad_cam(model: ClassModel, faces: FaceBatch, classes: np.ndarray) -> Tensor:
    """Feature maps weighted by their mean gradient."""
    features, gradient = features_and_gradient(model, faces, classes)
    return (gradient.mean((2, 3), keepdim=True) * features).sum(1).clamp_min(0)


def layer_cam(model: ClassModel, faces: FaceBatch, classes: np.ndarray) -> Tensor:
    """Feature values times their positive gradients."""
    features, gradient = features_and_gradient(model, faces, classes)
    return (gradient.clamp_min(0) * features).sum(1).clamp_min(0)


def hires_cam(model: ClassModel, faces: FaceBatch, classes: np.ndarray) -> Tensor:
    """Feature values times their gradients, what raises the logit."""
    features, gradient = features_and_gradient(model, faces, classes)
    return (gradient * features).sum(1).clamp_min(0)


@torch.no_grad()
def occlusion(model: ClassModel, faces: FaceBatch, classes: np.ndarray) -> Tensor:
    """How far the logit falls while a patch as grey as the face's mean covers a place; mean over the patches there."""
    size = faces.image.shape[-1]
    patch, stride = round(PATCH * size), round(STRIDE * size)
    rows, (count, each) = torch.from_numpy(classes)[:, None], (len(faces), (size - patch) // stride + 1)
    whole = model.classify(model.encode(faces.image, faces.keypoints)).gather(1, rows)[:, 0]
    fall, times = torch.zeros(count, size, size), torch.zeros(size, size)
    grey = faces.image.mean((1, 2, 3))[:, None, None, None]
    for place in range(each * each):
        top, left = (stride * k for k in divmod(place, each))
        covered = faces.image.clone()
        covered[:, :, top : top + patch, left : left + patch] = grey
        logit = model.classify(model.encode(covered, faces.keypoints)).gather(1, rows)[:, 0]
        fall[:, top : top + patch, left : left + patch] += (whole - logit)[:, None, None]
        times[top : top + patch, left : left + patch] += 1
    return (fall / times.clamp_min(1)).clamp_min(0)


METHODS: dict[str, Maps] = {
    "grad_cam": grad_cam,
    "hires_cam": hires_cam,
    "layer_cam": layer_cam,
    "occlusion": occlusion,
}


def stretched(maps: Tensor, size: int) -> np.ndarray:
    """(B, h, w) -> (B, size, size) float32, bilinear; each adds up to 1, or is zero where it holds nothing."""
    wide = F.interpolate(maps[:, None].float(), (size, size), mode="bilinear")[:, 0].clamp_min(0)
    whole: np.ndarray = (wide / wide.sum((1, 2), keepdim=True).clamp_min(1e-12)).numpy()
    return whole
