"""Search at scale: an index of faces on disk (store, vectors, people), made by `build`, asked by `index`."""
