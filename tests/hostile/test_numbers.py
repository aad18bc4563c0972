"""Number options have a range, and the message names the flag and the range."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from explain.attention.__main__ import main as attention
from explain.keypoints.__main__ import main as keypoints
from explain.kinship.__main__ import main as kinship
from explain.partial.__main__ import main as partial
from explain.search.ranking import main as search
from models.numbers import RANGES, RangeError, check_options, number

A = str(Path(__file__).parents[2] / "ui" / "examples" / "obama_2012.jpg")


@pytest.mark.parametrize(
    ("command", "words", "said"),
    [
        (keypoints, f"{A} --rotation nan", "--rotation is a number from -180 to 180, got nan"),
        (keypoints, f"{A} --scale 1e9", "--scale is a number from 0.25 to 4, got 1000000000.0"),
        (keypoints, f"{A} --scale inf", "--scale is a number from 0.25 to 4, got inf"),
        (keypoints, f"{A} --shift 0 1e30", "--shift is a number from -1 to 1, got 1e+30"),
        (partial, f"{A} {A} --part mask --seed -1", "--seed is a whole number from 0 to 4294967295, got -1"),
        (partial, f"{A} {A} --factor nan", "--factor is a number from 0.05 to 1, got nan"),
        (attention, f"{A} --seed -1", "--seed is a whole number from 0 to 4294967295, got -1"),
        (search, f"{A} --gallery {A} --top -1", "--top is a whole number from 0 to 10000, got -1"),
        (kinship, f"{A} {A} --threshold nan", "--threshold is a number from 0 to 1, got nan"),
    ],
)
def test_a_command_line_names_flag_and_range(
    command: Any, words: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(words.split()) == 2
    assert capsys.readouterr().err == f"error: {said}\n" and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", RANGES)
def test_bounds_are_inside_and_all_else_is_not(name: str) -> None:
    row = RANGES[name]
    assert number(name, row.low) == row.low and number(name, row.high) == row.high
    for wrong in (row.low - 1, row.high + 1, float("nan"), float("inf"), None, "1", True, 10**400):
        with pytest.raises(RangeError, match=f"^{name} is a "):
            number(name, wrong)
    if row.whole:
        with pytest.raises(RangeError, match="whole number"):
            number(name, row.low + 0.5)


def test_what_was_not_given_passes() -> None:
    check_options({"threshold": None, "shift": (0, 1), "photo": "x"})
