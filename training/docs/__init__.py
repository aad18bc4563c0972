"""The pages that commands write: docs/results.md, docs/reproduce.md, docs/cards, weights/README.md, README's table."""
