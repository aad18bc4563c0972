"""Which figures of a task stand in its table, and what has been published beside ours.

Published figures are of the papers' own test lists, which are not the lists measured here: they say where the field
is, not who wins. Sources: S-ViT (RFIW2020) and the results it and FaCoRNet (2023) list for others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from models.evaluations import SEARCH_FIGURES, evaluation_of, value_at
from models.relations import relation_words
from training.data.sets import KINFACE_FOLDERS, RELATIONS


@dataclass(frozen=True)
class Layout:
    """The table of a task.

    Attributes:
        columns: heading -> keys that lead to the number in a report.
        published: who -> heading -> number.
        note: where the published numbers come from.
        intervals: numbers of parts carry their intervals too.
        reading: what the table says, as far as it stands in no number of it.
    """

    columns: dict[str, tuple[str, ...]]
    published: dict[str, dict[str, float]] = field(default_factory=dict)
    note: str = ""
    intervals: bool = False
    reading: str = ""


def _parts(*names: str) -> dict[str, tuple[str, ...]]:
    return {relation_words(name): ("breakdown", name, "accuracy") for name in names}


_PARTIAL = (
    "holistic",
    *("partial-holistic", "partial-same", "partial-cross"),
    *("partial-holistic, centred", "partial-same, centred", "partial-cross, centred"),
)
"""The columns of partial_lfw, in the order of Hörmann et al."""


def _percent(*values: float) -> dict[str, float]:
    return {name: round(value / 100, 4) for name, value in zip(_PARTIAL, values, strict=True)}


_S_VIT = (0.77, 0.76, 0.76, 0.75, 0.80, 0.76, 0.74, 0.77, 0.72, 0.78, 0.67)
"""Task 1 by relation, in the order of RELATIONS."""

LAYOUTS: dict[str, Layout] = {
    "lfw": Layout(
        {"accuracy": ("accuracy",), "AUC": ("auc",)},
    ),
    "masked_lfw": Layout(
        {
            "one masked": ("accuracy",),
            "AUC": ("auc",),
            **_parts("plain", "both masked"),
            "TAR@0.01": ("tar", "0.01"),
            "TAR@0.001": ("tar", "0.001"),
        },
    ),
    "affine_lfw": Layout(
        {
            "aligned": ("accuracy",),
            "unaligned": ("breakdown", "unaligned", "accuracy"),
            "loss, unaligned": ("loss_unaligned",),
            "unaligned, jittered keypoints": ("breakdown", "unaligned, jittered", "accuracy"),
            **_parts("rotation 30°", "scale 0.7", "scale 1.4", "shift 20%"),
            "CFPFP, unaligned": ("cfpfp_unaligned",),  # published alone: no report has these two
            "IJB-C, unaligned": ("ijbc_unaligned",),
        },
        {
            "ViT-S": {"CFPFP, unaligned": 0.7281, "IJB-C, unaligned": 0.2162},
            "ViT-S + iRPE": {"CFPFP, unaligned": 0.7791, "IJB-C, unaligned": 0.3473},
            "ViT-S + KP-RPE": {"CFPFP, unaligned": 0.9356, "IJB-C, unaligned": 0.9185},
        },
        "published: Kim et al. 2024, larger networks on other sets (accuracy on CFPFP, TAR on IJB-C): the gaps between "
        "position encodings may be compared, the figures may not",
        intervals=True,
    ),
    "partial_lfw": Layout(
        _parts(*_PARTIAL),
        {
            "ResNet-41": _percent(99.62, 97.71, 97.27, 94.53, 97.25, 96.80, 93.56),
            "ResNet-50, whole faces only": _percent(99.58, 94.77, 94.93, 88.85, 92.05, 92.47, 83.92),
            "ResNet-50": _percent(99.60, 97.75, 97.36, 94.80, 95.48, 94.72, 89.60),
            "attention": _percent(99.70, 98.03, 97.66, 94.90, 97.64, 97.16, 93.87),
        },
        "published: Hörmann et al. 2021, full-size networks; the same pairs and boxes, another alignment",
        intervals=True,
    ),
    "mfr2": Layout(
        {
            "accuracy": ("accuracy",),
            "AUC": ("auc",),
            **_parts("0 masked", "1 masked", "2 masked"),
            "TAR@0.01": ("tar", "0.01"),
            "TAR@0.001": ("tar", "0.001"),
        },
    ),
    "kinship": Layout(
        {"accuracy": ("accuracy",), "AUC": ("auc",), "ECE": ("ece",), **_parts(*RELATIONS)},
        {
            "S-ViT": {"accuracy": 0.768, **dict(zip(map(relation_words, RELATIONS), _S_VIT, strict=True))},
            "S-ViT's arm with ResNet50": {"accuracy": 0.758},
            "vuvko": {"accuracy": 0.78},
            "ustc": {"accuracy": 0.76},
            "TeamCNU'21": {"accuracy": 0.80},
            "SupCon + fusion": {"accuracy": 0.811},
            "FaCoRNet": {"accuracy": 0.820},
        },
        "published: RFIW task 1, test list; ours: validation list",
        reading="All of these start from, learn from or contain EdgeFace or the reference encoder `dlib_resnet`, which "
        "saw millions of faces. `svit` is guided and taught by `edgeface_kin`; `facor` is trained end to end on "
        "EdgeFace's trunk",
    ),
    "tri": Layout(
        {"accuracy": ("accuracy",), "AUC": ("auc",), "ECE": ("ece",), **_parts("FMS", "FMD")},
        {"S-ViT": {relation_words("FMS"): 0.76, relation_words("FMD"): 0.75}, "HCL": {"accuracy": 0.86}},
        "published: RFIW2020 task 2, test list; ours: validation list",
    ),
    "search": Layout(
        SEARCH_FIGURES,
        {"S-ViT": {"mAP": 0.07, "rank@5": 0.34}},
        "published: RFIW2020 task 3, test gallery; ours: FIW val, another list",
    ),
    "kinfacew": Layout(
        {
            "mean": ("accuracy",),
            **{
                f"{part}, {name}": ("breakdown", f"KinFaceW-{part}{key}", "accuracy")
                for part in ("I", "II")
                for name, key in (("mean", ""), *((relation_words(r), f" {r}") for r in KINFACE_FOLDERS))
            },
        },
    ),
    "ferplus": Layout(
        {
            "accuracy": ("accuracy",),
            "both views": ("both_views", "accuracy"),
            "macro F1": ("macro_f1",),
            "ECE": ("ece",),
            "KL to the votes": ("kl",),
        },
        {
            "VGG13, majority": {"accuracy": 0.8385},
            "VGG13, several labels": {"accuracy": 0.8397},
            "VGG13, drawn label": {"accuracy": 0.8499},
            "VGG13, all votes": {"accuracy": 0.8472},
        },
        "published: Barsoum et al. 2016, the same test part, accuracy on the majority",
        reading="Contempt and disgust have 15 and 16 test faces: nothing is claimed of them alone",
    ),
    "fer2013": Layout(
        {"accuracy": ("accuracy",), "both views": ("both_views", "accuracy"), "macro F1": ("macro_f1",)},
        {"VGGNet": {"accuracy": 0.7328}},
        "published: Khaireddin and Chen 2021, one network",
        reading="The labels agree with the majority of FER+'s ten people on about two faces of three",
    ),
    "ckplus": Layout(
        {"accuracy": ("accuracy",), "macro F1": ("macro_f1",), "of its classes": ("accuracy_among_shown",)},
    ),
    "jaffe": Layout(
        {"accuracy": ("accuracy",), "macro F1": ("macro_f1",), "of its classes": ("accuracy_among_shown",)},
    ),
}


def published(task: str) -> dict[str, Any]:
    """What goes into a report under "published": note and rows; empty where nothing is known."""
    layout = LAYOUTS.get(task)
    return {"note": layout.note, "rows": layout.published} if layout and layout.published else {}


ANY = Layout({"accuracy": ("accuracy",), "macro F1": ("macro_f1",), "AUC": ("auc",)})
"""The table of a task without a layout: what reports have at their top."""


def layout_of(task: str) -> Layout:
    return LAYOUTS.get(task, ANY)


def main_value(task: str, report: dict[str, Any]) -> float:
    """The task's main figure; 0 where the report lacks it."""
    return float(value_at(report, evaluation_of(task).main) or 0)


