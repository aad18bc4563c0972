"""All weights as one table, a row each; a press on a row opens its card below it. ui/models/table.js does the rest."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from models.evaluations import evaluation_order
from models.registry import MODELS
from models.tasks import TASKS
from models.weights import Sidecar, WeightError, find_weight, parameters
from ui.models.card import card
from ui.models.figures import Main, fails, main_figure
from ui.shared import picker

COLUMNS = {
    "name": "Model",
    "task": "Question",
    "figure": "Accuracy, 95 %",
    "size": "Size",
    "speed": "A pair takes",
    "licence": "Licence",
    "data": "Trained on",
    "fails": "Where it fails",
}
"""Key -> heading. The keys up to "licence" sort."""
SORTS = ("figure", "name", "size", "speed", "licence")
SETS = {
    "fiw/train": "Families In the Wild",
    "celeba": "CelebA",
    "ferplus_train": "FER+",
    "fer2013_train": "FER2013",
    "dlib_face_recognition_resnet_model_v1.dat": "dlib's public network",
    "edgeface_xs_q.pt": "EdgeFace's public network",
}
"""First word of a row of Sidecar.data -> what it is in words."""
NO_TRAINING = ("of these", "(calibration)", "_valid")
"""Parts of names in Sidecar.data of what a network did not learn from."""


def table(rows: Sequence[Sidecar]) -> str:
    """Filters, the table, and a card folded under each row."""
    ordered = sorted(rows, key=_order)
    heads = "".join(_head(key, title) for key, title in COLUMNS.items())
    body = "".join(_rows(number, row) for number, row in enumerate(ordered))
    return (
        f"{_filters(ordered)}<table class='ks-models' aria-label='all models'><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _order(row: Sidecar) -> tuple[int, tuple[int, str], float, str]:
    """By question, then by data set, the best first: figures of one set stand together."""
    main = main_figure(row.metrics)
    tasks = list(TASKS)
    place = tasks.index(row.task) if row.task in tasks else len(tasks)
    return place, evaluation_order(main.evaluation if main else ""), -main.value if main else 0.0, row.name


def _filters(rows: Sequence[Sidecar]) -> str:
    asked = [task for task in TASKS if any(row.task == task for row in rows)]
    tasks = "".join(f"<option value='{task}'>{escape(TASKS[task].question)}</option>" for task in asked)
    sorts = "".join(f"<option value='{key}'>{escape(COLUMNS[key])}</option>" for key in SORTS)
    return (
        "<div class='ks-filters'>"
        f"<label>Question <select data-filter='task'><option value=''>all</option>{tasks}</select></label>"
        "<label>Licence <select data-filter='free'><option value=''>any</option>"
        "<option value='true'>permissive</option></select></label>"
        f"<label>Sort by <select data-order>{sorts}</select></label>"
        f"<span class='ks-count' role='status'>{len(rows)} of {len(rows)} models</span></div>"
    )


def _head(key: str, title: str) -> str:
    if key not in SORTS:
        return f"<th scope='col' class='ks-c-{key}'>{escape(title)}</th>"
    told = "descending" if key == "figure" else "none"
    return (
        f"<th scope='col' class='ks-c-{key}' aria-sort='{told}'><button type='button' data-sort='{key}'>{escape(title)}"
        "</button></th>"
    )


def _rows(number: int, row: Sidecar) -> str:
    """The row of a weight, and the folded one with its card."""
    main, megabytes, seconds = main_figure(row.metrics), size_mb(row), picker.seconds_of(row.name)
    keys = {
        "weight": row.name,
        "task": row.task,
        "free": str(row.licence in picker.PERMISSIVE).lower(),
        "order": number,
        "set": evaluation_order(main.evaluation)[0] if main else "",
        "figure": main.value if main else "",
        "name": _title(row).lower(),
        "size": megabytes,
        "speed": seconds if seconds is not None else "",
        "licence": row.licence,
    }
    told = " ".join(f"data-{key}='{escape(str(value))}'" for key, value in keys.items())
    cells = {
        "task": escape(TASKS[row.task].question if row.task in TASKS else row.task),
        "figure": _figure(main),
        "size": _size(row, megabytes),
        "speed": f"{1000 * seconds:.0f} ms" if seconds is not None else "–",
        "licence": escape(row.licence),
        "data": escape(learnt_from(row)),
        "fails": escape(fails(row.metrics)),
    }
    shown = "".join(f"<td class='ks-c-{k}' data-label='{escape(COLUMNS[k])}'>{cell}</td>" for k, cell in cells.items())
    return (
        f"<tr class='ks-weight' {told}>{_name(number, row)}{shown}</tr><tr class='ks-card-row' id='card-row-{number}' "
        f"hidden><td colspan='{len(COLUMNS)}'>{card(row)}</td></tr>"
    )


def _title(row: Sidecar) -> str:
    return MODELS[row.model].title if row.model in MODELS else row.model


def _name(number: int, row: Sidecar) -> str:
    marks = "".join(f"<span class='ks-mark-word'>{escape(mark)}</span>" for mark in picker.marks(row.name))
    return (
        f"<th scope='row' class='ks-c-name'><button type='button' aria-expanded='false' "
        f"aria-controls='card-row-{number}'>{escape(_title(row))}</button><small><code>{escape(row.name)}</code>{marks}</small></th>"
    )


def _figure(main: Main | None) -> str:
    return f"{main.text}<small>{escape(main.on)}</small>" if main else "not measured"


def size_mb(row: Sidecar) -> float:
    """Of the weight's own file, MB."""
    return find_weight(row.name).stat().st_size / 1e6


def _size(row: Sidecar, megabytes: float) -> str:
    """File, parameters with the borrowed ones, and who lends."""
    own = f"{megabytes:.1f} MB" if megabytes >= 0.05 else "&lt; 0.1 MB"
    lenders = ", ".join(dict.fromkeys(loan.weight for loan in row.loans))
    beside = f"<small>and {escape(lenders)}</small>" if lenders else ""
    try:
        count = parameters(row.name)
    except WeightError:
        return own + beside
    return f"{own}{beside}<small>{count / 1e6:.1f} M parameters</small>"


def learnt_from(row: Sidecar) -> str:
    """The sets a network learnt from, in words; "not recorded" where its sidecar names none."""
    names = [str(d.get("name", "")) for d in row.data]
    names = [name for name in names if name and not any(part in name for part in NO_TRAINING)]
    known = [next((words for key, words in SETS.items() if name.startswith(key)), name) for name in names]
    return ", ".join(dict.fromkeys(known)) or "not recorded"
