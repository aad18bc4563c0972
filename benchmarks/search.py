"""Search at scale: `python -m benchmarks.search` (`make bench`) writes benchmarks/results/search.json.

Synthetic codes of a million faces are drawn with the mean and the two covariances (between people, between photos of
one person) of the codes of FIW train; FIW val serves to compare the index with the exact search; photos of LFW are
indexed by two processes. Needs KINSIGHT_DATA. Two threads.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import torch

from benchmarks import search_page
from benchmarks.search_archive import archive
from benchmarks.search_page import RESULTS
from benchmarks.search_size import sizes
from benchmarks.speed import ROOT
from models.commands import command
from models.search import vectors
from models.search.finish import embeddings as of_store
from models.search.finish import finish
from models.search.index import Index
from models.search.rows import Encoded, Name, Seen
from models.search.store import Store
from models.weights import load_pair, read_sidecar
from training.data.detections import cache_dir
from training.data.sets import data_root, fiw_crops, identity_of, image_names
from training.evaluate.scoring import encode_crops
from training.evaluate.search import Album, embeddings, people_retrieval, probe_cosines, rankings, retrieval
from training.evaluate.setup import Setup

MODEL, TOP, PHOTOS_EACH, QUERIES = "edgeface_kin", 100, 4, 100


def embedded(split: str) -> tuple[list[str], np.ndarray]:
    """Names and unit vectors of a split of FIW, kept in the cache."""
    root, model = data_root(), load_pair(MODEL)
    names = image_names(root / "fiw" / split)
    kept = cache_dir() / f"fiw_{split}-{MODEL}-{read_sidecar(MODEL).sha256[:16]}.npy"
    if not kept.exists():
        codes = encode_crops(model, fiw_crops(root, split, model.spec, names))
        np.save(kept, embeddings(model, codes, names))
    return names, np.load(kept)


class Faces:
    """Draws codes as the model gives them for people, and for photos of a person."""

    def __init__(self, names: list[str], real: np.ndarray) -> None:
        person = np.unique([identity_of(n) for n in names], return_inverse=True)[1]
        count = np.bincount(person)
        means = np.stack([np.bincount(person, column) for column in real.T], 1) / count[:, None]
        self.mean = means.mean(0).astype(np.float32)
        self.between = _factor(means)
        self.within = _factor((real - means[person])[count[person] > 1])
        self.random = np.random.default_rng(0)

    def _drawn(self, factor: np.ndarray, count: int) -> np.ndarray:
        return self.random.standard_normal((count, len(factor)), dtype=np.float32) @ factor.T

    def people(self, count: int) -> np.ndarray:
        """(count, D)."""
        return self._drawn(self.between, count) + self.mean

    def photos(self, people: np.ndarray) -> np.ndarray:
        """A photo of each, unit vectors."""
        drawn = people + self._drawn(self.within, len(people))
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def _factor(rows: np.ndarray) -> np.ndarray:
    """(D, D) F with F F' the covariance of the rows."""
    values, columns = np.linalg.eigh(np.cov(rows.T))
    return (columns * np.sqrt(np.clip(values, 0, None))).astype(np.float32)


