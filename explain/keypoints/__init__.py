"""The keypoints use: a face moved out of alignment, and the position offsets that follow it."""
