"""From the int8 file to the network: what is read, what is refused."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

from models.nets.edgeface import ARCHITECTURES
from models.weights import SHIPPED, file_sha256
from training import convert_edgeface
from training.convert_edgeface import Source, dequantised, load_public, read_int8
from training.docs import reproduce


def int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A weight as the file holds it, one scale a layer, and the numbers that it stands for."""
    scale = float(weight.detach().abs().max()) / 127
    with warnings.catch_warnings():  # torch announces the end of quantised tensors
        warnings.simplefilter("ignore")
        stored = torch.quantize_per_tensor(weight.detach(), scale, 0, torch.qint8)
    return stored, stored.int_repr().float() * scale


def quantised(net: nn.Module) -> tuple[dict[str, object], dict[str, Tensor]]:
    """State of a dynamically quantised network, and the float tensors that must come out of it."""
    stored: dict[str, object] = {}
    wanted = {name: value.clone() for name, value in net.state_dict().items()}
    linear = [name for name, module in net.named_modules() if isinstance(module, nn.Linear)]
    for layer in linear:
        weight, wanted[f"{layer}.weight"] = int8(wanted[f"{layer}.weight"])
        stored[f"model.{layer}.scale"] = torch.tensor(1.0)
        stored[f"model.{layer}.zero_point"] = torch.tensor(0)
        stored[f"model.{layer}._packed_params.dtype"] = torch.qint8
        stored[f"model.{layer}._packed_params._packed_params"] = (weight, wanted[f"{layer}.bias"])
    own = {f"{layer}.{kind}" for layer in linear for kind in ("weight", "bias")}
    stored |= {f"model.{name}": value for name, value in wanted.items() if name not in own}
    return stored, wanted


@pytest.fixture
def public(tmp_path: Path) -> tuple[Path, dict[str, Tensor]]:
    """An int8 file of a network with random weights."""
    torch.manual_seed(0)
    stored, wanted = quantised(timm.create_model(ARCHITECTURES["xs"], num_classes=512))
    torch.save(stored, tmp_path / "q.pt")
    return tmp_path / "q.pt", wanted


def test_every_tensor_comes_back(public: tuple[Path, dict[str, Tensor]]) -> None:
    path, wanted = public
    found = read_int8(path, file_sha256(path))
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, atol=1e-6, rtol=1e-5)
        assert not found[name].is_quantized


def test_another_file_is_refused(public: tuple[Path, dict[str, Tensor]]) -> None:
    with pytest.raises(ValueError, match="not the public file"):
        read_int8(public[0], "0" * 64)


def test_the_network_answers_with_these_weights(
    public: tuple[Path, dict[str, Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, wanted = public
    monkeypatch.setitem(convert_edgeface.SOURCES, "edgeface", Source("q.pt", file_sha256(path)))
    net = timm.create_model(ARCHITECTURES["xs"], num_classes=512).eval()
    net.load_state_dict(wanted)
    image = torch.rand(1, 3, 112, 112)
    with torch.no_grad():
        code = load_public("edgeface", path).encode(image, torch.zeros(1, 5, 2))
        torch.testing.assert_close(code, net(image * 2 - 1), atol=1e-5, rtol=0)


def test_a_missing_or_foreign_name_is_refused(
    public: tuple[Path, dict[str, Tensor]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = torch.load(public[0], weights_only=True)
    del state["model.stem.0.bias"]
    torch.save(state, tmp_path / "short.pt")
    short = Source("short.pt", file_sha256(tmp_path / "short.pt"))
    monkeypatch.setitem(convert_edgeface.SOURCES, "edgeface", short)
    with pytest.raises(RuntimeError, match=r"Missing key.*stem\.0\.bias"):
        load_public("edgeface", tmp_path / "short.pt")
    with pytest.raises(ValueError, match=r"does not begin with 'model\."):
        dequantised({"head.fc.weight": torch.zeros(1)})


def test_the_page_of_commands_says_where_the_file_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = convert_edgeface.SOURCES["edgeface"]
    assert reproduce.TEACHERS[source.name][1] == source.sha256
    page = (SHIPPED.parent / "docs" / "reproduce.md").read_text()
    for name, (_, sha256, _) in reproduce.TEACHERS.items():
        assert f"`teachers/{name}`" in page and sha256 in page
    monkeypatch.setattr("sys.argv", ["convert_edgeface", "--data", str(tmp_path)])
    with pytest.raises(SystemExit) as caught:
        convert_edgeface.main()
    said = f"{caught.value.code} {capsys.readouterr().err}"
    assert f"missing {tmp_path / 'teachers' / source.name}" in said and "docs/reproduce.md" in said
