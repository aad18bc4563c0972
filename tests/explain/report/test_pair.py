"""The report holds what was answered, where it comes from, and the raw maps."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explain import EXPLAINERS, PatchQuery, explain, methods_for, write_report
from explain.core import render
from explain.core.findings import letter
from explain.registry import ANY
from models.faces.face import Face
from models.operating_points import CHOSE
from models.predict import Result, predict
from models.weights import Decision, OperatingPoints, Sidecar
from tests.explain.tiny import Seeded, ready

SIDECAR = Sidecar(
    name="mine",
    model="tiny",
    config={},
    sha256="ab" * 32,
    task="kinship",
    licence="CC0",
    command="none",
    git_commit="0" * 40,
    seed=0,
    data=[],
    decision=Decision(
        0.4, "chosen by hand", OperatingPoints([0.2, 0.6, 0.9], [0.5, 0.1, 0.01], [0.99, 0.8, 0.3], "a test")
    ),
)


def pair() -> tuple[Result, Face, Face]:
    model, faces = ready(Seeded()), []
    for seed in (1, 2):
        photo = np.random.default_rng(seed).integers(0, 256, (200, 260, 3)).astype(np.uint8)
        keypoints = (model.spec.resized(120).points() + np.array([50, 40])).astype(np.float32)
        faces.append(Face(photo, keypoints, np.array([50, 40, 170, 160], np.float32), 0.9))
    return predict(model, faces[0], faces[1], grad=True), faces[0], faces[1]


def test_everything_is_written_down(tmp_path: Path) -> None:
    result, a, b = pair()
    folder = write_report(
        tmp_path / "new" / "report", result, (a, b), methods_for(result.model), sidecar=SIDECAR, target="logit"
    )
    values = json.loads((folder / "report.json").read_text())
    assert values["score"] == pytest.approx((values["score_ab"] + values["score_ba"]) / 2)
    assert values["similarity"] == pytest.approx(result.similarity)
    assert (values["model"], values["weight"], values["weight_sha256"]) == ("tiny", "mine", "ab" * 32)
    assert (values["threshold"], values["far"], values["tar"]) == pytest.approx((0.4, 0.3, 0.895))
    assert values["protocol"] == f"a test; rates interpolated between the thresholds 0.2 and 0.6; {CHOSE}"
    assert values["decision"] == "blood relatives"
    assert "no proof" in values["notice"]
    assert values["versions"]["torch"] and values["versions"]["grad-cam"]
    assert [r["face"] for r in values["regions"]] == ["a", "b"]
    assert list(values["methods"]) == methods_for(result.model)
    raw = np.load(folder / "maps.npz")
    for method, row in ((m, EXPLAINERS[m]) for m in methods_for(result.model)):
        written = values["methods"][method]
        target = "logit" if row.targets in (ANY, ("logit",)) else (row.targets[0] if row.targets else None)
        assert written["target"] == target
        assert set(written["faithfulness"]) == set(written["captions"]) == {"a", "b"}
        for heatmap in explain(result, method, target=target):
            np.testing.assert_allclose(raw[f"{method}_{letter(heatmap.face)}"], heatmap.values, rtol=1e-4, atol=1e-6)
            assert Image.open(folder / f"{method}_{letter(heatmap.face)}.png").size == (64, 64)
            assert Image.open(folder / f"{method}_photo_{letter(heatmap.face)}.png").size == (260, 200)
        assert Image.open(folder / f"{method}_scale.png").size == (420, 72)


def test_both_faces_share_one_scale(tmp_path: Path) -> None:
    result, a, b = pair()
    folder = write_report(tmp_path, result, (a, b), ["hires_cam"], sidecar=SIDECAR, opacity=0.7)
    maps = explain(result, "hires_cam")
    limit = render.shared_limit(maps)
    expected = render.overlay(result.faces[1].pixels()[0], maps[1], opacity=0.7, limit=limit)
    assert np.array_equal(np.asarray(Image.open(folder / "hires_cam_b.png")), expected)
    assert json.loads((folder / "report.json").read_text())["methods"]["hires_cam"]["colour_limit"] == pytest.approx(
        limit
    )


def test_the_layer_is_read_where_it_can_be(tmp_path: Path) -> None:
    result, a, b = pair()
    methods = ["grad_cam", "attention", "fggb"]
    folder = write_report(tmp_path, result, (a, b), methods, sidecar=SIDECAR, layer="shallow.features")
    raw = np.load(folder / "maps.npz")
    expected = explain(result, "grad_cam", layer="shallow.features")[1].values
    np.testing.assert_allclose(raw["grad_cam_b"], expected, rtol=1e-4, atol=1e-6)
    captions = json.loads((folder / "report.json").read_text())["methods"]["grad_cam"]["captions"]
    assert "shallow.features" in captions["a"] and "shallow.features" in captions["b"]


def test_threshold_decides_and_the_archive_holds_the_folder(tmp_path: Path) -> None:
    result, a, b = pair()
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "foreign.txt").write_text("not of this report")
    path = write_report(tmp_path / "r", result, (a, b), [], sidecar=SIDECAR, threshold=0.95, archive=True)
    assert path == tmp_path / "r.zip"
    with zipfile.ZipFile(path) as archive:
        packed = set(archive.namelist())
        assert {"report.json", "maps.npz", "crop_a.png", "crop_b.png"} <= packed
        assert packed == {p.name for p in (tmp_path / "r").iterdir()} - {"foreign.txt"}
        values = json.loads(archive.read("report.json"))
    assert values["decision"] == "not blood relatives"
    assert (values["far"], values["tar"]) == pytest.approx((0.005, 0.15))


def test_a_method_the_model_cannot_give_is_refused(tmp_path: Path) -> None:
    result, a, b = pair()
    with pytest.raises(ValueError, match="no method 'magic'"):
        write_report(tmp_path, result, (a, b), ["magic"], sidecar=SIDECAR)


def test_what_the_model_gave_away_is_written_down(tmp_path: Path) -> None:
    result, a, b = pair()
    look = PatchQuery((0.99, 0.0), "pool.attn", head=1, links=3)
    folder = write_report(tmp_path, result, (a, b), [], sidecar=SIDECAR, look=look)
    values, raw = json.loads((folder / "report.json").read_text()), np.load(folder / "maps.npz")
    evidence = {k: v.detach().numpy() for k, v in result.evidence.items()}
    for tap in ("pool.attn", "relation.cross_attn"):
        for i, face in enumerate("ab"):
            assert np.array_equal(raw[f"{tap}_{face}"], evidence[tap][i])
    attention = values["attention"]
    assert (attention["layer"], attention["head"], attention["query_row_column"]) == ("pool.attn", 2, [1, 0])
    np.testing.assert_allclose(np.ravel(attention["reads"]["b"]), evidence["pool.attn"][1, 1, 2], rtol=1e-6)
    strongest = values["links"]["relation.cross_attn"]["strongest"]
    assert len(strongest["a"]) == len(strongest["b"]) == 3
    assert strongest["a"][0]["weight"] == pytest.approx(float(evidence["relation.cross_attn"][0].max()))
    shares = values["shares"]
    assert sum(shares["ab"].values()) == pytest.approx(shares["log_odds_ab"], abs=1e-5)
    assert (shares["log_odds_ab"] + shares["log_odds_ba"]) / 2 == pytest.approx(sum(shares["mean"].values()), abs=1e-5)
    for name in ("query_a", "query_b", "links_a", "links_b", "query_scale"):
        assert Image.open(folder / f"{name}.png").size[0] > 400
    with pytest.raises(ValueError, match=r"no attention layer 'x\.attn'"):
        write_report(tmp_path, result, (a, b), [], sidecar=SIDECAR, look=PatchQuery((0, 0), "x.attn"))


def test_the_patch_at_the_left_eye_is_looked_at_first(tmp_path: Path) -> None:
    result, a, b = pair()
    folder = write_report(tmp_path, result, (a, b), [], sidecar=SIDECAR)
    x, y = (float(v) for v in result.faces[0].keypoints[0, 0])
    shown = json.loads((folder / "report.json").read_text())["attention"]
    assert shown["query_row_column"] == [int(2 * y), int(2 * x)] and shown["head"] == "mean"
