"""The README's picture: the page as a first visitor finds it.

    python -m benchmarks.screenshot [--theme dark]

writes docs/screenshot.png, and docs/screenshot.json with a hash of the sources that the page was built from: a test
fails when they change and the picture is not made again.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageChops

ROOT = Path(__file__).parent.parent
SIZE = (1280, 1080)
"""Width and height of the window in pixels."""
WIDTH = 960
"""Of the saved picture, in pixels."""
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshot.png")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    args = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sources = sources_sha256()  # before the app reads them: a change while it runs leaves the picture out of date
    app = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env={**os.environ, "GRADIO_SERVER_PORT": str(port)})
    try:
        url = f"http://127.0.0.1:{port}/"
        wait_for(url, app)
        save(take(f"{url}?__theme={args.theme}"), args.out)
    finally:
        app.terminate()
        app.wait(30)
    args.out.with_suffix(".json").write_text(json.dumps({"sources_sha256": sources}, indent=1) + "\n")
    print(f"{args.out} ({args.out.stat().st_size // 1000} kB)")


def sources_sha256(root: Path = ROOT) -> str:
    """Hash of what the page is built from: app.py and every file of ui/, their paths and their bytes."""
    files = [root / "app.py", *(root / "ui").rglob("*")]
    total = hashlib.sha256()
    for path in sorted(p for p in files if p.is_file() and "__pycache__" not in p.parts):
        total.update(f"{path.relative_to(root).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def wait_for(url: str, app: subprocess.Popen[bytes], seconds: float = 120) -> None:
    """Until the app serves its page.

    Raises:
        RuntimeError: the app ended.  TimeoutError: it does not answer.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if app.poll() is not None:
            raise RuntimeError(f"the app ended with code {app.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise TimeoutError(f"no page at {url}")


def take(url: str) -> Image.Image:
    """The page with its finished example, in Chromium from the system."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        page.goto(url)
        page.wait_for_selector("#maps img, #maps canvas, #maps svg", timeout=120_000)
        picture = settled(lambda: Image.open(io.BytesIO(page.screenshot())).convert("RGB"), page.wait_for_timeout)
        browser.close()
    return picture


def settled(shoot: Callable[[], Image.Image], wait: Callable[[float], object], still: int = 3) -> Image.Image:
    """The first picture that stays the same for `still` more looks, half a second apart.

    Raises:
        TimeoutError: it never does, within 120 looks.
    """
    last, same = shoot(), 0
    for _ in range(120):
        wait(500)
        now = shoot()
        same = same + 1 if ImageChops.difference(last, now).getbbox() is None else 0
        last = now
        if same == still:
            return last
    raise TimeoutError("the page keeps moving")


def save(picture: Image.Image, path: Path) -> None:
    """Full colour, since colours carry meaning here; shrunk to keep the file small."""
    height = round(picture.height * WIDTH / picture.width)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.resize((WIDTH, height), Image.Resampling.LANCZOS).save(path, optimize=True)


if __name__ == "__main__":
    main()
