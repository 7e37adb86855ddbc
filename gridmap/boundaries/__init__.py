"""Boundary generations: a new set of grids is loaded beside the present one, compared with it, and activated at a date."""

from gridmap.boundaries.comparing import Comparison, compare
from gridmap.boundaries.due import activate_due
from gridmap.boundaries.loading import into_set
from gridmap.boundaries.sets import PROPOSE, BoundarySet, Cell, activate, cancel, discard, found, listed, propose, undo

__all__ = [
    "PROPOSE", "BoundarySet", "Cell", "Comparison", "activate", "activate_due", "cancel", "compare", "discard", "found", "into_set", "listed",
    "propose", "undo",
]  # fmt: skip
