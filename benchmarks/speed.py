"""Speed and memory of the whole walk: `python -m benchmarks.speed` (`make bench`).

Prints a table and writes benchmarks/results/speed.json: medians over repeated runs after a warm-up, the machine, and
the target of each row. Photos are public-domain portraits brought to one megapixel.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import psutil
import torch
from PIL import Image

from explain import explain, read_evidence
from explain.attention.compare import ARMS, Comparison, compare_arms, set_scene
from explain.partial.edit import Edit
from explain.partial.find import APART
from models import Result, detect_faces, load_pair, open_photo, predict, read_sidecar
from models.pair import PairModel
from ui.expression import answers as telling
from ui.expression import callbacks as expression_callbacks
from ui.expression import live
from ui.keypoints import answers as following
from ui.keypoints import callbacks as keypoints_callbacks
from ui.partial import answers as parting
from ui.partial import callbacks as partial_callbacks
from ui.shared import evidence
from ui.shared.answering import pair_weights, trained
from ui.shared.photos import take

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "speed.json"
PORTRAITS = ("obama.jpg", "biden.jpg")
MODEL = "dlib_resnet"


def one_megapixel(folder: Path) -> list[Path]:
    """The two portraits as JPEG files of one megapixel each."""
    paths = []
    for name in PORTRAITS:
        image = Image.open(ROOT / "tests" / "photos" / name)
        scale = (1_000_000 / (image.width * image.height)) ** 0.5
        paths.append(folder / name)
        image.resize((round(image.width * scale), round(image.height * scale))).save(paths[-1], quality=90)
    return paths


def median_seconds(run: Callable[[], object], runs: int) -> float:
    """Median wall time of `runs` calls after one that is not counted."""
    return medians_by_turns([run], runs)[0]


def medians_by_turns(works: Sequence[Callable[[], object]], runs: int) -> list[float]:
    """Median wall time of each, after a turn that is not counted; taking turns, all of them meet the same machine."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(1 + runs):
        for work, own in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            own.append(time.perf_counter() - start)
    return [statistics.median(own[1:]) for own in times]


def answer(paths: list[Path], *, grad: bool, weight: str = MODEL) -> Result:
    """Files to answered pair: decoding and detection included."""
    a, b = (detect_faces(open_photo(path))[0] for path in paths)
    return predict(model(weight), a, b, grad=grad)


def arms_answer(path: Path) -> Comparison:
    """A file to the whole comparison of the Attention tab: decoding, detection and drawing included."""
    scene = set_scene(detect_faces(open_photo(path))[0], None, "surgical", seed=0)
    return compare_arms({name: model(name) for name in ARMS}, scene)


def edit_answerer(paths: list[Path]) -> Callable[[], object]:
    """One more edit of a photo that is on the page Partial face: three networks, the answer, every map drawn."""
    first, second = (take(str(path)) for path in paths)
    held = partial_callbacks.run(first, second, Edit(), None)[1]

    def once() -> object:
        look = partial_callbacks.run(first, second, Edit("left eye", 0.3), held)[0]
        return partial_callbacks.draw(look, 0, APART, 0.6)

    return once


def move_answerer(path: Path) -> Callable[[], object]:
    """One more move of a photo that is on the page Keypoints: answer, keypoints, offset fields, attention."""
    shot, angles = take(str(path)), itertools.count(1)

    def once() -> object:
        look = keypoints_callbacks.run(shot, next(angles) % 45, 1, 0, 0, False, None)[0]
        return keypoints_callbacks.draw(look, None, None, None, 0.6), keypoints_callbacks.draw_fed(look, None)

    return once


def expression_answerer(path: Path) -> Callable[[], object]:
    """A photo's path to the answer of the page Expression with its map, by the method that the page opens with."""
    weight = telling.default_weight()
    assert weight is not None
    method = telling.default_method(weight)

    def once() -> object:
        evidence.FOUND.clear()
        shot, leading, nothing = take(str(path)), expression_callbacks.LEADING, expression_callbacks.NOTHING
        looked, *shown = expression_callbacks.run(shot, weight, [])
        return shown, expression_callbacks.explain(shot, looked, method, None, leading, nothing, 0.5)

    return once


def frame_answerer(path: Path) -> Callable[[], object]:
    """One more frame of a camera in which a face moves: decoded, followed, answered, mapped and drawn."""
    frames, weight, pace = itertools.cycle(live_frames(path)), telling.default_weight(), live.Pace()

    def once() -> object:
        nonlocal pace
        pace, shown = live.frame(next(frames), weight, expression_callbacks.LEADING, pace)
        return shown

    return once


def live_frames(path: Path, count: int = 30) -> list[bytes]:
    """JPEGs of 640 x 480 pixels in which a portrait moves to the right and back."""
    portrait, frames = Image.open(path).convert("RGB"), []
    portrait = portrait.resize((round(portrait.width * 480 / portrait.height), 480))
    for i in range(count):
        frame, buffer = Image.new("RGB", (640, 480), (90, 100, 110)), io.BytesIO()
        frame.paste(portrait, (60 + 3 * min(i, count - i), 0))
        frame.save(buffer, "JPEG", quality=90)
        frames.append(buffer.getvalue())
    return frames


