"""CK+ and JAFFE: names, classes, people, and the report of a network that is known to err."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from models.expressions import EXPRESSIONS
from models.nets.expression import Expression
from training.data.expression_sets import ckplus as read_ckplus
from training.data.expression_sets import jaffe as read_jaffe
from training.data.lists import DataError
from training.evaluate.expression_sets import ckplus, jaffe

GREY = {"anger": 40, "happy": 120, "surprise": 200}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Faces of one grey level a class; four people in CK+, two in JAFFE."""
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))
    for name, level in GREY.items():
        folder = tmp_path / "ckplus" / name
        folder.mkdir(parents=True)
        for person in range(4):
            Image.new("L", (48, 48), level + person).save(folder / f"S{person:03d}_001_00000012.png")
    (tmp_path / "ckplus" / "anger" / "notes.png").write_bytes(b"")
    (tmp_path / "jaffe").mkdir()
    for name in ("KA.AN1.39", "KA.HA2.30", "KL.NE3.1", "KL.XX3.1"):
        Image.new("L", (256, 256), 90).save(tmp_path / "jaffe" / f"{name}.tiff")
    return tmp_path


class Levels(Expression):
    """Names a class by the grey level: dark is anger, bright surprise, and everything between happiness; neutral
    comes second to happiness."""

    def classify(self, code: Tensor) -> Tensor:
        scores, levels = torch.zeros(len(code), len(EXPRESSIONS)), code[:, :, 24:72, 24:72].mean((1, 2, 3))
        for row, level in zip(scores, levels, strict=True):
            row[EXPRESSIONS.index("anger" if level < 0.3 else "surprise" if level > 0.7 else "happiness")] = 2
        scores[:, EXPRESSIONS.index("neutral")] = 1 + 2 * (levels > 201.5 / 255)
        return scores

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        return image


def test_ckplus_is_read_with_its_people(root):
    posed = read_ckplus(root)
    assert len(posed) == 12 and set(posed.people) == {"S000", "S001", "S002", "S003"}
    assert {EXPRESSIONS[k] for k in posed.labels} == {"anger", "happiness", "surprise"}
    assert posed.names[0] == "anger/S000_001_00000012.png"


def test_jaffe_is_read_with_its_codes(root):
    posed = read_jaffe(root)
    assert posed.names == ("KA.AN1.39.tiff", "KA.HA2.30.tiff", "KL.NE3.1.tiff")
    assert posed.people == ("KA", "KA", "KL")
    assert [EXPRESSIONS[k] for k in posed.labels] == ["anger", "happiness", "neutral"]


def test_a_missing_set_is_an_error_in_words(tmp_path):
    with pytest.raises(DataError, match="ckplus"):
        read_ckplus(tmp_path)
    (tmp_path / "jaffe").mkdir()
    with pytest.raises(DataError, match="no face"):
        read_jaffe(tmp_path)


def test_ckplus_report_counts_errors_and_says_what_is_among_the_shown(root):
    report = ckplus(Levels().eval(), root)  # surprise of 202 and 203 is called neutral
    assert report["accuracy"] == pytest.approx(10 / 12) and report["faces"] == 12 and report["people"] == 4
    assert report["accuracy_among_shown"] == 1.0
    assert report["breakdown"]["surprise"]["recall"] == 0.5 and "neutral" not in report["breakdown"]
    table = np.array(report["confusion"])
    assert table[EXPRESSIONS.index("surprise"), EXPRESSIONS.index("neutral")] == 2 and table.sum() == 12
    assert report["macro_f1"] == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert report["accuracy_ci95"][0] < report["accuracy"] < report["accuracy_ci95"][1]
    assert "people" in report["protocol"]


def test_jaffe_report_says_how_many_faces_were_not_detected(root):
    report = jaffe(Levels().eval(), root)
    assert report["undetected"] == 3 and report["faces"] == 3 and report["people"] == 2
