"""What is taken away of many pairs: a table that no spreadsheet runs, and a page that needs no network."""

from __future__ import annotations

import csv
import io

import pytest

from explain.kinship.batch import Row, figures, order, ranked
from explain.kinship.batch_files import Answered, counted, report_page, write_csv
from explain.kinship.matching import Pairing
from models import read_sidecar
from models.faces.files import Skipped

KIN = read_sidecar("dlib_kin")
ROWS = (
    Row(Pairing(2, "F1/a.jpg", "-b.jpg", ("/a", "/b"), same=True, relation="fs"), 0.9, 0.8, 1.0, 0.5),
    Row(Pairing(3, "F2/c.jpg", "b.jpg", ("/c", "/b"), same=False, relation="=1+1"), 0.25, 0.25, 0.25, -0.1, ("@note",)),
    Row(Pairing(4, "=d.jpg", "b.jpg", ("", "/b"), ("there is no photo =d.jpg", "")), notes=("A: there is no photo",)),
)


def answered(threshold: float = 0.5, **changes: object) -> Answered:
    known = ranked(ROWS)
    assert known is not None
    given = {"figures": figures(known, threshold), "pictures": {"/a": b"face", "/b": b"other"}, **changes}
    return Answered(ROWS, 5, KIN, threshold, **given)  # type: ignore[arg-type]


def test_the_csv_has_every_row_and_no_formula() -> None:
    target = io.StringIO()
    write_csv(target, answered())
    rows = list(csv.DictReader(io.StringIO(target.getvalue())))
    assert [r["row"] for r in rows] == [*"234"] and [r["image_b"] for r in rows] == ["'-b.jpg", "b.jpg", "b.jpg"]
    assert [r["score"] for r in rows] == ["0.900000", "0.250000", ""] and rows[2]["image_a"] == "'=d.jpg"
    assert [r["decision"] for r in rows] == ["blood relatives", "not blood relatives", ""]
    assert [r["label"] for r in rows] == ["1", "0", ""] and rows[1]["relation"] == "'=1+1"
    assert rows[1]["notes"] == "'@note" and {r["model"] for r in rows} == {"dlib_kin"}
    numbers = ("score", "similarity", "score_a_first", "score_b_first", "threshold")
    texts = [cell for r in rows for column, cell in r.items() if column not in numbers]
    assert not [cell for cell in texts if cell[:1] in "=+-@" and cell]


def test_the_report_is_one_page_without_a_network() -> None:
    page = report_page(answered(0.4, skipped=(Skipped("notes.rar", "It is no photo."),), ended="Stopped by hand."))
    assert page.count('<tr><td class="n">') == 3 and page.count("data:image/jpeg;base64,") == 4
    assert "http" not in page and "<script" not in page and "url(" not in page
    own = f"(the model&#39;s own is {KIN.rule.threshold:.3f})".replace("&#39;", "'")
    wanted = (
        KIN.sha256,
        "torch",
        "threshold of 0.400",
        own,
        "notes.rar",
        "nearest the photo's centre".replace("'", "&#39;"),
    )
    for words in (*wanted, "Stopped by hand.", "father and son", "no match", "1.000 [1.000, 1.000]", "no answer"):
        assert words in page
    assert "list says" not in report_page(Answered(ROWS[2:], 1, KIN, 0.5))


def test_what_others_wrote_is_escaped() -> None:
    evil = "<img src=x onerror=alert(1)>'\".jpg"
    row = Row(Pairing(2, evil, evil, ("/a", "/b"), (evil, evil), True, evil, evil), 0.5, 0.5, 0.5, 0.1, (evil,))
    page = report_page(Answered((row,), 1, KIN, 0.5, None, {}, (Skipped(evil, evil),), evil))
    assert "<img src=x" not in page and page.count("onerror=alert(1)&gt;") >= 7


def test_the_counts_say_how_many_have_no_answer() -> None:
    assert counted(answered()) == "3 pairs: 1 blood relatives, 1 not blood relatives, 1 without an answer."
    assert counted(Answered(ROWS[:1], 1, KIN, 0.95)) == "1 pair: 0 blood relatives, 1 not blood relatives."


def test_figures_count_answered_pairs_with_a_label() -> None:
    known = ranked(ROWS)
    assert known is not None and known.groups == ("F1", "F2") and known.auc == 1.0
    assert [figures(known, t).accuracy for t in (0.0, 0.5, 0.95)] == [0.5, 1.0, 0.5]
    assert figures(known, 0.5).accuracy_ci95 == [1.0, 1.0] and figures(known, 0.5).matching == 1
    one_kind = ranked(ROWS[:1])
    assert one_kind is not None and one_kind.auc is None and ranked(ROWS[2:]) is None


def test_orders() -> None:
    numbers = {
        by: [r.pairing.row for r in order(ROWS[::-1], by)] for by in ("listed", "highest", "lowest", "unanswered")
    }
    assert numbers == {"listed": [4, 3, 2], "highest": [2, 3, 4], "lowest": [3, 2, 4], "unanswered": [4, 3, 2]}
    with pytest.raises(ValueError, match="no order"):
        order(ROWS, "name")
