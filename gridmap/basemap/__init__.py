"""The base map under the layers: water, green, railways, streets and place names of a file, the same for everyone."""
