"""One process of several that make an index: python -m tests.models.search.worker PHOTOS INDEX [DIES_AT]."""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from models.faces.face import Face
from models.search import build as building
from tests.models.search import tiny


def main(photos: str, index: str, dies_at: str = "0") -> None:
    tiny.stand_in(pytest.MonkeyPatch())
    looked = count(1)

    def detect(photo: np.ndarray) -> list[Face]:
        if next(looked) == int(dies_at):
            os.kill(os.getpid(), signal.SIGKILL)
        return tiny.one_face(photo)

    building.detect_faces = detect  # type: ignore[assignment]
    built = building.build([photos], Path(index), "kin", "who")
    sys.stdout.write(f"new {built.new}\n")  # in one piece: another process writes to the same pipe


if __name__ == "__main__":
    main(*sys.argv[1:])
