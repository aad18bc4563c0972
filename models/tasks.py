"""The literal table of tasks: what a model is asked about faces, and every word that depends on the question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Task:
    """One kind of question.

    Attributes:
        faces: how many faces one answer is about.
        answer: "decision" (a score against a threshold) or "classes" (a probability a class).
        question: for pickers.
        yes, no: a decision in words, at or above the threshold and below it; empty for classes.
        score: what the number between 0 and 1 is, in words.
        wrong_yes, right_yes: what FAR and TAR are shares of, in words; empty for classes.
        gallery_yes, strangers: a search's hits at or above the threshold, and the others, in words.
        share: what some share of all pairs is assumed to be, in words, for a score that is a probability.
        cannot: what no answer of this kind tells, whoever gives it.
        evaluation: key of Sidecar.metrics that ranks the models of the task.
        data: what that evaluation is on, in words.
        figures: (word, key) of the evaluation's figures, the ranking one first.
    """

    faces: int
    answer: Literal["decision", "classes"]
    question: str
    score: str
    evaluation: str
    data: str
    figures: tuple[tuple[str, str], ...]
    yes: str = ""
    no: str = ""
    wrong_yes: str = ""
    right_yes: str = ""
    gallery_yes: str = ""
    strangers: str = ""
    share: str = ""
    cannot: str = ""

    def decision(self, above: bool) -> str:
        """A decision in words."""
        return self.yes if above else self.no


_PAIR_FIGURES = (("AUC", "auc"), ("accuracy", "accuracy"))

TASKS: dict[str, Task] = {
    "kinship": Task(
        2,
        "decision",
        "Blood relatives?",
        "calibrated probability that the two are blood relatives",
        "kinship",
        "Families In the Wild",
        _PAIR_FIGURES,
        "blood relatives",
        "not blood relatives",
        "pairs that are not kin, this share would be called kin",
        "kin pairs, this share would be found",
        "called kin of the probe",
        "unrelated",
        "pairs were kin",
        "No score proves kinship or rules it out. It does not tell which relation it is, and people who only look "
        "alike can score as kin.",
    ),
    "verification": Task(
        2,
        "decision",
        "Same person?",
        "calibrated probability that both photos show the same person",
        "lfw",
        "LFW",
        _PAIR_FIGURES[::-1],  # LFW is ranked by accuracy, as everybody does
        "the same person",
        "different people",
        "pairs of different people, this share would be taken for one person",
        "pairs of one person, this share would be recognised",
        "taken for the probe's own face",
        "other",
        "pairs showed one person",
        "A match is no proof of identity. Covered, cropped and turned faces are mistaken more often.",
    ),
    "tri": Task(
        3,
        "decision",
        "Their child?",
        "calibrated probability that the child is theirs",
        "tri",
        "triplets of Families In the Wild",
        _PAIR_FIGURES,
        "their child",
        "not their child",
        "triplets with another couple's child, this share would be called theirs",
        "triplets of a family, this share would be found",
        cannot="No score proves parentage or rules it out. It does not tell which parent is wrong.",
    ),
    "expression": Task(
        1,
        "classes",
        "Which expression?",
        "share of ten people who would name it",
        "ferplus",
        "FER+",
        (("accuracy", "accuracy"), ("macro F1", "macro_f1")),
        cannot="It names what most people would call a face, not what anyone feels.",
    ),
}
"""Name -> task; the order is that of pickers."""
