"""The kinship use: a report about two photos from the command line."""
