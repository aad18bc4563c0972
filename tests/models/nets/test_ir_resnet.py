"""IR-ResNet: gates change nothing else, and public checkpoints load by name and by value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import create_model
from models.layers.cbam import CBAM
from models.layers.gates import GATES
from models.layers.squeeze_excite import SqueezeExcite
from models.nets.ir_resnet import LAYOUTS, IRBlock, IRConfig, IRResNet, IRTrunk, from_public
from models.taps import record, tap_names

PUBLIC = json.loads((Path(__file__).parents[2] / "golden" / "public_ir_names.json").read_text())


def as_published(depth: int, **values: Any) -> IRConfig:
    return IRConfig(**{"depth": depth, "width": 64, "dim": 512, "final_prelu": False, **values})


def noise(n: int = 2) -> Tensor:
    return torch.rand(n, 3, 112, 112, generator=torch.Generator().manual_seed(1))


# --- the published networks, transcribed from their description under their own parameter names -----------------


class InsightBlock(nn.Module):
    def __init__(self, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(cin), nn.Conv2d(cin, cout, 3, 1, 1, bias=False)
        self.bn2, self.prelu = nn.BatchNorm2d(cout), nn.PReLU(cout)
        self.conv2, self.bn3 = nn.Conv2d(cout, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)
        if stride == 2:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        return y + (self.downsample(x) if hasattr(self, "downsample") else x)


class InsightFaceNet(nn.Module):
    def __init__(self, blocks: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1, self.bn1, self.prelu = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        cin = 64
        for i, (n, cout) in enumerate(zip(blocks, (64, 128, 256, 512), strict=True)):
            layer = [InsightBlock(cin, cout, 2)] + [InsightBlock(cout, cout, 1) for _ in range(n - 1)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*layer))
            cin = cout
        self.bn2, self.fc, self.features = nn.BatchNorm2d(512), nn.Linear(512 * 49, 512), nn.BatchNorm1d(512)

    def forward(self, x: Tensor) -> Tensor:
        x = self.prelu(self.bn1(self.conv1(x)))
        for i in range(4):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


class CvlBlock(nn.Module):
    def __init__(self, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        if cin != cout:
            self.shortcut_layer = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))
        first = [nn.BatchNorm2d(cin), nn.Conv2d(cin, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout), nn.PReLU(cout)]
        self.res_layer = nn.Sequential(*first, nn.Conv2d(cout, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x: Tensor) -> Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)


class CvlfaceNet(nn.Module):
    def __init__(self, blocks: tuple[int, ...]) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))
        body, cin = [], 64
        for n, cout in zip(blocks, (64, 128, 256, 512), strict=True):
            body += [CvlBlock(cin, cout, 2)] + [CvlBlock(cout, cout, 1) for _ in range(n - 1)]
            cin = cout
        self.body = nn.Sequential(*body)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512),
            nn.Dropout(0.4),
            nn.Flatten(),
            nn.Linear(512 * 49, 512),
            nn.BatchNorm1d(512, affine=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.output_layer(self.body(self.input_layer(x)))


SIZES = [
    (InsightFaceNet, 18, "insightface arcface_torch iresnet18"),
    (InsightFaceNet, 50, "insightface arcface_torch iresnet50"),
    (InsightFaceNet, 100, "insightface arcface_torch iresnet100"),
    (CvlfaceNet, 18, "cvlface IR_18"),
    (CvlfaceNet, 50, "cvlface IR_50"),
    (CvlfaceNet, 100, "cvlface IR_101"),
]


def filled(net: nn.Module, seed: int = 0) -> nn.Module:
    """Plausible trained-looking values in every tensor: nothing at its default, so that a mix-up shows."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in net.state_dict().items():
        if value.dtype == torch.long:
            value.fill_(7)
        elif value.ndim > 1:
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
        elif "running_mean" in name or "bias" in name:
            value.normal_(0, 0.1, generator=generator)
        else:
            value.uniform_(0.6, 1.2, generator=generator)
    return net.eval()


