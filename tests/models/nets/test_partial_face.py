"""Extract, Attend, Aggregate: shapes, a hand-set example, and evidence that is what the score was made of."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models import FaceBatch, create_model, record
from models.nets.partial_face import Attend, PartialFace, PartialFaceConfig
from models.nets.partial_trunk import BottleneckTrunk

TINY = {"width": 4, "depths": (1, 1, 1), "dim": 8}
K = 5


def tiny(**values: object) -> PartialFace:
    torch.manual_seed(0)
    model = PartialFace(PartialFaceConfig(**{**TINY, "parts": K, **values})).eval()  # type: ignore[arg-type]
    with_statistics(model.aggregate)
    return model


def with_statistics(layers: nn.Module) -> None:
    """Batch norms as after some training."""
    for norm in layers.modules():
        if isinstance(norm, nn.BatchNorm1d):
            for tensor, low, high in (
                (norm.running_mean, -0.5, 0.5),
                (norm.running_var, 0.2, 2.0),
                (norm.weight, 0.5, 1.5),
                (norm.bias, -0.3, 0.3),
            ):
                nn.init.uniform_(tensor, low, high)


def images(n: int = 2, seed: int = 1) -> Tensor:
    return torch.rand(n, 3, 160, 160, generator=torch.Generator().manual_seed(seed))


def pair(model: nn.Module, image: Tensor):
    points = torch.as_tensor(model.spec.points(), dtype=torch.float32).expand(1, -1, -1) / 160
    return model(FaceBatch(image[:1], points), FaceBatch(image[1:], points))


class Changed(nn.Module):
    """A tap whose tensor is changed on its way, in place of the real one."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor) -> Tensor:
        return self.change(x)


def test_paper_shapes() -> None:
    model = create_model("partial_face.paper").eval()
    with torch.no_grad(), record() as evidence:
        code = model.encode(images(1), torch.zeros(1, 5, 2))
    assert evidence["block3.features"].shape == (1, 512, 20, 20)
    assert evidence["block4.features"].shape == (1, 1024, 20, 20)
    assert evidence["attend.part_maps"].shape == (1, 12, 20, 20)
    assert evidence["attend.part_weights"].shape == (1, 12)
    assert code.shape == (1, 256)
    assert len(model.aggregate) == 12
    assert {tuple(fc.weight.shape) for fc, _ in model.aggregate} == {(256, 1024)}
    assert [len(model.trunk.block2), len(model.trunk.block3), len(model.trunk.block4)] == [3, 4, 6]


def test_demo_keeps_the_paper_s_grid() -> None:
    model = create_model("partial_face").eval()
    with torch.no_grad():
        parts = model.parts(images(1))
    assert parts.attention.shape == (1, 12, 20, 20)
    assert parts.features.shape == (1, 12, 256)


def test_three_halvings_only() -> None:
    trunk = BottleneckTrunk(32, (3, 4, 6))
    main = [m for n, m in trunk.named_modules() if "downsample" not in n and hasattr(m, "stride") and "conv" in n]
    halvings = [m for m in (*main, trunk.stem[0], trunk.stem[3]) if m.stride in (2, (2, 2))]
    assert len(halvings) == 3


def test_fill_is_zero_to_the_network() -> None:
    trunk = BottleneckTrunk(4, (1, 1, 1))
    trunk.stem = trunk.block2 = trunk.block3 = trunk.block4 = nn.Identity()
    image = (torch.tensor([0.0, 128.0, 255.0]) / 255).view(1, 1, 1, 3).expand(1, 3, 1, 3)
    torch.testing.assert_close(trunk(image)[1][0, 0, 0], torch.tensor([-1.0, 0.0, 127 / 128]), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("recalibrate", "weights", "pooled"),
    [
        (True, [0.468790627, 0.531209373], [[1.171976567, 0.937581253], [1.527226949, 1.062418747]]),
        (False, [0.5, 0.5], [[1.25, 1.0], [1.4375, 1.0]]),
    ],
)
def test_attend_by_hand(recalibrate: bool, weights: list[float], pooled: list[list[float]]) -> None:
    """A' is .5 everywhere in map 1, .75 in the upper row and .5 below in map 2; s = softmax(.5, .625)."""
    three = math.log(3)  # sigmoid .75
    attention = torch.tensor([[[[0.0, 0.0], [0.0, 0.0]], [[three, three], [0.0, 0.0]]]])
    features = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 8.0]]]])
    s, v = Attend(recalibrate)(attention, features)
    torch.testing.assert_close(s, torch.tensor([weights]))
    torch.testing.assert_close(v, torch.tensor([pooled]))


def affine(layer: nn.Sequential) -> tuple[Tensor, Tensor]:
    """FC and batch norm as one (weight, bias)."""
    fc, norm = layer
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return (fc.weight * scale[:, None]).detach(), (norm.bias - norm.running_mean * scale).detach()


@pytest.mark.parametrize("recalibrate", [True, False])
def test_code_is_made_of_the_evidence(recalibrate: bool) -> None:
    """The code again, in NumPy, from nothing but the recorded maps, the recorded features and the FC layers."""
    model = tiny(recalibrate=recalibrate)
    with torch.no_grad(), record() as evidence:
        output = pair(model, images())
    maps, features = (evidence[n].double().numpy() for n in ("attend.part_maps", "block4.features"))
    codes = []
    for m, f in zip(maps, features, strict=True):
        code = np.zeros(8)
        for k, layer in enumerate(model.aggregate):
            weight, bias = (x.double().numpy() for x in affine(layer))
            v = sum(m[k, i, j] * f[:, i, j] for i in range(20) for j in range(20)) * K / 400
            code += (weight @ v + bias) / K
        codes.append(code / np.linalg.norm(code))
    np.testing.assert_allclose(output.embeddings[0][0], codes[0], atol=1e-5)
    np.testing.assert_allclose(output.embeddings[1][0], codes[1], atol=1e-5)
    assert float(output.similarity) == pytest.approx(float(codes[0] @ codes[1]), abs=1e-5)


