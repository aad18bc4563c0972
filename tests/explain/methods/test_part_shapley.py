"""Shapley values of parts against the definition over all orders, games with known values, and one answer at a time."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
import torch

from explain import explain
from explain.core.fill import filled
from explain.core.first_parts import FIRST_SETS, FirstParts
from explain.core.parts import PartValues, shapley
from explain.methods.part_shapley import covered_sets, part_values, part_values_step_by_step
from models import load_model
from models.faces.regions import PARTS, face_parts
from models.predict import Result, predict
from tests.explain.tiny import SIZE, inside, noise_faces, planted_result, ready, seeded_result
from tests.one_face.mood import Mood


def over_all_orders(values: np.ndarray, players: int) -> list[float]:
    """The definition: players join in every order, each is credited with what changes when it joins."""
    credit, orders = [0.0] * players, list(permutations(range(players)))
    for order in orders:
        present = 0
        for player in order:
            credit[player] += float(values[present + 2**player]) - float(values[present])
            present += 2**player
    return [c / len(orders) for c in credit]


@pytest.mark.parametrize("players", [1, 3, 5])
def test_equals_the_mean_over_all_orders(players: int) -> None:
    values = np.random.default_rng(players).normal(size=2**players)
    np.testing.assert_allclose(shapley(values), over_all_orders(values, players), atol=1e-12)


def test_games_with_known_values() -> None:
    glove = np.array([0, 0, 0, 1, 0, 1, 0, 1])  # player 0 has a left glove, 1 and 2 a right one each
    np.testing.assert_allclose(shapley(glove), [2 / 3, 1 / 6, 1 / 6])
    dummy = np.array([5, 8, 5, 8])  # player 1 changes nothing
    np.testing.assert_allclose(shapley(dummy), [3, 0])


def test_sets_are_numbered_by_the_parts_in_sight() -> None:
    parts = torch.eye(3, dtype=torch.bool).view(3, 1, 3)  # one pixel each
    wanted = [[[not m >> i & 1 for i in range(3)]] for m in range(8)]
    assert covered_sets(parts).tolist() == wanted


def one_at_a_time(result: Result, face: int, shown: set[str], fill: str) -> Result:
    """The whole pair answered again with all parts but some covered."""
    own = result.faces[face]
    parts = face_parts(own.keypoints[0].detach().numpy(), SIZE)
    image = own.image.detach().clone()
    for part in set(PARTS) - shown:
        mask = torch.from_numpy(parts[part])
        image[..., mask] = filled(own.image.detach(), fill)[..., mask]
    changed = [f.with_image(image) if i == face else f for i, f in enumerate(result.faces)]
    return predict(result.model, *changed)


@pytest.mark.parametrize("fill", ["blur", "grey"])
def test_values_equal_one_answer_at_a_time(fill: str) -> None:
    result = seeded_result(grad=False)
    for face, found in enumerate(part_values(result, fill=fill)):
        assert (found.face, found.fill, found.target, found.parts) == (face, fill, "similarity", PARTS)
        for index in (0, 1, 2, 77, 128, 254, 255):
            answer = one_at_a_time(result, face, {p for i, p in enumerate(PARTS) if index & 2**i}, fill)
            assert found.values[index] == pytest.approx(answer.similarity, abs=1e-5)
            assert found.decisions[index] == pytest.approx(answer.score, abs=1e-5)
        assert found.whole == pytest.approx(result.similarity, abs=1e-5)
        assert found.without("mouth") == found.values[255 - 2 ** PARTS.index("mouth")]


def test_first_figures_come_before_the_exact_ones() -> None:
    """A face after the other becomes exact; what is said first is read off the same answers."""
    result = seeded_result(grad=False)
    steps, exact = [*part_values_step_by_step(result, fill="grey")], part_values(result, fill="grey")
    assert [type(found) for found in steps[0]] == [FirstParts] * 2
    assert [type(found) for found in steps[-2]] == [PartValues, FirstParts]
    assert [type(found) for found in steps[-1]] == [PartValues] * 2
    for first, found, wanted in zip(steps[0], steps[-1], exact, strict=True):
        assert isinstance(found, PartValues)
        assert (first.face, first.fill, first.target) == (found.face, found.fill, found.target)
        assert np.array_equal(first.values, found.values[list(FIRST_SETS)])
        np.testing.assert_allclose(found.values, wanted.values, atol=1e-6)
        np.testing.assert_allclose(found.decisions, wanted.decisions, atol=1e-6)
    assert part_values(result, faces=()) == ()


@pytest.mark.parametrize("target", ["similarity", "logit", "score"])
def test_the_parts_add_up_to_the_answer(target: str) -> None:
    result = seeded_result(grad=False)
    for found in part_values(result, target=target):
        assert float(found.phi.sum()) == pytest.approx(found.whole - found.empty, abs=1e-5)
        assert found.whole == pytest.approx(result.scalar(target), abs=1e-5)
        assert np.abs(found.phi).max() > 1e-3


@pytest.mark.parametrize("weight", ["edgeface_kin"])
def test_the_parts_add_up_on_real_weights(weight: str) -> None:
    model = load_model(weight, "cpu")
    result = predict(model, noise_faces(model, 1), noise_faces(model, 2))
    found = part_values(result)[1]
    assert float(found.phi.sum()) == pytest.approx(found.whole - found.empty, abs=1e-5)
    assert found.whole == pytest.approx(result.similarity, abs=1e-5) and found.threshold == model.threshold


def test_the_map_holds_each_value_spread_over_its_part() -> None:
    result = seeded_result(grad=False)
    for found, heatmap in zip(part_values(result), explain(result, "part_shapley"), strict=True):
        assert heatmap.face == found.face and heatmap.unit == "similarity per percent of the crop"
        for part, mask in face_parts(result.faces[found.face].keypoints[0].numpy(), SIZE).items():
            assert len(np.unique(heatmap.values[mask])) == 1
            total = heatmap.values[mask].sum(dtype=np.float64) * 100 / SIZE**2
            assert total == pytest.approx(float(found.phi[PARTS.index(part)]), abs=1e-6)
        assert heatmap.values.mean() * 100 == pytest.approx(found.whole - found.empty, abs=1e-5)


def test_parts_that_the_answer_does_not_read_get_nothing() -> None:
    result = planted_result(grad=False)
    masks = face_parts(result.faces[0].keypoints[0].numpy(), SIZE)
    read = [bool((masks[p] & inside().numpy()).any()) for p in PARTS]
    assert 0 < sum(read) < len(PARTS)
    for found in part_values(result):
        assert (np.abs(found.phi[~np.array(read)]) < 1e-6).all()
        assert np.abs(found.phi[np.array(read)]).min() > 1e-3


def found_with(decisions: np.ndarray, parts: int = 3, threshold: float = 0.5) -> PartValues:
    values = np.asarray(decisions, np.float32)
    return PartValues(PARTS[:parts], values, values, threshold, "score", 0, "blur", "score")


def test_the_smallest_set_that_turns_the_decision() -> None:
    #                               none  L     R    L+R   N    L+N  R+N  all      (in sight)
    found = found_with(np.array([0.1, 0.2, 0.3, 0.6, 0.4, 0.55, 0.7, 0.9]))
    flip = found.smallest_flip()  # covering R+N leaves .2, L+N .3, L+R .4: the first moves it furthest
    assert flip is not None and flip.parts == ("right eye", "nose")
    assert (flip.before, flip.after) == (pytest.approx(0.9), pytest.approx(0.2))
    alone = found.smallest_flip(0.65)  # covering nose leaves .6, right eye .55
    assert alone is not None and alone.parts == ("right eye",) and alone.after == pytest.approx(0.55)
    assert found.smallest_flip(0.05) is None and found.smallest_flip(0.95) is None


def test_a_no_can_turn_into_a_yes() -> None:
    found = found_with(np.array([0.6, 0.1, 0.1, 0.2, 0.5, 0.1, 0.1, 0.3]))
    flip = found.smallest_flip()
    assert flip is not None and flip.parts == ("left eye", "right eye") and flip.after == pytest.approx(0.5)


def test_the_smallest_set_against_a_search_by_size() -> None:
    found = part_values(seeded_result(grad=False))[0]
    threshold = float(np.quantile(found.decisions, 0.3))
    yes = found.decisions[-1] >= threshold
    for size in range(1, 9):
        sets = [255 - sum(2**i for i in some) for some in combinations(range(8), size)]
        turned = [m for m in sets if (found.decisions[m] >= threshold) != yes]
        if turned:
            break
    best = max(turned, key=lambda m: abs(found.decisions[m] - found.decisions[-1]))
    flip = found.smallest_flip(threshold)
    assert flip is not None and len(flip.parts) == size and flip.after == found.decisions[best]
    assert flip.parts == tuple(p for i, p in enumerate(PARTS) if not best & 2**i)


def test_a_class_is_decided_by_its_lead() -> None:
    torch.manual_seed(0)
    model = ready(Mood())
    result = predict(model, noise_faces(model, 1))
    (found,) = part_values(result)
    leading = result.output.leading
    assert found.target == leading and found.decided_by == f"lead of {leading} over the next class"
    logits = sorted(result.output.logits[0].tolist())
    assert found.decisions[-1] == pytest.approx(logits[-1] - logits[-2], abs=1e-5) and found.threshold == 0
    assert float(found.phi.sum()) == pytest.approx(found.whole - found.empty, abs=1e-5)


def test_findings_check_themselves() -> None:
    with pytest.raises(ValueError, match=r"2\^3"):
        found_with(np.zeros(7))
    with pytest.raises(ValueError, match="no fill"):
        explain(planted_result(), "part_shapley", fill="white")
