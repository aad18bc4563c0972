"""From a photo to aligned faces: opening, detection, alignment, quality, regions, and things worn on a face."""