def test_maps_carry_the_importances() -> None:
    model = tiny()
    with torch.no_grad(), record() as evidence:
        parts = model.parts(images())
    opened = parts.attention.sigmoid()
    assert evidence["attend.part_weights"] is parts.weights
    torch.testing.assert_close(parts.weights, opened.mean((2, 3)).softmax(1))
    torch.testing.assert_close(evidence["attend.part_maps"] / parts.weights[:, :, None, None], opened)


def test_a_changed_map_changes_the_score_as_predicted() -> None:
    """Adding .7 at one place of map 3 adds .7 / (h w) FC_3 F[place] to f, and nothing else."""
    model, image = tiny(), images()
    with torch.no_grad(), record() as evidence:
        before = model.encode(image, torch.zeros(2, 5, 2))
        plain = pair_score(model, image)
    moved = evidence["block4.features"][:, :, 4, 11] @ affine(model.aggregate[3])[0].T * 0.7 / 400
    bump = torch.zeros(K, 20, 20)
    bump[3, 4, 11] = 0.7
    model.attend.maps_tap = Changed(lambda maps: maps + bump)
    with torch.no_grad():
        after = model.encode(image, torch.zeros(2, 5, 2))
        changed = pair_score(model, image)
    assert moved.abs().max() > 1e-4
    torch.testing.assert_close(after, before + moved, atol=1e-6, rtol=1e-4)
    expected = torch.cosine_similarity((before + moved)[:1], (before + moved)[1:])
    torch.testing.assert_close(changed, expected, atol=1e-5, rtol=0)
    assert not torch.equal(changed, plain)


def pair_score(model: PartialFace, image: Tensor) -> Tensor:
    """Similarity outside of any recording in force."""
    with record():
        return pair(model, image).similarity


def test_a_part_without_weight_is_silent() -> None:
    """With s_2 = 0 the code no longer depends on FC_2's weights."""
    model, image = tiny(), images()
    model.attend.weights_tap = Changed(lambda s: s * torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0]))
    with torch.no_grad():
        before = model.encode(image, torch.zeros(2, 5, 2))
        model.aggregate[2][0].weight.add_(1.0)
        after_silent = model.encode(image, torch.zeros(2, 5, 2))
        model.aggregate[1][0].weight.add_(1.0)
        after_heard = model.encode(image, torch.zeros(2, 5, 2))
    assert torch.equal(before, after_silent)
    assert (after_heard - before).abs().max() > 1e-3


@pytest.mark.parametrize("values", [{}, {"recalibrate": False}, {"parts": 1}, {"fork_depth": 2}])
def test_every_parameter_learns(values: dict[str, object]) -> None:
    model = tiny(**values).train()
    parts = model.parts(images(4))
    target = torch.randn(parts.embedding.shape, generator=torch.Generator().manual_seed(1))
    ((parts.embedding * target).sum() + (parts.weights[:, 0] ** 2).sum()).backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert not silent
    still = [n for n, p in model.named_parameters() if not p.grad.any()]  # type: ignore[union-attr]
    assert not still


def test_no_map_starts_dead() -> None:
    torch.manual_seed(0)
    model = create_model("partial_face", trunk="bottleneck").train()
    with torch.no_grad():
        attention = model.parts(images(4)).attention
    assert ((attention > 0).float().mean((0, 2, 3)) > 0.9).all()
    assert (attention.std((0, 2, 3)) > 0.05).all()


@pytest.mark.parametrize("level", [0.0, 128 / 255, 1.0])
def test_flat_faces_give_numbers(level: float) -> None:
    model = tiny()
    with torch.no_grad():
        output = pair(model, torch.full((2, 3, 160, 160), level))
    assert torch.isfinite(output.logit).all()
    assert torch.isfinite(output.similarity).all()


def test_attention_is_cut_at_six() -> None:
    model = tiny()
    with torch.no_grad():
        model.to_maps.weight.mul_(100)
        attention = model.parts(images(2)).attention
    assert attention.min() == 0 and attention.max() == 6


def test_extreme_attention_gives_numbers() -> None:
    s, v = Attend()(torch.tensor([0.0, 1e4]).view(1, 2, 1, 1).expand(1, 2, 3, 3), torch.ones(1, 4, 3, 3))
    assert torch.isfinite(s).all()
    assert torch.isfinite(v).all()
    assert float(s[0, 1] / s[0, 0]) == pytest.approx(math.exp(0.5), rel=1e-5)  # the bound the module states


def test_half_precision_stays_close() -> None:
    model, image = tiny(), images().to(memory_format=torch.channels_last)
    model = model.to(memory_format=torch.channels_last)
    with torch.no_grad():
        exact = model.parts(image).embedding
        with torch.autocast("cpu", torch.bfloat16):
            rough = model.parts(image).embedding
    assert torch.isfinite(rough).all()
    assert (torch.cosine_similarity(exact, rough.float()) > 0.999).all()


def test_one_part_has_all_the_weight() -> None:
    with torch.no_grad():
        assert tiny(parts=1).parts(images()).weights.tolist() == [[1.0], [1.0]]


def test_without_recalibration_the_evidence_is_even() -> None:
    model = tiny(recalibrate=False)
    with torch.no_grad(), record() as evidence:
        parts = model.parts(images())
    assert torch.equal(evidence["attend.part_weights"], torch.full((2, K), 1 / K))
    torch.testing.assert_close(evidence["attend.part_maps"], parts.attention.sigmoid() / K)
