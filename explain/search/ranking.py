"""Who in a folder of photos is related to the face in one photo? A ranked list, from the command line.

python -m explain.search PROBE.jpg --gallery DIR --model dlib_kin --csv kin.csv
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from explain.command import UnwrittenError, add_model, face_of, run
from models.faces.detect import detect_faces
from models.faces.face import Face
from models.faces.files import GalleryError, PhotoFile, Skipped, gather
from models.faces.photo import PhotoError, open_photo
from models.gallery import TOP, Gallery, Hit
from models.tables import plain_cell
from models.weights import load_pair

COLUMNS = ("rank", "file", "face", "similarity", "score", "score_probe_first", "score_gallery_first", "model", "note")
NO_FACE = "No face was found."


@dataclass(frozen=True)
class Named:
    """Where a gallery's face is from: the file's name and the number of the face in it, largest first, from 1."""

    file: str
    face: int = 1


def write_csv(
    target: IO[str], hits: Sequence[Hit], entries: Sequence[Named], skipped: Sequence[Skipped], model: str
) -> None:
    """A ranking as CSV: a row a face, then a row a file that gave none, with the reason as its note.

    Args:
        target: text, opened with newline="".
        hits: ranked, of Gallery.search; hit.entry is a place in `entries`.
        model: name of the weight that answered.
    """
    writer = csv.writer(target)
    writer.writerow(COLUMNS)
    for rank, hit in enumerate(hits, 1):
        named = entries[hit.entry]
        numbers = [_number(v) for v in (hit.similarity, hit.score, hit.score_ab, hit.score_ba)]
        writer.writerow([rank, plain_cell(named.file), named.face, *numbers, model, ""])
    for left_out in skipped:
        writer.writerow(["", plain_cell(left_out.name), "", "", "", "", "", model, left_out.reason])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


@dataclass
class _Faces:
    """Faces of photos one after another, so that only one photo is in memory; what was found is kept by name."""

    files: Sequence[PhotoFile]
    entries: list[Named] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def __iter__(self) -> Iterator[Face]:
        for i, file in enumerate(self.files, 1):
            if sys.stderr.isatty():
                print(f"\r{i} of {len(self.files)} photos", end="", file=sys.stderr)
            try:
                faces = detect_faces(open_photo(file.path))
            except PhotoError as error:
                self.skipped.append(Skipped(file.name, str(error)))
                continue
            if not faces:
                self.skipped.append(Skipped(file.name, NO_FACE))
            for number, face in enumerate(faces, 1):
                self.entries.append(Named(file.name, number))
                yield face
        if sys.stderr.isatty():
            print(file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the ranking is printed, 2 with one line on stderr when the input cannot be used."""
    return run(_ranked, parser(), arguments)


def _ranked(args: argparse.Namespace) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return _run(args, Path(folder))


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    found = argparse.ArgumentParser(prog="python -m explain.search", description="Rank a gallery of faces for a probe.")
    found.add_argument("probe", type=Path, help="photo of the person whose kin are looked for")
    found.add_argument(
        "--gallery", type=Path, nargs="+", required=True, help="folders, zips or photos; every face in them counts"
    )
    add_model(found)
    found.add_argument(
        "--top", type=int, default=TOP, help="how many of the most similar are scored as pairs; default: %(default)s"
    )
    found.add_argument("--csv", type=Path, help="write the whole ranking here")
    return found


def _run(args: argparse.Namespace, folder: Path) -> str:
    missing = [str(s) for s in args.gallery if not s.exists()]
    if missing:
        raise GalleryError(f"There is no {missing[0]}.")
    model, probe = load_pair(args.model), face_of(args.probe, "probe", 1)
    files, skipped = gather(args.gallery, folder)
    faces = _Faces(files, skipped=skipped)
    try:
        gallery = Gallery.build(model, faces)
    except ValueError as error:
        if faces.entries:
            raise
        first = f" {faces.skipped[0].name}: {faces.skipped[0].reason}" if faces.skipped else ""
        raise GalleryError(f"There is no face in this gallery.{first}") from error
    hits = gallery.search(gallery.code(probe), args.top)
    shown = table(hits, faces)
    if args.csv:
        try:  # names that are no UTF-8 are written with a replacement
            with args.csv.open("w", newline="", encoding="utf-8", errors="backslashreplace") as target:
                write_csv(target, hits, faces.entries, faces.skipped, args.model)
        except OSError as error:  # the folder was tried before the work: a disk that filled up, for one
            raise UnwrittenError(f"--csv {args.csv}: {error.strerror or error}", shown) from error
    return shown


def table(hits: Sequence[Hit], faces: _Faces) -> str:
    """The first 20 hits and the first 20 files that were left out, a line each."""
    lines = ["rank  score  similarity  file"]
    for rank, hit in enumerate(hits[:20], 1):
        score = "     " if hit.score is None else f"{hit.score:.3f}"
        named = faces.entries[hit.entry]
        face = f" (face {named.face})" * (named.face > 1)
        lines.append(f"{rank:4d}  {score}  {hit.similarity:+10.3f}  {named.file}{face}")
    lines.append(f"{len(faces.entries)} faces; {len(faces.skipped)} files left out")
    return "\n".join([*lines, *(f"  {left_out.name}: {left_out.reason}" for left_out in faces.skipped[:20])])


if __name__ == "__main__":
    sys.exit(main())
