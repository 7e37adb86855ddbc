"""Grids built for a community: asked for, looked at on the map, adjusted atom by atom, and handed on as a boundary set."""
