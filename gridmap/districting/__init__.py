"""Districting: a community parted into grids that hang together, hold about as many households each, and are compact.

A community is first cut into atoms that follow streets and cut no building; grids are unions of atoms. Nothing here
knows a database. The search is recursive bisection by spanning trees (ReCom: DeFord, Duchin, Solomon, "Recombination: a
family of Markov chains for redistricting", 2021), bettered by recombining two neighbouring grids and by moving atoms.
"""

from gridmap.districting.atoms import Atoms, Footprint, atoms_of
from gridmap.districting.band import Band, Reach, reach
from gridmap.districting.cells import cells_of
from gridmap.districting.measures import Measures, measure, random_split_quotient
from gridmap.districting.search import search

__all__ = [
    "Atoms", "Band", "Footprint", "Measures", "Reach", "atoms_of", "cells_of", "measure",
    "random_split_quotient", "reach", "search",
]  # fmt: skip