def figure(task: str, report: dict[str, Any]) -> str:
    """The task's main figure with its interval, "0.737 (0.717-0.758)"; empty where the report lacks it."""
    return _cell(report, evaluation_of(task).main, intervals=True)


def beside(task: str, reports: dict[str, dict[str, Any]]) -> list[list[str]]:
    """cells() of the task's layout; empty without a layout.

    Args:
        reports: name of the weight -> its report.
    """
    return cells(LAYOUTS[task], reports) if task in LAYOUTS and reports else []


def cells(layout: Layout, reports: dict[str, dict[str, Any]]) -> list[list[str]]:
    """A table as text: headings, a row a report, a row a published result.

    Numbers of the whole report carry their 95 % interval; those of its parts where the layout says so.
    """
    rows = {
        name: {h: _cell(report, path, layout.intervals) for h, path in layout.columns.items()}
        for name, report in reports.items()
    }
    for who, values in layout.published.items():
        rows[f"{who} (published)"] = {h: f"{v:.3f}" for h, v in values.items()}
    shown = [h for h in layout.columns if any(row.get(h) for row in rows.values())]
    return [["", *shown], *([name, *(row.get(h, "") for h in shown)] for name, row in rows.items())]


def _cell(report: dict[str, Any], path: tuple[str, ...], intervals: bool) -> str:
    """The number a path leads to, "" where it leads nowhere."""
    value = value_at(report, path)
    if value is None:
        return ""
    interval = value_at(report, (*path[:-1], f"{path[-1]}_ci95")) if intervals or len(path) == 1 else None
    return f"{value:.3f}" + (f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else "")
