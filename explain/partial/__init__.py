"""The partial-face use: a face cropped or covered, and the parts that carry the match."""
