"""PartialLFW end to end on photos that may be shown to anybody, and its arithmetic by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models import create_model
from models.faces.align import PARTIAL_160
from models.faces.partial_crops import FACTORS, LANDMARKS, WHOLE, Benchmark, benchmarks, box_around, crop_part
from models.nets.partial_face import PartialAverage, PartialAverageConfig, PartialFace, PartialFaceConfig
from models.pair import PairModel
from models.weights import OperatingPoints
from tests.training.families import sidecar
from training.data.crops import Crops
from training.data.sets import Pair
from training.evaluate.__main__ import main
from training.evaluate.part_codes import Embedder, as_input
from training.evaluate.partial import (
    Figures,
    by_area,
    columns,
    evenly,
    figures_of,
    mean_figures,
    run_all,
)
from training.evaluate.precision import EXACT, TOLERANCE
from training.evaluate.published import LAYOUTS
from training.evaluate.setup import Setup
from training.tools.calibration import Calibration
from training.tools.checkpoint import Facts, export

NAMES = ("obama", "obama2", "obama3", "biden")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path_factory.getbasetemp() / "partial-cache"))


@pytest.fixture(scope="module")
def tree(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, two folds."""
    root = tmp_path_factory.mktemp("data")
    files = {"Barack_Obama": ("obama", "obama2"), "Joe_Biden": ("biden", "biden")}
    for person, pictures in files.items():
        for number, picture in enumerate(pictures, 1):
            shown = Image.open(photos / f"{picture}.jpg").convert("RGB")
            shown.thumbnail((200 + 20 * number, 240))
            target = root / "lfw" / "images" / person / f"{person}_{number:04d}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            shown.save(target)
    o, b = files
    (root / "lfw" / "pairs.txt").write_text("\n".join(["2 1", f"{o} 1 2", f"{o} 1 {b} 1", f"{b} 1 2", f"{b} 2 {o} 2"]))
    return root


@pytest.fixture(scope="module")
def crops(photos: Path) -> Crops:
    """Four portraits cut to the template's size: pixels with the statistics of photos."""
    faces = [Image.open(photos / f"{n}.jpg").convert("RGB").resize((160, 160)) for n in NAMES[:2] + NAMES[3:]]
    image = np.stack([np.asarray(f) for f in faces])
    return Crops(("a", "b", "c"), image, np.zeros((3, 5, 2), np.float32), np.ones(3, bool))


def attention() -> PairModel:
    torch.manual_seed(0)
    return PartialFace(PartialFaceConfig(8, (1, 1, 1), 16, parts=4)).eval().requires_grad_(False)


def average() -> PairModel:
    torch.manual_seed(0)
    return PartialAverage(PartialAverageConfig(8, (1, 1, 1), 16)).eval().requires_grad_(False)


def write_weight(folder: Path) -> None:
    """An untrained network in a folder of the test's own."""
    points = OperatingPoints([0.0, 1.0], [1.0, 0.0], [1.0, 0.0], "nothing: an untrained weight")
    model = attention()
    model.name = "partial_face"
    facts = Facts("none: UNTRAINED", [], Calibration(0.5, "none", points), config=config())
    export(model, "untrained_parts", facts, folder=folder)


def config() -> dict:
    return {"width": 8, "depths": (1, 1, 1), "dim": 16, "parts": 4, "trunk": "bottleneck"}


