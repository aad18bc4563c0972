"""`python -m explain.search`: see explain/search/ranking.py."""

import sys

from explain.search.ranking import main

sys.exit(main())
