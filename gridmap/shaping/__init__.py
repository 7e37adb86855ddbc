"""Redrawing what is stored so that it stays whole: grids and buildings merged, parted, reshaped and taken back."""
