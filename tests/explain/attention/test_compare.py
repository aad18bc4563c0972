"""One scene, three arms: what is compared with what, and the very numbers of predict and explain."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from explain import explain
from explain.attention.__main__ import main
from explain.attention.compare import (
    EYE_DISTANCE,
    METHODS,
    WORDS,
    compare_arms,
    difference,
    mirror_image,
    relative,
    set_scene,
    smaller,
    trust,
)
from explain.attention.compare import compare_arms as package_compare
from explain.attention.report import arrays, write_comparison
from explain.core.findings import Heatmap
from explain.registry import EXPLAINERS, methods_for
from models import predict
from models.faces.align import ARCFACE_112
from models.faces.face import InputSpec
from models.faces.occluders import OCCLUDERS
from models.weights import Decision, OperatingPoints, Sidecar
from tests.explain.attention.arms import drawn_face, make_arms
from tests.ui.untrained import write_arms, write_untrained


@pytest.fixture(scope="module")
def arms():
    return make_arms()


@pytest.fixture(scope="module")
def masked(arms):
    scene = set_scene(drawn_face(0), None, "surgical", 3)
    return scene, compare_arms(arms, scene)


def heat(values: list, face: int = 0, signed: bool = False) -> Heatmap:
    return Heatmap(np.array(values, np.float32), face, "grad_cam", signed, "unit", "caption")


def test_every_occluder_has_words():
    assert set(WORDS) == {"none", *OCCLUDERS}


def test_one_photo_is_compared_with_itself_bare():
    face = drawn_face(0)
    scene = set_scene(face, None, "surgical", 3)
    assert scene.b is scene.bare is face and scene.titles == ("photo 1 with a surgical mask", "photo 1 bare")
    changed = (scene.a.photo != face.photo).any(2)
    assert changed[70:100, 40:75].mean() > 0.8 and not changed[:40].any()
    assert (set_scene(face, None, "surgical", 3).a.photo == scene.a.photo).all()
    assert (set_scene(face, None, "surgical", 4).a.photo != scene.a.photo).any()


def test_one_photo_that_wears_nothing_is_compared_with_its_mirror_image(arms):
    """With itself the gradient of the cosine would be zero: there would be nothing to explain."""
    face = drawn_face(0)
    itself = explain(predict(arms["edgeface_none"], face, face, grad=True), "grad_cam")[0]
    compared = compare_arms(arms, set_scene(face, None, "none", 0))
    assert compared.titles == ("photo 1", "its mirror image")
    assert compared.arms[0].maps[0].values.max() > 1e3 * itself.values.max()
    assert compared.arms[0].answers[0].similarity < 1 - 1e-6


def test_the_mirror_image_is_aligned_as_the_mirrored_crop():
    face, names = drawn_face(2), [1, 0, 2, 4, 3]
    spec = InputSpec(96, ((30, 40), (62, 36), (44, 58), (36, 75), (60, 70)))  # not its own mirror image
    turned = InputSpec(96, tuple((95 - x, y) for x, y in (spec.template[i] for i in names)))
    mirror = mirror_image(face)
    np.testing.assert_allclose(mirror.keypoints, [(111 - x, y) for x, y in face.keypoints[names]], atol=1e-4)
    crop, wanted = mirror.aligned(spec), face.aligned(turned)
    assert float((crop.image - wanted.image.flip(3)).abs().max()) < 0.02
    points = wanted.keypoints[0, names]
    torch.testing.assert_close(crop.keypoints[0], torch.stack([1 - points[:, 0], points[:, 1]], 1))


def test_two_photos_are_the_pair_and_the_mask_is_asked_about_as_well(arms):
    first, second = drawn_face(0), drawn_face(1)
    scene = set_scene(first, second, "n95", 1)
    said = compare_arms(arms, scene).arms[1].answers
    assert [s.pair for s in said] == [
        "photo 1 with an N95 mask and photo 2",
        "photo 1 with an N95 mask and bare",
        "photo 1 bare and photo 2",
    ]
    for answered, (x, y) in zip(said, ((scene.a, second), (scene.a, first), (first, second)), strict=True):
        result = predict(arms["edgeface_se"], x, y)
        assert (answered.similarity, answered.score) == pytest.approx((result.similarity, result.score), abs=1e-6)
    assert len(compare_arms(arms, set_scene(first, second, "none", 1)).arms[0].answers) == 1


def test_maps_and_crops_are_those_of_predict_and_explain(arms, masked):
    scene, compared = masked
    for arm in compared.arms:
        result = predict(arms[arm.weight], scene.a, scene.b, grad=True)
        for mine, theirs in zip(arm.maps, explain(result, "grad_cam"), strict=True):
            np.testing.assert_allclose(mine.values, theirs.values, atol=1e-9)
        assert (compared.crops[0] == result.faces[0].pixels()[0]).all()
    assert [arm.title for arm in compared.arms] == ["no gate", "SE", "CBAM"]
    assert [len(arm.gates[0]) for arm in compared.arms] == [0, 8, 8]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_and_layer_is_offered_and_works(arms, method: str):
    assert all(method in methods_for(model) for model in arms.values())
    layer, side = ("stage2.features", 14) if EXPLAINERS[method].layers else (None, 112)
    compared = compare_arms(arms, set_scene(drawn_face(0), None, "scarf", 0), method, layer)
    assert all(h.values.shape == (side, side) for h in compared.heatmaps())
    assert compared.arms[0].maps[0].signed == EXPLAINERS[method].signed


def test_what_cannot_be_compared_is_refused(arms):
    with pytest.raises(ValueError, match="no occluder"):
        set_scene(drawn_face(0), None, "beard", 0)
    with pytest.raises(ValueError, match="no method 'occlusion'"):
        compare_arms(arms, set_scene(drawn_face(0), None, "none", 0), "occlusion")
    with pytest.raises(ValueError, match="no layer"):
        compare_arms(arms, set_scene(drawn_face(0), None, "none", 0), "grad_cam", "stage9.features")
    with pytest.raises(ValueError, match="no arm"):
        package_compare({}, set_scene(drawn_face(0), None, "none", 0))
    other = make_arms()["edgeface_se"]
    other.spec = ARCFACE_112.resized(96)
    with pytest.raises(ValueError, match="edgeface_cbam, other do not all take the same crop"):
        compare_arms({**arms, "other": other}, set_scene(drawn_face(0), None, "none", 0))


def test_the_difference_is_right_minus_left_at_the_finer_grid():
    apart = difference(heat([[1, 2], [3, 4]]), heat([[4, 2], [3, 0]]))
    assert apart.signed and apart.values.tolist() == [[3, 0], [0, -4]]
    fine = difference(heat([[1.0]]), heat([[2, 2], [2, 2]]))
    assert fine.values.tolist() == [[1, 1], [1, 1]]
    with pytest.raises(ValueError, match="subtracted"):
        difference(heat([[1]]), heat([[1]], face=1))


def test_relative_maps_keep_flat_flat_and_noise_empty():
    assert (relative(heat([[5, 5], [5, 5]])).values == 1).all()
    assert relative(heat([[0, 4], [0, 0]])).values.max() == 4
    assert not relative(heat([[0, 1e-8], [0, 0]])).values.any()
    assert relative(heat([[5, 5], [5, 5]])).floor == 3


def test_large_photos_are_shrunk_and_give_nearly_the_same_crop():
    large, small = drawn_face(0, 1120), smaller(drawn_face(0, 1120))
    distance = np.linalg.norm(small.keypoints[1] - small.keypoints[0])
    assert distance == pytest.approx(EYE_DISTANCE, abs=0.5)
    a, b = (f.aligned(ARCFACE_112).image for f in (large, small))
    assert float((a - b).abs().max()) < 0.02
    assert smaller(small) is small or smaller(small).photo.shape == small.photo.shape


def test_curves_watch_the_similarity(arms, masked):
    scene, compared = masked
    curves = trust(arms, scene, compared)
    for arm, curve in zip(compared.arms, curves, strict=True):
        assert (curve.face, curve.unit) == (0, "similarity")
        assert curve.deletion[0] == pytest.approx(arm.answers[0].similarity, abs=1e-5)


def sidecars(names) -> dict[str, Sidecar]:
    points = OperatingPoints([0.0, 1.0], [1.0, 0.0], [1.0, 0.0], "nothing")
    facts = ("0" * 64, "verification", "none", "a test", "none", 0, [], Decision(0.5, "none", points))
    return {n: Sidecar(n, n, {}, *facts) for n in names}


def test_the_report_holds_every_raw_array(tmp_path: Path, arms, masked):
    scene, compared = masked
    path = write_comparison(tmp_path / "report", compared, trust(arms, scene, compared), sidecars(arms), archive=True)
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    raw = np.load(tmp_path / "report" / "arrays.npz")
    assert set(raw) == set(arrays(compared))
    np.testing.assert_array_equal(raw["edgeface_cbam.map_b"], compared.arms[2].maps[1].values)
    np.testing.assert_array_equal(raw["edgeface_cbam.stage1.block1.spatial_a"], compared.arms[2].gates[0][1].spatial)
    np.testing.assert_array_equal(raw["edgeface_se.stage3.block3.channel_b"], compared.arms[1].gates[1][6].channel)
    values = json.loads((tmp_path / "report" / "comparison.json").read_text())
    said = values["arms"]["edgeface_se"]["answers"][0]
    assert said["similarity"] == compared.arms[1].answers[0].similarity
    assert said["decision"] in ("the same person", "different people")
    assert values["arms"]["edgeface_cbam"]["region_mass"]["a"]["share"]["eyes"] == pytest.approx(
        compared.arms[2].mass[0].of("eyes")
    )
    assert set(values["faithfulness"]) == set(arms) and values["occluder"] == "surgical"
    wanted = {
        "crop_a.png",
        "edgeface_se_b.png",
        "scale_b.png",
        "difference_edgeface_none_edgeface_cbam_a.png",
        "gates_scale.png",
    }
    assert wanted | {"edgeface_cbam_gates_a.png", "arrays.npz", "comparison.json"} <= names
    assert "edgeface_se_gates_a.png" not in names  # SE has no spatial gate
    strip = Image.open(tmp_path / "report" / "edgeface_cbam_gates_a.png")
    assert strip.width == 8 * strip.height


def test_the_command_writes_a_report(tmp_path: Path, photos: Path, monkeypatch, capsys):
    (tmp_path / "weights").mkdir()
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(write_arms(tmp_path / "weights")))
    out = tmp_path / "out"
    assert main([str(photos / "obama.jpg"), "--occluder", "cloth", "--seed", "2", "--out", str(out)]) == 0
    values = json.loads((out / "comparison.json").read_text())
    assert (values["occluder"], values["seed"]) == ("cloth", 2)
    assert "CBAM: photo 1 with a cloth mask and photo 1 bare: cosine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody.jpg"], "nobody.jpg"),
        (["obama.jpg", "--layer", "stage9.features"], "no layer 'stage9.features'"),
        (["obama.jpg", "--seed", "-1"], "--seed"),
        (["obama.jpg", "--arm", "edgeface_nothing"], "untrained"),
        (["obama.jpg", "--arm", "edgeface_none", "--arm", "untrained_svit"], "do not all take the same crop"),
        (["obama.jpg", "--face", "2"], "--face 2 does not exist; 1 found, numbered 1"),
        (["obama.jpg", "--face", "0"], "--face 0 does not exist"),
    ],
)
def test_what_the_command_cannot_use_ends_with_a_sentence(
    tmp_path: Path, photos: Path, monkeypatch, capsys, arguments: list[str], message: str
):
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(write_arms(write_untrained(tmp_path))))
    assert main([str(photos / arguments[0]), *arguments[1:], "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_without_weights_the_command_says_untrained(tmp_path: Path, photos: Path, monkeypatch, capsys):
    monkeypatch.setattr("models.weights.SHIPPED", tmp_path)
    monkeypatch.delenv("KINSIGHT_WEIGHTS", raising=False)
    assert main([str(photos / "obama.jpg"), "--out", str(tmp_path / "out")]) == 2
    assert "edgeface_none is untrained" in capsys.readouterr().err


def test_arms_share_all_but_the_gate(arms):
    """What the comparison rests on: the same numbers in every other layer."""
    plain = arms["edgeface_none"].state_dict()
    for name in ("edgeface_se", "edgeface_cbam"):
        other = arms[name].state_dict()
        assert all(torch.equal(v, other[k]) for k, v in plain.items())
        assert {k for k in other if k not in plain} == {k for k in other if ".gate." in k}
