"""The Keypoints tab."""
