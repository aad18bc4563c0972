"""The average-pooled baseline of the partial-face comparison, and the trunk both stand on."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from models import create_model, load_model, record
from models.nets.partial_face import PartialAverage, PartialAverageConfig
from models.nets.partial_trunk import ReferenceTrunk, make_trunk
from models.taps import tap_names
from models.weights import find_weight
from tests.models.nets.test_partial_face import TINY, affine, images, tiny, with_statistics
from training.partial import load_fitting


def test_baseline_is_the_same_trunk_averaged() -> None:
    torch.manual_seed(0)
    baseline, attention = PartialAverage(PartialAverageConfig(**TINY)).eval(), tiny()
    with_statistics(baseline.fc)
    baseline.trunk.load_state_dict(attention.trunk.state_dict(), strict=True)
    image = images()
    with torch.no_grad(), record() as evidence:
        code = baseline.encode(image, torch.zeros(2, 5, 2))
    with torch.no_grad():
        features = attention.trunk(image)[1]
        torch.testing.assert_close(evidence["block4.features"], features)
        weight, bias = affine(baseline.fc)
        torch.testing.assert_close(code, features.sum((2, 3)) / 400 @ weight.T + bias)
    assert not [n for n in tap_names(baseline) if "part_" in n]


def test_the_reference_trunk_is_the_encoders_own_on_a_finer_grid() -> None:
    """Far from the borders, every second place of stage 3 and every fourth of stage 4's first block."""
    encoder, trunk = load_model("dlib_resnet").trunk, ReferenceTrunk().eval()
    fitting = {name: value for name, value in encoder.state_dict().items() if name in trunk.state_dict()}
    trunk.load_state_dict(fitting, strict=True)
    shared = torch.rand(1, 64, 80, 80, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        dense = trunk.stages[2](shared)
        coarse = encoder.stages[2](shared)
        torch.testing.assert_close(dense[:, :, 1::2, 1::2][..., 15:25, 15:25], coarse[..., 15:25, 15:25])
        finer, own = trunk.stages[3](dense), encoder.stages[3][0](coarse)
    torch.testing.assert_close(finer[:, :, 3::4, 3::4][..., 8:12, 8:12], own[..., 8:12, 8:12])


def test_the_demo_starts_from_the_reference_encoder() -> None:
    state = load_file(find_weight("dlib_resnet"))
    for name in ("partial_face", "partial_average"):
        model = create_model(name)
        fresh, _ = load_fitting(model, state)
        assert not [n for n in fresh if n.startswith("trunk.")]
        with torch.no_grad(), record() as evidence:
            model.eval().encode(images(1), torch.zeros(1, 5, 2))
        assert evidence["block2.features"].shape == (1, 32, 40, 40)
        assert evidence["block3.features"].shape == (1, 64, 20, 20)
        assert evidence["block4.features"].shape == (1, 256, 20, 20)


def test_another_make_of_trunk_is_refused() -> None:
    with pytest.raises(ValueError, match="bottleneck, reference"):
        make_trunk("vgg", 32, (3, 4, 6))
