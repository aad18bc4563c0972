"""The average-pooled baseline of the partial-face comparison, and the trunk both stand on."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from models import create_model, load_model, record
from models.nets.partial_edgeface import EdgeFaceStages
from models.nets.partial_face import PartialAverage, PartialAverageConfig, fully_connected
from models.nets.partial_trunk import ReferenceTrunk, make_trunk
from models.taps import tap_names
from models.weights import find_weight
from tests.models.nets.test_partial_face import TINY, affine, images, tiny, with_statistics
from training.tools.partial_start import head_as_fc, load_fitting


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


@torch.no_grad()
def test_the_trunk_is_edgefaces_own_in_another_frame() -> None:
    own, trunk = load_model("edgeface").trunk, EdgeFaceStages().eval()
    trunk.load_state_dict({k: v for k, v in own.state_dict().items() if k.startswith(("stem", "stages"))}, strict=True)
    image = images()
    shared, features = trunk(image)
    _, _, stage3, stage4 = own.maps(trunk.to_frame(image))
    torch.testing.assert_close(features, stage4)
    torch.testing.assert_close(shared[:, :, 1, 2], stage3[:, :, 2:4, 4:6].mean((2, 3)))


@torch.no_grad()
def test_the_fc_starts_as_edgefaces_head() -> None:
    own, trunk = load_model("edgeface").trunk, EdgeFaceStages().eval()
    state = {f"trunk.{name}": value for name, value in own.state_dict().items()}
    load_fitting(trunk, {k.removeprefix("trunk."): v for k, v in state.items()})
    faces = F.interpolate(torch.rand(8, 3, 10, 10, generator=torch.Generator().manual_seed(0)), (160, 160))
    fc = fully_connected(192, 512).eval()
    fc.load_state_dict({k.removeprefix("fc."): v for k, v in head_as_fc(trunk, state, faces).items()})
    pooled = trunk(faces)[1].mean((2, 3), keepdim=True)
    wanted = own.head.fc(own.head.norm(pooled).flatten(1))
    assert float(F.cosine_similarity(fc(pooled.flatten(1)), wanted).min()) > 0.99
    torch.testing.assert_close(fc.train()(pooled.flatten(1)), fc.eval()(pooled.flatten(1)), atol=5e-3, rtol=0)


def test_maps_are_laid_where_their_places_look() -> None:
    """What the middle place of F stands for is the middle of ArcFace's frame, which lies low on this crop."""
    trunk = EdgeFaceStages()
    whole = trunk.seen(torch.ones(1, 160, 160))
    assert whole.shape == (1, 3, 3) and float(whole[0, 0, 1]) < 0.9
    assert float(whole[0, 1, 1]) == pytest.approx(1, abs=1e-5)
    middle = torch.zeros(1, 3, 3)
    middle[:, 1, 1] = 1.0
    back = trunk.on_crop("attend.part_maps", middle)[0]
    y, x = ((back.nonzero().float() + 0.5) / len(back)).mean(0)
    spot = torch.zeros(1, 160, 160)
    spot[0, round(160 * float(y)) - 4 :, round(160 * float(x)) - 4 :][:8, :8] = 1.0
    assert trunk.seen(spot).flatten().argmax() == 4
    assert float(trunk.on_crop("attend.part_maps", torch.ones(1, 3, 3))[0, -1].abs().sum()) == 0  # not read
    assert trunk.on_crop("block2.features", torch.ones(1, 14, 14)).shape == (1, 40, 40)


def test_another_start_is_edgeface() -> None:
    state = load_file(find_weight("edgeface"))
    for name in ("partial_face", "partial_average"):
        model = create_model(name, trunk="edgeface", dim=512)
        fresh, _ = load_fitting(model, state)
        assert not [n for n in fresh if n.startswith("trunk.")]
        with torch.no_grad(), record() as evidence:
            model.eval().encode(images(1), torch.zeros(1, 5, 2))
        assert evidence["block2.features"].shape == (1, 64, 14, 14)
        assert evidence["block3.features"].shape == (1, 100, 7, 7)
        assert evidence["block4.features"].shape == (1, 192, 3, 3)


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
    with pytest.raises(ValueError, match="bottleneck, reference, edgeface"):
        make_trunk("vgg", 32, (3, 4, 6))
