"""What holds for every explainer. A new row in the table is covered at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch.nn.functional import max_pool2d

from explain import EXPLAINERS, explain, layers_for, methods_for
from explain.core import render
from explain.core.findings import Heatmap
from models import Face, create_model, detect_faces, load_model, open_photo, predict
from models.faces.regions import face_parts
from models.pair import PairModel
from models.predict import Result
from tests.explain.tiny import (
    SIZE,
    Planted,
    Seeded,
    inside,
    noise_faces,
    planted_faces,
    planted_result,
    ready,
    seeded_result,
)

RECTIFIED = [label for label, row in EXPLAINERS.items() if "rectified" in row.needs]
"""Methods that the small networks' attention is nothing for: methods/test_ebp.py has a network for them."""
ALL = [label for label in EXPLAINERS if label not in RECTIFIED]
MANY_ANSWERS = ("part_shapley", "corr_rise", "fame")
"""Methods that ask a network hundreds of times; they are tried on the small ones."""
SCALE_FREE = ("corr_rise", "fame")
"""Methods whose map is the same for any rising function of the answer."""


def state(model: PairModel) -> dict[str, Any]:
    """Everything an explainer might leave behind on a model."""
    kinds = [k for k in vars(torch.nn.Module()) if k.endswith("_hooks")]
    return {
        "hooks": [(name, kind, len(getattr(m, kind))) for name, m in model.named_modules() for kind in kinds],
        "training": [m.training for m in model.modules()],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "grad": [p.grad is None for p in model.parameters()],
        "tensors": [(k, v.numpy().tobytes()) for k, v in model.state_dict().items()],
    }


def test_the_table_is_well_formed() -> None:
    for label, row in EXPLAINERS.items():
        assert label == row.label
        assert row.title and row.reads
        assert len(row.caption) > 60  # what it is, and what it does not show


def found_by(method: str, result: Result) -> np.ndarray:
    """The planted square as finely as a method can find it: to whole parts of the face, or to a third of a patch."""
    square = inside()
    if method in ("corr_rise", "occlusion"):
        return max_pool2d(square[None].float(), 9, stride=1, padding=4)[0].numpy() > 0
    if method == "part_shapley":
        parts = face_parts(result.faces[0].keypoints[0].numpy(), SIZE).values()
        return np.any([part for part in parts if (part & square.numpy()).any()], axis=0)
    return square.numpy()


@pytest.mark.parametrize("method", ALL)
def test_a_planted_square_is_found(method: str) -> None:
    """The similarity depends on nothing else: the peak lies in it and the values stand out there."""
    result = planted_result()
    square = found_by(method, result)
    for heatmap in explain(result, method):
        values = np.abs(heatmap.resized(SIZE, SIZE))
        assert square[np.unravel_index(values.argmax(), values.shape)]
        assert values[square].mean() > (2 if method == "corr_rise" else 5) * values[~square].mean()  # wide patches


@pytest.mark.parametrize("method", ALL)
def test_a_model_that_sees_nothing_gives_a_flat_picture(method: str) -> None:
    model = ready(Planted())
    model.place.zero_()
    maps = explain(predict(model, *planted_faces(model), grad=True), method)
    crop, limit = np.full((SIZE, SIZE, 3), 120, np.uint8), render.shared_limit(maps)
    for heatmap in maps:
        assert render.overlay(crop, heatmap, opacity=0.7, limit=limit).std((0, 1)).max() < 0.5


@pytest.mark.parametrize("method", ALL)
def test_maps_are_told_apart_and_described(method: str) -> None:
    row = EXPLAINERS[method]
    a, b = explain(seeded_result(), method)
    assert (a.face, b.face) == (0, 1)
    for heatmap in (a, b):
        assert heatmap.method == method
        assert heatmap.signed == row.signed
        assert heatmap.unit and heatmap.caption.startswith(row.caption)
    assert not np.array_equal(a.values, b.values)


@pytest.mark.parametrize("method", ALL)
def test_faces_swap_with_their_maps(method: str) -> None:
    model = ready(Seeded())
    one, two = noise_faces(model, 1), noise_faces(model, 2)
    a, b = explain(predict(model, one, two, grad=True), method)
    b2, a2 = explain(predict(model, two, one, grad=True), method)
    np.testing.assert_allclose(a.values, a2.values, atol=1e-4 * float(np.abs(a.values).max()))
    np.testing.assert_allclose(b.values, b2.values, atol=1e-4 * float(np.abs(b.values).max()))


