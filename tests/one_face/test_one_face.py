"""A task about one face with classes: one file, one registry row, one task row; the house gives it all the rest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import tests.one_face.mood as mood
from explain import EXPLAINERS, explain, faithfulness, methods_for, occlude_regions, write_report
from explain.__main__ import main as command
from explain.methods.grad_cam import CAMS
from models import create_model, detect_faces, load_model, open_photo, predict
from models.registry import MODELS, Entry
from models.tasks import TASKS, Task
from models.weights import Sidecar, file_sha256, read_sidecar
from training.docs import card

ROW = Entry("tests.one_face.mood:Mood", "tests.one_face.mood:MoodConfig", "mood", "Mood", "Which colour is it most?")
QUESTION = Task(1, "classes", "Which colour?", "calibrated probability", "mood", "noise", (("accuracy", "accuracy"),))


@pytest.fixture
def weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The registered network with a weight in a folder of the user's."""
    monkeypatch.setitem(MODELS, "mood", ROW)
    monkeypatch.setitem(TASKS, "mood", QUESTION)
    torch.manual_seed(0)
    path = tmp_path / "mood.safetensors"
    save_file(create_model("mood").state_dict(), path)
    facts = ("mood", "CC0", "python -m training.mood", "0" * 40, 0, [])
    (tmp_path / "mood.json").write_text(Sidecar("mood", "mood", {}, file_sha256(path), *facts).to_json())
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    return "mood"


def test_it_takes_under_sixty_lines() -> None:
    network = Path(mood.__file__).read_text().splitlines()
    assert len(network) + 2 < 60  # and a row in either table


def test_answer_maps_and_report(weight: str, photos: Path, tmp_path: Path) -> None:
    model, face = load_model(weight, "cpu"), detect_faces(open_photo(photos / "obama.jpg"))[0]
    result = predict(model, face, grad=True)
    logits = model.classify(model.encode(result.faces[0].image, result.faces[0].keypoints))[0]
    shares = torch.softmax(logits, 0).tolist()
    assert list(result.probabilities.values()) == pytest.approx(shares, abs=1e-6)
    leading = model.classes[int(np.argmax(shares))]
    assert (result.explained, result.watched) == (leading, f"P({leading})")
    assert set(methods_for(model)) == {*CAMS, "fame", "occlusion", "corr_rise", "covering_gradients", "part_shapley"}
    for method in methods_for(model):
        (heatmap,) = explain(result, method)
        curve = faithfulness(result, heatmap)
        assert heatmap.face == 0 and curve.unit == f"P({leading})"
        assert curve.deletion[0] == pytest.approx(max(shares), abs=1e-6)
        if EXPLAINERS[method].targets:
            others = [explain(result, method, target=name)[0].values for name in model.classes]
            assert not np.allclose(others[0], others[1]) or not np.allclose(others[0], others[2])
    (drops,) = occlude_regions(result)
    assert drops.baseline == pytest.approx(max(shares), abs=1e-6)
    folder = write_report(tmp_path / "r", result, [face], methods_for(model), sidecar=read_sidecar(weight))
    values = json.loads((folder / "report.json").read_text())
    assert values["probabilities"] == result.probabilities and values["answer"] == leading
    assert "threshold" not in values and (folder / "grad_cam_photo_a.png").exists()


def test_a_difference_of_classes_is_the_difference_of_their_maps(weight: str, photos: Path) -> None:
    model, face = load_model(weight, "cpu"), detect_faces(open_photo(photos / "obama.jpg"))[0]
    result = predict(model, face, grad=True)
    red, blue, apart = (explain(result, "hires_cam", target=t)[0].values for t in ("red", "blue", "red - blue"))
    np.testing.assert_allclose(apart, red - blue, atol=1e-6)
    assert np.abs(apart).max() > 1e-4
    with pytest.raises(ValueError, match="cannot explain 'grey'; there are: red, green, blue"):
        explain(result, "grad_cam", target="grey")


def test_a_report_about_a_class_that_does_not_lead(weight: str, photos: Path, tmp_path: Path) -> None:
    """Maps, words, curves and regions are all about the class that was asked for."""
    face = detect_faces(open_photo(photos / "obama.jpg"))[0]
    model = load_model(weight, "cpu")
    result = predict(model, face, grad=True)
    asked = next(name for name in model.classes if name != result.explained)
    write_report(tmp_path / "out", result, [face], ["grad_cam"], sidecar=read_sidecar(weight), target=asked)
    values = json.loads((tmp_path / "out" / "report.json").read_text())
    curve = values["methods"]["grad_cam"]["faithfulness"]["a"]
    assert curve["answer"] == f"P({asked})" and curve["deletion"][0] == pytest.approx(result.scalar(f"P({asked})"))
    assert values["parts"][0]["target"] == asked and asked in values["words"][0]
    assert values["regions"][0]["answer"] == f"P({asked})"


def test_its_card(weight: str, tmp_path: Path) -> None:
    text = card.page(read_sidecar(weight), tmp_path, tmp_path / "cards" / "mood.md", tmp_path / "results.md", set())
    assert "Which colour?" in text and read_sidecar(weight).sha256 in text and "threshold" not in text


def test_its_command_line(weight: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [str(photos / "obama.jpg"), "--model", weight, "--method", "occlusion", "--out", str(tmp_path / "out")]
    assert command(asked) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("red", "green", "blue"))
    assert (tmp_path / "out" / "occlusion_a.png").exists()
    assert command([*asked[:1], *asked]) == 2
    assert "answers about 1 photo(s), got 2" in capsys.readouterr().err
