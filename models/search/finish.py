"""The end of a run: people are grouped and vectors written, unless nothing has changed since they were."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.pair import PairModel
from models.search import people, vectors
from models.search.rows import FaceIndexError
from models.search.store import Store
from models.weights import load_pair, read_sidecar

OTHER_WEIGHT = (
    "The index {path} was made with {model} (sha256 {there}...); the weight {model} here is another ({here}...). "
    "Codes of two weights cannot be compared: make the index anew."
)


def finish(store: Store, model: PairModel, identity: PairModel | None) -> None:
    """Make an index answer with all that is in it.

    Raises:
        FaceIndexError: no room, a damaged index, or an identity network that is none.
    """
    facts, content = store.facts(), content_of(store)
    if facts.get("content") == content and vectors.whole(store.folder, facts):
        return
    wanted = identity is not None and store.counts()["faces"]
    groups = _people(store, identity, str(facts["people"])) if identity is not None and wanted else None
    _written(store, model, groups)


def refresh(store: Store) -> None:
    """The vectors anew, after faces were removed; people keep their numbers.

    Raises:
        FaceIndexError: no room, or another weight.
    """
    facts = store.facts()
    _written(store, load_pair(checked(store.folder, facts, "model")), None)


def checked(folder: Path, facts: dict[str, Any], which: str) -> str:
    """Name of the weight that an index was made with ("model" or "people"), which must be the very same here.

    Raises:
        FaceIndexError: it is another.  WeightError: there is none of this name.
    """
    name, there = str(facts[which]), str(facts[f"{which}_sha256"])
    if name and (here := read_sidecar(name).sha256) != there:
        raise FaceIndexError(OTHER_WEIGHT.format(path=folder, model=name, there=there[:12], here=here[:12]))
    return name


def _written(store: Store, model: PairModel, groups: dict[int, int] | None) -> None:
    facts = store.facts()
    found = vectors.written(store.folder, embeddings(store, model, facts), store.counts()["faces"])
    store.finish(groups, {"content": content_of(store), **found})
    vectors.tidy(store.folder, found)


def content_of(store: Store) -> str:
    """A hash of which faces are in the index, whatever their order of arrival."""
    found = hashlib.sha256()
    for digest, number in store.order():
        found.update(digest + number.to_bytes(4, "big"))
    return found.hexdigest()


@torch.inference_mode()
def embeddings(store: Store, model: PairModel, facts: dict[str, Any]) -> Iterator[vectors.Part]:
    """Ids and unit vectors of all faces, in the order of contents."""
    device = next(model.parameters()).device
    for ids, codes in store.vectors("code", 256 if len(code_shape(facts)) > 1 else 4096):
        shaped = torch.from_numpy(codes).to(device).view(len(ids), *code_shape(facts))
        yield ids, model.embedding(shaped).float().cpu().numpy()


def code_shape(facts: dict[str, Any]) -> tuple[int, ...]:
    """Shape of one code."""
    return tuple(int(n) for n in str(facts["code_shape"]).split())


def _people(store: Store, identity: PairModel, name: str) -> dict[int, int]:
    """Face -> person."""
    parts = list(store.vectors("identity"))
    ids, rows = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    threshold = people.same_person_cosine(identity, read_sidecar(name))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    near = people.near_pairs if len(rows) <= vectors.EXACT else vectors.near_pairs
    pairs, cosines = near(rows, threshold)
    found = people.joined(rows, [digest for digest, _ in store.order()], threshold, pairs, cosines)
    return dict(zip(ids.tolist(), found.tolist(), strict=True))