@lru_cache
def model(weight: str) -> PairModel:
    return load_pair(weight)


def walk_rows(paths: list[Path], runs: int) -> list[dict]:
    """What a person waits for, page by page."""
    result = answer(paths, grad=False)
    rows: list[tuple[str, Callable[[], object], float]] = [
        ("kin score of two 1-megapixel photos", lambda: answer(paths, grad=False), 0.5),
        ("the same with Grad-CAM maps", lambda: explain(answer(paths, grad=True), "grad_cam"), 1.0),
        ("full occlusion maps of both faces", lambda: explain(result, "occlusion"), 4.0),
        ("kin_joined: score", lambda: answer(paths, grad=False, weight="kin_joined"), 0.5),
        ("S-ViT: score with every attention map", lambda: read_evidence(answer(paths, grad=False, weight="svit")), 1.2),
        ("masked photo: three arms with Grad-CAM", lambda: arms_answer(paths[0]), 2.5),
    ]
    if trained(parting.NEEDS):
        rows.append(("partial face: an edit, three networks, all maps", edit_answerer(paths), 1.0))
    if trained(following.MODELS):
        rows.append(("keypoints: a move, three ViTs, fields, attention", move_answerer(paths[0]), 1.5))
    if telling.weights():
        rows.append(("expression: photo to answer with map", expression_answerer(paths[0]), 0.25))
        rows.append(("expression: a frame of the camera", frame_answerer(paths[0]), round(1 / 6, 3)))
    return [row(what, median_seconds(run, runs), limit, "s") for what, run, limit in rows]


def pair_rows(paths: list[Path], rounds: int) -> dict[str, dict]:
    """Every weight that compares two faces -> its hash and the seconds for one pair of detected faces.

    The lowest of `rounds`, in which the weights take turns: what else the machine does then favours none of them.
    """
    a, b = (detect_faces(open_photo(path))[0] for path in paths)
    names = pair_weights()
    times: dict[str, list[float]] = {name: [] for name in names}
    for name in names * (rounds + 1):
        network, start = model(name), time.perf_counter()
        predict(network, a, b)
        times[name].append(time.perf_counter() - start)
    return {n: {"sha256": read_sidecar(n).sha256, "seconds": round(min(t[1:]), 4)} for n, t in times.items()}


def row(what: str, value: float, limit: float, unit: str) -> dict:
    return {"what": what, "value": round(value, 3), "limit": limit, "unit": unit, "holds": value <= limit}


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def running_app() -> Iterator[tuple[str, psutil.Process, float]]:
    """The app as a process of its own: (address, process, seconds to the first page)."""
    port = free_port()
    env = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    start = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}/"
        while True:
            try:
                urllib.request.urlopen(address, timeout=5).read()
                break
            except (urllib.error.URLError, ConnectionError):
                if server.poll() is not None or time.perf_counter() - start > 120:
                    raise RuntimeError("the app did not start") from None
                time.sleep(0.05)
        yield address, psutil.Process(server.pid), time.perf_counter() - start
    finally:
        server.terminate()
        server.wait(20)


def app_rows(paths: list[Path], requests: int) -> list[dict]:
    """Start, memory after `requests` scored pairs, and growth over the second half of them."""
    from gradio_client import Client, handle_file

    with running_app() as (address, process, start):
        client = Client(address, verbose=False)
        photos = [handle_file(str(path)) for path in paths]
        resident = []
        for _ in range(requests):
            client.predict(*photos, MODEL, api_name="/kin_score")
            resident.append(process.memory_info().rss / 2**20)
    half = statistics.median(resident[requests // 2 - 5 : requests // 2])
    return [
        row("start to first page", start, 10.0, "s"),
        row(f"resident memory after {requests} requests", resident[-1], 1.3 * 1024, "MiB"),
        row(f"growth from request {requests // 2} to {requests}", statistics.median(resident[-5:]) - half, 8.0, "MiB"),
    ]


def machine() -> dict:
    return {
        "cpu_count": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--json", type=Path, default=RESULTS)
    parser.add_argument("--pairs", action="store_true", help="measure only every weight on one pair; keep the rest")
    args = parser.parse_args()
    kept = json.loads(args.json.read_text()) if args.pairs else {}
    with tempfile.TemporaryDirectory() as folder:
        paths = one_megapixel(Path(folder))
        rows = kept.get("rows") or walk_rows(paths, args.runs) + app_rows(paths, args.requests)
        pairs = pair_rows(paths, args.runs)
    for r in rows:
        print(f"{r['what']:<48}{r['value']:>10} {r['unit']:<4} (limit {r['limit']:g}) {'ok' if r['holds'] else 'OVER'}")
    for name, pair in pairs.items():
        print(f"one pair of faces, {name:<29}{pair['seconds']:>10.4f} s")
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(
        json.dumps({"model": MODEL, "machine": machine(), "rows": rows, "pairs": pairs}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
