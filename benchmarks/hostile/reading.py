"""Reads mutated files as the app does: `python -m benchmarks.hostile.reading NUMBER`, one line of JSON for a bad one.

The first line says that everything is loaded.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from pathlib import Path

from benchmarks.hostile.mutations import PORTRAIT, mutated, read
from models.faces.decoder import open_untrusted


def main() -> None:
    warnings.simplefilter("ignore")
    open_untrusted(PORTRAIT)
    mutated(0)
    print(json.dumps({"ready": True}), flush=True)
    for seed in range(int(sys.argv[1])):
        start, fault = time.perf_counter(), ""
        with tempfile.TemporaryDirectory() as folder:
            try:
                read(*mutated(seed), Path(folder), open_untrusted)
            except Exception as error:
                fault = repr(error)[:300]
        seconds = time.perf_counter() - start
        if fault or seconds > 1:
            print(json.dumps({"seed": seed, "seconds": round(seconds, 2), "fault": fault}), flush=True)


if __name__ == "__main__":
    main()
