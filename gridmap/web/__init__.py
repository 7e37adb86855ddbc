"""HTTP for all layers; knows no layer by name."""
