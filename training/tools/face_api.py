"""Two public networks of one small family, out of their own files: 68 face landmarks, and seven expressions.

    landmarks = read_landmarks(root / "faceapi")
    landmarks(images)                                      # (B, 68, 2) in [0, 1] of the images

vladmandic/face-api (MIT): face_landmark_68_model and face_expression_model, each a .bin with a manifest. A tensor lies
there as float32, or as uint8 q that stands for q * scale + min. Both networks: 112 px RGB less a mean, over 255; four
blocks of four 3 x 3 convolutions, each added to what came before it in its block, depthwise separable but the first,
at half the resolution a block; mean over 7 x 7 places; one linear layer. TensorFlow's "same": where the stride is 2,
the one row and column of padding lie at the end.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from training.data.crops import Crops
from training.data.lists import DataError, need

SIZE = 112
MEAN = (122.782, 117.001, 104.298)
WIDTHS = (32, 64, 128, 256)
POINTS, BATCH = 68, 32
PUBLIC_EXPRESSIONS = ("neutral", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
"""Order of the seven probabilities, in our words (there: neutral, happy, sad, angry, fearful, disgusted, surprised)."""
MARGIN = 0.05
"""Share of the side that a face framed as FER2013's gets on every side before it is shown. Of -.15 to .3 the one whose
landmarks agree best with our detector: of 300 FER+ training faces, 273 with a detection, the mean distance of the five
shared points is 7.9 % of the eye distance in the median, and above 20 % in 9 % of the faces."""


class Separable(nn.Module):
    """A depthwise 3 x 3 convolution and a pointwise one."""

    def __init__(self, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.depthwise = nn.Conv2d(cin, cin, 3, stride, groups=cin, bias=False)
        self.pointwise = nn.Conv2d(cin, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, cin, h, w) -> (B, cout, h / stride, w / stride)."""
        return self.pointwise(self.depthwise(same(x, self.stride)))


class Whole(nn.Module):
    """An ordinary 3 x 3 convolution of stride 2: the first of all."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, cin, h, w) -> (B, cout, h / 2, w / 2)."""
        return self.conv(same(x, 2))


class Block(nn.Module):
    """Four convolutions; each sees the rectified sum of those before it, and the block gives the sum of all."""

    def __init__(self, cin: int, cout: int, first: bool) -> None:
        super().__init__()
        self.conv0: nn.Module = Whole(cin, cout) if first else Separable(cin, cout, 2)
        self.conv1, self.conv2, self.conv3 = (Separable(cout, cout, 1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """(B, cin, h, w) -> (B, cout, h / 2, w / 2)."""
        total = self.conv0(x).relu()
        for conv in (self.conv1, self.conv2, self.conv3):
            total = total + conv(total.relu())
        return total.relu()


class FaceApiNet(nn.Module):
    """The family: images -> numbers of the last layer."""

    mean: Tensor

    def __init__(self, outputs: int) -> None:
        super().__init__()
        widths = (3, *WIDTHS)
        for k in range(4):
            self.add_module(f"dense{k}", Block(widths[k], widths[k + 1], k == 0))
        self.fc = nn.Linear(WIDTHS[-1], outputs)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)

    def outputs(self, image: Tensor) -> Tensor:
        """(B, 3, 112, 112) RGB in [0, 1] -> (B, outputs)."""
        x = (image * 255 - self.mean) / 255
        for k in range(4):
            x = self.get_submodule(f"dense{k}")(x)
        return self.fc(x.mean((2, 3)))  # (B, 256, 7, 7) -> (B, 256)


class Landmarks68(FaceApiNet):
    """Face -> 68 points, in iBUG's order: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, mouth 48-67."""

    def __init__(self) -> None:
        super().__init__(2 * POINTS)

    @torch.inference_mode()
    def forward(self, image: Tensor, margin: float = MARGIN) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] -> (B, 68, 2), (x, y) in [0, 1] of the images' width and height."""
        points = self.outputs(framed(image, margin)).unflatten(1, (POINTS, 2))
        return points * (1 + 2 * margin) - margin


