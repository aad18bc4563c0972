"""The parts add up to the model's own answer, and every part is where it is said to be."""

from __future__ import annotations

from dataclasses import replace
from pydoc import locate

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from explain import explain
from explain.methods.branches import FUSED, branch_shares, place_maps
from explain.methods.pair_gradients import cosine_at
from explain.registry import default_target, methods_for
from models import create_model, list_models, predict
from models.nets.facor import FaCoR, FaCoRConfig
from models.nets.kin_joined import KinJoined, KinJoinedConfig
from models.nets.svit import FUSIONS, Svit, SvitConfig
from models.pair import Branched, PairModel, Placed
from models.predict import Result
from models.registry import entry
from tests.explain.tiny import Seeded, noise_faces, planted_result, ready, seeded_result

TINY = SvitConfig(input_size=64, depths=(1, 2, 1, 1), dims=(8, 16, 20, 32), heads=(1, 2, 5, 4), embed_dim=12)
BRANCHED = [
    name
    for name in list_models()
    if not name.endswith(".paper") and hasattr(locate(entry(name).cls.replace(":", ".")), "branches")
]


def lively(model: PairModel, seed: int = 0) -> PairModel:
    """Untrained, but every parameter and calibration matters."""
    torch.manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, std=0.3)
    head = model.head if isinstance(model, Svit) else model.logit
    head.slope.fill_(3.0)
    head.offset.fill_(-0.7)
    return ready(model)


def codes(channels: int, side: int, seed: int) -> Tensor:
    return torch.randn(3, channels, side, side, generator=torch.Generator().manual_seed(seed))


def every_model() -> list[tuple[str, PairModel, int, int]]:
    """(id, model, channels and side of its code)."""
    fusions = [(f"svit {f}", lively(Svit(replace(TINY, fusion=f))), 32, 2) for f in FUSIONS]
    return [*fusions, ("facor", lively(FaCoR(FaCoRConfig(width=8))), 64, 7)]


@pytest.mark.parametrize(
    ("name", "model", "channels", "side"), every_model(), ids=lambda v: v if type(v) is str else ""
)
def test_parts_and_places_add_up_to_the_log_odds(name: str, model: Placed, channels: int, side: int) -> None:
    x, y = codes(channels, side, 1), codes(channels, side, 2)
    for one, two in ((x, y), (y, x)):
        with torch.no_grad():
            wanted = model.relate(one, two)
            parts, (places, rest) = model.branches(one, two), model.places(one, two)
        stacked = torch.stack(list(parts.values()))
        size = stacked.abs().sum(0).max()
        assert stacked.shape[0] > 2 and (stacked.abs().amax(1) > 1e-6 * size).all()  # no idle part
        torch.testing.assert_close(stacked.sum(0), wanted, rtol=1e-5, atol=1e-5 * float(size))
        assert places.shape == (3, side, side)
        torch.testing.assert_close(places.sum((1, 2)) + rest, wanted, rtol=1e-5, atol=1e-5 * float(size))


@pytest.mark.parametrize("name", BRANCHED)
def test_shares_of_every_registered_model_are_those_of_the_recorded_answer(name: str) -> None:
    torch.manual_seed(0)
    model = ready(create_model(name))
    result = predict(model, noise_faces(model, 1), noise_faces(model, 2))
    shares = branch_shares(result)
    logit = result.output.logit[0]
    torch.testing.assert_close(torch.from_numpy(shares.orders).sum(1), logit, rtol=1e-4, atol=1e-4)
    assert shares.total == pytest.approx(float(logit.mean()), abs=1e-6)
    torch.testing.assert_close(torch.from_numpy(shares.values).sum(), logit.mean(), rtol=1e-4, atol=1e-4)
    swapped = branch_shares(predict(model, noise_faces(model, 2), noise_faces(model, 1)))
    torch.testing.assert_close(torch.from_numpy(swapped.orders[::-1].copy()), torch.from_numpy(shares.orders))
    assert swapped.totals == pytest.approx(shares.totals[::-1], abs=1e-5)


def test_the_registry_has_models_that_tell_their_parts() -> None:
    assert {"svit", "facor", "kin_joined"} <= set(BRANCHED)


def test_a_model_with_parts_but_no_places_says_so() -> None:
    model = ready(create_model("kin_joined"))
    assert isinstance(model, Branched) and "log_odds_map" not in methods_for(model)
    with pytest.raises(ValueError, match="apart by place"):
        place_maps(predict(model, noise_faces(model, 1), noise_faces(model, 2)))


