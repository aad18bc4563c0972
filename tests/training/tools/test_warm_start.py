"""Gates and position encodings added to a trained network change no bit of its answers, and then learn."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from models import create_model, record
from models.nets.facor import FaCoR, FaCoRConfig
from models.pair import PairModel
from tests.explain.attention.arms import with_branches
from training.tools.warm_start import StartError, global_first, read_start, start_from

SMALL = {"width": 16, "dim": 8}
SIZES = {"ir18": SMALL, "edgeface": {"size": "xxs", "dim": 8, "reduction": 4}}


def small(name: str) -> PairModel:
    """A network of either family, untrained."""
    return with_branches(create_model(name, **SIZES[name.partition("_")[0]]))


def used(family: str = "ir18") -> PairModel:
    """A network without gates; batch norms have seen faces."""
    torch.manual_seed(3)
    model = small({"ir18": "ir18_none.paper", "edgeface": "edgeface_none"}[family]).train()
    for _ in range(3):
        model.encode(torch.rand(4, 3, 112, 112), torch.zeros(4, 5, 2))
    return model.eval()


GATED = ["ir18_se.paper", "ir18_cbam.paper", "edgeface_se", "edgeface_cbam"]


@pytest.mark.parametrize("name", ["ir18_none.paper", "edgeface_none", *GATED])
def test_the_answers_stay_bit_for_bit(name: str):
    plain, arm = used(name.partition("_")[0]), small(name)
    start_from(arm, plain.state_dict())
    image, keypoints = torch.rand(3, 3, 112, 112), torch.zeros(3, 5, 2)
    assert torch.equal(arm.eval().encode(image, keypoints), plain.encode(image, keypoints))
    assert torch.equal(arm.train().encode(image, keypoints), plain.train().encode(image, keypoints))


@pytest.mark.parametrize("name", GATED)
def test_gates_learn_from_there(name: str):
    arm = small(name).train()
    start_from(arm, used(name.partition("_")[0]).state_dict())
    image, keypoints = torch.rand(4, 3, 112, 112), torch.zeros(4, 5, 2)
    optimizer = torch.optim.SGD(arm.parameters(), lr=0.1)
    for _ in range(2):  # the layers behind the last ones get a gradient once those have left zero
        optimizer.zero_grad()
        arm.encode(image, keypoints).square().mean().backward()
        optimizer.step()
    gates = {k: p.grad for k, p in arm.named_parameters() if ".gate." in k}
    assert gates and all(g is not None and g.abs().sum() > 0 for g in gates.values())


@pytest.mark.parametrize("name", ["vit_irpe", "vit_kprpe"])
def test_position_encodings_added_to_a_plain_vit_change_nothing(name: str):
    tiny = {"dim": 24, "depth": 4, "embed_dim": 16}
    torch.manual_seed(3)
    plain, arm = create_model("vit_abs", **tiny).eval(), create_model(name, **tiny).eval()
    start_from(arm, plain.state_dict())
    image, keypoints = torch.rand(2, 3, 112, 112), torch.rand(2, 5, 2)
    with record():  # the explicit product: the fused one rounds otherwise where it has offsets
        found = arm.encode(image, keypoints)
    with record():
        assert torch.equal(found, plain.encode(image, keypoints))


def test_a_second_file_is_the_guides_encoder(tmp_path: Path):
    save_file({"backbone.x": torch.ones(2)}, tmp_path / "svit.safetensors")
    save_file({"trunk.y": torch.zeros(3), "fc.weight": torch.ones(1)}, tmp_path / "encoder.safetensors")
    assert read_start([tmp_path / "svit.safetensors"]).keys() == {"backbone.x"}
    both = read_start([tmp_path / "svit.safetensors", tmp_path / "encoder.safetensors"])
    assert both.keys() == {"backbone.x", "backbone.guide.trunk.y"}


def test_weights_of_another_shape_are_refused():
    state = used().state_dict()
    with pytest.raises(ValueError, match="missing"):
        start_from(create_model("ir18_se.paper", **SMALL), {k: v for k, v in state.items() if "layer3" not in k})
    with pytest.raises(ValueError, match="left over"):
        start_from(create_model("ir18_se.paper", **SMALL), state | {"extra": torch.zeros(1)})


@torch.no_grad()
def test_facornet_starts_with_edgefaces_cosines():
    model = FaCoR(FaCoRConfig(trunk="edgeface", pooling="max")).eval()
    global_first(model)
    maps = model.encode(torch.rand(6, 3, 112, 112), torch.zeros(6, 5, 2))
    own, kept = F.normalize(model.trunk.rest(maps), dim=1), model.embedding(maps)
    torch.testing.assert_close(kept @ kept.T, own @ own.T, atol=1e-5, rtol=0)
    gate = model.gate.excite.bias.sigmoid()
    assert float(gate[:256].min()) > 0.85 and float(gate[256:].max()) < 0.15


def test_facornet_on_another_trunk_is_refused():
    with pytest.raises(StartError, match="only a FaCoRNet on EdgeFace"):
        global_first(FaCoR(FaCoRConfig(width=4)))
    with pytest.raises(StartError, match="cannot hold 193 dimensions"):
        global_first(FaCoR(FaCoRConfig(trunk="edgeface", width=16)))
