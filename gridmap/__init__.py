"""gridmap: the map of a grid-managed district and the answers read from it."""
