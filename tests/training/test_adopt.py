"""The command: a public file becomes a weight that answers, is explained and says where it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from facenet_pytorch import InceptionResnetV1
from torch import Tensor, nn

import training.adopt
from explain import explain, methods_for
from explain.methods import part_shapley
from models import detect_faces, load_model, open_photo, predict, read_sidecar
from models.nets import vit_kprpe
from models.nets.ir_resnet import IRConfig, IRTrunk
from models.nets.vit_kprpe import ViT, VitConfig
from models.registry import MODELS, Entry, create_model
from models.weights import file_sha256
from training.adopt import main
from training.data import detections
from training.evaluate.setup import from_run
from training.tools.warm_start import start_from
from ui.shared.answering import measured, pair_weights

LIST = "image_a,image_b,same\nobama.jpg,obama2.jpg,1\nobama.jpg,biden.jpg,0\nobama2.jpg,biden.jpg,0\n"
NARROW = {"dim": 24, "depth": 12, "heads": 2, "mlp_ratio": 1, "drop_path": 0.1, "embed_dim": 4}


def state_of(net: nn.Module) -> dict[str, Tensor]:
    return dict(net.state_dict())


def insightface() -> dict[str, Tensor]:
    return state_of(IRTrunk(IRConfig(width=4, dim=4, final_prelu=False)))


def cvlface_vit() -> dict[str, Tensor]:
    net = ViT(VitConfig("kprpe", **NARROW))  # type: ignore[arg-type]
    assert net.rpe is not None
    nn.init.normal_(net.rpe.linear.weight)
    renamed = {k.replace("rpe.linear.", "keypoint_linear."): v for k, v in net.state_dict().items()}
    return {f"net.{k}": v for k, v in renamed.items()}


def facenet() -> dict[str, Tensor]:
    net = InceptionResnetV1()
    net.last_linear, net.last_bn = nn.Linear(1792, 4, bias=False), nn.BatchNorm1d(4)
    return state_of(net)


def edgeface() -> dict[str, Tensor]:
    return {f"model.{k}": v for k, v in timm.create_model("edgenext_xx_small", num_classes=4).state_dict().items()}


CASES: dict[str, tuple[Callable[[], dict[str, Tensor]], str, dict[str, Any], dict[str, Any]]] = {
    "insightface": (insightface, "ir18.paper", {"width": 4, "dim": 4}, {}),
    "cvlface_vit": (cvlface_vit, "vit_kprpe.small.paper", NARROW, {"keypoint_shift": 0.5}),
    "facenet": (facenet, "facenet.paper", {"dim": 4}, {}),
    "edgeface": (edgeface, "edgeface", {"dim": 4}, {"size": "xxs"}),
}
"""Family -> its checkpoint, the network, what makes it narrow enough for a test, what the sidecar's config must say."""
FEW: dict[str, dict[str, Any]] = {
    "occlusion": {"patch": 56, "stride": 56},
    "corr_rise": {"masks": 8},
    "fame": {"steps": 2},
}
"""Method -> options with which it asks the network a few times instead of hundreds."""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shelf(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """KINSIGHT_WEIGHTS, and a pair list beside it."""
    (tmp_path / "list.csv").write_text(LIST)
    (tmp_path / "weights").mkdir()
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("KINSIGHT_CACHE", str(cache))
    monkeypatch.delenv("KINSIGHT_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "weights"


def narrow(monkeypatch: pytest.MonkeyPatch, model: str, values: dict[str, Any]) -> None:
    row = MODELS[model]
    monkeypatch.setitem(MODELS, "narrow", Entry(row.cls, row.config, row.task, "t", "s", {**row.values, **values}))
    monkeypatch.setattr(vit_kprpe, "SMALL", NARROW)


@pytest.mark.parametrize("case", list(CASES))
def test_an_adopted_weight_answers_and_is_explained(
    case: str, shelf: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make, model, values, config = CASES[case]
    narrow(monkeypatch, model, values)
    torch.manual_seed(0)
    file = shelf.parent / "public.pt"
    torch.save(make(), file)
    pairs = ["--pairs", str(shelf.parent / "list.csv"), "--images", str(photos)]
    main([str(file), "--model", "narrow", "--weight-name", "mine", *pairs, "--licence", "MIT", "--source", "a page"])
    assert str(shelf / "mine.safetensors") in capsys.readouterr().out

    sidecar = read_sidecar("mine")
    assert (sidecar.model, sidecar.config, sidecar.licence) == ("narrow", config, "MIT")
    assert sidecar.data[0]["hash"] == file_sha256(file) and sidecar.data[0]["source"] == "a page"
    assert sidecar.data[1]["size"] == 3 and "list.csv" in sidecar.data[1]["name"]
    assert "1 matching, 2 non-matching" in sidecar.rule.operating_points.protocol
    assert any("Source: a page" in note for note in sidecar.notes)

    network = load_model("mine", "cpu")
    a, b = (detections.central_face(open_photo(photos / n)) for n in ("obama.jpg", "biden.jpg"))
    result = predict(network, a, b, grad=True)
    slope, offset = float(network.logit.slope), float(network.logit.offset)  # type: ignore[union-attr,arg-type]
    assert slope != 1 and result.score == pytest.approx(
        1 / (1 + np.exp(-(slope * result.similarity + offset))), abs=1e-3
    )
    methods = methods_for(network)
    assert {"grad_cam", "occlusion", "fggb"} <= set(methods)
    monkeypatch.setattr(part_shapley, "PARTS", part_shapley.PARTS[:2])
    for method in methods:
        for heatmap in explain(result, method, **FEW.get(method, {})):
            assert np.isfinite(heatmap.values).all()


def test_a_weight_without_calibration_is_refused(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(monkeypatch, "ir18.paper", CASES["insightface"][2])
    file = shelf.parent / "public.pt"
    torch.save(insightface(), file)
    with pytest.raises(SystemExit, match=r"calibration cannot answer.*--pairs.*KINSIGHT_DATA"):
        main([str(file), "--model", "narrow"])
    with pytest.raises(SystemExit, match="--images"):
        main([str(file), "--model", "narrow", "--pairs", str(shelf.parent / "list.csv")])
    monkeypatch.setenv("KINSIGHT_DATA", str(shelf))
    with pytest.raises(SystemExit, match=r"siamese_ir\.paper's task"):  # pairs of persons do not calibrate kinship
        main([str(file), "--model", "siamese_ir.paper"])
    assert not list(shelf.iterdir())


def test_a_folder_must_be_given(shelf: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(insightface(), shelf.parent / "public.pt")
    monkeypatch.delenv("KINSIGHT_WEIGHTS")
    with pytest.raises(SystemExit, match=r"--out FOLDER or set KINSIGHT_WEIGHTS"):
        main(["public.pt", "--model", "ir18.paper"])
    with pytest.raises(SystemExit, match="letters"):
        main(["public.pt", "--model", "ir18.paper", "--weight-name", "../x"])
    with pytest.raises(SystemExit, match="no model 'nonsense'"):
        main(["public.pt", "--model", "nonsense", "--out", "x", "--pairs", "list.csv", "--images", str(photos)])


def test_licence_and_source_are_unknown_unless_given_and_the_app_offers_the_weight(
    shelf: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow(monkeypatch, "ir18.paper", CASES["insightface"][2])
    torch.save(insightface(), "public.pt")
    pairs = ["--pairs", "list.csv", "--images", str(photos)]
    main(["public.pt", "--model", "narrow", "--weight-name", "my_ir18", *pairs, "--out", "elsewhere"])
    sidecar = json.loads(Path("elsewhere/my_ir18.json").read_text())
    assert sidecar["licence"] == sidecar["data"][0]["source"] == "unknown: as stated by the checkpoint's owner"
    assert "my_ir18" not in pair_weights()
    monkeypatch.setenv("KINSIGHT_WEIGHTS", "elsewhere")
    assert "my_ir18" in pair_weights()
    assert "Not measured" in measured("my_ir18")


def test_a_list_whose_cosines_separate_the_kinds_is_calibrated_and_says_so() -> None:
    model = create_model("ir18_none.paper")
    pairs = training.adopt.Measured(
        np.array([0.8, 0.9, 0.1, 0.2]), np.array([True, True, False, False]), "four pairs", [], []
    )
    calibration, note = training.adopt.calibrated(model, pairs)
    assert "AUC 1.0000" in note and "longer or harder list" in note
    assert float(model.logit.slope) > 0 and 0 < calibration.threshold < 1  # type: ignore[union-attr,arg-type]
    swapped = training.adopt.Measured(pairs.cosine, ~pairs.same, "four pairs", [], [])
    assert "poor" in training.adopt.calibrated(model, swapped)[1]
    one = training.adopt.Measured(np.array([0.8]), np.array([True]), "one pair", [], [])
    with pytest.raises(ValueError, match="both matching and non-matching"):
        training.adopt.calibrated(model, one)


def test_twins_become_a_start_and_no_weight(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    theirs = timm.create_model("twins_pcpvt_small", num_classes=2, img_size=64, depths=[1, 2, 1, 1]).eval()
    torch.save(theirs.state_dict(), "twins.pt")
    main(["twins.pt", "--model", "svit", "--weight-name", "twins"])
    said, path = capsys.readouterr().out, shelf / "twins_start" / "model.safetensors"
    assert "no weight that answers" in said and '{"depths": [1, 2, 1, 1]}' in said and f"--init {path}" in said
    assert not list(shelf.glob("*.safetensors"))
    model, _ = from_run("svit", path)
    image = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        want = theirs.forward_features((image - model.backbone.mean) / model.backbone.std)  # type: ignore[union-attr,operator]
        got = model.encode(image, torch.zeros(1, 5, 2)).flatten(2).transpose(1, 2)
    torch.testing.assert_close(got, want, atol=1e-4, rtol=1e-4)
    again = create_model("svit", depths=[1, 2, 1, 1])
    start_from(again, model.state_dict())


def test_detection_is_at_hand(photos: Path) -> None:
    """The three photos of the list have faces: the calibration above is of faces."""
    assert all(detect_faces(open_photo(photos / n)) for n in ("obama.jpg", "obama2.jpg", "biden.jpg"))
