"""Explain what a model answers about photos: explain/report/command.py.

python -m explain A.jpg B.jpg --model dlib_kin --method grad_cam --method occlusion --out report/
"""

import sys

from explain.report.command import main

if __name__ == "__main__":
    sys.exit(main())
