"""How the app is served: its private folder, who may read which file, limits, headers, start and end."""
