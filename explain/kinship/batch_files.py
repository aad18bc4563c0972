"""What is taken away of many compared pairs: a table for spreadsheets, and one page to read and print."""

from __future__ import annotations

import base64
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from explain.core.templates import filled
from explain.kinship.batch import PROTOCOL, Figures, Row
from explain.report.pair import NOTICE, versions
from models.faces.files import Skipped
from models.faces.quality import or_withheld
from models.relations import relation_words
from models.tables import plain_cell
from models.tasks import TASKS
from models.weights import Sidecar

COLUMNS = (
    "row", "image_a", "image_b", "score", "decision", "threshold", "similarity", "score_a_first", "score_b_first",
    "label", "relation", "model", "notes",
)  # fmt: skip
LABELS = {None: "", True: "match", False: "no match"}
"""What a list says of a pair, whatever it calls a match."""
TEMPLATE = "batch.html"


@dataclass(frozen=True)
class Answered:
    """Compared pairs with what they were compared by.

    Attributes:
        rows: in the order of their list.
        of: how many were to be compared.
        sidecar: of the weight.
        threshold: on the score.
        figures: against the labels; None without any.
        pictures: path -> a JPEG of the face; not every photo has one.
        skipped: files that are no photos, with the reason.
        ended: why not all were compared; "" when they were.
    """

    rows: Sequence[Row]
    of: int
    sidecar: Sidecar
    threshold: float
    figures: Figures | None = None
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    skipped: Sequence[Skipped] = ()
    ended: str = ""

    def decision(self, row: Row) -> str:
        """In words, or why it is withheld; "" without an answer."""
        if row.score is None:
            return ""
        return or_withheld(TASKS[self.sidecar.task].decision(row.score >= self.threshold), row.withheld)

    def counts(self) -> tuple[int, int, int, int]:
        """Pairs at or above the threshold, below it, with an answer but no decision, and without an answer."""
        scores = [row.score for row in self.rows if row.score is not None and not row.withheld]
        above = sum(score >= self.threshold for score in scores)
        withheld = sum(row.score is not None and bool(row.withheld) for row in self.rows)
        return above, len(scores) - above, withheld, len(self.rows) - len(scores) - withheld


def counted(answered: Answered) -> str:
    """ "12 pairs: 7 blood relatives, 4 not blood relatives, 1 without an answer." """
    pairs = len(answered.rows)
    return f"{pairs:,} {'pair' if pairs == 1 else 'pairs'}: {each_kind(answered)}."


def each_kind(answered: Answered) -> str:
    """ "7 blood relatives, 4 not blood relatives, 2 without a decision, 1 without an answer"; the last two if any."""
    above, below, withheld, none = answered.counts()
    task = TASKS[answered.sidecar.task]
    words = [f"{above:,} {task.yes}", f"{below:,} {task.no}"]
    words += [f"{n:,} without {what}" for n, what in ((withheld, "a decision"), (none, "an answer")) if n]
    return ", ".join(words)


def write_csv(target: IO[str], answered: Answered) -> None:
    """A row a pair, in the order of the list.

    Args:
        target: text, opened with newline="".
    """
    writer = csv.writer(target)
    writer.writerow(COLUMNS)
    for row in answered.rows:
        pair = row.pairing
        decision = [answered.decision(row), f"{answered.threshold:.6f}"] if row.score is not None else ["", ""]
        numbers = [_number(v) for v in (row.similarity, row.score_ab, row.score_ba)]
        label = "" if pair.same is None else str(int(pair.same))
        texts = [plain_cell(text) for text in (label, pair.relation, answered.sidecar.name, "; ".join(row.notes))]
        writer.writerow(
            [pair.row, plain_cell(pair.a), plain_cell(pair.b), _number(row.score), *decision, *numbers, *texts]
        )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def report_page(answered: Answered) -> str:
    """All pairs as one HTML page with the faces inside: no network, made to be read, printed and kept."""
    return filled(Path(__file__).with_name(TEMPLATE), _values(answered))


def _values(answered: Answered) -> dict[str, Any]:
    sidecar, rule, task = answered.sidecar, answered.sidecar.rule, TASKS[answered.sidecar.task]
    far, tar = rule.operating_points.at(answered.threshold)
    facts = {
        "weight": sidecar.name,
        "model": sidecar.model,
        "task": sidecar.task,
        "licence": sidecar.licence,
        "weight sha256": sidecar.sha256,
        **versions(),
    }
    return {
        "task": task,
        "notice": NOTICE,
        "counted": counted(answered),
        "answered": answered,
        "rows": [_line(answered, row) for row in answered.rows],
        "labelled": any(row.pairing.same is not None for row in answered.rows),
        "figures": answered.figures,
        "far": far,
        "tar": tar,
        "measured": rule.operating_points.measured_on(answered.threshold),
        "own": rule.threshold,
        "threshold_protocol": rule.threshold_protocol,
        "protocol": PROTOCOL,
        "facts": facts,
    }


def _line(answered: Answered, row: Row) -> dict[str, Any]:
    pair = row.pairing
    faces = [answered.pictures.get(path) for path in pair.files]
    return {
        "number": pair.row,
        "faces": [f"data:image/jpeg;base64,{base64.b64encode(face).decode()}" for face in faces if face],
        "names": (pair.a, pair.b),
        "score": "" if row.score is None else f"{row.score:.3f}",
        "decision": answered.decision(row),
        "label": LABELS[pair.same],
        "relation": relation_words(pair.relation) if pair.relation else "",
        "notes": row.notes,
    }
