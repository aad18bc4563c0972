"""Faces that are too poor: warned about in every answer, and nothing is decided by them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from models.faces.quality import BLURRED, CUT_AWAY, PROFILE, TINY_EYES, Quality
from tests.ui.photos import EXAMPLES
from ui.kinship import callbacks as kinship
from ui.shared import cards, doubts
from ui.shared.answering import Answer, default_weight, judge
from ui.shared.photos import Shot, take

GOOD = Quality((200, 240), 90, 0.3, 2)


@pytest.mark.parametrize(
    ("poor", "better", "words"),
    [
        ({"eye_distance_px": TINY_EYES - 1}, {"eye_distance_px": TINY_EYES}, "tiny face"),
        ({"sharpness": BLURRED - 0.001}, {"sharpness": BLURRED}, "blurred face"),
        ({"yaw_deg": -PROFILE - 1}, {"yaw_deg": -PROFILE}, "face strongly turned"),
        ({"cut": CUT_AWAY + 0.01}, {"cut": CUT_AWAY}, "face cut by the border"),
    ],
)
def test_a_decision_is_withheld_below_the_stated_quality(poor: dict, better: dict, words: str) -> None:
    assert replace(GOOD, **poor).spoilt == [words] and replace(GOOD, **better).spoilt == []
    found = doubts.of(("photo A", replace(GOOD, **poor)), ("photo B", GOOD))
    assert "Decision: yes" not in found.decision("Decision: yes") and f"{words} in photo A" in found.decision("x")
    assert "ks-quiet" in found.big("70 %") and "Nothing is decided by a face with" in found.listed
    warned = doubts.of(("photo A", replace(GOOD, **better)))
    assert warned.decision("Decision: yes") == "<div class='ks-decision'>Decision: yes</div>"
    assert warned.warnings and "ks-quiet" not in warned.big("70 %") and "Nothing is decided" not in warned.listed


def test_two_photos_with_one_fault_are_one_warning_and_a_good_pair_has_none() -> None:
    small = replace(GOOD, eye_distance_px=30)
    assert doubts.of(("photo A", small), ("photo B", small)).warnings == ("photo A and photo B: small face",)
    assert doubts.of(("photo A", GOOD)) == doubts.NONE and doubts.NONE.listed == ""


def test_a_face_that_is_asked_about_in_part_may_be_cut() -> None:
    cut = replace(GOOD, cut=0.6)
    assert doubts.of(("photo 2", cut), partial=True) == doubts.NONE and doubts.of(("photo 2", cut)).spoilt


def test_the_card_of_a_tiny_face_decides_nothing(tmp_path: Path, obama: Shot) -> None:
    path = tmp_path / "tiny.png"
    Image.open(EXAMPLES / "biden_2010.jpg").convert("RGB").resize((64, 80)).save(path)
    given = Answer(str(default_weight()), 0.99, 0.99, 0.99, 0.5)
    asked = given, judge(given, 0.5), 0.5
    found = doubts.about(("photo A", obama), ("photo B", take(str(path))))
    card = cards.answer_card(*asked, doubts=found)
    assert (
        "Decision withheld: tiny face" in card
        and "in photo B." in card
        and "Decision: " not in card
        and "99.0 %" in card
    )
    assert "Decision: " in cards.answer_card(*asked, doubts=doubts.about(("photo A", obama), ("photo B", None)))


@pytest.mark.usefixtures("poor_faces")
def test_a_threshold_that_is_moved_decides_nothing_either(obama: Shot, biden: Shot) -> None:
    given = Answer(str(default_weight()), 0.99, 0.99, 0.99, 0.5)
    card = kinship.set_threshold(given, 0.2, 0.5, obama, biden)[0]
    assert "Decision withheld" in card and "photo A and photo B: tiny face" in card
