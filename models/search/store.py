"""What an index knows, in one SQLite file: contents of photos, their names, faces and codes. No pixels.

A content (its SHA-256) is written once, with all its faces, in one transaction: whatever ends the program, a photo is
in the index whole or not at all, and never twice. Several processes may write to one file.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from models.search.rows import FACE, FULL, FaceIndexError, Name, Near, Row, Seen, checksum, halves, row_of, stored

FILE = "faces.sqlite"
APPLICATION = 0x4B494E53
"""SQLite's application_id of an index."""
FORMAT = 2
WAIT = 60.0
"""Seconds that a process waits for the end of another one's transaction."""
COLUMN = {name: i for i, name in enumerate(FACE.split(", "))}
MANY = 500
"""Values in one SQL statement."""
REMOVED = "This was removed from the index."
DAMAGED = "The index {path} is damaged ({why}). Delete the folder and make it anew from the photos."
FOREIGN = "There is no index of faces at {path}: python -m explain.search index makes one."
CHANGED = "The index {path} was emptied meanwhile. Please ask again."
OTHER = "The index {path} was made by another version of this program (its format {found}, here {here}). Make it anew."

_TABLES = """
CREATE TABLE fact (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE source (id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL);
CREATE TABLE photo (digest BLOB PRIMARY KEY, note TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE name (source INTEGER NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL, stamp TEXT NOT NULL,
    PRIMARY KEY (source, name)) WITHOUT ROWID;
CREATE INDEX name_of ON name (digest);
CREATE TABLE face (id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL, number INTEGER NOT NULL,
    box BLOB NOT NULL, keypoints BLOB NOT NULL, confidence REAL NOT NULL, code BLOB NOT NULL, identity BLOB,
    checksum INTEGER NOT NULL, person INTEGER, UNIQUE (digest, number));
CREATE INDEX face_of ON face (person);
"""
_OUT_OF_USE = (
    "DELETE FROM photo WHERE digest NOT IN (SELECT digest FROM name)",
    "DELETE FROM face WHERE digest NOT IN (SELECT digest FROM name)",
)


