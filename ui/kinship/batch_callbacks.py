"""What the page of many pairs does, as plain functions: values in, values for components out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import gradio as gr
from gradio.utils import get_upload_folder

from explain.kinship.batch_files import Answered, report_page, write_csv
from models import PhotoError
from models.errors import UserError
from models.pair_lists import PairList
from ui.kinship import batch_cards
from ui.kinship.batch_answers import Batch, Given, Job, Photos, compare, example, list_of, photos_of, planned, shot_of
from ui.kinship.search_cards import count
from ui.shared import answering, cards
from ui.shared.addresses import Asked, Offers, Place, tell
from ui.shared.making import kept
from ui.shared.widgets import show_shot

LIST, SETS = "list", "sets"
"""Where pairs come from: a list and photos, or two sets of photos in the order of their names."""
NOTHING = {
    LIST: "A list of pairs, and a zip of the photos that it names (or the photos themselves).",
    SETS: "As many photos in A as in B: the first of A is compared with the first of B, and so on, in the order of "
    "their names (a2 before a10).",
}
WAITING = "The table appears here when pairs are given and compared."
GONE = "These files are no longer kept. Please choose them again."
ONE_LIST = "These are several lists. Please choose one at a time."
UNTRAINED = "No weight for comparing two faces is installed. See the tab Models."
FORMER_STAY = " The results below are of the run before."
TABLE_SECONDS = 3.0
"""Between two drawings of the table while pairs are compared."""
NAMES = {"csv": "kinsight-pairs.csv", "report": "kinsight-pairs.html"}


def take_list(given: Sequence[Given]) -> tuple[PairList | None, str]:
    """An uploaded list -> its rows, and what is wrong with it."""
    if not given:
        return None, ""
    if len(given) > 1:
        return None, cards.message(ONE_LIST, error=True)
    try:
        return list_of(given[0]), ""
    except UserError as error:
        return None, cards.message(str(error), error=True)
    except FileNotFoundError:
        return None, cards.message(GONE, error=True)


def take_photos(given: Sequence[Given]) -> tuple[Photos | None, str]:
    """Uploaded photos and zips -> their files, and what was left out."""
    if not given:
        return None, ""
    if not all(Path(path).exists() for path, _ in given):
        return None, cards.message(GONE, error=True)
    root = Path(get_upload_folder())
    root.mkdir(parents=True, exist_ok=True)
    try:
        photos = photos_of(given, root)
    except UserError as error:
        return None, cards.message(str(error), error=True)
    return photos, batch_cards.given_note(f"<b>{count(len(photos.files), 'photo')}.</b>", photos.skipped)


def show_inputs(how: str) -> list[Any]:
    """Which of both ways of giving pairs is shown."""
    return [gr.update(visible=how == LIST), gr.update(visible=how == SETS)]


def preview(how: str, *brought: Any) -> str:
    """What would be compared, before anything is."""
    listed, photos = (brought[0], brought[1]) if how == LIST else (None, None)
    try:
        pairings = planned(*_of(how, *brought))
    except UserError as error:
        return cards.message(str(error), error=True)
    if pairings is None:
        lead = f"The list names {count(len(listed.pairs), 'pair')}. Its photos are missing." if listed else NOTHING[how]
        return cards.message("The list is missing." if photos and not listed else lead)
    labels = sum(p.same is not None for p in pairings)
    return batch_cards.given_note(batch_cards.plan_note(pairings, labels), ())


def _of(
    how: str, listed: PairList | None, photos: Photos | None, a: Photos | None, b: Photos | None
) -> tuple[PairList | None, Photos | None, Photos | None, Photos | None]:
    return (listed, photos, None, None) if how == LIST else (None, None, a, b)


def begin(batch: Batch | None, weight: str | None, how: str, *brought: Any) -> list[Any]:
    """On press -> what is to be done, both buttons, the card, former results faded, the threshold."""
    given = _of(how, *brought)
    try:
        pairings = planned(*given)
        why = UNTRAINED if weight is None else NOTHING[how] if not pairings else ""
    except UserError as error:
        pairings, why = None, str(error)
    if why or weight is None or not pairings:
        return [None, gr.skip(), gr.skip(), cards.message(why, error=True), gr.skip(), gr.skip()]
    same = batch is not None and batch.weight == weight
    return [
        Job(weight, tuple(pairings), tuple(source for source in given if isinstance(source, Photos))),
        gr.update(interactive=False),
        gr.update(visible=True, interactive=True, value="Stop"),
        cards.message("Waiting for a turn ..."),
        gr.update(elem_classes=["ks-former"]),
        gr.skip() if same else answering.sidecar(weight).rule.threshold,
    ]


def begin_example(batch: Batch | None, weight: str | None) -> list[Any]:
    """As begin, for the app's own pairs; what the visitor brought stays as it is."""
    return begin(batch, weight, LIST, *example(), None, None)


