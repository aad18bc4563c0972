"""How large the facts of a face are in an index, model by model: part of `python -m benchmarks.search`."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np

from models.search.build import Encoder, prepared
from models.search.rows import Encoded, Name, Seen
from models.search.store import FILE
from models.tasks import TASKS
from models.weights import available_weights, load_pair, read_sidecar

PEOPLE = "edgeface"
FACES = 1000
"""One to a photo, with random codes."""


def sizes(folder: Path, faces: int = FACES) -> dict[str, Any]:
    """Of each weight: KB (1,000 bytes) of SQLite for a face, with its code and that of PEOPLE, without its vector."""
    identity = math.prod(Encoder(load_pair(PEOPLE), None).code_shape())
    names = [name for name in available_weights() if TASKS[read_sidecar(name).task].faces == 2]
    kb = {name: round(_bytes(folder / name, name, identity, faces) / faces / 1000, 1) for name in names}
    return {"kb_a_face": kb, "faces": faces, "people": PEOPLE}


def _bytes(folder: Path, weight: str, identity: int, faces: int) -> int:
    """Of an index of so many faces."""
    shape, random = Encoder(load_pair(weight), None).code_shape(), np.random.default_rng(0)
    digests = [hashlib.sha256(str(i).encode()).digest() for i in range(faces)]
    box, points = np.zeros(4), np.zeros((5, 2))
    with prepared(folder, weight, PEOPLE, shape) as store:
        photos = []
        for digest in digests:
            code, person = (random.standard_normal(n).astype(np.float32) for n in (math.prod(shape), identity))
            photos.append(Seen(digest, (Encoded(box, points, 1.0, code, person),)))
        store.add(photos, [Name(1, f"album/{i}.jpg", digest, "") for i, digest in enumerate(digests)])
    return (folder / FILE).stat().st_size
