"""A report is written beside its folder first: so the zip holds what was written, and nothing that lay there before."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path


class Staging:
    """Where a report is put together.

        stage = Staging("report")
        (stage.folder / "report.json").write_text(...)
        path = stage.finish(archive=True)

    Attributes:
        target: the folder the files end up in, made when it is not there.
        folder: where they are written until then; it goes with this object.

    Raises:
        OSError: the target cannot be made.
    """

    def __init__(self, target: str | Path) -> None:
        self.target = Path(target)
        self.target.mkdir(parents=True, exist_ok=True)
        self._scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self._scratch.name)

    def finish(self, archive: bool) -> Path:
        """Move everything to the target, over files of the same names; with `archive` also pack it.

        Returns:
            The target, or <target>.zip.

        Raises:
            OSError: the target or the zip cannot be written.
        """
        packed = shutil.make_archive(str(self.target), "zip", self.folder) if archive else None
        shutil.copytree(self.folder, self.target, dirs_exist_ok=True)
        self._scratch.cleanup()
        return Path(packed) if packed else self.target
