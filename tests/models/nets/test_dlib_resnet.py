"""The port of the reference encoder against dlib's own output, and the calibrated weight on real portraits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models import FaceBatch, detect_faces, load_model, open_photo, predict
from models.nets.dlib_resnet import DlibResnet, add_padded
from models.pair import PairModel
from models.taps import record

GOLDEN = Path(__file__).parents[2] / "golden" / "dlib_descriptors.npz"


@pytest.fixture(scope="module")
def model() -> PairModel:
    return load_model("dlib_resnet", "cpu")


@pytest.fixture(scope="module")
def golden() -> tuple[torch.Tensor, np.ndarray]:
    with np.load(GOLDEN) as stored:
        return torch.from_numpy(stored["images"]).permute(0, 3, 1, 2).float() / 255, stored["descriptors"]


def test_the_weight_gives_dlibs_descriptors(model: PairModel, golden: tuple[torch.Tensor, np.ndarray]):
    image, descriptors = golden
    with torch.inference_mode():
        code = model.encode(image, torch.zeros(len(image), 5, 2)).numpy()
    assert np.abs(code - descriptors).max() < 1e-5
    assert np.linalg.norm(descriptors[0] - descriptors[3]) > 0.3  # the oracle does tell faces from noise


def test_channels_are_rgb(model: PairModel, golden: tuple[torch.Tensor, np.ndarray]):
    image, descriptors = golden
    with torch.inference_mode():
        swapped = model.encode(image[:1].flip(1), torch.zeros(1, 5, 2)).numpy()
    assert np.abs(swapped - descriptors[:1]).max() > 1e-2


def test_the_maps_have_the_stated_sizes():
    net, image = DlibResnet().eval(), torch.zeros(1, 3, 150, 150)
    with record() as evidence, torch.inference_mode():
        net.encode(image, torch.zeros(1, 5, 2))
    assert [tuple(t.shape[1:]) for t in evidence.values()] == [
        (32, 35, 35),
        (64, 17, 17),
        (128, 8, 8),
        (256, 4, 4),
        (256, 2, 2),
        (256, 1, 1),
    ]


def test_shortcuts_are_padded_at_the_end():
    small, large = torch.ones(1, 1, 2, 2), torch.full((1, 2, 3, 3), 10.0)
    total = add_padded(small, large)
    assert total[0, 0].tolist() == [[11, 11, 10], [11, 11, 10], [10, 10, 10]]
    assert (total[0, 1] == 10).all()
    assert torch.equal(total, add_padded(large, small))


def test_the_same_man_and_another(model: PairModel, photos: Path):
    obama, again, biden = (detect_faces(open_photo(photos / f"{n}.jpg"))[0] for n in ("obama", "obama2", "biden"))
    assert predict(model, obama, again).score > 0.9
    assert predict(model, obama, biden).score < 0.1
    assert predict(model, obama, obama).similarity == pytest.approx(1, abs=1e-5)


def test_a_batch_answers_as_its_pairs_do(model: PairModel, golden: tuple[torch.Tensor, np.ndarray]):
    faces = FaceBatch(golden[0], torch.zeros(6, 5, 2))
    with torch.inference_mode():
        batch = model(faces[0:2], faces[1:3]).logit
        single = torch.cat([model(faces[i : i + 1], faces[i + 1 : i + 2]).logit for i in range(2)])
    assert torch.allclose(batch, single, atol=1e-3)
