"""Explain a pair of photos from the command line: explain/report/command.py, with a kinship weight by default.

python -m explain.kinship A.jpg B.jpg --model dlib_kin --method grad_cam --method occlusion --out report/
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from explain.report import command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    return command.main(arguments, "python -m explain.kinship")


if __name__ == "__main__":
    sys.exit(main())
