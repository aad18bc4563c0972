"""An index of faces from the command line: made, asked, and emptied.

python -m explain.search index PHOTOS --out faces.index --model edgeface_kin
python -m explain.search query PROBE.jpg MORE.jpg --index faces.index --csv kin.csv
python -m explain.search remove faces.index --person 17
python -m explain.search remove faces.index --all
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from explain.command import UnwrittenError, add_model, face_of, run
from models.errors import UserError
from models.search.build import PEOPLE, build
from models.search.finish import refresh
from models.search.index import TOP, Answer, Index, Match
from models.search.processes import share
from models.search.store import FILE, Store
from models.tables import plain_cell

COLUMNS = (
    "rank", "file", "face", "person", "faces", "similarity", "score",
    "score_probe_first", "score_index_first", "model", "note",
)  # fmt: skip
OWN = "the probe's own person"
BIOMETRIC = (
    "An index holds biometric data: who can read it can find these people in other photos. Keep it only as long and as "
    "closely as you may."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0, or 2 with one line on stderr when the input cannot be used."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    work, parser = COMMANDS[words[0]]
    return run(work, parser(), words[1:])


def index_parser() -> argparse.ArgumentParser:
    """The arguments of `index`."""
    found = argparse.ArgumentParser(
        prog="python -m explain.search index",
        description=f"Make an index of faces, or bring one up to date. {BIOMETRIC}",
    )
    found.add_argument("sources", type=Path, nargs="+", help="folders, zips or photos; every face in them counts")
    found.add_argument("--out", type=Path, required=True, help="folder of the index")
    add_model(found)
    found.add_argument(
        "--people", default=PEOPLE, help="weight that groups faces by person, or none; default: %(default)s"
    )
    return found


def _index(args: argparse.Namespace) -> str:
    from tqdm import tqdm

    rank, world = share()
    first = rank == 0
    if first:
        print(BIOMETRIC, file=sys.stderr)
    with tqdm(unit="photo", disable=not first) as bar:

        def tell(done: int, of: int) -> None:
            bar.total, bar.n = of, done
            bar.refresh() if done in (0, of) else bar.update(0)

        built = build(args.sources, args.out, args.model, None if args.people == "none" else args.people, tell)
    if not first:
        return ""
    counted = f"{built.new:,} new photos, {built.known:,} known" + " (this process's share)" * (world > 1)
    lines = [f"{counted}, {built.dropped:,} dropped", *_described(args.out)]
    return "\n".join([*lines, *(f"  {s.name}: {s.reason}" for s in built.skipped[:20])])


def _described(folder: Path) -> list[str]:
    with Store.open(folder) as store:
        counts, facts, notes = store.counts(), store.facts(), store.notes()
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    lines = [
        f"{folder}: {counts['faces']:,} faces of {counts['people']:,} people in {counts['photos']:,} photos, "
        f"{size / 1e6:,.1f} MB, model {facts['model']}"
    ]
    return [*lines, *(f"  {name}: {why}" for name, why in notes[:20])]


def query_parser() -> argparse.ArgumentParser:
    """The arguments of `query`."""
    found = argparse.ArgumentParser(prog="python -m explain.search query", description="Rank an index for a person.")
    found.add_argument("probes", type=Path, nargs="+", help="photos of one person; the largest face of each counts")
    found.add_argument("--index", type=Path, required=True, help="folder of the index")
    found.add_argument("--top", type=int, default=TOP, help="how many matches; default: %(default)s")
    found.add_argument(
        "--by", choices=("photo", "person"), default="photo", help="what is ranked; default: %(default)s"
    )
    found.add_argument("--csv", type=Path, help="write the ranking here")
    return found


def _query(args: argparse.Namespace) -> str:
    if args.top < 1:
        raise UserError(f"--top must be at least 1, not {args.top}")
    probes = [face_of(path, "probe", 1) for path in args.probes]
    with Index.open(args.index) as index:
        answer = index.search(probes, args.top, args.by == "person")
        rows = table(index, answer)
    shown = _shown(rows, answer)
    if args.csv:
        try:
            with args.csv.open("w", newline="", encoding="utf-8", errors="backslashreplace") as target:
                csv.writer(target).writerows([COLUMNS, *rows])
        except OSError as error:
            raise UnwrittenError(f"--csv {args.csv}: {error.strerror or error}", shown) from error
    return shown


def table(index: Index, answer: Answer) -> list[list[str]]:
    """Rows of COLUMNS: the matches, ranked, then the probe's own photos without a rank."""
    ranked = [_cells(index, match, str(rank), "") for rank, match in enumerate(answer.matches, 1)]
    return [*ranked, *(_cells(index, match, "", OWN) for match in answer.own)]


def _cells(index: Index, match: Match, rank: str, note: str) -> list[str]:
    numbers = (match.similarity, match.score, match.score_ab, match.score_ba)
    shown = ["" if v is None else f"{v:.6f}" for v in numbers]
    row = match.row
    named = [plain_cell(index.file(match)), str(row.number), str(row.person or ""), str(match.faces)]
    return [rank, *named, *shown, index.weight, note]


def _shown(rows: Sequence[Sequence[str]], answer: Answer) -> str:
    """The first 20 matches and what belongs to the probe, a line each."""
    lines = ["rank  score  similarity  person  file"]
    ranked = [r for r in rows if r[0]]
    for rank, file, face, person, faces, cosine, score, *_ in ranked[:20]:
        which = f" (face {face})" * (face != "1") + f" and {int(faces) - 1} more" * (int(faces) > 1)
        lines.append(f"{rank:>4}  {float(score):.3f}  {float(cosine):+10.3f}  {person:>6}  {file}{which}")
    own = f"; not ranked, taken for the probe's own: {len(answer.own):,}" * bool(answer.own)
    return "\n".join([*lines, f"{answer.searched:,} faces searched in {answer.seconds:.2f} s{own}"])


def remove_parser() -> argparse.ArgumentParser:
    """The arguments of `remove`."""
    found = argparse.ArgumentParser(
        prog="python -m explain.search remove", description="Delete a person or a photo from an index, or all of it."
    )
    found.add_argument("index", type=Path, help="folder of the index")
    what = found.add_mutually_exclusive_group(required=True)
    what.add_argument("--person", type=int, help="number of the person, as a query shows it")
    what.add_argument("--photo", help="name of the photo, as a query shows it")
    what.add_argument("--all", action="store_true", help="delete the whole index")
    return found


def _remove(args: argparse.Namespace) -> str:
    with Store.open(args.index) as store:
        if not args.all:
            count = store.remove_person(args.person) if args.person is not None else store.remove_photo(args.photo)
            if not count:
                what = f"person {args.person}" if args.person is not None else f"face of a photo {args.photo}"
                raise UserError(f"There is no {what} in {args.index}.")
            refresh(store)
            return f"{count:,} faces removed"
    for path in [*args.index.glob(f"{FILE}*"), *args.index.glob("vectors-*")]:
        path.unlink()
    for path in args.index.glob("unpacked-*"):
        shutil.rmtree(path, ignore_errors=True)
    if not any(args.index.iterdir()):
        args.index.rmdir()
    return f"{args.index} removed"


COMMANDS = {"index": (_index, index_parser), "query": (_query, query_parser), "remove": (_remove, remove_parser)}