def load_public(trunk: IRTrunk, state: Mapping[str, Tensor]) -> None:
    """As training.adopt does it."""
    trunk.load_state_dict(from_public(state)[1], strict=True)


@pytest.mark.parametrize(("network", "depth", "key"), SIZES)
def test_transcription_has_the_published_names_and_strict_loading_takes_them(
    network: type[nn.Module], depth: int, key: str
) -> None:
    with torch.device("meta"):
        theirs, ours = network(LAYOUTS[depth]), IRTrunk(as_published(depth))  # type: ignore[call-arg]
    shapes = {name: list(value.shape) for name, value in theirs.state_dict().items()}
    lines = "\n".join(f"{name} {shape}" for name, shape in sorted(shapes.items()))
    assert from_public(theirs.state_dict())[0]["depth"] == depth
    assert hashlib.sha256(lines.encode()).hexdigest() == PUBLIC["sha256"][key]
    if key in PUBLIC["names"]:
        assert shapes == PUBLIC["names"][key]
    load_public(ours, theirs.state_dict())


@pytest.mark.parametrize(
    ("network", "depth", "prefix"),
    [
        (InsightFaceNet, 18, ""),
        (InsightFaceNet, 18, "module."),
        (InsightFaceNet, 50, ""),
        (CvlfaceNet, 18, ""),
        (CvlfaceNet, 18, "model.net."),
        (CvlfaceNet, 50, "net."),
    ],
)
def test_public_checkpoint_gives_the_published_outputs(network: type[nn.Module], depth: int, prefix: str) -> None:
    theirs = filled(network(LAYOUTS[depth]))  # type: ignore[call-arg]
    model = create_model(f"ir{depth}.paper").eval()
    load_public(model.trunk, {prefix + name: value for name, value in theirs.state_dict().items()})
    image = noise(1)
    with torch.no_grad():
        want, got = theirs(image * 2 - 1), model.encode(image, torch.zeros(1, 5, 2))
    torch.testing.assert_close(got, want, atol=1e-5 * float(want.abs().max()), rtol=1e-5)


@pytest.mark.parametrize("network", [InsightFaceNet, CvlfaceNet])
def test_loading_is_strict(network: type[nn.Module]) -> None:
    with torch.device("meta"):
        state = network(LAYOUTS[18]).state_dict()  # type: ignore[call-arg]
        trunk = IRTrunk(as_published(18))
        for name in ("layer2.0.conv1.weight", "body.3.res_layer.1.weight", "fc.weight", "output_layer.3.weight"):
            if name in state:
                with pytest.raises(RuntimeError, match="Missing key"):
                    load_public(trunk, {k: v for k, v in state.items() if k != name})
        with pytest.raises(RuntimeError, match=r"Unexpected key.*head\.kernel"):
            load_public(trunk, {**state, "head.kernel": torch.zeros(1)})
        with pytest.raises(RuntimeError):
            load_public(IRTrunk(as_published(50)), state)
        with pytest.raises(RuntimeError, match="final"):
            load_public(IRTrunk(as_published(18, final_prelu=True)), state)


# --- the block and its gates ----------------------------------------------------------------------------------


def plain_block(block: IRBlock, x: Tensor) -> Tensor:
    """The residual block of the sources, step by step, with the block's own tensors and no gate."""

    def norm(v: Tensor, bn: nn.BatchNorm2d) -> Tensor:
        return F.batch_norm(v, bn.running_mean, bn.running_var, bn.weight, bn.bias, False, 0.0, bn.eps)

    y = F.conv2d(norm(x, block.bn1), block.conv1.weight, padding=1)
    y = F.prelu(norm(y, block.bn2), block.prelu.weight)
    y = norm(F.conv2d(y, block.conv2.weight, stride=block.conv2.stride, padding=1), block.bn3)
    shortcut = x
    if isinstance(block.downsample, nn.Sequential):
        conv, bn = block.downsample
        shortcut = norm(F.conv2d(x, conv.weight, stride=conv.stride), bn)
    y = y + shortcut
    return F.prelu(y, block.final.weight) if isinstance(block.final, nn.PReLU) else y


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("final_prelu", [True, False])
def test_gate_off_is_the_plain_block_bit_for_bit(stride: int, final_prelu: bool) -> None:
    block = IRBlock(IRConfig(final_prelu=final_prelu), 32, 32 * stride, stride, "stage1.block0")
    filled(block)
    x = torch.randn(2, 32, 14, 14)
    assert torch.equal(block(x), plain_block(block, x))