def test_the_joined_networks_parts_are_its_cosines_and_its_crowds() -> None:
    model = lively(KinJoined(KinJoinedConfig((0.5, 0.3, 0.2), heads=1, crowd_share=0.25)))
    x, y = (torch.nn.functional.normalize(torch.randn(3, sum(model.lengths)), dim=1) for _ in "xy")
    parts = [float(v[1]) for v in model.branches(x, y).values()]
    cosines = [
        3 * float(a[1] @ b[1]) for a, b in zip(x.split(model.lengths, 1), y.split(model.lengths, 1), strict=True)
    ]
    crowds = [-3 * 0.25 * float(model.crowds(v)[1]) for v in (x, y)]
    assert parts == pytest.approx([*cosines, *crowds, -0.7], abs=1e-5)
    torch.testing.assert_close(sum(model.branches(x, y).values()), model.relate(x, y), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("fusion", ["product", "difference"])
def test_a_place_of_the_fused_map_speaks_for_itself(fusion: str) -> None:
    """Hand-set head: what only one place holds comes through that place."""
    model = ready(Svit(replace(TINY, fusion=fusion)))
    for parameter in model.head.parameters():
        parameter.data.zero_()
    model.head.fc1.weight.data[0, 0] = 1.0  # the maximum of channel 0
    model.head.fc1.weight.data[1, 32 + 1] = 4.0  # the mean of channel 1
    model.head.fc2.weight.data[0, :2] = torch.tensor([2.0, -1.0])
    x, y = torch.zeros(1, 32, 2, 2), torch.zeros(1, 32, 2, 2)
    x[0, 0, 0, 1], x[0, 1, 1, 0] = 3.0, 5.0
    y[0, :2] = 1.0 if fusion == "product" else 0.0
    places, rest = model.places(x, y)
    assert places[0].tolist() == [[0.0, 6.0], [-5.0, 0.0]] and rest.tolist() == [0.0]
    parts = model.branches(x, y)
    assert [float(v) for v in parts.values()] == [6.0, -5.0, 0.0]


def test_facors_components_lie_where_the_attention_counts_them() -> None:
    model = lively(FaCoR(FaCoRConfig(width=8)))
    assert isinstance(model, FaCoR)
    x, y = codes(64, 7, 1), codes(64, 7, 2)
    with torch.no_grad():
        relation = model.fuse(x, y)
        by_place = model.components.by_place(x, relation.attention)
        pooled = model.components.pooled(model.components.value_x, F.normalize(x, dim=1), relation.attention)
    torch.testing.assert_close(by_place.sum(2), pooled, rtol=1e-5, atol=1e-5)
    parts, (places, _) = model.branches(x, y), model.places(x, y)
    wanted = sum(v for k, v in parts.items() if k.startswith("components"))
    torch.testing.assert_close(places.sum((1, 2)), wanted, rtol=1e-5, atol=1e-5)


def test_parts_that_do_not_add_up_are_refused() -> None:
    result = seeded_result(grad=False)
    other = replace(result.output, logit=result.output.logit + 0.1)
    false = Result(result.model, result.faces, other, result.evidence)
    with pytest.raises(ValueError, match="do not add up"):
        branch_shares(false)
    with pytest.raises(ValueError, match="the answer is"):
        explain(false, "log_odds_map")


def test_a_model_without_parts_says_so() -> None:
    model = ready(create_model("dlib_resnet"))
    with pytest.raises(ValueError, match="cannot take its answer apart"):
        branch_shares(predict(model, noise_faces(model), noise_faces(model, 1)))


def test_maps_are_of_both_orders() -> None:
    result = seeded_result(grad=False)
    model, code = ready(Seeded()), result.evidence["code.features"]
    for i, heatmap in enumerate(explain(result, "log_odds_map")):
        places, _ = model.places(code[i : i + 1], code[1 - i : 2 - i])
        torch.testing.assert_close(torch.from_numpy(heatmap.values), places[0], rtol=1e-4, atol=1e-6)
        assert "Without a place" in heatmap.caption and FUSED not in heatmap.caption


def test_a_caption_says_where_both_maps_are_the_same() -> None:
    """A product of both faces' maps is the same in either order."""
    model = ready(Svit(replace(TINY, fusion="product")))
    first, second = explain(predict(model, noise_faces(model, 1), noise_faces(model, 2)), "log_odds_map")
    np.testing.assert_allclose(first.values, second.values, atol=1e-5)
    assert FUSED in first.caption and FUSED in second.caption


def test_the_planted_pairs_parts() -> None:
    shares = branch_shares(planted_result(grad=False))
    assert shares.names == ("part 0", "part 1", "part 2", "offset")
    assert shares.orders[0, 0] > 0.2 and shares.values[3] == 0  # red is what they share


def test_a_fused_pair_is_explained_by_its_log_odds() -> None:
    """Its similarity is another answer, of search: a map of it would not be of the score."""
    for name, own in (("svit", "logit"), ("facor", "logit"), ("siamese_ir", "similarity"), ("dlib_kin", "similarity")):
        model = create_model(name).eval()
        result = predict(model, noise_faces(model, 1), noise_faces(model, 2))
        assert default_target(result, "grad_cam") == default_target(result, "occlusion") == own
        assert default_target(result, "fggb") == "similarity" and default_target(result, "eigen_cam") is None
    model = lively(FaCoR(FaCoRConfig(width=8)))
    result = predict(model, noise_faces(model, 1), noise_faces(model, 2), grad=True)
    default, logit, similarity = (
        explain(result, "hires_cam", target=target)[0] for target in (None, "logit", "similarity")
    )
    assert "logit" in default.unit and (default.values == logit.values).all()
    assert not np.allclose(logit.values, similarity.values)
    assert cosine_at(model, 0.3) is None  # no cosine of the embeddings stands for a score
