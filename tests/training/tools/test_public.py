"""Public checkpoints: which family, which network, and what is said of those that do not fit."""

from __future__ import annotations

import json
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from facenet_pytorch import InceptionResnetV1
from safetensors.torch import save_file
from torch import Tensor, nn

from models.nets.edgeface import EdgeFace, multiplied_out
from models.registry import MODELS, Entry
from training.tools.public import FAMILIES, CheckpointError, family_of, network_of, read_checkpoint

GOLDEN = Path(__file__).parents[2] / "golden"
IR = json.loads((GOLDEN / "public_ir_names.json").read_text())["names"]
VIT = json.loads((GOLDEN / "cvlface_vit_names.json").read_text())


def empty(shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    """Tensors of these names and shapes without values."""
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def public(name: str) -> dict[str, Tensor]:
    """A checkpoint with a family's public names and shapes."""
    return dict(_public(name))


@cache
def _public(name: str) -> dict[str, Tensor]:
    with torch.device("meta"):
        if name == "facenet":
            return InceptionResnetV1(classify=True, num_classes=8631).state_dict()
        if name.startswith(("edgenext", "twins")):
            return timm.create_model(name, num_classes=512).state_dict()
    if name.startswith("vit"):
        size, _, position = name.removeprefix("vit_").partition("_")
        state = empty(VIT[size])
        return state if position else {k: v for k, v in state.items() if "keypoint" not in k}
    return empty(IR[name])


PUBLIC = [
    ("insightface arcface_torch iresnet18", "InsightFace", "ir18.paper", {}),
    ("cvlface IR_18", "CVLface IR", "ir18.paper", {}),
    ("vit_small_kprpe", "CVLface ViT", "vit_kprpe.small.paper", {"keypoint_shift": 0.5}),
    ("vit_base_kprpe", "CVLface ViT", "vit_kprpe.paper", {"keypoint_shift": 0.5}),
    ("vit_base", "CVLface ViT", "vit_abs.paper", {}),
    ("facenet", "facenet-pytorch", "facenet.paper", {}),
    ("edgenext_x_small", "EdgeFace", "edgeface", {}),
    ("edgenext_xx_small", "EdgeFace", "edgeface", {"size": "xxs"}),
    ("twins_pcpvt_small", "Twins", "svit.paper", {"depths": (3, 4, 6, 3)}),
]


@pytest.mark.parametrize(("name", "title", "model", "config"), PUBLIC)
def test_public_names_and_shapes_become_the_network(name: str, title: str, model: str, config: dict[str, Any]) -> None:
    state = public(name)
    if "twins" in name:
        state = {k: torch.zeros(v.shape) for k, v in state.items()}
    [family] = [f for f in FAMILIES if any(f.mark in key for key in state)]
    assert title in family.title and family_of(state) is family
    with torch.device("cpu" if "twins" in name else "meta"):  # its rates of stochastic depth are read while it is built
        network, found = network_of(model, state)
    assert network.name == model and not network.training
    assert found == config


@pytest.mark.parametrize(("name", "title", "model", "config"), PUBLIC[:3] + PUBLIC[5:7])
def test_missing_and_left_over_names_and_other_shapes_are_named(
    name: str, title: str, model: str, config: dict[str, Any]
) -> None:
    state = public(name)
    lost, bent = [k for k, v in state.items() if v.ndim == (2 if "vit" in name else 4)][-2:]
    del state[lost]
    state[bent] = torch.empty(3, 5, 7, 9, device="meta")
    state["extra.weight"] = torch.empty(1, device="meta")
    with torch.device("meta"), pytest.raises(CheckpointError) as error:
        network_of(model, state)
    words = str(error.value)
    assert f"looks like a checkpoint of {family_of(state).title}" in words and model in words
    assert "1 missing: " in words and "1 left over: " in words and "extra.weight" in words
    assert "1 of another shape: " in words and "(3, 5, 7, 9)" in words


def test_another_size_and_another_family_say_which_network_to_give() -> None:
    with torch.device("meta"):
        with pytest.raises(CheckpointError, match=r"depth 18 where ir50\.paper has 50; give --model ir18\.paper$"):
            network_of("ir50.paper", public("cvlface IR_18"))
        with pytest.raises(CheckpointError, match=r"position abs where .*give --model vit_abs\.paper$"):
            network_of("vit_kprpe.paper", public("vit_base"))
        with pytest.raises(CheckpointError, match=r"facenet-pytorch.*ir18\.paper is not; give --model facenet\.paper$"):
            network_of("ir18.paper", public("facenet"))
        with pytest.raises(CheckpointError, match="no registered network is like that"):
            network_of("vit_abs.paper", public("vit_small"))
        with pytest.raises(CheckpointError, match=r"CVLface ViT, but: .*11"):
            network_of("vit_abs.paper", {k: v for k, v in public("vit_small").items() if ".11." not in k})
    with pytest.raises(CheckpointError, match=r"encoder\.weight.*no family.*EdgeFace"):
        family_of({"encoder.weight": torch.zeros(1)})


def tiny_ir(monkeypatch: pytest.MonkeyPatch) -> None:
    row = MODELS["ir18.paper"]
    values = {**row.values, "width": 8, "dim": 16}
    monkeypatch.setitem(MODELS, "tiny_ir", Entry(row.cls, row.config, row.task, "t", "s", values))


def tiny_ir_state() -> dict[str, Tensor]:
    from models.nets.ir_resnet import IRConfig, IRTrunk

    torch.manual_seed(0)
    return IRTrunk(IRConfig(width=8, dim=16, final_prelu=False)).state_dict()


def test_bgr_turns_the_first_layer_round(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_ir(monkeypatch)
    rgb, bgr = (network_of("tiny_ir", tiny_ir_state(), bgr=bgr)[0] for bgr in (False, True))
    image, nothing = torch.rand(2, 3, 112, 112), torch.zeros(2, 5, 2)
    torch.testing.assert_close(bgr.encode(image.flip(1), nothing), rgb.encode(image, nothing), atol=1e-5, rtol=1e-4)
    assert (bgr.encode(image, nothing) - rgb.encode(image, nothing)).abs().max() > 1e-3


def test_old_files_need_no_count_of_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_ir(monkeypatch)
    network_of("tiny_ir", {k: v for k, v in tiny_ir_state().items() if not k.endswith("num_batches_tracked")})


def test_a_product_of_two_layers_is_multiplied_out() -> None:
    """EdgeFace's float files: x -> linear2(linear1(x)), of rank 2 here."""
    torch.manual_seed(0)
    one, two, x = nn.Linear(5, 2, bias=False), nn.Linear(2, 4), torch.rand(3, 5)
    stored = {"a.linear1.weight": one.weight, "a.linear2.weight": two.weight, "a.linear2.bias": two.bias}
    found = multiplied_out({**stored, "b.weight": torch.ones(1)})
    assert found.keys() == {"a.weight", "a.bias", "b.weight"}
    torch.testing.assert_close(nn.functional.linear(x, found["a.weight"], found["a.bias"]), two(one(x)))


def test_edgeface_of_low_rank_gives_the_same_embedding() -> None:
    theirs = timm.create_model("edgenext_x_small", num_classes=512).eval()
    state = {f"model.{k}": v for k, v in theirs.state_dict().items()}
    layer = "model.stages.0.blocks.0.mlp.fc1"
    u, s, v = torch.linalg.svd(state.pop(f"{layer}.weight"), full_matrices=False)
    state |= {f"{layer}.linear1.weight": v, f"{layer}.linear2.weight": u * s}
    state[f"{layer}.linear2.bias"] = state.pop(f"{layer}.bias")
    model, _ = network_of("edgeface", state)
    assert isinstance(model, EdgeFace)
    image = torch.rand(1, 3, 112, 112)
    with torch.no_grad():
        torch.testing.assert_close(model.trunk(image), theirs(image * 2 - 1), atol=1e-4, rtol=1e-4)


# reading


class Evil:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.path, "ran"))


