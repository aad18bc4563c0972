"""What models/faces/occluders.py draws with: a face's camera, a small renderer, and one file per kind of thing."""