def test_all_seven_columns_with_plot_and_maps(tree: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    write_weight(tmp_path)
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    out = tmp_path / "r.json"
    call = ["partial_lfw", "--model", "untrained_parts", "--data", str(tree), "--json", str(out)]
    main([*call, "--factors", "0.1", "0.5", "--maps"])
    report, screen = json.loads(out.read_text()), capsys.readouterr().out
    assert list(report["breakdown"]) == list(columns()) == list(LAYOUTS["partial_lfw"].columns)
    counts = {name: (row["runs"], row["pairs"]) for name, row in report["breakdown"].items()}
    assert counts["holistic"] == (1, 4) and counts["partial-same"] == (6, 24)
    assert counts["partial-holistic, centred"] == (6, 48) and counts["partial-cross"] == (8, 64)
    partial = [row["accuracy"] for name, row in report["breakdown"].items() if name != "holistic"]
    assert report["accuracy"] == pytest.approx(np.mean(partial)) and len(report["accuracy_ci95"]) == 2
    assert "factors 0.1, 0.5 (7 of the protocol's nine left out)" in report["protocol"]
    assert "all 4 pairs" in report["protocol"] and "own, black beyond" not in report["protocol"]
    assert "attention (published)" in screen and "0.949" in screen
    assert [(r["column"], r["factor"]) for r in report["by_area"]][:3] == [
        ("partial-holistic", 0.1),
        ("partial-holistic", 0.5),
        ("partial-same", 0.1),
    ]
    assert 0 < report["maps"]["overlap"] <= 1 and report["maps"]["faces"] == 4
    assert (tmp_path / "r.png").stat().st_size > 10_000


def test_wrong_options_end_before_anything_is_computed(tree: Path, tmp_path: Path) -> None:
    call = ["partial_lfw", "--model", "dlib_resnet", "--data", str(tree)]
    for more, message in (
        (["--factors", "0.11"], "--factors takes some of 0.1 0.15"),
        (["--maps"], "part maps"),
        (["--limit", "3"], "--limit takes a multiple of 4"),
    ):
        with pytest.raises(SystemExit, match=message):
            main([*call, *more])


def test_a_run_is_evaluated_with_the_config_it_was_trained_with(tree: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(attention().state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "model.json").write_text(json.dumps({"config": json.dumps(config())}))
    out = tmp_path / "out.json"
    call = ["partial_lfw", "--model", "partial_face", "--state", str(tmp_path / "model.safetensors")]
    call += ["--data", str(tree), "--factors", "0.1", "--json", str(out)]
    main(call)
    report = json.loads(out.read_text())
    assert report["model"] == "partial_face" and "cosine of the embeddings" in report["protocol"]
    (tmp_path / "model.json").unlink()
    with pytest.raises(SystemExit, match="cannot be used as partial_face"):
        main(call)


def test_another_template_sees_the_cropped_face_in_its_own_frame(crops: Crops) -> None:
    faces = crop_part(np.asarray(crops.image), "left eye", 0.1)
    own = as_input(average(), faces)
    assert own.image.shape == (3, 3, 160, 160) and float(own.keypoints[0, 0, 0]) == pytest.approx(52.44 / 160)
    model = average()
    model.spec = PARTIAL_160.resized(80)
    half = as_input(model, faces)
    assert half.image.shape == (3, 3, 80, 80)
    eye = half.image[:, :, 22:40, 14:36]  # well inside the box of the left eye
    reduced = own.image.unflatten(2, (80, 2)).unflatten(4, (80, 2)).mean((3, 5))
    seen = torch.stack([eye, reduced[:, :, 22:40, 14:36]]).flatten(1)
    assert torch.corrcoef(seen)[0, 1] > 0.98
    assert (half.image[:, :, 50:, 50:] - 128 / 255).abs().max() < 0.01


@pytest.mark.parametrize("name", ["partial_face", "partial_average"])
def test_fast_inference_keeps_the_cosines_at_the_demo_size(crops: Crops, name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name).eval().requires_grad_(False)
    faces = np.concatenate([crop_part(np.asarray(crops.image), part, 0.2) for part in LANDMARKS])
    image = torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        exact = model.embedding(model.encode(image.contiguous(), torch.zeros(12, 5, 2)))
    embedder = Embedder(model, crops)
    fast = model.embedding(embedder.codes(faces))
    assert embedder.precision.half and embedder.precision.words.startswith("bf16")
    assert (exact @ exact.T - fast @ fast.T).abs().max() < TOLERANCE


def test_bf16_is_not_used_where_it_changes_too_much(crops: Crops, monkeypatch) -> None:
    monkeypatch.setattr("training.evaluate.precision.TOLERANCE", 0.0)
    embedder = Embedder(average(), crops)
    assert embedder.precision == EXACT


def test_pairs_are_left_out_evenly() -> None:
    pairs = [Pair(f"{i}", "x", i % 20 < 10, "", i // 20) for i in range(200)]
    chosen = evenly(pairs, 60)
    assert [(p.fold, p.same) for p in chosen] == [(k, s) for k in range(10) for s in (True,) * 3 + (False,) * 3]
    assert [int(p.a) for p in chosen[:3]] == [0, 4, 9] and evenly(pairs, 0) == pairs
    for count in (30, 220):
        with pytest.raises(ValueError, match="multiple of 20"):
            evenly(pairs, count)


def numbers(count: int = 8) -> tuple[list[Pair], np.ndarray]:
    sides = np.random.default_rng(0).integers(0, 6, (count, 2))
    return [Pair("", "", i % 2 == 0, "", i // (count // 2)) for i in range(count)], sides


def test_each_side_gets_its_part_and_unlike_parts_go_both_ways() -> None:
    """Codes that name face and part: the cosines that come out are those of the right codes."""
    rng = np.random.default_rng(1)
    codes = {part: torch.from_numpy(rng.normal(size=(6, 16))).float() for part in ("nose", "mouth", WHOLE)}
    pairs, sides = numbers()
    setup = Setup(average(), replace(sidecar().with_rule(threshold=0.6), task="verification"))
    seen: list[np.ndarray] = []

    class Spy(PartialAverage):
        def compare(self, x, y):
            output = super().compare(x, y)
            seen.append(output.similarity.numpy())
            return output

    setup = replace(setup, network=Spy(PartialAverageConfig(8, (1, 1, 1), 16)))
    cosine = torch.nn.functional.cosine_similarity
    for first, second in (("nose", "mouth"), (WHOLE, "nose"), ("mouth", "mouth")):
        found = figures_of(setup, Benchmark("x", first, second, 0.1), codes, sides, pairs)
        want = []
        for a, b in sides:
            want.append(cosine(codes[first][a], codes[second][b], dim=0))
            if first != second:
                want.append(cosine(codes[first][b], codes[second][a], dim=0))
        np.testing.assert_allclose(seen.pop(), torch.stack(want).numpy(), atol=1e-6)
        assert found.pairs == len(want) and found.per_fold.shape == (2,)


def test_every_needed_face_is_embedded_once(crops: Crops) -> None:
    asked: list[tuple] = []

    class Counting(Embedder):
        def part(self, rows, part, factor, centred):
            asked.append((part, factor, centred, len(rows)))
            return torch.from_numpy(np.random.default_rng(len(asked)).normal(size=(len(rows), 16))).float()

    pairs = [Pair("a", "b", True, "", 0), Pair("a", "c", False, "", 0), Pair("a", "b", True, "", 1)]
    pairs.append(Pair("b", "c", False, "", 1))
    setup = Setup(average(), replace(sidecar(), task="verification"), factors=(0.1, 0.3))
    found = run_all(setup, Counting(setup.model, crops), pairs)
    assert len(found) == 1 + 2 * 2 * (3 + 3 + 4)
    assert len(asked) == len(set(asked)) == 1 + 4 * 2 * 2 and all(n == 3 for *_, n in asked)


def test_means_are_plain_and_intervals_are_over_folds() -> None:
    first = Figures(100, np.array([0.8, 0.9]), 0.8, {"0.1": 0.8, "0.01": 0.2}, 0.5)
    mean = mean_figures([first, Figures(100, np.array([0.6, 0.9]), 0.6, {"0.1": 0.6}, 0.5)])
    assert mean["accuracy"] == pytest.approx(0.8) and mean["auc"] == pytest.approx(0.7)
    assert mean["tar"] == {"0.1": pytest.approx(0.7)} and mean["pairs"] == 200
    low, high = mean["accuracy_ci95"]  # folds .7 and .9: t(1) = 12.706, standard error .1
    assert (low, high) == (pytest.approx(0.8 - 1.2706, abs=1e-3), pytest.approx(0.8 + 1.2706, abs=1e-3))


def test_visible_area_is_that_of_the_partial_faces() -> None:
    runs = [run for place in columns().values() for run in benchmarks(*place)]
    found = {run: Figures(10, np.array([run.factor, 1 - run.factor / 2]), 0.5, {}, 0.5) for run in runs}
    rows = {(r["column"], r["factor"]): r for r in by_area(found)}
    assert len(rows) == 6 * len(FACTORS)
    area = {part: box_around(at, 0.5).visible() for part, at in LANDMARKS.items()}
    want = pytest.approx(np.mean([area["left eye"], area["nose"], area["mouth"]]))
    assert rows["partial-holistic", 0.5]["visible"] == want and rows["partial-same, centred", 0.5]["visible"] == want
    assert rows["partial-cross", 0.5]["accuracy"] == pytest.approx(0.625)


def test_the_published_columns_are_those_of_the_paper() -> None:
    rows = LAYOUTS["partial_lfw"].published
    assert rows["attention"]["partial-cross, centred"] == 0.9387 and rows["ResNet-50"]["holistic"] == 0.9960
    assert all(len(values) == 7 for values in rows.values())