@pytest.mark.parametrize("method", ALL)
def test_other_weights_give_another_map(method: str) -> None:
    """Adebayo et al., "Sanity checks for saliency maps": a map that survives random weights explains nothing."""
    maps = explain(seeded_result(0), method)
    assert rank_correlation(maps, explain(seeded_result(0), method)) > 0.99
    other = [rank_correlation(maps, explain(seeded_result(seed), method)) for seed in (1, 2, 3, 4)]
    assert np.mean(np.abs(other)) < 0.6  # smooth maps of one crop share its borders; a map of the crop alone gives 1


def rank_correlation(maps: Sequence[Heatmap], others: Sequence[Heatmap]) -> float:
    pairs = zip(maps, others, strict=True)
    return float(np.mean([spearmanr(x.values.ravel(), y.values.ravel()).statistic for x, y in pairs]))


@pytest.mark.parametrize("method", ALL)
def test_the_model_is_left_as_it_was(method: str) -> None:
    result = seeded_result()
    before, evidence = state(result.model), {k: v.detach().clone() for k, v in result.evidence.items()}
    first = explain(result, method)
    again = explain(result, method)  # the graph is still there
    assert np.array_equal(first[0].values, again[0].values)
    assert state(result.model) == before
    assert all(torch.equal(evidence[k], v) for k, v in result.evidence.items())
    assert result.faces[0].image.grad is None


@pytest.mark.parametrize("method", ALL)
def test_the_model_is_left_as_it_was_after_an_exception(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = seeded_result()
    before = state(result.model)

    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("broken on purpose")

    for path in (
        *(f"pytorch_grad_cam.{c}.get_cam_image" for c in ("LayerCAM", "HiResCAM", "EigenCAM")),
        *(f"pytorch_grad_cam.{c}.get_cam_weights" for c in ("GradCAM", "GradCAMPlusPlus", "XGradCAM")),
    ):
        monkeypatch.setattr(path, broken)
    for name in ("compare", "places"):
        monkeypatch.setattr(result.model, name, broken)
    for module in (
        "methods.pair_gradients.sensitivity",
        "methods.xssab.sensitivities",
        "core.findings.AttentionMaps.received",
        "core.findings.Links.received",
    ):
        monkeypatch.setattr(f"explain.{module}", broken)
    with pytest.raises(RuntimeError, match="on purpose"):
        explain(result, method)
    monkeypatch.undo()
    assert state(result.model) == before


@pytest.mark.parametrize("method", ALL)
@pytest.mark.usefixtures("three_parts")
def test_eight_threads_explain_on_one_model(method: str) -> None:
    model, few = ready(Seeded()), {"corr_rise": {"masks": 50}, "fame": {"steps": 10}}.get(method, {})

    def run(seed: int) -> np.ndarray:
        result = predict(model, noise_faces(model, seed), noise_faces(model, seed + 100), grad=True)
        return explain(result, method, **few)[0].values

    alone = [run(seed) for seed in range(2)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(run, [0, 1] * 4))
    for x, y in zip(alone * 4, together, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-4 * float(np.abs(x).max()))


@pytest.mark.parametrize("method", [m for m in ALL if EXPLAINERS[m].grad])
def test_a_result_without_a_graph_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="grad=True"):
        explain(seeded_result(grad=False), method)


