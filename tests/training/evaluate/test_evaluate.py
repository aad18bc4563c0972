"""The evaluation commands end to end on photos that may be shown to anybody."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models import FaceBatch, detect_faces, load_model, open_photo, predict, read_sidecar
from training.data.crops import Crops
from training.data.sets import Pair, data_root, fiw_val_pairs
from training.evaluate.__main__ import main
from training.evaluate.metrics import accuracy, auc
from training.evaluate.published import LAYOUTS, beside, published
from training.evaluate.report import by_relation, figures, table
from training.evaluate.scoring import (
    Scored,
    encode,
    encode_crops,
    encode_photos,
    score_pairs,
    with_mirror,
)
from training.evaluate.tasks import TASKS

PAIRS = [
    ("obama.jpg", "obama2.jpg", "self", 1),
    ("obama2.jpg", "small/obama.png", "self", 1),
    ("obama.jpg", "biden.jpg", "stranger", 0),
    ("small/obama.png", "biden.jpg", "stranger", 0),
    ("biden.jpg", "blank.png", "stranger", 0),
]


@pytest.fixture(scope="module")
def album(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Portraits of several sizes, one rotated by its EXIF tag, one without a face; and list.csv."""
    folder = tmp_path_factory.mktemp("album")
    (folder / "small").mkdir()
    for name in ("obama", "obama2"):
        Image.open(photos / f"{name}.jpg").save(folder / f"{name}.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(photos / "biden.jpg").transpose(Image.Transpose.ROTATE_90).save(folder / "biden.jpg", exif=exif)
    small = Image.open(photos / "obama.jpg")
    small.resize((small.width // 2, small.height // 2)).save(folder / "small" / "obama.png")
    Image.new("RGB", (200, 180), "grey").save(folder / "blank.png")
    write_list(folder / "list.csv", PAIRS)
    return folder


def write_list(path: Path, rows: list[tuple[str, str, str, int]], relation: bool = True, label: str = "kin") -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_a", "image_b", *(["relation"] if relation else []), label])
        writer.writerows([a, b, *([r] if relation else []), k] for a, b, r, k in rows)


def run(album: Path, model: str, *more: str, listed: str = "list.csv") -> dict:
    out = album / f"{model}.json"
    main(["pairs", "--model", model, "--pairs", str(album / listed), "--images", str(album), "--json", str(out), *more])
    return json.loads(out.read_text())


@pytest.mark.parametrize("model", ["dlib_resnet", "dlib_kin"])
def test_pairs_of_raw_photos(album: Path, model: str, capsys: pytest.CaptureFixture[str]):
    report = run(album, model)
    sidecar = read_sidecar(model)
    assert (report["model"], report["weight_sha256"]) == (model, sidecar.sha256)
    assert report["threshold"] == sidecar.rule.threshold and report["protocol"]
    assert (report["pairs"], report["images"]) == (5, 5)
    assert (report["undetected"], report["undetected_images"]) == (1, ["blank.png"])
    assert set(report["breakdown"]) == {"self", "stranger"} and report["breakdown"]["self"]["pairs"] == 2
    assert {"accuracy", "accuracy_ci95", "auc", "tar", "best_accuracy"} <= report.keys()
    assert "self" in capsys.readouterr().out
    if model == "dlib_resnet":
        assert report["accuracy"] == report["auc"] == 1.0


@pytest.mark.parametrize("name", ["dlib_resnet", "dlib_kin"])
def test_the_score_is_the_one_of_predict(album: Path, name: str):
    model, names = load_model(name, "cpu"), ["obama.jpg", "biden.jpg"]
    codes, missed = encode_photos(model, album, names)
    scored = score_pairs(model, codes, [Pair(*names, False)])
    result = predict(model, *(detect_faces(open_photo(album / n))[0] for n in names))
    assert missed == []
    assert scored.score[0] == pytest.approx(result.score, abs=1e-5)
    assert scored.similarity[0] == pytest.approx(result.similarity, abs=1e-6)


def test_the_relation_column_is_optional_and_the_label_may_be_called_same(album: Path):
    write_list(album / "same.csv", PAIRS, relation=False, label="same")
    report = run(album, "dlib_resnet", listed="same.csv")
    assert report["breakdown"] == {} and report["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("nobody.jpg", "obama.jpg", "x", 1), r"row 2: there is no photo nobody\.jpg"),
        (("list.csv", "obama.jpg", "x", 1), "not an image"),
    ],
)
def test_bad_lists_end_with_a_sentence(album: Path, row: tuple, message: str):
    write_list(album / "bad.csv", [row, *PAIRS])
    with pytest.raises(SystemExit, match=message):
        run(album, "dlib_resnet", listed="bad.csv")


def test_unknown_models_and_missing_options_end_with_a_sentence(album: Path, tmp_path: Path):
    with pytest.raises(SystemExit, match="untrained"):
        run(album, "nothing")
    with pytest.raises(SystemExit, match="--pairs"):
        main(["pairs", "--model", "dlib_resnet"])
    with pytest.raises(SystemExit, match="KINSIGHT_DATA"):
        main(["lfw", "--model", "dlib_resnet", "--data", str(tmp_path / "none")])


class Centroid(torch.nn.Module):
    """Not a face network: codes that are easy to follow."""

    def __init__(self, maps: bool) -> None:
        super().__init__()
        self.maps, self.anchor = maps, torch.nn.Parameter(torch.zeros(1))

    def encode(self, image: torch.Tensor, keypoints: torch.Tensor) -> torch.Tensor:
        return image if self.maps else keypoints.flatten(1)


def test_the_mirror_view_is_averaged_in_and_maps_are_turned_back():
    image = torch.rand(2, 3, 4, 6)
    points = torch.tensor([[0.3, 0.4], [0.8, 0.4], [0.5, 0.6], [0.3, 0.8], [0.7, 0.8]]).expand(2, -1, -1)
    faces = FaceBatch(image, points)
    assert torch.allclose(encode(Centroid(True), faces, True), image)
    mean = encode(Centroid(False), faces, True).view(2, 5, 2)
    assert torch.allclose(mean[0, 0], torch.tensor([0.25, 0.4]))


@pytest.mark.parametrize("maps", [True, False])
def test_codes_that_are_there_are_not_made_again(maps: bool):
    rng, names = np.random.default_rng(0), ("a", "b", "c")
    crops = Crops(names, rng.integers(0, 256, (3, 4, 4, 3), np.uint8), rng.random((3, 5, 2)), np.ones(3, bool))
    model = Centroid(maps)
    found, wanted = with_mirror(model, crops, encode_crops(model, crops)), encode_crops(model, crops, mirror=True)
    assert found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in names)


def test_figures_are_those_of_the_metrics():
    rng = np.random.default_rng(0)
    same = rng.random(300) < 0.5
    score = np.clip(rng.normal(0.4 + 0.2 * same, 0.2), 0, 1)
    values = figures(Scored(score, score, same), 0.5, [f"F{i % 30}" for i in range(300)])
    assert values["accuracy"] == accuracy(score, same, 0.5) and values["auc"] == auc(score, same)
    assert values["best_accuracy"] >= values["accuracy"]
    assert values["accuracy_ci95"][0] < values["accuracy"] < values["accuracy_ci95"][1]
    assert set(values["tar"]) == {"0.1", "0.01"}


def test_the_breakdown_covers_every_pair_once():
    pairs = [Pair("a", "b", i % 2 == 0, "fs" if i < 6 else "md") for i in range(10)]
    scored = Scored(np.linspace(0, 1, 10), np.zeros(10), np.array([p.same for p in pairs]))
    parts = by_relation(scored, [p.relation for p in pairs], 0.5, None)
    assert {k: v["pairs"] for k, v in parts.items()} == {"fs": 6, "md": 4}
    whole = figures(scored, 0.5)["accuracy"]
    assert sum(v["accuracy"] * v["pairs"] for v in parts.values()) / 10 == pytest.approx(whole)
    shown = table({"task": "x", "accuracy": whole, "breakdown": parts})
    assert "father and son" in shown and "fs" not in shown.split()


def test_every_task_says_what_it_is():
    assert {"lfw", "kinship", "tri", "search", "kinfacew", "pairs"} <= TASKS.keys()
    assert all(task.about for task in TASKS.values())


def test_published_figures_stand_beside_ours():
    report = {"task": "kinship", "weight": "mine", "accuracy": 0.7, "accuracy_ci95": [0.65, 0.75]}
    cells = beside("kinship", {"mine": {**report, "breakdown": {"fd": {"accuracy": 0.6}}}})
    named = {row[0]: dict(zip(cells[0][1:], row[1:], strict=True)) for row in cells[1:]}
    assert named["mine"]["accuracy"] == "0.700 (0.650-0.750)" and named["mine"]["father and daughter"] == "0.600"
    rare = "grandmother and grandson"
    assert named["mine"][rare] == "" and named["S-ViT (published)"][rare] == "0.670"
    assert named["FaCoRNet (published)"]["accuracy"] == "0.820" and "AUC" not in cells[0]
    assert beside("pairs", {"mine": report}) == [] and published("pairs") == published("kinfacew") == {}


def test_published_rows_fit_the_columns_of_their_task():
    for task, layout in LAYOUTS.items():
        assert task in TASKS
        for values in layout.published.values():
            assert values and values.keys() <= layout.columns.keys() and layout.note
            assert all(0 < v < 1 for v in values.values())


@pytest.mark.data
def test_kinship_of_the_validation_families(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """On every tenth pair, near the figures that all pairs gave."""
    every = fiw_val_pairs(data_root())
    monkeypatch.setattr("training.evaluate.tasks.fiw_val_pairs", lambda root: every[::10])
    main(["kinship", "--model", "dlib_kin", "--json", str(tmp_path / "kin.json")])
    report = json.loads((tmp_path / "kin.json").read_text())
    whole = read_sidecar("dlib_kin").metrics["kinship"]
    assert whole["auc"] >= 0.80 and whole["accuracy"] >= 0.72 and whole["pairs"] == len(every) == 4988
    assert report["auc"] == pytest.approx(whole["auc"], abs=0.03)
    assert report["accuracy"] == pytest.approx(whole["accuracy"], abs=0.03)
    assert len(report["breakdown"]) == 11 and report["pairs"] == 499
