"""The walkable street network: read from a file or from the street layer, kept by generation, never changed in place."""
