"""Missing pixels become the mean of their neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_grad_cam.metrics.road import NoisyLinearImputer

from explain.core.fill import cover_of
from explain.core.road import imputed


def image(side: int = 24) -> torch.Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_equals_the_package_of_its_authors_code(share: float) -> None:
    missing = torch.rand(24, 24, generator=torch.Generator().manual_seed(1)) < share
    wanted = NoisyLinearImputer(noise=0)(image()[0], (~missing).float())
    found = imputed(image(), missing[None], noise=0)
    torch.testing.assert_close(found[0], wanted.float(), atol=1e-5, rtol=0)
    assert torch.equal(found[0][:, ~missing], image()[0][:, ~missing])


def test_a_lone_pixel_by_hand() -> None:
    missing = torch.zeros(1, 24, 24, dtype=torch.bool)
    missing[0, 0, 5] = True  # on the edge: five neighbours, their weights brought to 1
    x = image()[0].double()
    wanted = (x[:, 0, 4] + x[:, 0, 6] + x[:, 1, 5]) / 6 + (x[:, 1, 4] + x[:, 1, 6]) / 12
    torch.testing.assert_close(imputed(image(), missing, noise=0)[0, :, 0, 5].double(), wanted / (2 / 3))


def test_nothing_and_everything_missing() -> None:
    masks = torch.stack([torch.zeros(24, 24), torch.ones(24, 24)]).bool()
    nothing, everything = cover_of(image(), "road")(masks)
    assert torch.equal(nothing, image()[0])
    assert everything.mean((1, 2)).numpy() == pytest.approx(image()[0].mean((1, 2)).numpy(), abs=0.01)
    assert 0.005 < float(everything.std((1, 2)).mean()) < 0.02


def test_noise_is_seeded_and_only_where_pixels_were_missing() -> None:
    missing = torch.from_numpy(np.random.default_rng(2).random((1, 24, 24)) < 0.4)
    one, same, other = (imputed(image(), missing, seed=s) for s in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(one[0][:, ~missing[0]], image()[0][:, ~missing[0]])
