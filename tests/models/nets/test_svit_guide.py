"""S-ViT's guide: nothing changes until it has learnt, it reads EdgeFace, gradients reach the pixels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from models.nets.edgeface import EdgeFace
from models.nets.svit import Svit, SvitConfig
from models.nets.svit_guide import with_guide
from models.taps import record, tap_names
from training.tools.warm_start import freeze, start_from

SHAPE = {"depths": (1, 1, 1, 1), "dims": (8, 16, 24, 32), "heads": (1, 2, 3, 4), "embed_dim": 8}


@pytest.fixture(scope="module")
def encoder() -> EdgeFace:
    torch.manual_seed(1)
    return EdgeFace().eval()


@pytest.fixture
def models(encoder: EdgeFace) -> tuple[Svit, Svit]:
    """An S-ViT, and the same with a guide that has not learnt."""
    torch.manual_seed(0)
    plain, guided = Svit(SvitConfig(**SHAPE)).eval(), Svit(SvitConfig(**SHAPE, guide=True)).eval()
    start_from(guided, with_guide(plain.state_dict(), encoder.state_dict()))
    return plain, guided


FACES, POINTS = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0)), torch.zeros(2, 5, 2)


@torch.no_grad()
def test_untrained_it_changes_no_bit(models: tuple[Svit, Svit]) -> None:
    plain, guided = models
    assert torch.equal(plain.encode(FACES, POINTS), guided.encode(FACES, POINTS))


@torch.no_grad()
def test_it_adds_edgefaces_maps(models: tuple[Svit, Svit], encoder: EdgeFace) -> None:
    """Stages 3 and 4 by hand: EdgeFace's map, normalised over channels, through the 1x1 convolution."""
    guide = models[1].backbone.guide
    for i in (2, 3):
        guide.lateral[i][1].weight.normal_()
    grids = [(32, 32), (16, 16), (8, 8), (4, 4)]
    given = guide(FACES, grids)
    assert [tuple(g.shape) for g in given] == [(2, c, *grid) for c, grid in zip(SHAPE["dims"], grids, strict=True)]
    with record() as evidence:
        encoder.encode(F.interpolate(FACES, (112, 112), mode="bilinear", antialias=True), POINTS)
    third, fourth = evidence["stage3.features"], torch.zeros(2, 192, 7, 7)
    for y in range(6):
        for x in range(6):  # the seventh row and column are never read
            fourth[:, :, y, x] = evidence["stage4.features"][:, :, y // 2, x // 2]
    for i, values in ((2, third), (3, fourth)):
        grid = F.interpolate(values, grids[i], mode="bilinear", antialias=True)
        centred = grid - grid.mean(1, keepdim=True)
        normal = centred / (centred.square().mean(1, keepdim=True) + guide.lateral[i][0].eps).sqrt()
        expected = torch.einsum("bchw,dc->bdhw", normal, guide.lateral[i][1].weight[:, :, 0, 0])
        torch.testing.assert_close(given[i], expected, atol=1e-4, rtol=1e-4)
    assert not any(given[i].any() for i in (0, 1))


def test_it_learns_while_the_encoder_is_frozen_and_pixels_feel_it(models: tuple[Svit, Svit]) -> None:
    guided = models[1]
    freeze(guided, "backbone.guide.trunk")
    torch.nn.init.normal_(guided.backbone.guide.lateral[0][1].weight)
    image = FACES.clone().requires_grad_()
    plain = models[0].encode(image, POINTS).square().sum()
    whole = guided.encode(image, POINTS).square().sum()
    whole.backward()
    grads = {name: p.grad for name, p in guided.backbone.guide.named_parameters()}
    assert all((g is None) == name.startswith("trunk") for name, g in grads.items())
    assert all(grads[f"lateral.{i}.1.weight"].abs().sum() > 0 for i in range(4))
    (without,) = torch.autograd.grad(plain, image)
    assert not torch.allclose(image.grad, without)
    with pytest.raises(ValueError, match="begins with"):
        freeze(guided, "nothing")


def test_its_taps_have_names_of_their_own(models: tuple[Svit, Svit]) -> None:
    names = tap_names(models[1])
    assert len(names) == len(set(names))
    with record() as evidence, torch.no_grad():
        models[1].encode(FACES, POINTS)
    assert set(evidence) == set(names) > set(tap_names(models[0]))
    assert "guide.stage4.features" in names
