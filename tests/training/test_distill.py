"""Distillation: the student learns, the best weights are kept and load, the right faces are used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import training.tools.lessons
from models import create_model
from models.faces.align import ARCFACE_112
from models.nets.svit import Svit
from tests.training.distill_worker import CONFIG, DIM, FACES, lesson
from training.data.augment import Augment
from training.data.crops import Crops
from training.data.holdout import is_held_out
from training.data.sets import DataError, data_root
from training.distill import Settings, fit
from training.tools.lessons import Lesson, lessons
from training.tools.loop import Run, is_offset, make_accelerator, parameter_groups, read_log
from training.tools.mobilefacenet import MobileFaceNet, load_mobilefacenet
from training.tools.student import Student, embedding_length, held_out_cosine
from training.tools.teachers import Teacher, embed_all, joined_targets, teacher_embeddings, teacher_of

MOBILE = "arcface_mobilefacenet.pth"
STILL = Augment(0, 1, 0, 0, 0, 0, 0, 0, 0)


def test_eight_faces_are_learnt_by_heart_and_the_best_weights_kept(tmp_path: Path) -> None:
    torch.manual_seed(0)
    student, eight = Student(Svit(CONFIG), DIM), lesson(range(8))
    often = Lesson(eight.crops, np.tile(eight.rows, 20), eight.target)  # an epoch is 20 steps
    how = Settings(epochs=4, batch=8, lr=3e-3, warmup=5)
    run = Run(tmp_path, make_accelerator("no"), 0)
    best = fit(student, often, eight, how, STILL, run, {"model": "tiny"})
    assert best > 0.95
    rows = read_log(tmp_path / "log.jsonl")
    losses = [row["loss"] for row in rows if "loss" in row]
    assert losses[-1] < 0.1 * losses[0]
    assert best == max(row["held_out_cosine"] for row in rows if "held_out_cosine" in row)
    assert (tmp_path / "curve.png").exists()

    kept = Svit(CONFIG).eval()
    kept.load_state_dict(load_file(tmp_path / "model.safetensors"), strict=True)
    mean = eight.target[:8].mean(0)
    again = held_out_cosine(Student(kept, DIM), eight, mean, 3)
    facts = json.loads((tmp_path / "model.json").read_text())
    assert again == pytest.approx(facts["held_out_cosine"], abs=1e-5) == pytest.approx(best, abs=1e-5)
    assert facts["model"] == "tiny"


def test_position_offsets_have_a_learning_rate_of_their_own(tmp_path: Path) -> None:
    for name, weights in (("vit_kprpe", 2), ("vit_irpe", 8), ("vit_abs", 0)):
        student = Student(create_model(name), 7)
        groups = parameter_groups(student, 0.05, is_offset, 40)
        assert sum(len(g["params"]) for g in groups) == len(list(student.parameters()))
        fast = [g for g in groups if g["lr_scale"] == 40]
        assert sum(len(g["params"]) for g in fast) == weights and all(not p.any() for g in fast for p in g["params"])
        assert all((g["weight_decay"] > 0) == (p.ndim > 1) for g in groups for p in g["params"] if p.shape[0] > 1)


def test_training_ends_when_nothing_improves(tmp_path: Path) -> None:
    how = Settings(epochs=9, batch=8, lr=0.0, warmup=1, patience=3)
    eight = lesson(range(8))
    fit(Student(Svit(CONFIG), DIM), eight, eight, how, STILL, Run(tmp_path, make_accelerator("no"), 0), {})
    assert sum("held_out_cosine" in row for row in read_log(tmp_path / "log.jsonl")) == 4


def test_a_loss_that_is_not_a_number_ends_the_run(tmp_path: Path) -> None:
    student, eight = Student(Svit(CONFIG), DIM), lesson(range(8))
    torch.nn.init.constant_(student.model.embed.weight, float("nan"))
    with pytest.raises(FloatingPointError, match="loss of step 0 is nan"):
        fit(student, eight, eight, Settings(batch=8), STILL, Run(tmp_path, make_accelerator("no"), 0), {})
    assert not (tmp_path / "model.safetensors").exists()


def test_held_out_cosine_by_hand() -> None:
    student, part = Student(Svit(CONFIG), DIM), lesson(range(5, 15))  # spans both sets
    mean = torch.linspace(-0.2, 0.2, DIM)
    faces = part.faces(np.arange(10))
    with torch.no_grad():
        e = student.eval()(faces.image, faces.keypoints).numpy() - mean.numpy()
    t = part.target[5:15].numpy() - mean.numpy()
    want = np.mean((e * t).sum(1) / np.linalg.norm(e, axis=1) / np.linalg.norm(t, axis=1))
    assert held_out_cosine(student, part, mean, 4) == pytest.approx(want, abs=1e-5)
    assert student.training


def test_a_lesson_hands_out_each_face_with_its_own_target() -> None:
    part, order = lesson(range(FACES)), np.array([23, 0, 9, 10, 3])
    faces = part.faces(order)
    for k, row in enumerate(order):
        crops, i = (part.crops[0], row) if row < 10 else (part.crops[1], row - 10)
        assert torch.equal((faces.image[k] * 255).round().byte().permute(1, 2, 0), torch.from_numpy(crops.image[i]))
        assert torch.equal(faces.keypoints[k], torch.from_numpy(crops.keypoints[i]))
    assert torch.equal(part.targets(order), part.target[torch.from_numpy(order)])
    later = lesson(range(12, 20))
    assert torch.equal(later.faces(np.array([2])).image, part.faces(np.array([14])).image)
    assert torch.equal(later.targets(np.array([2])), part.target[14:15])


def test_a_student_of_another_length_gets_a_linear_map() -> None:
    model = Svit(CONFIG)
    assert embedding_length(model) == DIM
    assert model.training
    assert isinstance(Student(model, DIM).to_teacher, torch.nn.Identity)
    student, faces = Student(model, 7).eval(), lesson(range(8)).faces(np.arange(3))
    out = student(faces.image, faces.keypoints)
    assert out.shape == (3, 7)
    torch.testing.assert_close(out.norm(dim=1), torch.ones(3))


def test_held_out_families_are_few_and_fixed() -> None:
    families = [f"F{i:04d}" for i in range(1, 3001)]
    out = {f for f in families if is_held_out(f)}
    assert 0.09 < len(out) / 3000 < 0.11
    assert {f for f in reversed(families) if is_held_out(f)} == out


def test_the_cosine_of_joined_targets_is_the_mean_of_centred_cosines() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(6, 3)) + 5, rng.normal(size=(6, 4))
    got = joined_targets([a.astype(np.float32), b.astype(np.float32)]).numpy()
    want = []
    for e in (a, b):
        e = e - e.mean(0)
        want.append(e[0] @ e[1] / np.linalg.norm(e[0]) / np.linalg.norm(e[1]))
    assert got[0] @ got[1] == pytest.approx(np.mean(want), abs=1e-6)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, atol=1e-6)


def test_teacher_embeddings_are_computed_once_for_each_file_and_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "weights").write_bytes(b"one")
    loads: list[Path] = []

    def load(path: Path) -> torch.nn.Module:
        loads.append(path)
        return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten())

    crops = lesson(range(8)).crops[0]
    teacher = Teacher("mean", Svit(CONFIG).spec, tmp_path / "weights", load)
    first = teacher_embeddings(teacher, crops)
    assert np.array_equal(teacher_embeddings(teacher, crops), first)
    assert len(loads) == 1
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(first, embed_all(load(tmp_path), crops, "x"))
    (tmp_path / "weights").write_bytes(b"two")
    teacher_embeddings(teacher, crops)
    teacher_embeddings(teacher, Crops(crops.names[:5], crops.image[:5], crops.keypoints[:5], crops.found[:5]))
    assert len(loads) == 4


def test_mobilefacenet_has_the_published_size_and_loads_by_name(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = MobileFaceNet().eval()
    assert 0.9e6 < sum(p.numel() for p in network.parameters()) < 1.3e6
    torch.save({f"arcface.{k}": v for k, v in network.state_dict().items()}, tmp_path / "x.pth")
    image = torch.rand(2, 3, 112, 112)
    with torch.no_grad():
        torch.testing.assert_close(load_mobilefacenet(tmp_path / "x.pth")(image), network(image))
    torch.save({"arcface.conv1.conv.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "y.pth")
    with pytest.raises(RuntimeError, match="Missing key"):
        load_mobilefacenet(tmp_path / "y.pth")


def test_teachers_by_name(tmp_path: Path) -> None:
    assert teacher_of("edgeface", tmp_path).spec == ARCFACE_112
    with pytest.raises(DataError, match="arcface_mobilefacenet"):
        teacher_of("arcface_mobilefacenet", tmp_path)
    (tmp_path / "teachers").mkdir()
    torch.save({f"arcface.{k}": v for k, v in MobileFaceNet().state_dict().items()}, tmp_path / "teachers" / MOBILE)
    teacher = teacher_of("arcface_mobilefacenet", tmp_path)
    assert teacher.load(teacher.file)(torch.rand(1, 3, 112, 112)).shape == (1, 128)


def test_lessons_hold_families_out_and_leave_the_evaluation_sets_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))
    every_name = [f"F{i:04d}" for i in range(1, 1000)]
    held = [f for f in every_name if is_held_out(f)][:2]
    families = [*held, *(f for f in every_name if not is_held_out(f))][:6]
    noise = np.random.default_rng(0)
    for folder in [*(f"fiw/train/{f}/MID1" for f in families), "celeba/7", "fiw/val/F9999/MID1", "lfw/images/X"]:
        (tmp_path / folder).mkdir(parents=True)
        pixels = noise.integers(0, 256, (112, 112, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / folder / "1.jpg")
    teacher = Teacher("flat", Svit(CONFIG).spec, tmp_path / "celeba/7/1.jpg", lambda _: Flat())
    monkeypatch.setattr(training.tools.lessons, "teacher_of", lambda *_: teacher)
    train, out = lessons(data_root(tmp_path), Svit(CONFIG).spec, ["flat"])
    assert train.target.shape == (len(families) + 1, 12)  # one teacher
    every = [*train.crops[0].names, *train.crops[1].names]
    assert {every[i] for i in out.rows} == {f"{f}/MID1/1.jpg" for f in held}
    assert {every[i] for i in train.rows} == {f"{f}/MID1/1.jpg" for f in families if f not in held} | {"7/1.jpg"}


class Flat(torch.nn.Module):
    """A teacher that says the mean colours of the quarters."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(image, 2).flatten(1)