@pytest.mark.parametrize("method", [m for m in ALL if not EXPLAINERS[m].grad])
def test_a_result_without_a_graph_is_enough(method: str) -> None:
    with_graph, without = explain(seeded_result(), method), explain(seeded_result(grad=False), method)
    np.testing.assert_allclose(with_graph[0].values, without[0].values, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", [m for m in ALL if EXPLAINERS[m].layers])
def test_a_layer_can_be_chosen(method: str) -> None:
    result = seeded_result()
    layers = layers_for(result.model, method)
    maps = [explain(result, method, layer=layer)[0] for layer in layers]
    if EXPLAINERS[method].layers == "features":
        assert layers == ["code.features", "shallow.features", "deep.features"]
        assert [m.values.shape for m in maps] == [(8, 8), (16, 16), (8, 8)]
    assert all(layer in m.caption for layer, m in zip(layers, maps, strict=True))
    with pytest.raises(ValueError, match="no layer 'nose'"):
        explain(result, method, layer="nose")


@pytest.mark.parametrize("method", [m for m in ALL if {"similarity", "logit"} <= set(EXPLAINERS[m].targets)])
def test_the_logit_can_be_explained(method: str) -> None:
    """Log-odds of slope three are three times the cosine: the same map, three times as strong (or as strong)."""
    result = seeded_result()
    similarity = explain(result, method)[0].values
    steep = ready(Seeded())
    steep.logit.slope.fill_(3.0)
    logit = explain(predict(steep, result.faces[0], result.faces[1], grad=True), method, target="logit")[0]
    assert "logit" in logit.unit
    if method != "grad_cam_plus_plus":  # its weights depend on the scale of the answer
        atol = 1e-3 * float(np.abs(similarity).max())
        times = 1 if method in SCALE_FREE else 3
        np.testing.assert_allclose(logit.values, times * similarity, rtol=2e-3, atol=atol)


def test_unknown_requests_are_refused_by_name() -> None:
    result = seeded_result()
    with pytest.raises(ValueError, match="no method 'magic'; there are: grad_cam"):
        explain(result, "magic")
    with pytest.raises(ValueError, match="cannot explain 'happiness'; there are: similarity, logit, score"):
        explain(result, "grad_cam", target="happiness")
    with pytest.raises(ValueError, match="cannot explain 'logit'"):
        explain(result, "fggb", target="logit")
    with pytest.raises(ValueError, match="no option patch"):
        explain(result, "grad_cam", patch=3)
    with pytest.raises(ValueError, match="no layer"):
        explain(result, "occlusion", layer="deep.features")


def test_methods_are_offered_only_where_the_model_has_the_evidence() -> None:
    model = create_model("dlib_resnet")
    assert "attention" not in methods_for(model)
    assert {"grad_cam", "fggb", "occlusion"} <= set(methods_for(model))
    with pytest.raises(ValueError, match="no method 'attention'"):
        explain(predict(model.eval(), noise_faces(model), noise_faces(model, 1)), "attention")


def test_the_small_models_give_evidence_for_every_explainer() -> None:
    """Else a new explainer would go untested: give tiny.py a tap of its kind."""
    assert methods_for(Planted()) == methods_for(Seeded()) == ALL
    assert RECTIFIED == ["ebp", "contrastive_ebp", "truncated_ebp", "subtree_ebp", "dise"]


def test_the_planted_pair_depends_on_the_square_alone() -> None:
    model = ready(Planted())
    a, b = planted_faces(model)
    before = predict(model, a, b).similarity
    a.image[:, :, ~inside()] = 0.3
    assert predict(model, a, b).similarity == pytest.approx(before, abs=1e-5)
    a.image[:, :, inside()] = 0.3
    assert predict(model, a, b).similarity < 0.1 < before


@pytest.fixture(scope="module")
def portraits(photos: Path) -> list[Face]:
    return [detect_faces(open_photo(photos / name))[0] for name in ("obama.jpg", "obama2.jpg")]


@pytest.mark.parametrize("method", [m for m in methods_for(create_model("dlib_resnet")) if m not in MANY_ANSWERS])
def test_the_reference_encoder_is_explained_by_its_weights(method: str, portraits: list[Face]) -> None:
    """Real weights on real faces: a map of each, and another one once the weights are random."""
    options = {"stride": 25} if method == "occlusion" else {}
    torch.manual_seed(0)
    maps = []
    for model in (load_model("dlib_resnet"), ready(create_model("dlib_resnet"))):
        maps.append(explain(predict(model, *portraits, grad=EXPLAINERS[method].grad), method, **options))
    assert max(heatmap.values.std() for heatmap in maps[0]) > 0
    correlations = [spearmanr(x.values.ravel(), y.values.ravel()).statistic for x, y in zip(*maps, strict=True)]
    assert np.mean(np.abs(np.nan_to_num(correlations))) < 0.75  # nan: one of them is flat
