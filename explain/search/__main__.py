"""`python -m explain.search`: a gallery ranked at once (ranking.py), or an index kept on disk (indexing.py)."""

import sys

from explain.search import indexing, ranking

words = sys.argv[1:]
sys.exit(indexing.main(words) if words[:1] and words[0] in indexing.COMMANDS else ranking.main(words))
