"""The Kinship tab: two faces, parents and child, search."""
