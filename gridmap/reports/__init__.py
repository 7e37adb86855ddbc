"""Questions that join layers."""
