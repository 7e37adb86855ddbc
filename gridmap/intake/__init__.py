"""Imports in steps: a file is uploaded, looked at, checked, taken over by a worker, and taken back if need be."""