class Store:
    """An open index file. Use it as a context, or `close` it."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder, self._db = folder, connection

    @staticmethod
    def create(folder: Path, facts: Mapping[str, Any]) -> Store:
        """A new index: folder of mode 0700, as one that was there and empty becomes, file of mode 0600.

        Raises:
            FaceIndexError: no room.  OSError: the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            with suppress(PermissionError):  # somebody else's
                folder.chmod(0o700)
        path = folder / FILE
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        store = Store(folder, _connected(path))
        with store.writing():
            if not store._first("PRAGMA application_id"):  # another process may have been faster
                for statement in [*_TABLES.split(";\n"), f"PRAGMA application_id = {APPLICATION}"]:
                    store._db.execute(statement)
                store._db.execute(f"PRAGMA user_version = {FORMAT}")
                store._set(facts)
        return store

    @staticmethod
    def open(folder: Path) -> Store:
        """Raises FaceIndexError: no index, another format, damaged."""
        path = folder / FILE
        if not path.is_file():
            raise FaceIndexError(FOREIGN.format(path=folder))
        store = Store(folder, _connected(path))
        try:
            with store.words():
                application, found = store._first("PRAGMA application_id"), store._first("PRAGMA user_version")
            if application != APPLICATION:
                raise FaceIndexError(FOREIGN.format(path=folder))
            if found != FORMAT:
                raise FaceIndexError(OTHER.format(path=folder, found=found, here=FORMAT))
        except FaceIndexError:
            store.close()
            raise
        return store

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def words(self) -> Iterator[None]:
        """Faults of SQLite as sentences for the user. Raises FaceIndexError."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            full = "full" in str(error) or "disk I/O" in str(error)
            words = FULL if full else DAMAGED
            raise FaceIndexError(words.format(path=self.folder, why=error)) from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all of it, or nothing. Raises FaceIndexError."""
        with self.words():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:  # a full disk has ended it
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _first(self, query: str, *values: Any) -> Any:
        row = self._db.execute(query, values).fetchone()
        return row[0] if row else None

    def _set(self, facts: Mapping[str, Any]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", list(facts.items()))

    def facts(self) -> dict[str, Any]:
        """What is known of the whole: which weights, which file holds the vectors."""
        with self.words():
            return dict(self._db.execute("SELECT key, value FROM fact"))

    def counts(self) -> dict[str, int]:
        """Number of "photos", "faces", "people" (groups) and "names"."""
        of = {"photos": "COUNT(*) FROM photo", "faces": "COUNT(*) FROM face", "names": "COUNT(*) FROM name"}
        of["people"] = "COUNT(DISTINCT person) FROM face"
        with self.words():
            return {key: self._first(f"SELECT {query}") for key, query in of.items()}

    def known(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those of the contents that are in the index."""
        with self.words():
            return {row[0] for row in self._for("SELECT digest FROM photo WHERE digest IN", digests)}

    def _for(self, query: str, values: Sequence[Any]) -> Iterator[Any]:
        """Rows of "... IN" a list of any length."""
        for start in range(0, len(values), MANY):
            part = values[start : start + MANY]
            yield from self._db.execute(f"{query} ({','.join('?' * len(part))})", part)

    def add(self, photos: Iterable[Seen], names: Iterable[Name]) -> None:
        """Write photos that were looked at, unless their contents are there, and the names of files."""
        with self.writing():
            for photo in photos:
                new = self._db.execute("INSERT OR IGNORE INTO photo VALUES (?, ?)", (photo.digest, photo.note)).rowcount
                if new:
                    rows = [(photo.digest, number, *stored(face)) for number, face in enumerate(photo.faces, 1)]
                    self._db.executemany("INSERT INTO face VALUES (NULL,?,?,?,?,?,?,?,?,NULL)", rows)
            self._db.executemany("INSERT OR REPLACE INTO name VALUES (?, ?, ?, ?)", list(names))

    def source(self, path: str) -> int:
        """Number of a folder or zip that photos come from, made when it is new."""
        with self.writing():
            self._db.execute("INSERT OR IGNORE INTO source (path) VALUES (?)", (path,))
            return int(self._first("SELECT id FROM source WHERE path = ?", path))

    def names(self, source: int) -> dict[str, tuple[bytes, str]]:
        """Name of every photo of a source -> content, and the stamp (size and time) it was read with."""
        with self.words():
            query = "SELECT name, digest, stamp FROM name WHERE source = ?"
            return {name: (digest, stamp) for name, digest, stamp in self._db.execute(query, (source,))}

    def drop(self, source: int, names: Iterable[str]) -> None:
        """Forget files of a source that are gone, then every content that no file has any more."""
        with self.writing():
            self._db.executemany("DELETE FROM name WHERE source = ? AND name = ?", [(source, n) for n in names])
            for statement in _OUT_OF_USE:
                self._db.execute(statement)

    def places(self, digest: bytes) -> list[tuple[str, str]]:
        """(source, name) of every file with this content, in the order of the names."""
        query = "SELECT path, name FROM name JOIN source ON source.id = source WHERE digest = ? ORDER BY name, path"
        with self.words():
            return list(self._db.execute(query, (digest,)))

    def notes(self) -> list[tuple[str, str]]:
        """(name, reason) of every photo that gave no face."""
        query = "SELECT name, note FROM name JOIN photo USING (digest) WHERE note != '' ORDER BY name"
        with self.words():
            return list(self._db.execute(query))

    def vectors(self, column: str, size: int = 4096) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Ids and float32 rows of "code" or "identity", in the order of contents, `size` at a time."""
        with self.words():
            rows = self._db.execute(f"SELECT {FACE} FROM face ORDER BY digest, number")
            while part := [self._sound(row) for row in rows.fetchmany(size)]:
                flat = np.frombuffer(b"".join(row[COLUMN[column]] for row in part), np.float16)
                yield np.array([row[0] for row in part], np.int64), flat.reshape(len(part), -1).astype(np.float32)

    def order(self) -> list[tuple[bytes, int]]:
        """Content and number of every face, in the order of `vectors`."""
        with self.words():
            return list(self._db.execute("SELECT digest, number FROM face ORDER BY digest, number"))

    def rows(self, ids: Sequence[int]) -> list[Row]:
        """Faces by id, in that order; those that are no longer there are left out."""
        found = {row.id: row for row in self._rows("id", ids)}
        return [found[i] for i in map(int, ids) if i in found]

    def near(self, ids: np.ndarray) -> Near:
        """What is compared of faces; those that are no longer there are left out."""
        with self.words():
            query = f"SELECT {FACE} FROM face WHERE id IN"
            found = [self._sound(row) for row in list(self._for(query, np.sort(ids).tolist()))]
            who = np.array([[row[0], row[COLUMN["person"]] or 0] for row in found], np.int64).reshape(-1, 2)
            code, identity = (halves([row[COLUMN[name]] for row in found]) for name in ("code", "identity"))
        if code is None:
            raise FaceIndexError(CHANGED.format(path=self.folder))
        return Near(who[:, 0], who[:, 1], code, identity)

    def of_people(self, people: Sequence[int]) -> list[Row]:
        """All faces of some people, in the order of contents."""
        return sorted(self._rows("person", people), key=lambda row: (row.digest, row.number))

    def _rows(self, column: str, values: Sequence[int]) -> list[Row]:
        with self.words():
            found = list(self._for(f"SELECT {FACE} FROM face WHERE {column} IN", sorted(map(int, values))))
            return [row_of(self._sound(row)) for row in found]

    def _sound(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """The row, if it is as it was written. Raises FaceIndexError."""
        with suppress(TypeError, struct.error):  # not even of its types
            if row[-1] == checksum(row[4:-1]):
                return row
        raise FaceIndexError(DAMAGED.format(path=self.folder, why="a face is not as it was written"))

    def finish(self, people: Mapping[int, int] | None, facts: Mapping[str, Any]) -> None:
        """The end of a run, in one transaction: the person of every face (None: as they are), and new facts."""
        with self.writing():
            if people is not None:
                rows = [(person, face) for face, person in people.items()]
                self._db.executemany("UPDATE face SET person = ? WHERE id = ?", rows)
            self._set(facts)

    def remove_person(self, person: int) -> int:
        """Delete the faces of a person -> how many; their photos stay known, so that no later run brings them back."""
        return self._remove("person = ?", person)

    def remove_photo(self, name: str) -> int:
        """Delete the faces of the photos of this name -> how many; the photos stay known."""
        return self._remove("digest IN (SELECT digest FROM name WHERE name = ?)", name)

    def _remove(self, where: str, value: Any) -> int:
        with self.writing():
            digests = self._db.execute(f"SELECT DISTINCT digest FROM face WHERE {where}", (value,)).fetchall()
            count = self._db.execute(f"DELETE FROM face WHERE {where}", (value,)).rowcount
            update = "UPDATE photo SET note = ? WHERE digest = ? AND digest NOT IN (SELECT digest FROM face)"
            self._db.executemany(update, [(REMOVED, digest) for (digest,) in digests])
        return count


def _connected(path: Path) -> sqlite3.Connection:
    """secure_delete: what is removed is overwritten with zeros."""
    connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA secure_delete = ON")
    return connection
