"""The order of a walk: from the first position always on to the nearest one that is left."""

from collections.abc import Sequence

import numpy as np

METRES_PER_DEGREE = 111_320.0  # along a meridian; along a parallel times the cosine of the latitude


def order(positions: Sequence[tuple[float, float]], start: tuple[float, float] | None = None) -> list[int]:
    """Return the indexes of positions in the order of a walk.

    Parameters
    ----------
    positions : (lon, lat) in degrees, EPSG:4490
    start : where one stands; without it the walk begins at the position farthest to the northwest

    Notes
    -----
    Nearest neighbour on a plane through the middle of the positions, good to a metre within a few kilometres. It is no
    shortest walk, but it is the same each time: ties go to the position that comes first.
    """
    if not len(positions):
        return []
    degrees = np.asarray(positions, dtype=float)
    scale = np.array([np.cos(np.radians(degrees[:, 1].mean())), 1.0]) * METRES_PER_DEGREE
    places = degrees * scale
    northwest = places[int(np.argmax(places[:, 1] - places[:, 0]))]
    here = northwest if start is None else np.asarray(start) * scale
    left = np.ones(len(places), dtype=bool)
    found: list[int] = []
    while left.any():
        away = np.where(left, np.hypot(*(places - here).T), np.inf)
        nearest = int(np.argmin(away))
        left[nearest] = False
        found.append(nearest)
        here = places[nearest]
    return found