@pytest.mark.parametrize("gate", ["se", "cbam"])
def test_gate_sits_on_the_residual_branch_before_the_addition(gate: str) -> None:
    block = IRBlock(IRConfig(gate=gate), 32, 32, 1, "stage1.block0")
    filled(block)
    x = torch.randn(2, 32, 14, 14)
    y = block.bn3(block.conv2(block.prelu(block.bn2(block.conv1(block.bn1(x))))))
    assert torch.equal(block(x), block.final(block.gate(y) + x))
    assert not torch.equal(block(x), plain_block(block, x))


@pytest.mark.parametrize("gate", ["se", "cbam"])
def test_arms_of_one_seed_differ_in_the_gate_alone(gate: str) -> None:
    torch.manual_seed(11)
    plain, after_plain = IRResNet(IRConfig(gate="none")), torch.rand(3)
    torch.manual_seed(11)
    gated, after_gated = IRResNet(IRConfig(gate=gate)), torch.rand(3)
    theirs = gated.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in plain.state_dict().items())
    assert {name for name in theirs if name not in plain.state_dict()} == {n for n in theirs if ".gate." in n}
    assert torch.equal(after_plain, after_gated)  # what is built next starts alike, too
    for module in gated.modules():
        if isinstance(module, IRBlock):
            module.gate = nn.Identity()
    assert torch.equal(gated.eval().encode(noise(), None), plain.eval().encode(noise(), None))  # type: ignore[arg-type]


@pytest.mark.parametrize("gate", GATES)
def test_taps(gate: str) -> None:
    model = IRResNet(IRConfig(gate=gate)).eval()
    with torch.no_grad(), record() as evidence:
        model.encode(noise(), torch.zeros(2, 5, 2))
    places = [f"stage{i}.block{b}" for i in (1, 2, 3, 4) for b in (0, 1)]
    gates = {"none": [], "se": ["channel_gate"], "cbam": ["channel_gate", "spatial_gate"]}[gate]
    assert {n for n in evidence if "block" in n} == {f"{p}.{g}" for p in places for g in gates}
    assert [tuple(evidence[f"stage{i}.features"].shape) for i in (1, 2, 3, 4)] == [
        (2, 32, 56, 56),
        (2, 64, 28, 28),
        (2, 128, 14, 14),
        (2, 256, 7, 7),
    ]
    assert len(tap_names(model)) == len(set(tap_names(model)))
    kind = {"none": nn.Identity, "se": SqueezeExcite, "cbam": CBAM}[gate]
    assert all(isinstance(m.gate, kind) for m in model.modules() if isinstance(m, IRBlock))


@pytest.mark.parametrize("values", [{"depth": 34}, {"gate": "eca"}, {"gate": "se", "width": 8}])
def test_config_refuses_what_it_cannot_build(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        IRConfig(**values)


@pytest.mark.parametrize("dim", [128, 512])
def test_embedding_length_is_configurable(dim: int) -> None:
    model = create_model("ir18_cbam.paper", dim=dim).eval()
    with torch.no_grad():
        code = model.encode(noise(1), torch.zeros(1, 5, 2))
    assert code.shape == (1, dim)
    torch.testing.assert_close(model.embedding(code).norm(dim=1), torch.ones(1))
