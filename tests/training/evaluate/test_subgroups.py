"""Subgroups of a list of pairs."""

from __future__ import annotations

import numpy as np
import pytest

from models.faces.quality import Quality
from models.relations import RELATION_WORDS
from training.data.sets import RELATIONS, Pair
from training.evaluate.scoring import Scored
from training.evaluate.subgroups import FEWEST, OF_RELATION, of_photos, of_relations, subgroups


def scored_pairs(right: np.ndarray, same: np.ndarray) -> Scored:
    """Scores of .9 and .1: on the right side of .5 where `right`."""
    score = np.where(right == same, 0.9, 0.1)
    return Scored(score, score, same)


def test_every_relation_has_genders_and_a_generation() -> None:
    assert set(OF_RELATION) == set(RELATIONS)
    for relation, (gender, generation) in OF_RELATION.items():
        words = RELATION_WORDS[relation]
        men = sum(word in words for word in ("father", "son", "brother", "grandfather", "grandson"))
        assert ("grand" in words) == (generation == "grandparent and grandchild")
        assert (gender == "two women") == (
            (not men and "mother" in words and "daughter" in words) or words == "sisters"
        )


def test_figures_of_a_group_by_hand() -> None:
    same = np.tile([True, False], 40)
    right = np.ones(80, bool)
    right[:40:2] = np.arange(20) < 5  # of the first group's kin pairs 5 in 20 are found
    found = subgroups(
        scored_pairs(right, same), 0.5, [str(i // 2) for i in range(80)], {"half": ["a"] * 40 + ["b"] * 40}
    )
    first, second = found["half"]["a"], found["half"]["b"]
    assert (first["pairs"], first["matching"], first["accuracy"]) == (40, 20, 25 / 40)
    assert (first["tar_at_threshold"], first["far_at_threshold"]) == (0.25, 0.0)
    assert first["worse"] == ["accuracy", "tar_at_threshold"] and second["worse"] == []
    assert first["accuracy_ci95"][0] < 25 / 40 < first["accuracy_ci95"][1]


def test_more_false_accepts_are_worse() -> None:
    same = np.tile([True, False], 40)
    right = np.ones(80, bool)
    right[1:40:2] = False
    found = subgroups(scored_pairs(right, same), 0.5, list(map(str, range(80))), {"half": ["a"] * 40 + ["b"] * 40})
    assert "far_at_threshold" in found["half"]["a"]["worse"]


def test_small_groups_and_divisions_into_one_are_left_out() -> None:
    same = np.tile([True, False], FEWEST + 5)
    labels = ["a"] * (2 * FEWEST) + ["b"] * 10
    scored = scored_pairs(np.ones(len(same), bool), same)
    assert subgroups(scored, 0.5, list(map(str, range(len(same)))), {"d": labels}) == {}


def test_the_worse_photo_of_a_pair_counts() -> None:
    good, turned = Quality((99, 99), 60.0, 0.2, 1.0), Quality((99, 99), 30.0, 0.05, -40.0)
    looks = {"a": good, "b": turned, "c": None}
    pairs = [Pair("a", "a", True), Pair("a", "b", False), Pair("a", "c", True)]
    found = of_photos(pairs, looks, sizes=True)
    assert found["turn of the head"] == ["both within 20° of frontal", "one turned by more than 20°", ""]
    assert found["sharpness"] == ["both sharp", "one soft or blurred", ""]
    assert found["size"] == ["both eyes at least 40 px apart", "one less than 40 px", ""]
    assert "size" not in of_photos(pairs, looks, sizes=False)


@pytest.mark.parametrize("unknown", ["", "x"])
def test_an_unknown_relation_is_in_no_group(unknown: str) -> None:
    assert of_relations([unknown, "ms"]) == {
        "gender": ["", "a man and a woman"],
        "generation": ["", "parent and child"],
        "relation": ["", "mother and son"],
    }
