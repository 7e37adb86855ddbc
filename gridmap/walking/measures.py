"""What a walk is measured by: the method it says, its speed, and the straight line that stands in for it."""

import numpy as np

from gridmap.streets.network import ELLIPSOID, Floats

WALK, ESTIMATE, GEODESIC = "walk", "estimate", "geodesic"
DETOUR = 1.3  # walked metres to one of the straight line, where no streets are known
WALKING_M_PER_S = 1.2


def seconds(metres: float) -> int:
    """Return how long a walk takes, in whole seconds."""
    return round(metres / WALKING_M_PER_S)


def straight_m(origin: Floats, targets: Floats) -> Floats:
    """Return geodesic metres from one position to several, each (lon, lat) in degrees, EPSG:4490."""
    _, _, metres = ELLIPSOID.inv(
        np.full(len(targets), origin[0]), np.full(len(targets), origin[1]), targets[:, 0], targets[:, 1]
    )
    found: Floats = np.asarray(metres, float)
    return found
