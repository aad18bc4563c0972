"""Many pairs without a browser: the same figures as the command line, and what each callback hands to the page."""

from __future__ import annotations

import gc
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from explain.kinship.batch import Row
from explain.kinship.matching import MAX_PAIRS, Pairing
from models import load_pair, predict, read_sidecar
from models.faces.files import Skipped
from models.running import BusyError
from tests.ui.photos import EXAMPLES, bad_files
from training.data.sets import read_pairs
from training.evaluate.scoring import encode_photos, score_pairs, unique_images
from training.evaluate.setup import Setup
from training.evaluate.tasks import pairs as command_line
from ui.kinship import batch_answers, batch_cards
from ui.kinship import batch_callbacks as do
from ui.kinship.batch_answers import Batch, Job, Photos, photos_of, planned, shot_of
from ui.shared import answering
from ui.shared.addresses import Address, Asked

KIN, FUSED = "dlib_kin", "edgeface_kin"
LIST = """image_a;image_b;kin;relation
group/six.jpg;obama_2009.jpg;1;=fs
obama_2009.jpg;obama_2012.jpg;1;fs
obama_2012.jpg;biden_2010.jpg;0;
group/six.jpg;biden_2010.jpg;0;
"""
BAD = """obama_2012.jpg;no_face.png;0;
cut.jpg;obama_2012.jpg;;
=nobody.jpg;obama_2012.jpg;2;
"""


