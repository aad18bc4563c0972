"""Expression: what a face shows, how people would split over it, and what the network looked at."""
