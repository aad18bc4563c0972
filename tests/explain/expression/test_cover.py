"""What is put on a face, and what each region is worth to every class."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain.core.fill import filled
from explain.expression.cover import COVERS, cover_words, covered
from explain.expression.regions import RegionShares, read, region_sentences, region_shares
from models import Face, predict
from models.expressions import EXPRESSIONS
from models.faces.occluders import occlude
from models.faces.regions import REGIONS, region_masks
from models.nets.expression import Expression


def test_a_region_is_blurred_and_nothing_else(model: Expression, face: Face) -> None:
    bare, hidden = face.aligned(model.spec), covered(face, model.spec, ("mouth", "eyes"))
    regions = region_masks(bare.keypoints[0].numpy(), model.spec.size)
    where = torch.from_numpy(regions["mouth"] | regions["eyes"])
    assert torch.equal(hidden.image[0, :, ~where], bare.image[0, :, ~where])
    torch.testing.assert_close(hidden.image[0, :, where], filled(bare.image, "blur")[0, :, where])
    assert not torch.equal(hidden.image, bare.image) and torch.equal(hidden.keypoints, bare.keypoints)
    assert torch.equal(covered(face, model.spec, ()).image, bare.image)


def test_a_mask_is_drawn_on_the_photo(model: Expression, face: Face) -> None:
    worn = Face(occlude(face.photo, face.keypoints, "surgical", 5).image, face.keypoints, face.box, face.confidence)
    assert torch.equal(covered(face, model.spec, ("mask",), seed=5).image, worn.aligned(model.spec).image)
    assert not torch.equal(covered(face, model.spec, ("mask",), 5).image, covered(face, model.spec, ("mask",), 6).image)
    with pytest.raises(ValueError, match="no cover 'hat'; there are: eyes, nose"):
        covered(face, model.spec, ("hat",))


def test_covers_in_words() -> None:
    assert cover_words(("mouth", "eyes")) == "the eyes and the mouth" and cover_words(()) == "nothing"
    assert len({cover_words((name,)) for name in COVERS}) == len(COVERS)


def test_regions_are_what_a_direct_call_with_covered_pixels_says(model: Expression, face: Face) -> None:
    result = predict(model, face)
    found = region_shares(result)
    assert found.regions == REGIONS and found.shares.sum(1) == pytest.approx(np.ones(len(REGIONS)), abs=1e-5)
    for name in ("eyes", "nose", "mouth"):
        direct = predict(model, covered(face, model.spec, (name,)))
        row = found.shares[REGIONS.index(name)]
        assert row.tolist() == pytest.approx(list(direct.probabilities.values()), abs=1e-5)
    assert found.whole.tolist() == pytest.approx(list(result.probabilities.values()), abs=1e-6)
    drops = found.drops("happiness")
    happy = EXPRESSIONS.index("happiness")
    np.testing.assert_allclose(drops.drop, found.whole[happy] - found.shares[:, happy], atol=1e-6)


def shares(**found: float) -> np.ndarray:
    return np.array([found.get(name, 0.0) for name in EXPRESSIONS], np.float32)


def test_a_paragraph_of_measured_numbers() -> None:
    whole = shares(happiness=0.8, neutral=0.2)
    rows = [whole] * 2 + [shares(happiness=0.3, neutral=0.7), *[whole] * 2]
    found = RegionShares(REGIONS, np.stack(rows), whole, "blur")
    assert region_sentences(found, "happiness") == (
        "The share of happiness is 80 % with nothing covered. Covering the mouth makes it 30 %. Less than one "
        "percentage point either way: the eyes, the nose, the forehead and the jaw. Without the mouth neutral would "
        "lead with 70 %."
    )
    assert "The share of neutral among neutral and happiness is 20 %" in region_sentences(found, "neutral - happiness")


def test_a_difference_is_read_as_the_share_among_both() -> None:
    both = shares(fear=0.3, anger=0.1, neutral=0.6)[None]
    assert read(both, "fear - anger").tolist() == pytest.approx([0.75])
    assert read(both, "fear").tolist() == pytest.approx([0.3])
    with pytest.raises(ValueError, match="no class 'joy'"):
        read(both, "joy")
