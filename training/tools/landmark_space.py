"""Which faces look alike by the shape that 68 landmarks draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.crops import Crops
from training.tools.face_api import read_landmarks

BATCH = 32


def shapes(landmarks: Tensor) -> Tensor:
    """(N, 68, 2) -> (N, 136): centred on their mean and of length 1, so that place and size do not count."""
    return F.normalize((landmarks - landmarks.mean(1, keepdim=True)).flatten(1), dim=1)


def nearest(shape: Tensor, count: int) -> Tensor:
    """(N, D) -> (N, count) rows of the nearest others by Euclidean distance."""
    found = []
    for start in range(0, len(shape), 512):
        away = torch.cdist(shape[start : start + 512], shape)
        own = torch.arange(len(away))
        away[own, start + own] = torch.inf
        found.append(away.topk(count, largest=False).indices)
    return torch.cat(found)


def neighbours(crops: Crops, folder: Path, count: int) -> Tensor:
    """(N, count) rows of the faces whose landmarks are nearest to each face's.

    Args:
        folder: of face-api's landmark network.

    Raises:
        DataError: the network is not there.
    """
    net, found = read_landmarks(folder), []
    for start in range(0, len(crops), BATCH):
        found.append(net(crops.batch(np.arange(start, min(start + BATCH, len(crops)))).image))
    return nearest(shapes(torch.cat(found)), count)
