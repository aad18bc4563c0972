"""KinFaceW: five folds a relation, the threshold of each from the other four."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from scipy.stats import t

from models.faces.align import ARCFACE_112
from tests.training.families import Colour, colours, sidecar
from training.data.crops import cached_crops, template_face
from training.data.sets import KINFACE_FOLDERS, Pair
from training.evaluate import kinfacew
from training.evaluate.kinfacew import set_figures
from training.evaluate.metrics import best_threshold
from training.evaluate.scoring import Scored
from training.evaluate.setup import Setup
from training.evaluate.tasks import TASKS


def listed(each: int = 4) -> list[Pair]:
    """`each` kin and non-kin pairs in every fold of every relation."""
    return [
        Pair(f"{r}{fold}{i}a", f"{r}{fold}{i}b", bool(i % 2), r, fold)
        for r in KINFACE_FOLDERS
        for fold in range(1, 6)
        for i in range(2 * each)
    ]


def scored(score: np.ndarray, pairs: list[Pair]) -> Scored:
    return Scored(score, score, np.array([p.same for p in pairs]))


def test_a_perfect_score_is_perfect_though_every_relation_has_a_scale_of_its_own():
    pairs = listed()
    level = {r: 0.1 * i for i, r in enumerate(KINFACE_FOLDERS)}
    rows, per_fold = set_figures(
        scored(np.array([level[p.relation] + 0.05 * p.same for p in pairs]), pairs), pairs, 0.5
    )
    assert per_fold.tolist() == [1.0] * 5 and rows[""]["accuracy"] == rows[""]["auc"] == 1.0
    assert rows[""]["accuracy_at_shipped_threshold"] == 0.5  # nothing reaches .5
    assert rows["fd"]["accuracy_ci95"] == [1.0, 1.0] and rows["fd"]["pairs"] == 40 and rows[""]["pairs"] == 160


def test_a_random_score_is_near_a_half():
    pairs = listed(40)
    rows, _ = set_figures(scored(np.random.default_rng(0).random(len(pairs)), pairs), pairs, 0.5)
    assert rows[""]["accuracy"] == pytest.approx(0.5, abs=0.05) and rows[""]["auc"] == pytest.approx(0.5, abs=0.05)


def test_a_fold_is_judged_by_the_other_four_of_its_own_relation():
    pairs = listed(10)
    rng = np.random.default_rng(1)
    score, same = np.array([rng.normal(p.same, 1) for p in pairs]), np.array([p.same for p in pairs])
    rows, per_fold = set_figures(scored(score, pairs), pairs, 0.5)
    expected = np.zeros((4, 5))
    for i, relation in enumerate(KINFACE_FOLDERS):
        for fold in range(1, 6):
            mine = np.array([p.relation == relation and p.fold == fold for p in pairs])
            rest = np.array([p.relation == relation and p.fold != fold for p in pairs])
            cut = best_threshold(score[rest], same[rest])
            expected[i, fold - 1] = np.mean((score[mine] >= cut) == same[mine])
        assert rows[relation]["accuracy"] == pytest.approx(expected[i].mean())
    assert per_fold == pytest.approx(expected.mean(0))
    half = t.ppf(0.975, 4) * per_fold.std(ddof=1) / np.sqrt(5)
    assert rows[""]["accuracy_ci95"] == pytest.approx([per_fold.mean() - half, per_fold.mean() + half])


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both sets with two kin and two non-kin pairs a fold; kin have one colour. Faces by template, not detection."""
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))
    find = partial(template_face, source=ARCFACE_112)
    monkeypatch.setattr(
        kinfacew,
        "folder_crops",
        lambda folder, spec, names: cached_crops(folder.parent.name, folder, names, spec, find),
    )
    palette = colours(6)
    for part in ("I", "II"):
        for relation, folder in KINFACE_FOLDERS.items():
            images, rows = tmp_path / f"KinFaceW-{part}" / "images" / folder, []
            images.mkdir(parents=True)
            for i in range(20):
                kin = i % 2
                for k, colour in ((1, palette[i % 6]), (2, palette[(i + 1 - kin) % 6])):
                    Image.new("RGB", (64, 64), tuple(map(int, colour))).save(images / f"{relation}_{i:03d}_{k}.jpg")
                rows.append([1 + i // 4, kin, f"{relation}_{i:03d}_1.jpg", f"{relation}_{i:03d}_2.jpg"])
            meta = tmp_path / f"KinFaceW-{part}" / "meta_data"
            meta.mkdir(exist_ok=True)
            savemat(meta / f"{relation}_pairs.mat", {"pairs": np.array(rows, dtype=object)})
    return tmp_path


def test_both_sets_are_reported_with_their_relations(sets: Path):
    report = TASKS["kinfacew"].run(Setup(Colour(), sidecar(), sets))
    assert report["accuracy"] == report["auc"] == report["accuracy_at_shipped_threshold"] == 1.0
    assert report["accuracy_ci95"] == [1.0, 1.0] and report["pairs"] == 160 and report["undetected"] == 0
    parts = [f"KinFaceW-{part}{r}" for part in ("I", "II") for r in ("", *(f" {r}" for r in KINFACE_FOLDERS))]
    assert list(report["breakdown"]) == parts and report["breakdown"]["KinFaceW-II"]["pairs"] == 80
    assert {"protocol", "model", "weight_sha256", "tar"} <= report.keys() and "one photograph" in report["protocol"]
