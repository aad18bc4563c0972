"""Search: who is a probe, what is its gallery, and two independent transcriptions of the figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.families import Colour, colours, paint, sidecar
from training.data.sets import family_of, identity_of
from training.evaluate.search import MAP_IMAGES, Album, by_person, probe_cosines, rankings, reranked, retrieval, shown
from training.evaluate.setup import Setup
from training.evaluate.tasks import TASKS

NAMES = (
    "A/1/P1_face0.jpg",
    "A/1/P2_face0.jpg",
    "A/2/P1_face1.jpg",
    "A/3/P9_face0.jpg",
    "B/1/P3_face0.jpg",
    "B/2/P3_face1.jpg",
    "B/2/P4_face0.jpg",
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSIGHT_CACHE", str(tmp_path / "cache"))


def test_a_probe_is_searched_in_everybody_else():
    album = Album(NAMES)
    assert list(album.probes) == ["A/1", "A/2", "A/3", "B/1", "B/2"] and album.families == ["A", "A", "A", "B", "B"]
    assert album.gallery[0].tolist() == [False, False, True, True, True, True, True]
    assert album.relevant[0].tolist() == [False, False, True, True, False, False, False]
    assert album.relevant[4].tolist() == [False, False, False, False, True, False, False]
    assert album.other_photos[0].tolist() == [False, False, False, True, True, True, True]
    assert not album.other_photos[4, 4] and album.other_photos[2].tolist() == album.gallery[2].tolist()


def family_tree(families: int, members: int, images: int) -> tuple[str, ...]:
    return tuple(
        f"F{f}/MID{m}/P{f}{m}{i}_face0.jpg" for f in range(families) for m in range(members) for i in range(images)
    )


def transcription(names: tuple[str, ...], embedding: np.ndarray) -> tuple[float, float]:
    """mAP and rank@5 from the definitions, with loops."""
    precisions, hits = [], []
    for member in dict.fromkeys(map(identity_of, names)):
        own = [i for i, n in enumerate(names) if identity_of(n) == member]
        rest = [i for i, n in enumerate(names) if identity_of(n) != member]
        mean = {i: np.mean([embedding[i] @ embedding[j] for j in own]) for i in rest}
        found, terms = 0, []
        for place, i in enumerate(sorted(rest, key=lambda i: -mean[i]), 1):
            if family_of(names[i]) == family_of(member):
                found += 1
                terms.append(found / place)
                if found == 1:
                    hits.append(place <= 5)
        precisions.append(np.mean(terms))
    return float(np.mean(precisions)), float(np.mean(hits))


@pytest.mark.parametrize("signal", [0.0, 0.5, 5.0])
def test_figures_are_those_of_the_definitions(signal: float):
    names, rng = family_tree(8, 3, 2), np.random.default_rng(0)
    centre = {f: rng.normal(size=6) for f in {family_of(n) for n in names}}
    embedding = np.stack([rng.normal(size=6) + signal * centre[family_of(n)] for n in names])
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    album = Album(names)
    found = retrieval(rankings(probe_cosines(album, embedding), album.gallery), album)
    assert (found["map"], found["rank5"]) == pytest.approx(transcription(names, embedding))
    assert found["probes"] == 24 and found["map_ci95"][0] <= found["map"] <= found["map_ci95"][1]


def test_chance_is_about_the_share_of_relatives():
    album = Album(family_tree(40, 3, 2))
    noise = np.random.default_rng(0).random((120, 240))
    found = retrieval(rankings(noise, album.gallery), album)
    share = 4 / 238
    assert share < found["map"] < 3 * share  # the mean over few relatives lies a little above the share
    assert found["rank5"] == pytest.approx(1 - (1 - share) ** 5, abs=0.06)


def test_probes_without_relatives_are_left_out():
    album = Album((*NAMES, "C/1/P7_face0.jpg"))
    orders = rankings(np.ones(album.gallery.shape), album.gallery)
    assert retrieval(orders, album)["probes"] == 5


def test_the_pair_score_orders_only_the_first():
    """Cosines turned round: the pair score, that knows better, may mend the first images and no more."""
    names = family_tree(4, 2, 3)
    album, codes = Album(names), {}
    for n in names:
        codes[n] = torch.nn.functional.one_hot(torch.tensor(int(n[1])), 4).float()
    wrong = rankings(-album.relevant.astype(float), album.gallery)  # relatives last
    assert retrieval(wrong, album)["rank5"] == 0.0
    whole = reranked(Colour(), codes, album, wrong, depth=21)
    assert retrieval(whole, album)["map"] == 1.0
    partly = reranked(Colour(), codes, album, wrong, depth=19)
    for before, after, all_first in zip(wrong, partly, whole, strict=True):
        assert sorted(before[:19]) == sorted(after[:19]) and before[19:].tolist() == after[19:].tolist()
        assert sorted(all_first) == sorted(before)
    assert 0 < retrieval(partly, album)["map"] < 1


def test_the_mean_runs_over_all_images_of_the_probe():
    album = Album(NAMES)
    codes = {n: torch.tensor([1.0, 0.0]) for n in NAMES}
    codes[NAMES[0]], codes[NAMES[1]] = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 0.2])
    codes[NAMES[4]] = torch.tensor([0.2, 1.0])  # near neither, but better in the mean than what one of them is far from
    order = reranked(Colour(), codes, album, [np.array([2, 4])], depth=2)[0]
    assert order.tolist() == [4, 2]


def test_people_are_ranked_by_the_mean_of_their_images():
    album = Album(NAMES)
    person = np.array([0, 0, 1, 2, 3, 1, 4])  # an image of B/2 was taken for A/2
    cosine = np.zeros((5, 7))
    cosine[0] = [9, 9, 0.9, 0.4, 0.2, 0.1, 0.3]  # A/1: the group of A/2 has .5 in the mean, half of it of a relative
    orders, grouped = by_person(cosine, album, person)
    assert orders[0].tolist() == [1, 2, 4, 3], "most similar first, without the probe's own group"
    assert grouped.relevant[0].tolist() == [False, False, True, False, False]
    assert orders[4].tolist() == [0, 1, 2, 3] and grouped.relevant[4].tolist() == [False, False, False, True, False]
    assert retrieval(orders[:1], grouped)["map"] == 0.5


def test_codes_that_are_maps_are_compared_for_fewer_images_of_the_probe():
    images = [f"A/1/P{i}_face0.jpg" for i in range(5)]
    assert shown(dict.fromkeys(images, torch.zeros(4)), images) == images
    assert shown(dict.fromkeys(images, torch.zeros(4, 2, 2)), images) == images[:MAP_IMAGES]


def test_a_network_that_knows_families_finds_them_all(tmp_path: Path):
    names = family_tree(6, 3, 2)
    paint(tmp_path / "fiw" / "val", names, dict(zip([f"F{i}" for i in range(6)], colours(6), strict=True)))
    report = TASKS["search"].run(Setup(Colour(), sidecar(), tmp_path))
    assert report["map"] == report["rank5"] == report["accuracy"] == report["auc"] == 1.0
    assert report["accuracy_ci95"] == report["map_ci95"] == [1.0, 1.0]
    assert (report["probes"], report["images"], report["pairs"]) == (18, 36, 18 * 34)
    assert report["breakdown"]["pair score"]["map"] == report["breakdown"]["other photos"]["map"] == 1.0
    assert report["breakdown"]["random order"]["map"] < 0.5
    assert {"protocol", "model", "weight_sha256", "tar", "published"} <= report.keys()