def filled(folder: Path, faces: Faces, count: int) -> np.ndarray:
    """Write an index of `count` synthetic faces -> QUERIES probes, half of them people of the index."""
    sidecar, box, points = read_sidecar(MODEL), np.zeros(4), np.zeros((5, 2))
    facts = {"model": MODEL, "model_sha256": sidecar.sha256, "people": "", "people_sha256": ""}
    step, probes = 10_000, []
    with Store.create(folder, {**facts, "code_shape": str(len(faces.mean))}) as store:
        for start in range(0, count, step):
            people = faces.people(step // PHOTOS_EACH)
            codes = faces.photos(np.repeat(people, PHOTOS_EACH, 0))
            digests = [hashlib.sha256(str(start + i).encode()).digest() for i in range(step)]
            photos = [Seen(d, (Encoded(box, points, 1.0, c),)) for d, c in zip(digests, codes, strict=True)]
            store.add(photos, [Name(1, f"{start + i}", d, "") for i, d in enumerate(digests)])
            probes.append(faces.photos(people[:1]))
        finish(store, load_pair(MODEL), None)
    known = np.concatenate(probes)[: QUERIES // 2]
    return np.concatenate([known, faces.photos(faces.people(QUERIES - len(known)))])


def exact(folder: Path, probes: np.ndarray) -> list[set[int]]:
    """Ids of the TOP most similar faces of every probe, by all cosines."""
    ids, best = np.zeros((len(probes), 0), np.int64), np.zeros((len(probes), 0), np.float32)
    with Store.open(folder) as store:
        for part, rows in of_store(store, load_pair(MODEL), store.facts()):
            best = np.concatenate([best, probes @ rows.T], 1)
            ids = np.concatenate([ids, np.broadcast_to(part, (len(probes), len(part)))], 1)
            order = np.argsort(-best, 1)[:, :TOP]
            best, ids = np.take_along_axis(best, order, 1), np.take_along_axis(ids, order, 1)
    return [set(row.tolist()) for row in ids]


def asked(folder: Path, probes: Path, out: Path) -> None:
    """In a process of its own: open, ask, and write what it took."""
    torch.set_num_threads(2)
    before, start = psutil.Process().memory_info().rss, time.perf_counter()
    with Index.open(folder) as index:
        loaded, found, seconds = time.perf_counter() - start, [], []
        for probe in np.load(probes):
            answer = index.answer(torch.from_numpy(probe[None]), None, TOP)
            found.append([m.row.id for m in answer.matches])
            seconds.append(answer.seconds)
    memory = psutil.Process().memory_info().rss
    figures = {"load": loaded, "seconds": seconds[1:], "found": found, "rss": memory, "rss_before": before}
    out.write_text(json.dumps(figures))


def million(count: int, folder: Path) -> dict:
    """Time, recall, loading and memory of an index of `count` synthetic faces."""
    start = time.perf_counter()
    probes = filled(folder / "index", Faces(*embedded("train")), count)
    built = time.perf_counter() - start
    np.save(folder / "probes.npy", probes)
    words = [str(folder / name) for name in ("index", "probes.npy", "asked.json")]
    subprocess.run([sys.executable, "-m", "benchmarks.search", "--asked", *words], check=True, cwd=ROOT)
    figures = json.loads((folder / "asked.json").read_text())
    truth = exact(folder / "index", probes)
    recall = [len(t & set(f)) / TOP for t, f in zip(truth, figures["found"], strict=True)]
    size = sum(p.stat().st_size for p in (folder / "index").iterdir())
    return {
        "codes": count,
        "form": vectors.kind_of(count, probes.shape[1]),
        "recall100": row(float(np.mean(recall)), 0.97, above=True),
        "recall100_lowest": round(min(recall), 3),
        "query_median_s": row(float(np.median(figures["seconds"])), 0.1),
        "query_95_s": round(float(np.quantile(figures["seconds"], 0.95)), 4),
        "load_s": row(figures["load"], 3.0),
        "memory_mb": row(figures["rss"] / 1e6, 1500),
        "memory_of_libraries_mb": round(figures["rss_before"] / 1e6),
        "disk_mb": round(size / 1e6),
        "made_s": round(built),
    }


FORMS = {"PCA128,SQ8": 0, "PCA64,SQ8": 0, "PCA128,IVF4096,SQ8": 256}
"""Form of the vectors -> lists that are read."""


def forms(count: int) -> dict:
    """Other forms of the vectors beside the one in use: recall, time to find the candidates on one thread, size."""
    import faiss

    faiss.omp_set_num_threads(1)
    faces, step = Faces(*embedded("train")), 10_000
    people = faces.people(count // PHOTOS_EACH)
    codes = np.zeros((count, len(faces.mean)), np.float16)
    for start in range(0, count, step):
        codes[start : start + step] = faces.photos(people[np.arange(start, start + step) // PHOTOS_EACH])
    probes = np.concatenate([faces.photos(people[:10]), faces.photos(faces.people(10))])
    starts = range(0, count, step)
    truth = np.argsort(-np.concatenate([probes @ codes[s : s + step].astype(np.float32).T for s in starts], 1), 1)
    found = {}
    for kind, lists in FORMS.items():
        vectors.PROBES = lists
        parts = ((np.arange(s, s + step), codes[s : s + step].astype(np.float32)) for s in starts)
        index = vectors.made(parts, count, lambda *_, kind=kind: kind)
        recall, seconds = [], []
        for probe, best in zip(probes, truth, strict=True):
            start = time.perf_counter()
            near = index.candidates(probe, vectors.DEPTH * TOP)
            seconds.append(time.perf_counter() - start)
            first = near[np.argsort(-(codes[near].astype(np.float32) @ probe))[:TOP]]
            recall.append(len(set(first) & set(best[:TOP])) / TOP)
        size = faiss.serialize_index(index.faiss).nbytes
        ms = round(1000 * float(np.median(seconds)), 1)
        found[kind] = {"lists": lists, "recall100": float(np.mean(recall)), "ms": ms, "mb": round(size / 1e6)}
        print(kind, found[kind])
    return found


def row(value: float, limit: float, *, above: bool = False) -> dict:
    return {"value": round(value, 4), "limit": limit, "holds": value >= limit if above else value <= limit}


def relatives() -> dict:
    """RFIW task 3 on FIW val: the exact search, both forms of the index, and by person."""
    names, real = embedded("val")
    album = Album(tuple(names))
    means = np.stack([real[[names.index(n) for n in own]].mean(0) for own in album.probes.values()])
    forms = {"exact": probe_cosines(album, real)}
    for name in ("Flat", "compressed"):
        forms[name] = np.stack(list(_found(real.astype(np.float16).astype(np.float32), means, name)))
    by_form = {name: retrieval(rankings(cosine, album.gallery), album) for name, cosine in forms.items()}
    setup = Setup(load_pair(MODEL), read_sidecar(MODEL))
    return {**by_form, "by person": people_retrieval(setup, data_root(), album, forms["exact"])}


def _found(real: np.ndarray, probes: np.ndarray, form: str) -> Iterator[np.ndarray]:
    """Of every probe, the exact cosines of what an index of this form finds; -1 of the others."""
    limit = vectors.EXACT
    vectors.EXACT = len(real) if form == "Flat" else 0
    try:
        index = vectors.made(iter([(np.arange(len(real)), real)]), len(real))
    finally:
        vectors.EXACT = limit
    for probe in probes:
        near = index.candidates(probe, vectors.DEPTH * TOP)
        cosine = np.full(len(real), -1.0)
        cosine[near] = real[near] @ probe
        yield cosine


def indexed(count: int, folder: Path) -> dict:
    """Photos a second of detection and encoding, of two processes with a thread each, with and without grouping."""
    photos = sorted((data_root() / "lfw" / "images").rglob("*.jpg"))[:: max(1, 5000 // count)][:count]
    (folder / "photos").mkdir()
    for photo in photos:
        shutil.copy(photo, folder / "photos")
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "explain.search", "index"]
    found = {}
    for people in ("edgeface", "none"):
        cpu, start = psutil.Process().cpu_times(), time.perf_counter()
        out = ["--out", str(folder / people), "--model", MODEL, "--people", people]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run([*launch, str(folder / "photos"), *out], check=True, cwd=ROOT, env=environment)
        seconds, after = time.perf_counter() - start, psutil.Process().cpu_times()
        spent = after.children_user + after.children_system - cpu.children_user - cpu.children_system
        found[f"people {people}"] = {
            "photos": len(photos),
            "photos_a_second": row(len(photos) / seconds, 12, above=True),
            "photos_a_second_of_two_cores": round(2 * len(photos) / spent, 2),
        }
    return found


PARTS = ("million", "forms", "relatives", "indexed", "archive", "sizes")


def part(name: str, args: argparse.Namespace, folder: Path) -> dict:
    """One of PARTS, measured."""
    if name == "million":
        return million(args.codes, folder)
    if name == "forms":
        return forms(args.codes)
    if name == "archive":
        return archive(MODEL, folder)
    if name == "sizes":
        return sizes(folder)
    return relatives() if name == "relatives" else indexed(args.photos, folder)


@command()
def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description="Search at scale.")
    parser.add_argument("--codes", type=int, default=1_000_000, help="synthetic faces; default: %(default)s")
    parser.add_argument("--photos", type=int, default=600, help="photos that are indexed; default: %(default)s")
    parser.add_argument("--only", choices=PARTS, help="this part, beside what is written")
    parser.add_argument("--asked", type=Path, nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.asked:
        asked(*args.asked)
        return
    for name in (args.only,) if args.only else PARTS:
        with tempfile.TemporaryDirectory() as folder:
            load = round(os.getloadavg()[0], 2)
            found = part(name, args, Path(folder))
        written = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        written[name] = {**found, "cpus": os.cpu_count(), "load_before": load, "model": MODEL}
        RESULTS.write_text(json.dumps(written, indent=1) + "\n")
        print(json.dumps({name: written[name]}, indent=1))
    search_page.write()


if __name__ == "__main__":
    main()
