"""Task "search": RFIW's task 3, find the relatives of a person in a gallery of faces, on FIW val.

A probe is a member with all images; the gallery is every image of all other members; relevant are the images of the
members of the same family. A probe's similarity to an image is the mean over the probe's images, of cosines (which
ranks as the cosine with the mean embedding does) or of log-odds of the pair (both orders). The latter re-ranks the
first images of the former, as many as in the app: scoring all 25 million pairs of images would take hours.

Our reading, where the sources name only "mAP" and "rank@5": average precision over the ranked images of the gallery,
mean over probes; rank@5 is the share of probes with a relative among the first five images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.gallery import TOP
from models.pair import PairModel
from models.search.build import PEOPLE
from models.search.people import group, same_person_cosine
from models.weights import load_pair, read_sidecar
from training.data.sets import by_identity, data_root, family_of, fiw_crops, identity_of, image_names, photo_of
from training.evaluate.metrics import auc, average_precision, bootstrap_ci, hit_within, tar_table
from training.evaluate.report import head
from training.evaluate.scoring import compare_all, encode_crops
from training.evaluate.setup import Setup

MAP_IMAGES = 3
"""Images of a probe that the pair score uses where a code is a map, not a vector: such pairs cost far more."""
PROTOCOL = (
    "FIW val, every member a probe with all its images, gallery: all images of all other members, relevant: images of "
    "members of the same family (our reading of RFIW2020 task 3); ranked by the cosine of embeddings, mean over the "
    f"probe's images; pair score: the first {TOP}, as in the app, re-ranked by mean log-odds of the pair, both orders "
    f"(networks whose code is a map: of the probe's first {MAP_IMAGES} images); by person: {PEOPLE} groups the images "
    "of the gallery, a group ranks by its images' mean cosine and is relevant where most of its images are; "
    "other photos: by cosine, without "
    "gallery faces cut from a photo the probe is in; random order: for comparison; accuracy: rank@5, the share of "
    "probes with a relative among the first five images; AUC and TAR: by cosine, all pairs of a probe and a gallery "
    "image; intervals: bootstrap over families"
)


@dataclass(frozen=True)
class Album:
    """Images of people of several families: each person a probe, the images of all others its gallery.

    Attributes:
        names: images, "F0001/MID1/P00001_face0.jpg".
    """

    names: tuple[str, ...]

    @cached_property
    def probes(self) -> dict[str, list[str]]:
        """Member -> its images."""
        return by_identity(self.names)

    @cached_property
    def families(self) -> list[str]:
        """Of every probe."""
        return [family_of(member) for member in self.probes]

    @cached_property
    def gallery(self) -> np.ndarray:
        """(M, N) bool: which images a probe is searched in."""
        member = np.array([identity_of(n) for n in self.names])
        return np.array(list(self.probes))[:, None] != member[None]

    @cached_property
    def relevant(self) -> np.ndarray:
        """(M, N) bool: which of them are of a relative."""
        family = np.array([family_of(n) for n in self.names])
        return (np.array(self.families)[:, None] == family[None]) & self.gallery

    @cached_property
    def other_photos(self) -> np.ndarray:
        """(M, N) bool: the gallery without faces cut from a photo the probe is in."""
        photo = np.array([photo_of(n) for n in self.names])
        return np.stack([~np.isin(photo, [photo_of(n) for n in own]) for own in self.probes.values()]) & self.gallery


@dataclass(frozen=True)
class Grouped:
    """Of every probe, which of the ranked groups are of a relative, (M, groups) bool, and its family."""

    relevant: np.ndarray
    families: list[str]


def search(setup: Setup) -> dict[str, Any]:
    """mAP and rank@5 over FIW val."""
    root = data_root(setup.data)
    album = Album(tuple(image_names(root / "fiw" / "val")))
    codes = encode_crops(setup.model, fiw_crops(root, "val", setup.model.spec, album.names))
    cosine = probe_cosines(album, embeddings(setup.model, codes, album.names))
    orders = rankings(cosine, album.gallery)
    noise = np.random.default_rng(0).random(cosine.shape)
    by_cosine = retrieval(orders, album)
    return {
        **head("search", setup.sidecar, PROTOCOL),
        **by_cosine,
        "accuracy": by_cosine["rank5"],
        "accuracy_ci95": by_cosine["rank5_ci95"],
        **over_all(cosine, album),
        "images": len(album.names),
        "breakdown": {
            "pair score": retrieval(reranked(setup.model, codes, album, orders), album),
            "other photos": retrieval(rankings(cosine, album.other_photos), album),
            "by person": people_retrieval(setup, root, album, cosine),
            "random order": retrieval(rankings(noise, album.gallery), album),
        },
    }


def people_retrieval(setup: Setup, root: Path, album: Album, cosine: np.ndarray) -> dict[str, Any]:
    """mAP and rank@5 where the groups of images that PEOPLE takes for one person are ranked, not images."""
    identity = load_pair(PEOPLE, next(setup.model.parameters()).device)
    codes = encode_crops(identity, fiw_crops(root, "val", identity.spec, album.names))
    same = same_person_cosine(identity, read_sidecar(PEOPLE))
    person = group(embeddings(identity, codes, album.names), [photo_of(n) for n in album.names], same) - 1
    return retrieval(*by_person(cosine, album, person))


def by_person(cosine: np.ndarray, album: Album, person: np.ndarray) -> tuple[list[np.ndarray], Grouped]:
    """The rankings of groups and what is relevant in them.

    Args:
        cosine: (M, N) of a probe and an image.
        person: (N,) group of every image, from 0.
    """
    groups = int(person.max()) + 1
    total, counted, near = (np.zeros((len(cosine), groups)) for _ in range(3))
    for m, allowed in enumerate(album.gallery):
        np.add.at(counted[m], person[allowed], 1)
        np.add.at(total[m], person[allowed], cosine[m, allowed])
        np.add.at(near[m], person[allowed], album.relevant[m, allowed])
    mean = total / np.maximum(counted, 1)
    return rankings(mean, counted > 0), Grouped(2 * near > counted, album.families)


@torch.inference_mode()
def embeddings(model: PairModel, codes: Mapping[str, Tensor], names: Sequence[str], size: int = 256) -> np.ndarray:
    """(N, D) unit vectors."""
    device = next(model.parameters()).device
    parts = [names[i : i + size] for i in range(0, len(names), size)]
    return np.concatenate([model.embedding(torch.stack([codes[n] for n in p]).to(device)).cpu().numpy() for p in parts])


def probe_cosines(album: Album, embedding: np.ndarray) -> np.ndarray:
    """(M, N) cosine of a probe and an image, mean over the probe's images."""
    row = {name: i for i, name in enumerate(album.names)}
    means = np.stack([embedding[[row[n] for n in own]].mean(0) for own in album.probes.values()])
    return means @ embedding.T


