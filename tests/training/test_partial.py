"""The partial-face recipe: the network learns, a run continues bit for bit, two processes are one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from accelerate.state import AcceleratorState
from PIL import Image
from safetensors.torch import load_file, save_file

import training.tools.lessons
from models import create_model
from models.faces.align import PARTIAL_160
from tests.training.forked import run_in_two
from tests.training.partial_worker import DIM, STILL, embedding, lesson, same_everywhere, settings, tiny, train
from tests.training.test_distill import Flat
from training.data.holdout import is_held_out
from training.partial import Learner, by_module, cropped, for_every_part, load_fitting, main
from training.tools.loop import Run, read_log
from training.tools.partial_losses import weighted_diversity
from training.tools.student import Student
from training.tools.teachers import Teacher


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Run, "draw_curve", lambda _: None)  # takes longer than the steps
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def logged(folder: Path, key: str) -> list[float]:
    return [row[key] for row in read_log(folder / "log.jsonl") if key in row]


@pytest.mark.parametrize("attention", [True, False])
def test_the_faces_are_learnt_by_heart(tmp_path: Path, attention: bool) -> None:
    how = replace(settings(20), partial=False, cross_entropy=0.3)  # 60 steps
    _, best = train(tmp_path, how, tiny(attention), STILL)
    for key in ("distillation", "cross_entropy"):
        values = logged(tmp_path, key)
        assert values[-1] < 0.8 * values[0]
    assert best == max(logged(tmp_path, "held_out_whole"))
    facts = json.loads((tmp_path / "model.json").read_text())
    assert facts["held_out_whole"] == best and facts["held_out_cropped"] != best


def test_diversity_spreads_the_maps(tmp_path: Path) -> None:
    shown = lesson(range(8)).faces(np.arange(8))
    spread = []
    for weight in (0.0, 5.0):
        AcceleratorState._reset_state(reset_partial_state=True)
        how = replace(settings(7), diversity=weight, partial=False)
        student, _ = train(tmp_path / str(weight), how, augment=STILL)
        with torch.no_grad():
            parts = student.model.eval().parts(shown.image)
        spread.append(float(weighted_diversity(parts.attention, parts.weights)))
    assert spread[1] < spread[0] - 0.05


def test_the_best_weights_are_chosen_by_whole_and_cropped_faces(tmp_path: Path) -> None:
    _, best = train(tmp_path, settings(3))
    whole, cut = (logged(tmp_path, f"held_out_{kind}") for kind in ("whole", "cropped"))
    assert best == max((w + c) / 2 for w, c in zip(whole, cut, strict=True)) and len(whole) == 3
    assert whole != cut


def test_held_out_crops_are_the_same_in_every_epoch() -> None:
    part = cropped(lesson(range(4, 12)))
    index = np.array([6, 1])
    first, again = part.faces(index), cropped(lesson(range(4, 12))).faces(index)
    assert torch.equal(first.image, again.image) and torch.equal(part.targets(index), lesson(range(16)).target[[10, 5]])
    assert ((first.image - 128 / 255).abs() < 1e-6).all(1).flatten(1).float().mean(1).min() > 0.1


def test_one_epoch_and_another_are_two(tmp_path: Path) -> None:
    whole = embedding(train(tmp_path / "whole", settings(2))[0])
    for epochs in (1, 2):
        AcceleratorState._reset_state(reset_partial_state=True)
        student, _ = train(tmp_path / "parts", settings(epochs))
    assert torch.equal(embedding(student), whole)


def test_two_processes_are_one(tmp_path: Path) -> None:
    one = same_everywhere(tmp_path / "one", 2)
    (tmp_path / "two").mkdir()
    run_in_two("tests.training.partial_worker", str(tmp_path / "two"), "2")
    np.testing.assert_allclose(np.load(tmp_path / "two" / "embedding.npy"), one, atol=2e-4)
    start = embedding(Student(tiny(), DIM))
    assert (start - one).abs().max() > 0.05  # there was something to agree on


def test_the_learner_gives_the_students_embedding_and_plain_losses_for_one_part() -> None:
    faces, labels = lesson(range(4)).faces(np.arange(4)), torch.tensor([0, 0, 1, 1])
    for attention in (True, False):
        learner = Learner(Student(tiny(attention), DIM), 3).eval()
        got, entropy, overlap = learner(faces.image, faces.keypoints, labels)
        torch.testing.assert_close(got, learner.student(faces.image, faces.keypoints))
    code = learner.student.model.encode(faces.image, faces.keypoints)
    torch.testing.assert_close(
        entropy, F.cross_entropy(32 * F.normalize(code) @ F.normalize(learner.centres.weight).T, labels)
    )
    assert float(overlap) == 0


def test_weights_pass_between_the_two_networks() -> None:
    attention, average = tiny(), tiny(attention=False)
    with torch.no_grad():
        for value in average.parameters():
            value.add_(1.0)
    fresh, unused = load_fitting(attention, average.state_dict())
    assert by_module(unused) == "fc (6)" and {n.split(".")[0] for n in fresh} == {"fork", "to_maps", "aggregate"}
    own = attention.state_dict()
    assert all(torch.equal(own[k], v) for k, v in average.state_dict().items() if k.startswith("trunk"))
    back = tiny(attention=False)
    fresh, unused = load_fitting(back, own)
    assert by_module(fresh) == "fc (6)" and by_module([]) == "nothing"
    assert torch.equal(back.trunk.stem[0].weight, average.trunk.stem[0].weight)
    wider = load_fitting(attention, {"trunk.stem.0.weight": torch.zeros(8, 3, 7, 7), **average.state_dict()})
    assert "trunk.stem.0.weight" not in wider[0]
    with pytest.raises(ValueError, match="another network"):
        load_fitting(attention, {"head.slope": torch.tensor(2.0), "trunk.stem.0.weight": torch.zeros(8, 3, 7, 7)})


def test_the_attention_starts_where_the_average_is() -> None:
    """With flat and open maps its embedding is the average-pooled network's."""
    attention, average = tiny(), tiny(attention=False).eval()
    average.fc[1].running_mean.normal_()
    fresh, unused = load_fitting(attention, for_every_part(attention, average.state_dict()))
    assert not unused and {n.split(".")[0] for n in fresh} == {"fork", "to_maps"}
    with torch.no_grad():
        attention.to_maps.weight.zero_()
        attention.to_maps.bias.fill_(6)
        for fc, _ in attention.aggregate:
            fc.weight.div_(torch.tensor(6.0).sigmoid())  # as open as maps get
    faces = lesson(range(4)).faces(np.arange(4))
    embeddings = [m.eval().encode(faces.image, faces.keypoints) for m in (attention, average)]
    torch.testing.assert_close(*embeddings)
    assert for_every_part(average, attention.state_dict()).keys() == attention.state_dict().keys()