class PublicExpressions(FaceApiNet):
    """Face -> probabilities of PUBLIC_EXPRESSIONS."""

    def __init__(self) -> None:
        super().__init__(len(PUBLIC_EXPRESSIONS))

    @torch.inference_mode()
    def forward(self, image: Tensor, margin: float = MARGIN) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] -> (B, 7)."""
        return self.outputs(framed(image, margin)).softmax(1)


Net = TypeVar("Net", bound=FaceApiNet)


def read_landmarks(folder: Path) -> Landmarks68:
    """face_landmark_68_model.bin in a folder. Raises DataError: a file is missing or of another form."""
    return _filled(Landmarks68(), folder, "face_landmark_68_model")


def landmarks_of(crops: Crops, folder: Path) -> Tensor:
    """(N, 68, 2) in [0, 1] of faces framed as FER2013's, with the network in a folder. Raises as read_landmarks."""
    net, rows = read_landmarks(folder), np.arange(len(crops))
    parts = tqdm(np.split(rows, range(BATCH, len(rows), BATCH)), desc="landmarks", unit="batch")
    return torch.cat([net(crops.batch(part).image) for part in parts])


def read_expressions(folder: Path) -> PublicExpressions:
    """face_expression_model.bin in a folder. Raises DataError: a file is missing or of another form."""
    return _filled(PublicExpressions(), folder, "face_expression_model")


def same(x: Tensor, stride: int) -> Tensor:
    """Padding for a 3 x 3 convolution of an even side: around it, or at the end alone where the stride is 2."""
    return F.pad(x, (1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1))


def framed(image: Tensor, margin: float = 0.0) -> Tensor:
    """(B, 3, H, W) -> (B, 3, 112, 112): with `margin` of the side more on every side (the edge repeated), or less."""
    reach = 1 + 2 * margin
    turn = torch.tensor([[reach, 0.0, 0.0], [0.0, reach, 0.0]], dtype=image.dtype, device=image.device)
    places = F.affine_grid(turn.expand(len(image), 2, 3), [len(image), 3, SIZE, SIZE], align_corners=False)
    return F.grid_sample(image, places, padding_mode="border", align_corners=False)


def read_tensors(folder: Path, name: str) -> dict[str, np.ndarray]:
    """The tensors of a manifest, as float32 in TensorFlow's order of axes.

    Raises:
        DataError: a file is missing, or the manifest and the bytes do not agree.
    """
    file = need(folder / f"{name}-weights_manifest.json")
    try:
        (group,) = json.loads(file.read_text())
        data = b"".join(need(folder / Path(path).name).read_bytes() for path in group["paths"])
        tensors, at = {}, 0
        for row in group["weights"]:
            tensors[row["name"]], at = _tensor(data, at, row)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{file} is no manifest of face-api's networks, or its bytes are others: {error}") from error
    if at != len(data):
        raise DataError(f"{file} names {at} bytes, there are {len(data)}")
    return tensors


def _tensor(data: bytes, at: int, row: dict[str, Any]) -> tuple[np.ndarray, int]:
    count, packed = math.prod(row["shape"]), row.get("quantization")
    kind = np.dtype(packed["dtype"] if packed else "<f4")
    values = np.frombuffer(data, kind, count, at).astype(np.float32)
    if packed:
        values = values * np.float32(packed["scale"]) + np.float32(packed["min"])
    return values.reshape(row["shape"]), at + count * kind.itemsize


def _filled(net: Net, folder: Path, name: str) -> Net:
    tensors = {_name(key): _axes(key, value) for key, value in read_tensors(folder, name).items()}
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise DataError(f"{folder / name}.bin is another network: {error}") from error
    return net.eval().requires_grad_(False)


def _name(key: str) -> str:
    """A tensor's name there -> ours."""
    *path, last = key.split("/")
    first = path[:2] == ["dense0", "conv0"]
    inner = {"filters": "conv.weight", "depthwise_filter": "depthwise.weight", "pointwise_filter": "pointwise.weight"}
    ours = {**inner, "bias": "conv.bias" if first else "pointwise.bias", "weights": "weight"}
    return ".".join([*path, "bias" if key == "fc/bias" else ours.get(last, last)])


def _axes(key: str, value: np.ndarray) -> Tensor:
    """TensorFlow's order of axes -> torch's."""
    if value.ndim == 4:  # (h, w, in, out) -> (out, in, h, w); depthwise (h, w, in, 1) -> (in, 1, h, w)
        value = value.transpose((2, 3, 0, 1) if key.endswith("depthwise_filter") else (3, 2, 0, 1))
    elif value.ndim == 2:
        value = value.T
    return torch.from_numpy(np.ascontiguousarray(value))