@pytest.fixture(scope="module")
def folder(six: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """list.csv, more.csv with rows that get no answer, the photos, and a zip of them."""
    root = tmp_path_factory.mktemp("batch")
    (root / "list.csv").write_text(LIST)
    (root / "more.csv").write_text(LIST + BAD)
    (root / "group").mkdir()
    (root / "group" / "six.jpg").write_bytes(six.read_bytes())
    for name in ("obama_2009.jpg", "obama_2012.jpg", "biden_2010.jpg"):
        (root / name).write_bytes((EXAMPLES / name).read_bytes())
    photos = [*root.rglob("*.jpg"), *bad_files(root).values()]
    with zipfile.ZipFile(root / "photos.zip", "w") as archive:
        for path in dict.fromkeys(photos):
            archive.write(path, f"album/{path.relative_to(root)}")
        archive.writestr("album/more.zip", b"PK")
    return root


def given(folder: Path, *names: str) -> list[tuple[str, str]]:
    return [(str(folder / name), name) for name in names]


def compared(folder: Path, listed: str, weight: str = KIN) -> tuple[Batch, list[list[Any]]]:
    """What the page ends with, and every step on the way."""
    rows, said = do.take_list(given(folder, listed))
    photos, _ = do.take_photos(given(folder, "photos.zip"))
    assert rows is not None and photos is not None and not said
    brought = (do.LIST, rows, photos, None, None)
    job, *_, threshold = do.begin(None, weight, *brought)
    steps = list(do.work(job, threshold, "listed"))
    assert isinstance(steps[-1][0], Batch)
    return steps[-1][0], steps


@pytest.fixture(scope="module")
def batch(folder: Path) -> Batch:
    return compared(folder, "more.csv")[0]


def expect_the_command_lines(found: Batch, folder: Path, weight: str) -> None:
    model, listed = load_pair(weight), read_pairs(folder / "list.csv", folder)
    codes, missed = encode_photos(model, folder, unique_images(listed))
    scored = score_pairs(model, codes, listed)
    assert missed == [] and [r.score for r in found.rows[:4]] == pytest.approx(scored.score.tolist(), abs=1e-6)
    assert [r.similarity for r in found.rows[:4]] == pytest.approx(scored.similarity.tolist(), abs=1e-6)
    report = command_line(Setup(model, read_sidecar(weight), pairs=folder / "list.csv", images=folder))
    ours = found.answered(read_sidecar(weight).rule.threshold).figures
    assert ours is not None and (ours.pairs, ours.matching) == (report["pairs"], report["matching"]) == (4, 2)
    assert (ours.accuracy, ours.auc) == pytest.approx((report["accuracy"], report["auc"]), abs=1e-12)
    assert ours.accuracy_ci95 == pytest.approx(report["accuracy_ci95"], abs=1e-12)
    assert ours.auc_ci95 == pytest.approx(report["auc_ci95"], abs=1e-12)


def test_scores_and_figures_are_those_of_the_command_line(batch: Batch, folder: Path) -> None:
    expect_the_command_lines(batch, folder, KIN)


def test_so_they_are_where_two_codes_are_fused_and_every_photo_is_encoded_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, opened, model = batch_answers.read, list[str](), answering.network(FUSED)
    encode, encoded = model.encode, list[int]()
    monkeypatch.setattr(batch_answers, "read", lambda path: opened.append(path) or read(path))
    monkeypatch.setattr(model, "encode", lambda image, points: encoded.append(len(image)) or encode(image, points))
    found, _ = compared(folder, "list.csv", FUSED)
    assert len(opened) == len(set(opened)) == 4 and encoded == [1] * 4
    expect_the_command_lines(found, folder, FUSED)


def test_scores_are_those_of_predict_and_a_row_opens_as_two_faces(batch: Batch) -> None:
    a, b = (shot_of(path) for path in batch.rows[0].pairing.files)
    assert len(a.marks) == 6 and a.chosen != 0  # the face nearest the centre, which is not the largest one
    assert predict(answering.network(KIN), a.face(), b.face()).score == pytest.approx(batch.rows[0].score, abs=1e-6)
    opened = do.open_pair(batch, 0)
    assert (opened[0].path, opened[0].chosen) == (a.path, a.chosen) and opened[-1] == KIN
    for place in (None, "0", True, -1, 7, {"path": "/etc/passwd"}):
        with pytest.raises(gr.Error, match="no longer there"):
            do.open_pair(batch, place)


def test_a_row_without_an_answer_says_why_and_costs_no_other(batch: Batch) -> None:
    notes = ["; ".join(r.notes) for r in batch.rows]
    assert [r.score is None for r in batch.rows] == [False] * 4 + [True] * 3
    assert "A: 6 faces, the one nearest the centre was taken" in notes[0] and notes[4] == "B: no face was found"
    assert notes[5].startswith("A: ") and "cut short" in notes[5]
    assert notes[6] == "kin is 0 or 1, found '2': left out of the figures; A: there is no photo =nobody.jpg"
    assert batch.done and not batch.ended and [s.name for s in batch.skipped] == ["album/more.zip"]
    assert len(batch.pictures) == 4 and all(p.startswith(b"\xff\xd8") for p in batch.pictures.values())


@pytest.mark.usefixtures("no_model_runs")
def test_threshold_and_order_only_redraw(batch: Batch) -> None:
    for threshold in (0.0, 0.5, 1.0):
        card, table = do.redraw(batch, threshold, "listed")
        above = sum(r.score is not None and r.score >= threshold for r in batch.rows)
        assert f"7 pairs: {above} blood relatives, {4 - above} not blood relatives, 3 without an answer." in card
        assert table.count("ks-above") == above and "Accuracy at the threshold" in card
    scores = sorted((r.score for r in batch.rows if r.score is not None), reverse=True)
    for by, wanted in (("highest", scores), ("lowest", scores[::-1])):
        table = do.redraw(batch, 0.5, by)[1]
        places = [table.index(f"data-score='{score!r}'") for score in wanted]
        assert places == sorted(places) and places[-1] < table.index("data-score='None'")
    assert do.redraw(batch, 0.5, "unanswered")[1].index("data-pair='6'") < table.index("data-pair='2'")
    assert do.redraw(None, 0.5, "listed")[1] == ""


def test_both_files_are_made(batch: Batch) -> None:
    for make, name in ((do.make_csv, "kinsight-pairs.csv"), (do.make_report, "kinsight-pairs.html")):
        path, note = make(batch, 0.5)
        assert path is not None and Path(path).name == name and note == "" and make(None, 0.5)[0] is None


def test_what_others_wrote_is_escaped(batch: Batch) -> None:
    evil = "<img src=x onerror=alert(1)>'\".jpg"
    pair = Pairing(2, evil, evil, ("/a", "/b"), relation=evil, note=evil)
    rows = (Row(pair, 0.5, 0.5, 0.5, 0.1, (evil,)), Row(replace(pair, missing=(evil, evil)), notes=(evil,)))
    bad = replace(batch, rows=rows, skipped=(Skipped(evil, "why"),), ended=evil, known=None)
    plan = batch_cards.given_note(batch_cards.plan_note([r.pairing for r in rows], 0), bad.skipped)
    for page in (*do.redraw(bad, 0.5, "listed"), plan, batch_cards.progress_card(bad)):
        assert "<img src=x" not in page and "onerror=alert(1)>'" not in page


def test_a_stop_keeps_what_is_finished(folder: Path) -> None:
    rows, _ = do.take_list(given(folder, "list.csv"))
    photos, _ = do.take_photos(given(folder, "photos.zip"))
    brought = (do.LIST, rows, photos, None, None)
    job, off, shown, *_ = do.begin(None, KIN, *brought)
    assert off["interactive"] is False and shown["visible"] is True
    steps = []
    for step in do.work(job, 0.5, "listed"):
        steps.append(step)
        if "1 of 4" in str(step[1]):
            assert do.stop(job)["interactive"] is False
    last = steps[-1][0]
    assert 1 <= len(last.rows) < 4 and last.ended == batch_answers.STOPPED and last.done
    assert f"{len(last.rows)} of 4 were compared" in steps[-1][1] and "ks-progress" not in steps[-1][1]
    assert do.stop(None)["interactive"] is False and do.ended()[0]["interactive"] is True


def test_a_busy_app_costs_no_row_and_a_fault_ends_it_in_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, raised = batch_answers.read, [BusyError("busy")]

    def once(path: str) -> Any:
        if raised:
            raise raised.pop()
        return read(path)

    monkeypatch.setattr(batch_answers, "read", once)
    found, _ = compared(folder, "list.csv")
    assert [r.score is not None for r in found.rows] == [True] * 4 and not raised
    listed, _ = do.take_list(given(folder, "list.csv"))
    photos, _ = do.take_photos(given(folder, "photos.zip"))
    plan = planned(listed, photos, None, None)
    assert plan is not None and photos is not None
    failed = list(batch_answers.compare(Job("unheard_of", tuple(plan), (photos,))))[-1]
    assert "untrained" in failed.ended and failed.rows == () and failed.done
    monkeypatch.setattr(batch_answers, "GALLERY_SECONDS", -1)
    assert list(batch_answers.compare(Job(KIN, tuple(plan), (photos,))))[-1].ended.startswith("Ended after")


def test_what_cannot_be_compared_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2")
    (tmp_path / "large.csv").write_bytes(b"x" * (batch_answers.MAX_LIST_BYTES + 1))
    (tmp_path / "many.csv").write_text("image_a,image_b\n" + "a,b\n" * (MAX_PAIRS + 1))
    for name, words in (("other.csv", "other.csv wants the columns"), ("large.csv", "over 2 MB"), ("x", do.GONE)):
        listed, said = do.take_list(given(tmp_path, name))
        assert listed is None and words in said and "ks-error" in said and str(tmp_path) not in said
    assert do.ONE_LIST in do.take_list(given(tmp_path, "many.csv", "other.csv"))[1]
    many, _ = do.take_list(given(tmp_path, "many.csv"))
    photos, note = do.take_photos(given(folder, "photos.zip"))
    assert "8 photos" in note and "more.zip" in note
    for how, brought, words in (
        (do.LIST, (None, None, None, None), "A list of pairs"),
        (do.LIST, (many, photos, None, None), "at most 2,000"),
        (do.SETS, (None, None, photos, Photos((), ())), "in A and 0 in B"),
    ):
        assert words in do.preview(how, *brought)
        job, *_, card, _, _ = do.begin(None, KIN, how, *brought)
        assert job is None and words in card
        assert list(do.work(job, 0.5, "listed")) == [[gr.skip()] * 4]
    assert do.UNTRAINED in do.begin(None, None, do.LIST, None, None, None, None)[3]
    assert do.take_list([]) == do.take_photos([]) == (None, "") and do.GONE in do.take_photos([("/gone", "x")])[1]


def test_the_preview_names_rows_without_a_photo(folder: Path) -> None:
    listed, _ = do.take_list(given(folder, "more.csv"))
    photos, _ = do.take_photos(given(folder, "photos.zip"))
    said = do.preview(do.LIST, listed, photos, None, None)
    assert "<b>7 pairs</b> of 6 photos, 5 of them labelled." in said
    assert "1 pair lacks a photo" in said and "row 8: there is no photo =nobody.jpg" in said
    assert "Its photos are missing" in do.preview(do.LIST, listed, None, None, None)
    assert "The list is missing" in do.preview(do.LIST, None, photos, None, None)


def test_two_sets_need_no_list(folder: Path) -> None:
    a, _ = do.take_photos(given(folder, "obama_2009.jpg", "biden_2010.jpg"))
    b, _ = do.take_photos([(str(folder / "obama_2012.jpg"), "z.jpg"), (str(folder / "obama_2009.jpg"), "y.jpg")])
    brought = (do.SETS, None, None, a, b)
    assert "<b>2 pairs</b> of 3 photos." in do.preview(*brought)
    job, *_ = do.begin(None, KIN, *brought)
    last = list(do.work(job, 0.5, "listed"))[-1]
    assert [(r.pairing.a, r.pairing.b) for r in last[0].rows] == [
        ("biden_2010.jpg", "y.jpg"),
        ("obama_2009.jpg", "z.jpg"),
    ]
    assert last[0].known is None and "Accuracy" not in last[1] and "list:" not in last[2]


def test_former_results_fade_for_another_model(batch: Batch) -> None:
    assert do.match(batch, "edgeface_kin")["elem_classes"] == ["ks-former"]
    assert do.match(batch, KIN)["elem_classes"] == [] == do.match(None, KIN)["elem_classes"]
    again = do.begin_example(batch, KIN)
    assert again[4]["elem_classes"] == ["ks-former"] and again[5] == gr.skip()  # a threshold of one's own stays
    assert do.begin_example(batch, "dlib_resnet")[-1] == read_sidecar("dlib_resnet").rule.threshold


def test_a_long_table_is_cut_and_a_session_stays_small(batch: Batch) -> None:
    name = "a" * 199
    pair = Pairing(2, name, name, ("/tmp/" + "f" * 90, "/tmp/" + "g" * 90), relation="r" * 60)
    rows = tuple(replace(batch.rows[0], pairing=replace(pair, row=i), notes=("x" * 150,)) for i in range(MAX_PAIRS))
    large = replace(
        batch, rows=rows, pictures={str(i): b"x" * 2_500 for i in range(batch_answers.PICTURES)}, keeper=None
    )
    table = batch_cards.pair_table(large.answered(0.5), "listed")
    assert (
        table.count("<tr class") == batch_cards.SHOWN
        and "<summary>13 to 50 of 2,000 pairs</summary>" in table
        and "The first 50 of 2,000 pairs" in table
    )
    assert len(pickle.dumps(large)) < 4_000_000


def test_nothing_outlives_its_session(folder: Path, tmp_path: Path) -> None:
    mine = photos_of(given(folder, "photos.zip"), tmp_path)
    assert len(list(tmp_path.rglob("*"))) > 5 and Path(mine.files[0].path).exists()
    assert "album/obama_2009.jpg" in {f.name for f in mine.files}
    del mine
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_the_example_and_the_address() -> None:
    job, *_ = do.begin_example(None, KIN)
    assert len(job.pairings) == 7 and not [p for p in job.pairings if any(p.missing) or p.same is None]
    assert do.offers().kept(Address("batch", "vgg")) == Address("batch")
    assert do.visit(Asked(Address("batch", KIN))) == KIN
    assert do.visit(None) == do.visit(Asked(Address("batch"))) == gr.skip()