def rankings(similarity: np.ndarray, allowed: np.ndarray) -> list[np.ndarray]:
    """Of every probe, the allowed images, most similar first. Both (M, N)."""
    orders = []
    for values, mask in zip(similarity, allowed, strict=True):
        rows = np.flatnonzero(mask)
        orders.append(rows[np.argsort(-values[rows], kind="stable")])
    return orders


def reranked(
    model: PairModel, codes: Mapping[str, Tensor], album: Album, orders: Sequence[np.ndarray], depth: int = TOP
) -> list[np.ndarray]:
    """The same rankings with their first images in the order of the mean log-odds with the probe's images."""
    first = [order[:depth] for order in orders]
    own = [shown(codes, images) for images in album.probes.values()]
    pairs = [(mine, album.names[i]) for m, rows in enumerate(first) for i in rows for mine in own[m]]
    odds = compare_all(model, codes, pairs)[0].mean(1)
    ends = np.cumsum([len(rows) * len(own[m]) for m, rows in enumerate(first)])[:-1]
    means = [part.reshape(len(rows), -1).mean(1) for part, rows in zip(np.split(odds, ends), first, strict=True)]
    return [
        np.concatenate([rows[np.argsort(-mean, kind="stable")], order[len(rows) :]])
        for rows, mean, order in zip(first, means, orders, strict=True)
    ]


def shown(codes: Mapping[str, Tensor], images: list[str]) -> list[str]:
    """The images of a probe that its pair score uses."""
    return images if codes[images[0]].ndim == 1 else images[:MAP_IMAGES]


def retrieval(orders: Sequence[np.ndarray], album: Album | Grouped) -> dict[str, Any]:
    """mAP and rank@5 with intervals; a probe without a relevant image in its ranking is left out."""
    ranked = [(album.relevant[m][order], album.families[m]) for m, order in enumerate(orders)]
    ranked = [(relevant, family) for relevant, family in ranked if relevant.any()]
    if not ranked:  # every relative was taken for the probe
        return {"probes": 0, "map": 0.0, "map_ci95": [0.0, 0.0], "rank5": 0.0, "rank5_ci95": [0.0, 0.0]}
    precision = np.array([average_precision(relevant) for relevant, _ in ranked])
    hit = np.array([hit_within(relevant, 5) for relevant, _ in ranked], float)
    families = [family for _, family in ranked]
    return {
        "probes": len(ranked),
        "map": float(precision.mean()),
        "map_ci95": bootstrap_ci(lambda r: float(precision[r].mean()), families),
        "rank5": float(hit.mean()),
        "rank5_ci95": bootstrap_ci(lambda r: float(hit[r].mean()), families),
    }


def over_all(cosine: np.ndarray, album: Album) -> dict[str, Any]:
    """AUC and TAR over all pairs of a probe and an image of its gallery."""
    score, same = cosine[album.gallery], album.relevant[album.gallery]
    return {"pairs": len(same), "auc": auc(score, same), "tar": tar_table(score, same)}
