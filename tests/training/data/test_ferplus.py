"""FER+: votes are cleaned as published, and labels are found again on pictures of other names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.voted import write_ferplus
from training.data.ferplus import cleaned, fer2013, read_votes
from training.data.lists import DataError


def test_votes_are_cleaned_as_published() -> None:
    votes = np.zeros((6, 10))
    votes[0, [0, 3, 4]] = 4, 1, 5  # the single vote goes; 5 of 9: a majority
    votes[1, [0, 1]] = 5, 5  # no majority
    votes[2, [2, 8]] = 4, 6  # "unknown" leads: no expression
    votes[3, [2, 8]] = 6, 4  # 6 of 10
    votes[4, [2, 3, 9]] = 4, 3, 3  # leads, with 4 of 10
    votes[5, :10] = 1  # nothing is left
    shares, agreed, usable = cleaned(votes)
    assert agreed.tolist() == [True, False, False, True, False, False]
    assert usable.tolist() == [True, True, False, True, True, False]
    np.testing.assert_allclose(shares[0], np.eye(8)[0] * 4 / 9 + np.eye(8)[4] * 5 / 9, atol=1e-6)
    np.testing.assert_allclose(shares[3], np.eye(8)[2])
    np.testing.assert_allclose(shares[4, [2, 3]], [4 / 7, 3 / 7], atol=1e-6)


def test_parts_are_read(tmp_path: Path) -> None:
    write_ferplus(tmp_path)
    votes = read_votes(tmp_path, "train")
    assert len(votes.names) == 16 and votes.agreed.all() and votes.majority.tolist() == [k % 8 for k in range(16)]
    assert votes.only(votes.majority == 3).names == ("fer0000003.png", "fer0000011.png")


def test_a_broken_list_names_its_line(tmp_path: Path) -> None:
    write_ferplus(tmp_path)
    file = tmp_path / "ferplus" / "FER2013Valid" / "label.csv"
    rows = file.read_text().splitlines()
    file.write_text("\n".join([rows[0], rows[1].replace(",9,", ",many,"), *rows[2:]]))
    with pytest.raises(DataError, match=r"label\.csv, line 2: votes are numbers"):
        read_votes(tmp_path, "valid")
    file.write_text("a.png,box,1,2\n")
    with pytest.raises(DataError, match="line 1: ten columns of votes are wanted, found 2"):
        read_votes(tmp_path, "valid")
    with pytest.raises(DataError, match="missing"):
        read_votes(tmp_path / "elsewhere", "train")


def test_labels_are_found_on_stretched_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))
    write_ferplus(tmp_path)
    source, names = tmp_path / "ferplus" / "FER2013Train", ("angry", "disgust", "fear", "happy")
    wanted = np.full(16, -1)
    for k in range(0, 16, 2):
        name = names[k // 2 % 4]
        (tmp_path / "fer2013" / "train" / name).mkdir(parents=True, exist_ok=True)
        grey = np.asarray(Image.open(source / f"fer{k:07d}.png").convert("L"), np.float64) / 255
        copy = Image.fromarray((255 * np.clip(1.3 * grey**0.7 - 0.1, 0, 1)).astype(np.uint8))
        copy.save(tmp_path / "fer2013" / "train" / name / f"Training_{97 - k}.jpg", quality=90)
        wanted[k] = {"angry": 4, "disgust": 5, "fear": 6, "happy": 1}[name]
    crops, labels = fer2013(tmp_path, "train")
    assert len(crops) == 16 and labels.tolist() == wanted.tolist()
    with pytest.raises(DataError):
        fer2013(tmp_path, "test")
