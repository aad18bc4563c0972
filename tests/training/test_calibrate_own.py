"""The command that fits a weight's probability to a user's own photos."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from models import detect_faces, load_pair, open_photo, predict, read_sidecar
from tests.training.tools.test_crossfit import drawn, people
from training.calibrate import Domain, compared, main, moved
from training.data.sets import read_pairs


def domain(shift: float, count: int = 60) -> Domain:
    """Log-odds that are all `shift` too high."""
    pairs = people(count)
    return Domain("list.csv", pairs, Path(), drawn(pairs) - 0.75 + shift, 0)


def test_a_shifted_domain_is_mended_on_unseen_families() -> None:
    found = compared(domain(3.0), 0.5)
    assert found["shipped"]["accuracy"] < 0.65 < 0.72 < found["cross_fitted"]["accuracy"]
    assert found["cross_fitted"]["ece"] < found["shipped"]["ece"] / 2


def test_a_prior_moves_the_threshold() -> None:
    assert compared(domain(0.0), 0.5, prior=0.2)["cross_fitted"]["threshold"] == pytest.approx(0.8)


def test_moved_is_platt_upon_platt() -> None:
    model, own = load_pair("edgeface_kin", "cpu"), domain(2.0)
    before = model.logit.slope.clone(), model.logit.offset.clone()
    x, y = torch.randn(2, 512).unsqueeze(1)
    logit = model.relate(x, y)
    calibration = moved(model, own, 0.5)
    slope = model.logit.slope / before[0]
    assert torch.allclose(model.relate(x, y), slope * logit + model.logit.offset - slope * before[1], atol=1e-5)
    assert calibration.threshold == 0.5 and "list.csv: 60 matching and 60 other pairs" in calibration.threshold_protocol
    assert calibration.points.matching is not None


def test_a_weight_of_ones_own(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images, taken = tmp_path / "images", sorted(photos.glob("*.jpg"))
    images.mkdir()
    for i in range(12):
        shutil.copy(taken[i % len(taken)], images / f"{i}.jpg")
    rows = [(f"{i}.jpg", f"{i + 1}.jpg", int(i % 2 == 0)) for i in range(11)]
    (tmp_path / "mine.csv").write_text("image_a,image_b,kin\n" + "".join(f"{a},{b},{k}\n" for a, b, k in rows))
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    asked = ["edgeface_kin", "--pairs", str(tmp_path / "mine.csv"), "--images", str(images)]
    main([*asked, "--prior", "0.25", "--json", str(tmp_path / "found.json")])
    said, found = capsys.readouterr().out, json.loads((tmp_path / "found.json").read_text())
    assert "as shipped: accuracy" in said and "edgeface_kin_mine.safetensors" in said
    assert found["pairs"] == 11 and found["cross_fitted"]["threshold"] == 0.75

    sidecar, model = read_sidecar("edgeface_kin_mine"), load_pair("edgeface_kin_mine", "cpu")
    assert sidecar.rule.threshold == 0.75 == model.threshold
    assert "only slope and offset" in sidecar.notes[-1] and sidecar.data[-1]["name"] == "mine.csv (calibration)"
    pair = read_pairs(tmp_path / "mine.csv")[0]
    faces = [detect_faces(open_photo(images / n))[0] for n in (pair.a, pair.b)]
    old, new = (predict(load_pair(n, "cpu"), *faces) for n in ("edgeface_kin", "edgeface_kin_mine"))
    assert old.similarity == pytest.approx(new.similarity, abs=1e-6) and not np.isclose(old.score, new.score)


@pytest.mark.parametrize(
    ("more", "words"),
    [(["--prior", "1"], "a share between 0 and 1"), (["--weight-name", "a/b"], "letters, digits")],
)
def test_what_cannot_be_is_refused_in_words(
    more: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "l.csv").write_text("image_a,image_b,kin\na.jpg,b.jpg,1\n")
    with pytest.raises(SystemExit):
        main(["edgeface_kin", "--pairs", str(tmp_path / "l.csv"), "--images", str(tmp_path), *more])
    assert words in capsys.readouterr().err
