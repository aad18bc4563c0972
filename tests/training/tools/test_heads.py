"""--head and --symface of recognition: every head learns eight faces, and reads what it should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models.nets.ir_resnet import IRConfig, IRResNet
from models.nets.svit import Svit
from tests.training.distill_worker import CONFIG
from tests.training.distill_worker import lesson as noise
from tests.training.forked import run_in_two
from tests.training.heads_worker import KINDS, one_step
from tests.training.recognition_worker import DIM, faces, lesson, settings
from training.data.augment import Augment
from training.recognition import Settings, batches_of, fit
from training.tools.heads import HEADS, head_for
from training.tools.lessons import faces_of
from training.tools.loop import Run, make_accelerator, read_log
from training.tools.losses import AdaFace, CosFace, NormalisedSoftmax, frontness, semi_hard_triplet, symmetry
from training.tools.resume import IdentityBatches
from training.tools.student import Student

STILL = Augment(0, 1, 0, 0, 0, 0, 0, 0, 0)


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Run, "draw_curve", lambda _: None)


def learn(folder: Path, how: Settings) -> list[dict[str, float]]:
    """Eight faces of four people, eleven times an epoch; the logged steps."""
    eight = lesson(range(8))
    often = faces_of(replace(eight, rows=np.tile(eight.rows, 11)))
    torch.manual_seed(0)
    student = Student(IRResNet(IRConfig(18, 4, dim=DIM)), DIM)
    fit(student, often, faces(range(12, 16)), how, STILL, Run(folder, make_accelerator("no"), 0), {"model": "tiny"})
    return [row for row in read_log(folder / "log.jsonl") if "loss" in row]


@pytest.mark.parametrize("head", HEADS)
def test_eight_faces_are_learnt(head: str, tmp_path: Path) -> None:
    rows = learn(tmp_path, replace(settings(2, worn=0.0), head=head, margin_loss=1.0))
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    if head != "triplet":  # triplets that are easy or too hard are left out: that loss is no measure of itself
        assert rows[-1]["margin"] < 0.8 * rows[0]["margin"]


def test_symface_draws_the_halves_together(tmp_path: Path) -> None:
    rows = learn(tmp_path / "with", replace(settings(2, worn=0.0), symface=1.0))
    assert rows[0]["symmetry"] > 0 and rows[-1]["symmetry"] < 0.5 * rows[0]["symmetry"]
    assert "symmetry" not in learn(tmp_path / "without", settings(1, worn=0.0))[0]


def test_a_head_is_the_loss_of_its_name() -> None:
    torch.manual_seed(1)
    x, y = 5 * torch.randn(6, DIM), torch.tensor([0, 1, 2, 2, 1, 0])
    for kind, loss in (("softmax", NormalisedSoftmax), ("cosface", CosFace), ("adaface", AdaFace)):
        torch.manual_seed(4)
        alone = loss(DIM, 3)
        assert torch.equal(head_for(kind, DIM, 3, seed=4)(x, y), alone(x, y))
    assert torch.equal(head_for("triplet", DIM, 3)(x, y), semi_hard_triplet(x, y))
    with pytest.raises(ValueError, match="no head"):
        head_for("arc", DIM, 3)
    with pytest.raises(ValueError, match="sample rate"):
        head_for("cosface", DIM, 3, 0.5)


def test_adaface_sees_the_length_of_the_code() -> None:
    student, shown = Student(IRResNet(IRConfig(18, 4, dim=DIM)), 7).eval(), faces(range(4)).clean.faces(np.arange(4))
    with torch.no_grad():
        code = student.model.encode(shown.image, shown.keypoints)
        raw, unit = (student(shown.image, shown.keypoints, raw) for raw in (True, False))
    torch.testing.assert_close(raw.norm(dim=1), code.norm(dim=1))
    torch.testing.assert_close(F.normalize(raw, dim=1), unit)
    maps = noise(range(2)).faces(np.arange(2))
    with pytest.raises(ValueError, match="is a map"):
        Student(Svit(CONFIG), 12)(maps.image, maps.keypoints, True)


def test_batches_for_triplets_hold_several_faces_of_each_person() -> None:
    labels = [0] * 5 + [1] * 2 + [2] + [3] * 9 + [4] * 4  # person 2 has one face only
    batches = IdentityBatches(labels, 8, seed=3)
    seen = set()
    for step in range(60):
        people = np.array(labels)[batches.rows(step)]
        assert len(people) == 8 and (people.reshape(2, 4) == people[::4, None]).all() and people[0] != people[4]
        seen |= set(people.tolist())
        own = batches.rows(step)[people != 1]
        assert len(set(own.tolist())) == len(own)  # drawn with return only where a person has too few
    assert seen == {0, 1, 3, 4} and batches.per_epoch == 21 // 8
    assert np.array_equal(batches.rows(7), IdentityBatches(labels, 8, seed=3).rows(7))
    assert not np.array_equal(batches.rows(7), IdentityBatches(labels, 8, seed=4).rows(7))
    with pytest.raises(ValueError, match="people"):
        IdentityBatches(labels, 20, seed=3)
    assert isinstance(batches_of(faces(range(8)), replace(settings(1, 0.0), head="triplet")), IdentityBatches)


def test_settings_of_earlier_runs_are_those_of_today() -> None:
    assert not {"head", "symface"} & Settings().facts().keys()
    assert Settings(head="cosface", symface=0.1).facts()["head"] == "cosface"
    assert Settings(symface=0.1).facts()["symface"] == 0.1


def test_frontness_decides_which_faces_count() -> None:
    shown = faces(range(2)).clean.faces(np.arange(2))
    rho = frontness(shown.keypoints)
    assert (rho > 0.8).all()
    a, b = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert symmetry(a, b, rho).item() == pytest.approx(float(rho[0]))  # 2 rho of one face, half of it


def test_two_processes_have_the_loss_and_gradients_of_one(tmp_path: Path) -> None:
    run_in_two("tests.training.heads_worker", str(tmp_path))
    for process in (0, 1):
        found = torch.load(tmp_path / f"{process}.pt", weights_only=True)
        for kind in KINDS:
            wanted = one_step(kind)
            assert wanted["loss"] > 0 and found[kind].keys() == wanted.keys()
            for name, value in wanted.items():
                torch.testing.assert_close(found[kind][name], value, atol=1e-5, rtol=1e-4, msg=f"{kind} {name}")
