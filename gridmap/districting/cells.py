"""The areas of a plan's grids: unions of atoms, numbered from west to east and north to south, in degrees."""

from typing import Any

import numpy as np
import shapely

from gridmap.districting.atoms import GRID_M, Atoms

GRID_DIGITS = 6  # of GRID_M


def cells_of(atoms: Atoms, part: np.ndarray) -> list[Any]:
    """Return the area of each grid, polygons in degrees, EPSG:4490; they share vertices along shared borders.

    Notes
    -----
    The community's own vertices come back as they were stored. Vertices that grids add to its border lie within a
    micrometre of it.
    """
    stored = shapely.get_coordinates(atoms.community)
    kept = dict(zip(map(tuple, _noded(atoms)), stored.tolist(), strict=True))

    def degrees(spots: np.ndarray) -> np.ndarray:
        found = atoms.plane.degrees_of(spots)
        for number, spot in enumerate(map(tuple, np.round(spots, GRID_DIGITS).tolist())):
            if spot in kept:
                found[number] = kept[spot]
        return found

    wholes = [shapely.union_all(atoms.shapes[part == n], grid_size=GRID_M) for n in range(int(part.max()) + 1)]
    return [shapely.transform(whole, degrees) for whole in wholes]


def _noded(atoms: Atoms) -> Any:
    return np.round(shapely.get_coordinates(atoms.plane.flat(atoms.community)), GRID_DIGITS).tolist()


def in_reading_order(atoms: Atoms, part: np.ndarray) -> np.ndarray:
    """Return a plan with its grids numbered as one reads a map: rows from the north, each from the west."""
    count = int(part.max()) + 1
    middles = [shapely.union_all(atoms.shapes[part == number]).centroid for number in range(count)]
    north = np.argsort([-middle.y for middle in middles], kind="stable")
    in_row = max(1, round(count**0.5))
    rows = [north[start : start + in_row] for start in range(0, count, in_row)]
    order = [number for row in rows for number in sorted(row.tolist(), key=lambda n: (middles[n].x, n))]
    fresh = np.empty(count, dtype=np.int64)
    fresh[order] = np.arange(count)
    return fresh[part]