def work(job: Job | None, threshold: float, by: str, former: Batch | None = None) -> Iterator[list[Any]]:
    """Compare the pairs -> the batch, card, table and results, as they come.

    Args:
        former: the batch on the page; it stays when this one ends before its first pair.
    """
    if job is None:
        yield [gr.skip()] * 4
        return
    drawn = time.monotonic()
    for batch in compare(job):
        if batch.done:
            yield _finished(batch, threshold, by) if batch.rows else _unchanged(batch, former)
        elif batch.rows and time.monotonic() - drawn > TABLE_SECONDS:
            table = batch_cards.pair_table(batch.answered(threshold), by)
            yield [batch, batch_cards.progress_card(batch), table, gr.update(visible=True, elem_classes=[])]
            drawn = time.monotonic()
        else:
            yield [gr.skip(), batch_cards.progress_card(batch), gr.skip(), gr.skip()]


def _finished(batch: Batch, threshold: float, by: str) -> list[Any]:
    return [batch, *redraw(batch, threshold, by), gr.update(visible=True, elem_classes=[])]


def _unchanged(batch: Batch, former: Batch | None) -> list[Any]:
    """Nothing was compared: the card says why, and results of before stay, faded where another model made them."""
    why = batch.ended + (FORMER_STAY if former else "")
    return [gr.skip(), cards.message(why, error=True), gr.skip(), match(former, batch.weight)]


def stop(job: Job | None) -> Any:
    """Let the work end after the pair that it compares now."""
    if job is not None:
        job.stop.set()
    return gr.update(value="Stopping ...", interactive=False)


def ended() -> list[Any]:
    """Both buttons as before, however the work ended, and nothing to be done."""
    return [gr.update(interactive=True), gr.update(visible=False), None]


def match(batch: Batch | None, weight: str | None) -> Any:
    """Another model: results of the former one fade until it is asked."""
    return gr.update(elem_classes=["ks-former"] if batch is not None and batch.weight != weight else [])


def redraw(batch: Batch | None, threshold: float, by: str) -> list[str]:
    """The same answers against another threshold, or in another order; no model runs."""
    if batch is None:
        return [cards.message(WAITING), ""]
    answered = batch.answered(threshold)
    return [batch_cards.answer_card(batch, answered), batch_cards.pair_table(answered, by)]


def make_csv(batch: Batch | None, threshold: float) -> tuple[str | None, str]:
    """Write all pairs as a table -> its path for the download link, and a line when there is nothing to write."""
    return _made(batch, threshold, "csv", write_csv)


def make_report(batch: Batch | None, threshold: float) -> tuple[str | None, str]:
    """Write all pairs as one page -> as make_csv."""

    def write(target: IO[str], answered: Answered) -> None:
        target.write(report_page(answered))

    return _made(batch, threshold, "report", write)


def _made(
    batch: Batch | None, threshold: float, kind: str, write: Callable[[IO[str], Answered], None]
) -> tuple[str | None, str]:
    if batch is None:
        return None, cards.message("There are no answers yet.", error=True)
    answered = batch.answered(threshold)

    def written(path: Path) -> Path:
        with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as target:
            write(target, answered)
        return path

    return kept(NAMES[kind], written), ""


def open_pair(batch: Batch | None, place: object) -> list[Any]:
    """A compared pair as the two photos of "Two faces", with the model that compared it.

    Raises:
        gr.Error: a photo is no longer there.
    """
    if batch is None or type(place) is not int or not 0 <= place < len(batch.rows):
        raise gr.Error("This pair is no longer there. Please compare again.", print_exception=False)
    try:
        a, b = (shot_of(path) for path in batch.rows[place].pairing.files)
        return [*show_shot(a), *show_shot(b), batch.weight]
    except PhotoError as error:
        raise gr.Error(str(error), print_exception=False) from error


def offers() -> Offers:
    """Weights that compare two faces."""
    return Offers(lambda _: answering.pair_weights())


def visit(asked: Asked | None) -> Any:
    """What an address names -> the model."""
    return (asked.address.model if asked else "") or gr.skip()


def told_of(here: Place, weight: str | None, asked: Asked | None) -> str:
    """What the browser is told: the model."""
    return tell(here, asked, model=weight)
