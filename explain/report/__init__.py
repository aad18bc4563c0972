"""Reports about one answer: pictures, raw arrays, JSON."""
