"""The README's picture: the page as a first visitor finds it.

python -m benchmarks.screenshot [--out docs/screenshot.png] [--theme dark]
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
SIZE = (1280, 1000)
"""Width and height of the window in pixels."""
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshot.png")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    args = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env={**os.environ, "GRADIO_SERVER_PORT": str(port)})
    try:
        url = f"http://127.0.0.1:{port}/"
        wait_for(url)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        save(take(f"{url}?__theme={args.theme}"), args.out)
    finally:
        app.terminate()
        app.wait(30)
    print(f"{args.out} ({args.out.stat().st_size // 1000} kB)")


def wait_for(url: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
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
        page.wait_for_selector("#curve-b .js-plotly-plot .legend", timeout=120_000)
        page.wait_for_timeout(800)
        data = page.screenshot()
        browser.close()
    return Image.open(io.BytesIO(data)).convert("RGB")


def save(picture: Image.Image, path: Path) -> None:
    """Full colour, since colours carry meaning here; shrunk to keep the file small."""
    width = 920
    height = round(picture.height * width / picture.width)
    picture.resize((width, height), Image.Resampling.LANCZOS).save(path, optimize=True)


if __name__ == "__main__":
    main()
