"""Search: the order the definition gives, the score a pair gets, fast enough to be asked again and again."""

from __future__ import annotations

import time

import pytest
import torch

from models.faces.face import FaceBatch
from models.gallery import Gallery
from models.pair import PairModel
from models.predict import predict
from models.registry import create_model


@pytest.fixture(scope="module", params=["siamese_ir", "facor", "svit"])
def model(request: pytest.FixtureRequest) -> PairModel:
    torch.manual_seed(5)
    return create_model(request.param).eval().requires_grad_(False)


def some_faces(model: PairModel, n: int) -> list[FaceBatch]:
    side = model.spec.size
    return [FaceBatch(torch.rand(1, 3, side, side), torch.rand(1, 5, 2)) for _ in range(n)]


@pytest.fixture(scope="module")
def faces(model: PairModel) -> list[FaceBatch]:
    torch.manual_seed(6)
    return some_faces(model, 6)


def test_every_entry_is_the_pair_that_predict_answers(model: PairModel, faces: list[FaceBatch]) -> None:
    probe, others = faces[0], faces[1:]
    gallery = Gallery.build(model, iter(others))
    hits = gallery.search(gallery.code(probe), top=3)
    assert len(gallery) == len(hits) == 5 and sorted(h.entry for h in hits) == list(range(5))
    alone = [predict(model, probe, other) for other in others]
    for hit in hits:
        assert hit.similarity == pytest.approx(alone[hit.entry].similarity, abs=1e-5)
    best = sorted(range(5), key=lambda i: -alone[i].similarity)[:3]
    assert {h.entry for h in hits[:3]} == set(best)
    for hit in hits[:3]:
        assert hit.score == pytest.approx(alone[hit.entry].score, abs=1e-5)
        assert hit.score_ab == pytest.approx(alone[hit.entry].score_ab, abs=1e-5)
        assert hit.score_ba == pytest.approx(alone[hit.entry].score_ba, abs=1e-5)


def test_score_ranks_the_top_and_similarity_the_rest(model: PairModel) -> None:
    torch.manual_seed(7)
    face = some_faces(model, 1)
    code = Gallery.build(model, face).codes
    codes = code + 0.5 * code.std() * torch.randn(40, *code.shape[1:])
    gallery = Gallery(model, codes, model.embedding(codes))
    hits = gallery.search(code, top=10)
    scores = [h.score for h in hits[:10] if h.score is not None]
    assert len(scores) == 10 and scores == sorted(scores, reverse=True)
    rest = [h.similarity for h in hits[10:]]
    assert all(h.score is None for h in hits[10:]) and rest == sorted(rest, reverse=True)
    assert min(h.similarity for h in hits[:10]) >= rest[0]


def test_the_probe_itself_is_the_most_similar(model: PairModel, faces: list[FaceBatch]) -> None:
    gallery = Gallery.build(model, faces)
    for i, face in enumerate(faces):
        first = gallery.search(gallery.code(face), top=0)[0]
        assert first.entry == i and first.similarity == pytest.approx(1, abs=1e-5) and first.score is None


def test_a_mask_ranks_only_what_it_names(model: PairModel, faces: list[FaceBatch]) -> None:
    gallery = Gallery.build(model, faces)
    among = torch.tensor([True, False, True, False, False, True])
    hits = gallery.search(gallery.codes[:1], top=2, among=among)
    assert sorted(h.entry for h in hits) == [0, 2, 5]
    with pytest.raises(ValueError, match="mask"):
        gallery.search(gallery.codes[:1], among=among[:3])
    with pytest.raises(ValueError, match="at least one"):
        gallery.search(gallery.codes[:0])


def test_several_photos_of_the_probe_count_by_their_means(model: PairModel, faces: list[FaceBatch]) -> None:
    probes, others = faces[:2], faces[2:]
    gallery = Gallery.build(model, others)
    code = gallery.code(*probes)
    assert len(code) == 2
    alone = {(i, k): predict(model, p, o) for i, p in enumerate(probes) for k, o in enumerate(others)}
    for hit in gallery.search(code):
        pair = [alone[i, hit.entry] for i in range(2)]
        assert hit.similarity == pytest.approx(sum(p.similarity for p in pair) / 2, abs=1e-5)
        odds = torch.tensor([p.score_ab for p in pair]).logit().mean()
        assert hit.score_ab == pytest.approx(float(odds.sigmoid()), abs=1e-5)


def test_no_faces_is_an_error(model: PairModel) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Gallery.build(model, [])


def test_a_thousand_faces_are_searched_in_a_fifth_of_a_second(model: PairModel) -> None:
    torch.manual_seed(8)
    face = some_faces(model, 1)[0]
    code = Gallery.build(model, [face]).codes
    codes = code + code.std() * torch.randn(1000, *code.shape[1:])
    gallery = Gallery(model, codes, torch.cat([model.embedding(c) for c in codes.split(100)]))

    def seconds() -> float:
        """Of one core, the probe's encoding included; time in which other programs have the core does not count."""
        start = time.thread_time()
        gallery.search(gallery.code(face))
        return time.thread_time() - start

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert min(seconds() for _ in range(5)) <= 0.2
    finally:
        torch.set_num_threads(threads)