def test_nothing_but_tensors_is_unpickled(tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": torch.zeros(1)}, "hyper": Evil(tmp_path / "ran")}, tmp_path / "evil.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    torch.save(nn.Linear(2, 2), tmp_path / "module.pt")
    for name in ("evil.pt", "plain.pt", "module.pt"):
        with pytest.raises(CheckpointError, match="holds more than tensors"):
            read_checkpoint(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\x00" * 64])
def test_damaged_files_are_refused_in_words(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"was not read: it is damaged"):
        read_checkpoint(tmp_path / name)


def test_what_is_not_a_table_of_tensors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no file"):
        read_checkpoint(tmp_path / "none.pt")
    for i, thing in enumerate(([torch.zeros(1)], {"epoch": 3}, torch.zeros(2))):
        torch.save(thing, tmp_path / f"{i}.pt")
        with pytest.raises(CheckpointError, match="no table of tensors"):
            read_checkpoint(tmp_path / f"{i}.pt")


def test_both_formats_and_a_nested_state_dict_are_read(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.zeros(1)}
    save_file(tensors, tmp_path / "x.safetensors")
    torch.save(tensors, tmp_path / "x.pt")
    torch.save({"state_dict": {**tensors, "head.kernel": torch.zeros(9)}, "epoch": 3}, tmp_path / "y.ckpt")
    for name in ("x.safetensors", "x.pt", "y.ckpt"):
        found = read_checkpoint(tmp_path / name)
        assert found.keys() == tensors.keys()
        assert all(torch.equal(found[k], v) for k, v in tensors.items())
