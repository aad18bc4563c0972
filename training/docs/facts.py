"""What the pages read from a sidecar: its decision, its notes, its main figure, the commands that made it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from models.evaluations import evaluation_order
from models.registry import MODELS
from models.tasks import TASKS
from models.weights import Sidecar
from training.evaluate.published import figure

HELD_OUT = re.compile(r"Held-out .*?: AUC ([\d.]+) \(95 % ([\d.]+) to ([\d.]+), bootstrap over families\)")
"""The note of training.tools on the families that no training step saw."""
STARTED = re.compile(r"It started from: .*, command (python -m .*)\.$")
"""The note of training.tools on the run that a training began with."""


def question(sidecar: Sidecar) -> str:
    return TASKS[sidecar.task].question if sidecar.task in TASKS else sidecar.task


def title(sidecar: Sidecar) -> str:
    return MODELS[sidecar.model].title if sidecar.model in MODELS else sidecar.model


def order(sidecar: Sidecar) -> tuple[int, str]:
    """Key to sort by: the order of the registry, in which what is needed comes before what needs it."""
    names = list(MODELS)
    return (names.index(sidecar.model) if sidecar.model in names else len(names), sidecar.name)


def tasks(sidecar: Sidecar) -> list[str]:
    """The evaluations that the sidecar holds, in their order."""
    return sorted(sidecar.metrics, key=evaluation_order)


def main_figure(sidecar: Sidecar) -> tuple[str, str]:
    """(its task, "0.737 (0.717-0.758)") of the first evaluation; two empty strings where nothing was measured."""
    return next(((task, figure(task, sidecar.metrics[task])) for task in tasks(sidecar)), ("", ""))


def size(sidecar: Sidecar, folder: Path) -> str:
    """Of the weight's file, in MB; a weight that reads others' tensors stores less than it needs."""
    megabytes = (folder / f"{sidecar.name}.safetensors").stat().st_size / 1e6
    return f"{megabytes:.1f}" if megabytes >= 0.05 else "<0.1"


EARLIER_TEACHERS = "--teachers dlib_resnet arcface_mobilefacenet"
"""What was not said on the command line when these two were the only teachers."""


def commands(sidecar: Sidecar) -> list[str]:
    """What made the weight: the run it started from, where the notes name one, then its own command."""
    starts = [found[1] for note in sidecar.notes if (found := STARTED.match(note))]
    earlier = any("teachers dlib, arcface_mobilefacenet" in note for note in sidecar.notes)
    return [f"{c} {EARLIER_TEACHERS}" if earlier else c for c in (*starts, sidecar.command)]


def held_out(sidecar: Sidecar) -> str:
    """AUC with its interval on the training families that were held out; empty where no note says it."""
    found = next(filter(None, map(HELD_OUT.match, sidecar.notes)), None)
    return f"{float(found[1]):.3f} ({float(found[2]):.3f}-{float(found[3]):.3f})" if found else ""


def remarks(sidecar: Sidecar) -> Iterator[str]:
    """The notes that stand nowhere else, with short hashes and numbers, without the command."""
    for note in sidecar.notes:
        if not (HELD_OUT.match(note) or STARTED.match(note)):
            text = re.sub(r", command python -m .*", ".", note)
            text = re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1", text)
            text = re.sub(r"\d+\.\d{5,}", lambda number: f"{float(number[0]):.4f}", text)
            yield re.sub(r"\.\.$", ".", text)


def sentences(note: str) -> list[str]:
    """A note cut where a sentence ends and the next one begins with a capital."""
    return re.split(r"(?<=\.)\s+(?=[A-Z])", note)
