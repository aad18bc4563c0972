"""The tab Keypoints without a browser: what each callback hands to the page, and that looking runs no model."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

import app
from explain.core import render, render_evidence
from models.faces.affine import Move
from tests.ui.keypoints.untrained import MODELS, write_vits
from ui.keypoints import answers as following
from ui.keypoints import api as keypoints_api
from ui.keypoints import callbacks as do
from ui.keypoints import cards as keypoints_cards
from ui.keypoints.answers import PatchQuery, Setting, Sweeps
from ui.shared import answering
from ui.shared.examples import FOLDER
from ui.shared.photos import Shot

SIDE = render_evidence.SIDE


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINSIGHT_WEIGHTS", str(write_vits(tmp_path_factory.mktemp("weights"))))
        answering.sidecar.cache_clear()
        yield
    answering.sidecar.cache_clear()
    answering.NETWORKS.clear()


@pytest.fixture(scope="module")
def turned(obama: Shot) -> PatchQuery:
    return following.look(obama, Setting(Move(rotation=25)))


@pytest.fixture(scope="module")
def held(obama: Shot) -> Sweeps:
    return following.sweeps(obama, off=False)


def click(x: float, y: float) -> gr.SelectData:
    return gr.SelectData(None, {"index": [x * SIDE, y * SIDE], "value": None})


def test_the_tab_is_there_only_with_all_three_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = app.TABS["Keypoints"]
    assert answering.trained(entry.needs) and answering.sidecar("vit_abs").licence == "none"
    monkeypatch.setattr(answering, "available_weights", lambda: list(MODELS[:2]))
    assert not answering.trained(entry.needs) and answering.trained(MODELS[:2])


def test_the_answer_is_the_networks_own(obama: Shot) -> None:
    look, card, rest = do.run(obama, 25, 1.1, 10, -5, False, None)
    assert look is not None and rest["visible"]
    assert look.setting.move == Move(25, 1.1, 0.1, -0.05)
    net = answering.network("vit_kprpe")
    code = [net.embedding(net.encode(c.image, c.keypoints))[0] for c in look.crops]
    expected = float(code[0] @ code[1])
    assert look.similarity["vit_kprpe"] == pytest.approx(expected, abs=1e-5)
    assert f"{expected:.3f}" in card and "+25 °" in card and "scale × 1.1" in card


@pytest.mark.usefixtures("no_model_runs")
def test_looking_runs_nothing(obama: Shot, turned: PatchQuery, held: Sweeps) -> None:
    do.draw(turned, 2, 1, (0.2, 0.7), 0.5)
    do.draw_fed(turned, 3)
    do.offer(turned, 2, 1)
    assert do.curves(obama, turned, held)[0] is held  # curves that are held are marked anew, not computed


@pytest.mark.parametrize("head", [0, 2])
def test_the_picture_is_the_offsets_of_the_patch(turned: PatchQuery, head: int) -> None:
    """Opacity 1: colours are read back and are those of the very offsets, on one scale for both networks."""
    row, column, a, b, note, difference, read = do.draw(turned, 5, head, (0.99, 0.01), 1.0)
    assert (row["value"], column["value"]) == (14, 1)
    fields = []
    for model in ("vit_kprpe", "vit_irpe"):
        values = turned.followed[model].offsets["block5.rpe_bias"][1].values
        fields.append((values.mean(0) if head == 0 else values[head - 1])[13 * 14].reshape(14, 14))
    limit = max(np.abs(f).max() for f in fields)
    for picture, field in zip((a, b), fields, strict=True):
        for i, j in ((0, 0), (1, 12), (2, 3)):
            seen = picture[i * 32 + 16, j * 32 + 16]
            assert np.abs(seen - render.colours(field[i, j], limit, signed=True)).max() <= 1
    assert f"{limit:.3g}" in note and ("mean of 6 heads" if head == 0 else "head 2 of 6") in note
    assert "White is no change" in difference and "attention" in read


def test_nothing_moved_is_no_difference(obama: Shot) -> None:
    look = following.look(obama, Setting())
    assert all(value == pytest.approx(1, abs=1e-5) for value in look.similarity.values())
    for model in following.OFFSET_MODELS:
        _, change = following.fields(look.followed[model], following.View((0.5, 0.5)), (7, 7))
        assert np.abs(change).max() < 1e-4


def test_nobody_wins_by_a_hair_and_nothing_is_called_the_same() -> None:
    names = ("vit_kprpe", "vit_irpe", "vit_abs")

    def said(*values: float) -> str:
        return keypoints_cards.lead(dict(zip(names, values, strict=True)))

    last = "absolute positions only"
    assert said(0.807, 0.795, 0.61).startswith("No network is clearly ahead on this photo: KP-RPE 0.807, iRPE 0.795")
    assert said(0.6, 0.9, 0.7) == f"Closest to its aligned self on this photo: iRPE 0.900, before {last} 0.700."
    assert said(0.999, 0.998, 0.997) == f"No embedding changes much: the lowest is {last} 0.997."


def test_a_moved_nose_is_not_called_the_same_face(obama: Shot) -> None:
    still = following.look(obama, Setting())
    assert keypoints_cards.verdict(still).startswith("Nothing is moved")
    points = do.type_keypoint(still, 2, 10.0, 100.0)
    look = following.look(obama, Setting(keypoints=points))
    words = f"only its embedding can change: {look.similarity['vit_kprpe']:.3f}"
    assert words in keypoints_cards.verdict(look)
    off = following.look(obama, Setting(keypoints=points, off=True))
    assert "nothing changes" in keypoints_cards.verdict(off)


def test_a_click_picks_and_a_click_places(turned: PatchQuery) -> None:
    x, y = turned.keypoints[2]
    assert do.click_keypoint(turned, None, click(x + 0.02, y))[0] == 2
    assert do.click_keypoint(turned, None, click(0.02, 0.02)) == (gr.skip(), gr.skip())
    picked, points = do.click_keypoint(turned, 2, click(0.3, 0.9))
    assert picked is None
    moved = turned.setting.move.forth(np.array(points))
    np.testing.assert_allclose(moved[2], [0.3, 0.9], atol=1e-6)
    np.testing.assert_allclose(moved[[0, 1, 3, 4]], turned.keypoints[[0, 1, 3, 4]], atol=1e-6)


def test_a_moved_keypoint_changes_kprpe_alone(obama: Shot, turned: PatchQuery) -> None:
    points = do.type_keypoint(turned, 0, 10.0, 100.0)
    look = following.look(obama, replace(turned.setting, keypoints=points))
    np.testing.assert_allclose(look.keypoints[0] * 112 - 0.5, [10, 100], atol=1e-3)
    assert abs(look.similarity["vit_kprpe"] - turned.similarity["vit_kprpe"]) > 1e-5
    for model in ("vit_irpe", "vit_abs"):
        assert look.similarity[model] == pytest.approx(turned.similarity[model], abs=1e-6)
    np.testing.assert_allclose(look.detected, turned.keypoints, atol=1e-6)
    _, x, y = do.draw_fed(look, 0)
    assert (x["value"], y["value"]) == (10, 100)


def test_offsets_off(obama: Shot, turned: PatchQuery, held: Sweeps) -> None:
    off = following.look(obama, replace(turned.setting, off=True))
    assert set(off.similarity) == {"vit_kprpe off", "vit_irpe off", "vit_abs"}
    assert off.similarity["vit_kprpe off"] == pytest.approx(off.similarity["vit_abs"], abs=1e-6)  # one seed, one net
    *_, a, b, note, difference, read = do.draw(off, 7, 0, None, 0.5)
    assert np.array_equal(a, b) and "Offsets are off" in note and difference == "" and "attention" in read
    both = following.sweeps(obama, True, held)
    assert both is not held and set(both.curves[0].similarity) == {*MODELS, "vit_kprpe off", "vit_irpe off"}


def test_curves_mark_the_setting(obama: Shot, turned: PatchQuery, held: Sweeps) -> None:
    assert [s.what for s in held.curves] == ["rotation", "scale", "shift_x", "shift_y"]
    rotation = do.curves(obama, turned, held)[1]
    assert rotation.layout.shapes[0].x0 == 25
    diamonds = [t for t in rotation.data if t.mode == "markers"]
    assert [t.y[0] for t in diamonds] == [turned.similarity[m] for m in ("vit_kprpe", "vit_irpe", "vit_abs")]


def test_report_and_animation(obama: Shot, turned: PatchQuery, held: Sweeps, tmp_path: Path) -> None:
    path, said = do.make_report(obama, turned, held, 7, 0, (0.4, 0.4), 0.65)
    assert path is not None and said == ""
    names = zipfile.ZipFile(path).namelist()
    assert {"report.json", "offsets.npz", "vit_kprpe_offsets.png", "vit_irpe_difference.png"} <= set(names)
    gif, said = do.animate(obama, turned, "shift_x", 7, 0, (0.4, 0.4), 0.65)
    assert gif is not None and gif.endswith("/kinsight-keypoints-shift_x-obama_2012.gif") and said == ""


def test_a_report_has_no_curves_of_another_face(
    obama: Shot, biden: Shot, turned: PatchQuery, held: Sweeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []

    def write(path: Path, *_: object, sweeps: object, **__: object) -> Path:
        told.append(sweeps)
        path.write_bytes(b"made")
        return path

    monkeypatch.setattr(do, "write_offsets", write)
    view = (7, 0, (0.4, 0.4), 0.65)
    others = replace(held, of=(biden.key, False))
    for curves in (held, others, replace(held, of=(obama.key, True)), None):
        assert do.make_report(obama, turned, curves, *view)[0] is not None
    assert told == [held.curves, (), (), ()]
    assert do.make_report(biden, turned, held, *view)[0] is None  # its own answer is still to come
    assert do.animate(biden, turned, "scale", *view)[0] is None and do.curves(biden, turned, held) == [None] * 5


def test_programs_get_the_same_numbers(turned: PatchQuery) -> None:
    found = keypoints_api.moved_face(str(FOLDER / do.EXAMPLE), 25)
    for model, values in found["models"].items():
        assert values["similarity_to_aligned"] == pytest.approx(turned.similarity[model], abs=1e-6)
        assert values["weight_sha256"] == answering.sidecar(model).sha256
    with pytest.raises(gr.Error, match=r"scale is a number from 0\.25 to 4"):
        keypoints_api.moved_face(str(FOLDER / do.EXAMPLE), scale=0)


def test_without_a_photo() -> None:
    assert do.run(None, 0, 1, 0, 0, False, None)[0] is None
    assert len(do.draw(None, None, 0, None, 0.5)) == 7 and do.draw_fed(None, None) == [gr.skip()] * 3
    assert do.make_report(None, None, None, 0, 0, None, 0.5)[0] is None is do.animate(None, None, "scale", 0)[0]
    assert do.curves(None, None, None) == [None] * 5


@pytest.mark.usefixtures("poor_faces")
def test_nothing_is_concluded_from_a_poor_face(obama: Shot) -> None:
    card = do.run(obama, 25, 1, 0, 0, False, None)[1]
    assert "Comparison withheld: tiny face, blurred face in the photo" in card and "ks-decision" not in card