def test_a_network_on_another_template_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["partial", "--model", "ir18_none.paper", "--data", str(tmp_path)])
    with pytest.raises(SystemExit, match="160 px"):
        main()


def test_the_command_from_start_to_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two held-out families, four others and a CelebA identity; attention that starts from an average-pooled trunk."""
    families = [f"F{i:04d}" for i in range(1, 1000)]
    held = [f for f in families if is_held_out(f)][:2]
    noise = np.random.default_rng(0)
    for folder in [*(f"fiw/train/{f}/MID1" for f in [*held, *families[:4]]), "celeba/7"]:
        (tmp_path / folder).mkdir(parents=True)
        Image.fromarray(noise.integers(0, 256, (112, 112, 3), dtype=np.uint8)).save(tmp_path / folder / "1.jpg")
    teacher = Teacher("flat", PARTIAL_160, tmp_path / "celeba/7/1.jpg", lambda _: Flat())
    monkeypatch.setattr(training.tools.lessons, "teacher_of", lambda *_: teacher)
    save_file(tiny(attention=False).state_dict(), tmp_path / "start.safetensors")
    config = {"width": 4, "depths": [1, 1, 1], "dim": DIM, "parts": 2, "trunk": "bottleneck"}
    call = ["partial", "--model", "partial_face", "--config", json.dumps(config), "--batch", "2", "--no-export"]
    call += ["--init", str(tmp_path / "start.safetensors"), "--data", str(tmp_path), "--out", str(tmp_path / "run")]
    for epochs, steps in ((1, 2), (2, 4)):
        AcceleratorState._reset_state(reset_partial_state=True)
        monkeypatch.setattr(sys, "argv", [*call, "--epochs", str(epochs)])
        main()
        assert torch.load(tmp_path / "run" / "state.pt", weights_only=True)["step"] == steps
    said = capsys.readouterr().out
    assert "starts anew: fork" in said and "not used: nothing" in said and "held_out_cropped" in said
    kept = load_file(tmp_path / "run" / "model.safetensors")
    assert kept.keys() == create_model("partial_face", **config).state_dict().keys()
