"""CorrRISE against scipy's correlation of ranks, place by place, and the bootstrap against a loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, rankdata

from explain import explain, explain_step_by_step
from explain.methods.corr_rise import RESAMPLES, correlation, patches, ranked
from models.predict import predict
from tests.explain.tiny import SIZE, inside, planted_result, seeded_result


def test_masks_are_three_squares_fully_inside() -> None:
    masks = patches(112, 400, seed=0)
    assert masks.shape == (400, 112, 112) and masks.dtype == torch.bool
    covered = masks.sum((1, 2))
    assert covered.max() == 3 * 30 * 30 and covered.min() >= 30 * 30
    assert 2100 < covered.float().mean() < 2500  # three patches of 900 that sometimes meet
    one = masks.float().mean(0)
    assert one[56, 56] > 5 * one[1, 1]  # seldom covered at the border
    assert torch.equal(masks, patches(112, 400, seed=0)) and not torch.equal(masks, patches(112, 400, seed=1))
    assert patches(150, 5, 0).any(0).any() and int(patches(150, 300, 0).sum((1, 2)).max()) == 3 * 40 * 40


def test_ranks_equal_scipys() -> None:
    values = np.array([0.3, -0.1, 0.3, 0.7, 0.30000001, -0.5])
    assert ranked(torch.from_numpy(values)).tolist() == rankdata(np.round(values, 6)).tolist()


def answers_one_at_a_time(masks: np.ndarray, face: int) -> list[float]:
    """The whole pair answered again under each mask, with black patches."""
    result, answers = seeded_result(grad=False), []
    for mask in masks:
        image = result.faces[face].image.clone()
        image[..., torch.from_numpy(mask)] = 0
        changed = [f.with_image(image) if i == face else f for i, f in enumerate(result.faces)]
        answers.append(predict(result.model, *changed).similarity)
    return answers


def test_equals_a_correlation_at_every_place() -> None:
    masks = patches(SIZE, 60, 5).numpy()
    maps = explain(seeded_result(grad=False), "corr_rise", masks=60, seed=5)
    for face, heatmap in enumerate(maps):
        ranks = rankdata(np.round(answers_one_at_a_time(masks, face), 6))
        for y, x in ((32, 32), (10, 40), (50, 20), (25, 12)):
            shown = 1.0 - masks[:, y, x]
            assert heatmap.values[y, x] == pytest.approx(pearsonr(ranks, shown).statistic, abs=0.01)
        assert np.abs(heatmap.values).max() <= 1 and heatmap.floor == pytest.approx(60**-0.5)
        never = ~masks.any(0)
        assert never.any() and not heatmap.values[never].any()


def test_the_standard_error_equals_a_bootstrap_written_out() -> None:
    (a, _) = explain(seeded_result(grad=False), "corr_rise", masks=60, seed=5)
    masks = patches(SIZE, 60, 5).numpy()
    ranks = rankdata(np.round(answers_one_at_a_time(masks, 0), 6))
    drawn = np.random.default_rng(6).multinomial(60, np.full(60, 1 / 60), RESAMPLES)
    for y, x in ((32, 32), (40, 25)):
        values = []
        for counts in drawn:
            again = np.repeat(np.arange(60), counts)
            values.append(pearsonr(ranks[again], 1.0 - masks[again, y, x]).statistic)
        assert a.error is not None and a.error[y, x] == pytest.approx(np.std(values, ddof=1), rel=5e-3)
    assert a.error is not None and a.error.shape == a.values.shape


def test_more_masks_are_surer() -> None:
    few, many = (explain(planted_result(grad=False), "corr_rise", masks=n)[0] for n in (60, 500))
    assert few.error is not None and many.error is not None
    middle = slice(20, 44), slice(20, 44)
    assert many.error[middle].mean() < 0.6 * few.error[middle].mean()
    assert f"standard error {many.error.mean():.3f}" in many.caption


def test_what_both_share_raises_the_answer_and_what_differs_lowers_it() -> None:
    """The planted square's left half is shared by both faces."""
    (a, _) = explain(planted_result(grad=False), "corr_rise", fill="grey")
    assert inside()[24, 34] and a.values[24, 30:36].mean() > 0.2


def test_a_flat_answer_gives_nothing() -> None:
    ranks, shown = torch.full((4,), 2.5).double(), torch.tensor([[1.0], [0], [1], [0]]).double()
    assert correlation(torch.ones(1, 4).double(), ranks, shown).tolist() == [[0.0]]
    assert correlation(torch.ones(1, 4).double(), torch.tensor([1.0, 0, 1, 0]).double(), shown)[0, 0] == pytest.approx(
        1
    )
    with pytest.raises(ValueError, match="two masks"):
        explain(planted_result(), "corr_rise", masks=1)


def test_maps_grow_from_few_masks_to_all() -> None:
    result = seeded_result(grad=False)
    every = list(explain_step_by_step(result, "corr_rise", masks=150, seed=5))
    assert len(every) == 4  # after 20, 60, 140 and 150
    for count, maps in zip((20, 60, 140, 150), every, strict=True):
        assert f"{count} masks of" in maps[1].caption and maps[1].floor == pytest.approx(count**-0.5)
    for whole, last in zip(explain(result, "corr_rise", masks=150, seed=5), every[-1], strict=True):
        assert np.array_equal(whole.values, last.values) and np.array_equal(whole.error, last.error)


def test_a_method_that_does_not_sample_has_one_step() -> None:
    (only,) = explain_step_by_step(seeded_result(grad=False), "occlusion")
    assert only[0].method == "occlusion"
