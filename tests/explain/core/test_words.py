"""Sentences made of findings: every figure is one of the finding's."""

from __future__ import annotations

import re

import numpy as np
import pytest

from explain.core.parts import PartValues
from explain.core.words import figure, flip_sentence, joined, part_paragraph, part_sentences
from explain.methods.part_shapley import part_values
from models.faces.regions import PARTS
from tests.explain.tiny import seeded_result

WORTH = {
    "left eye": 0.12,
    "right eye": 0.09,
    "nose": 0.15,
    "mouth": -0.02,
    "jaw": 0.001,
    "cheeks": 0.07,
    "outside": 0.11,
}


def additive(face: int = 0, target: str = "similarity", worth: dict[str, float] = WORTH) -> PartValues:
    """A finding in which parts do not act together: each is worth the same in every set."""
    values = np.array(
        [0.08 + sum(worth.get(p, 0) for i, p in enumerate(PARTS) if m >> i & 1) for m in range(256)], np.float32
    )
    return PartValues(PARTS, values, values, 0.5, "score", face, "blur", target)


def test_the_sentences_of_one_face() -> None:
    assert part_sentences(additive(), "face A") == (
        "Of the similarity of 0.60, 0.08 is there without any part of face A. "
        "The nose carries +0.15, the left eye +0.12, what lies outside the face +0.11, the right eye +0.09 and the "
        "cheeks +0.07. Against it counts the mouth -0.02. Less than 0.005 either way: the jaw and the forehead. "
        "Covering the mouth alone raises it by 0.02."
    )


def test_what_does_not_happen_is_not_said() -> None:
    said = part_sentences(additive(1, "logit", {"cheeks": 0.3}), "face B")
    assert said.startswith("Of the log-odds of 0.38, 0.08 is there without any part of face B. The cheeks carry +0.30.")
    assert "Against" not in said and "raises" not in said
    only_down = part_sentences(additive(0, "happiness", dict.fromkeys(PARTS, -0.1)), "the face")
    assert only_down.startswith(
        "Of the logit of happiness of -0.72, 0.08 is there without any part of the face. Against"
    )
    assert "Less than" not in only_down and "carr" not in only_down


def test_the_figures_are_the_findings() -> None:
    """On a network in which parts act together: all figures, in the order in which they are said."""
    findings = part_values(seeded_result(grad=False))
    wanted = []
    for found in findings:
        order = sorted(found.phi.tolist(), key=abs, reverse=True)
        wanted += [found.whole, found.empty]
        wanted += [v for v in order if v >= 0.005] + [v for v in order if v <= -0.005]
        wanted += [0.005] if min(map(abs, order)) < 0.005 else []
        gain = max(found.without(p) for p in PARTS) - found.whole
        wanted += [gain] if gain >= 0.005 else []
    said = [float(figure) for figure in re.findall(r"[+-]?\d+\.\d+", part_paragraph(findings))]
    assert len(said) == len(wanted) > 8
    np.testing.assert_allclose(said, wanted, atol=0.00501)


def test_what_would_turn_the_decision() -> None:
    assert flip_sentence(additive()) == "Covering the nose turns the decision: the score goes from 0.60 to 0.45."
    assert flip_sentence(additive(), 0.35) == (
        "Covering the left eye and the nose turns the decision: the score goes from 0.60 to 0.33. No smaller set does."
    )
    assert flip_sentence(additive(), 0.01).startswith("No set of parts")


def test_nothing_has_no_sign() -> None:
    assert [figure(v) for v in (-0.004, 0.004, -0.006, 1.235)] == ["0.00", "0.00", "-0.01", "1.24"]


@pytest.mark.parametrize(("words", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_words_are_joined(words: list[str], text: str) -> None:
    assert joined(words) == text
