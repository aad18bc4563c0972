"""Public networks out of quantised files: numbers, layers, and landmarks where the research data is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.faces.detect import detect_faces
from models.faces.photo import open_photo
from training.data.lists import DataError
from training.tools.face_api import (
    POINTS,
    PUBLIC_EXPRESSIONS,
    Block,
    FaceApiNet,
    Landmarks68,
    framed,
    read_expressions,
    read_landmarks,
    read_tensors,
    same,
)

HERE = Path(os.environ.get("KINSIGHT_DATA", "none")) / "faceapi"


def write(folder: Path, name: str, rows: list[dict], data: bytes) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}-weights_manifest.json").write_text(json.dumps([{"paths": [f"{name}.bin"], "weights": rows}]))
    (folder / f"{name}.bin").write_bytes(data)


def test_a_byte_stands_for_scale_times_it_plus_min(tmp_path):
    rows = [
        {"name": "a", "shape": [2, 2], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 0.5, "min": -3}},
        {"name": "b", "shape": [2], "dtype": "float32"},
    ]
    write(tmp_path, "net", rows, bytes([0, 1, 6, 255]) + np.array([1.5, -2.25], "<f4").tobytes())
    found = read_tensors(tmp_path, "net")
    assert found["a"].tolist() == [[-3.0, -2.5], [0.0, 124.5]]
    assert found["b"].tolist() == [1.5, -2.25]


@pytest.mark.parametrize("data", [bytes(3), bytes(5)])
def test_too_few_or_too_many_bytes_are_an_error(tmp_path, data):
    rows = [{"name": "a", "shape": [4], "dtype": "float32", "quantization": {"dtype": "uint8", "scale": 1, "min": 0}}]
    write(tmp_path, "net", rows, data)
    with pytest.raises(DataError):
        read_tensors(tmp_path, "net")


def test_a_missing_file_and_another_network_are_errors_in_words(tmp_path):
    with pytest.raises(DataError, match="manifest"):
        read_landmarks(tmp_path)
    write(tmp_path, "face_landmark_68_model", [{"name": "fc/bias", "shape": [1], "dtype": "float32"}], bytes(4))
    with pytest.raises(DataError, match="another network"):
        read_landmarks(tmp_path)


def as_public(net: FaceApiNet) -> tuple[list[dict], bytes]:
    """A network's numbers as face-api stores them, unpacked: TensorFlow's axes and names, by hand."""
    rows, data = [], b""
    for key, value in net.state_dict().items():
        name = key.replace(".", "/")
        value = value.numpy()
        if "depthwise" in key:
            name, value = name.replace("depthwise/weight", "depthwise_filter"), value.transpose(2, 3, 0, 1)
        elif value.ndim == 4:
            name = name.replace("pointwise/weight", "pointwise_filter").replace("conv/weight", "filters")
            value = value.transpose(2, 3, 1, 0)
        elif value.ndim == 2:
            name, value = "fc/weights", value.T
        name = name.replace("pointwise/", "").replace("conv/", "")
        rows.append({"name": name, "shape": list(value.shape), "dtype": "float32"})
        data += np.ascontiguousarray(value, "<f4").tobytes()
    return rows, data


def test_a_network_written_as_there_is_read_back(tmp_path):
    torch.manual_seed(0)
    net = Landmarks68().eval()
    write(tmp_path, "face_landmark_68_model", *as_public(net))
    image = torch.rand(2, 3, 48, 48)
    assert torch.equal(read_landmarks(tmp_path)(image), net(image))


def plain_block(block: Block, x: Tensor) -> Tensor:
    """The published sums, written out one by one."""
    a = block.conv0(x).relu()
    b = block.conv1(a)
    c = block.conv2((a + b).relu())
    d = block.conv3((a + b + c).relu())
    return (a + b + c + d).relu()


@torch.no_grad()
def test_a_block_adds_up_what_came_before():
    torch.manual_seed(0)
    block, x = Block(8, 16, first=False), torch.randn(2, 8, 14, 14)
    assert torch.allclose(block(x), plain_block(block, x), atol=1e-6)
    assert block(x).shape == (2, 16, 7, 7)


def test_padding_is_that_of_tensorflow():
    assert same(torch.ones(1, 1, 4, 4), 2)[0, 0, -1].tolist() == [0.0] * 5
    assert same(torch.ones(1, 1, 4, 4), 2)[0, 0, 0].tolist() == [1.0] * 4 + [0.0]
    assert same(torch.ones(1, 1, 4, 4), 1).shape == (1, 1, 6, 6)


def test_landmarks_are_given_in_the_image_whatever_the_margin():
    net = Landmarks68().eval()
    torch.nn.init.zeros_(net.fc.weight)
    with torch.no_grad():
        net.fc.bias.copy_(torch.tensor([0.0, 0.5] * POINTS))
    image = torch.rand(1, 3, 48, 48)
    assert torch.allclose(net(image, 0.0)[0, 0], torch.tensor([0.0, 0.5]))
    assert torch.allclose(net(image, 0.25)[0, 0], torch.tensor([-0.25, 0.5]))


def test_a_margin_shrinks_the_picture_and_repeats_its_edge():
    ramp = torch.linspace(0, 1, 112).expand(1, 3, 112, 112)
    wide = framed(ramp, 0.5)[0, 0, 0]
    assert wide[:27].tolist() == [0.0] * 27 and wide[-27:].tolist() == [1.0] * 27
    assert float(wide[55:57].mean()) == pytest.approx(0.5, abs=1e-3)
    assert torch.allclose(framed(ramp), ramp, atol=1e-5)


@pytest.mark.data
@pytest.mark.skipif(not HERE.is_dir(), reason="the public networks are not here")
@pytest.mark.parametrize("name", ["obama.jpg", "obama2.jpg", "biden.jpg"])
def test_landmarks_of_portraits_agree_with_the_detector(photos, name):
    """Mean distance of the five shared points below 15 % of the eye distance."""
    face = detect_faces(open_photo(photos / name))[0]
    left, top, right, bottom = (int(v) for v in face.box)
    crop = torch.from_numpy(face.photo[top:bottom, left:right].copy()).permute(2, 0, 1)[None].float() / 255
    points = read_landmarks(HERE)(crop, 0.0)[0].numpy() * [right - left, bottom - top] + [left, top]
    five = np.stack([points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]])
    distance = np.linalg.norm(five - face.keypoints, axis=1).mean()
    assert distance < 0.15 * np.linalg.norm(face.keypoints[1] - face.keypoints[0])
    assert points[36:48, 1].max() < points[48:, 1].min() and points[:17, 1].max() > points[48:, 1].max()
    assert points[17:22, 0].max() < points[22:27, 0].min()


@pytest.mark.data
@pytest.mark.skipif(not HERE.is_dir(), reason="the public networks are not here")
def test_a_smile_is_called_happiness(photos):
    face = detect_faces(open_photo(photos / "obama.jpg"))[0]
    left, top, right, bottom = (int(v) for v in face.box)
    crop = torch.from_numpy(face.photo[top:bottom, left:right].copy()).permute(2, 0, 1)[None].float() / 255
    shares = read_expressions(HERE)(crop, 0.0)[0]
    assert float(shares.sum()) == pytest.approx(1, abs=1e-5)
    assert PUBLIC_EXPRESSIONS[int(shares.argmax())] == "happiness"
