"""Operating points measured again: from the same pairs, into the sidecar, and nothing else with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from models import load_model, read_sidecar
from models.weights import OperatingPoints, file_sha256
from training import points
from training.data.kin_batches import held_out_list
from training.data.sets import Kin, fiw_crops, image_names
from training.tools import checkpoint


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))


def test_the_largest_difference_is_at_the_old_thresholds():
    old = OperatingPoints([0.2, 0.6], [0.5, 0.1], [0.9, 0.4], "x")
    assert points.moved(old, old) == 0
    new = OperatingPoints([0.2, 0.6], [0.5, 0.15], [0.7, 0.4], "x")
    assert points.moved(old, new) == pytest.approx(0.2)


def rates(train: Path, threshold: float) -> tuple[float, float]:
    """(FAR, TAR) of "tiny" on the pairs, each pair scored by itself in both orders."""
    model, names = load_model("tiny", "cpu"), image_names(train / "fiw" / "train")
    families = sorted({n.split("/")[0] for n in names})
    listed = held_out_list(names, [Kin(f"{f}/MID1", f"{f}/MID3", "fs") for f in families])
    crops = fiw_crops(train, "train", model.spec, names)
    images = dict(zip(names, crops.batch(range(len(names))).image, strict=True))
    keypoints = crops.batch(range(1)).keypoints
    score = []
    for pair in listed:
        with torch.inference_mode():
            x, y = (model.encode(images[n][None], keypoints) for n in (pair.a, pair.b))
            score.append(float(torch.sigmoid((model.relate(x, y) + model.relate(y, x)) / 2)))
    same = np.array([p.same for p in listed])
    above = np.array(score) >= threshold
    return float(above[~same].mean()), float(above[same].mean())


def test_only_the_points_of_a_sidecar_change(train: Path, weight: Path, capsys: pytest.CaptureFixture[str]):
    before, sha, text = read_sidecar("tiny"), file_sha256(weight), weight.with_suffix(".json").read_text()
    points.main(["tiny", "--data", str(train)])
    said = capsys.readouterr().out
    assert said.startswith("tiny: rates differ by at most ") and weight.with_suffix(".json").read_text() == text
    points.main(["tiny", "--data", str(train), "--write"])
    after = read_sidecar("tiny")
    new = after.rule.operating_points
    middle = float(np.median(new.threshold))
    assert new.at(middle) == pytest.approx(rates(train, middle), abs=1e-3) and new.protocol == "by hand"
    assert dataclasses.replace(after, decision=before.decision) == before
    assert after.rule.threshold == before.rule.threshold and file_sha256(weight) == sha
    capsys.readouterr()
    points.main(["tiny", "--data", str(train)])
    assert capsys.readouterr().out == "tiny: rates differ by at most 0.000000\n"


def test_nothing_is_entered_from_a_dirty_tree(
    train: Path, weight: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    text = weight.with_suffix(".json").read_text()
    monkeypatch.setattr(checkpoint, "SHIPPED", weight.parent)
    monkeypatch.setattr(checkpoint, "changed_files", lambda: ["models/x.py"])
    monkeypatch.delenv(checkpoint.OVERRIDE, raising=False)
    with pytest.raises(SystemExit, match=r"models/x\.py differ"):
        points.main(["tiny", "--data", str(train), "--write"])
    assert weight.with_suffix(".json").read_text() == text
    monkeypatch.setenv(checkpoint.OVERRIDE, "1")
    points.main(["tiny", "--data", str(train), "--write"])
    assert "models/x.py" in read_sidecar("tiny").notes[-1]
