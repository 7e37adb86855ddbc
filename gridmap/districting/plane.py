"""A plane in metres around a community, to which degrees are brought by one affine map."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

A_M, F = 6_378_137.0, 1 / 298.257222101  # CGCS2000


@dataclass(frozen=True)
class Plane:
    """Metres east and north of a point, by the radii of the ellipsoid there.

    Notes
    -----
    The map is affine, so straight lines stay straight: what tiles an area on the plane tiles it in degrees, which no
    projection promises. Lengths are true at the middle; 5 km north or south of it those eastward are off by some
    0.05 % (the change of the cosine of the latitude), more than enough for borders and compactness.
    """

    lon: float
    lat: float
    east_m: float
    north_m: float

    @classmethod
    def around(cls, shape: Any) -> "Plane":
        """Return the plane at the middle of a shape in degrees."""
        west, south, east, north = shapely.bounds(shape)
        lon, lat = (west + east) / 2, (south + north) / 2
        e2 = F * (2 - F)
        w = math.sqrt(1 - e2 * math.sin(math.radians(lat)) ** 2)
        degree = math.pi / 180
        return cls(lon, lat, degree * A_M / w * math.cos(math.radians(lat)), degree * A_M * (1 - e2) / w**3)

    def flat(self, shape: Any) -> Any:
        """Return a shape in degrees as metres on the plane."""
        return shapely.transform(shape, lambda xy: (xy - (self.lon, self.lat)) * (self.east_m, self.north_m))

    def degrees_of(self, spots: np.ndarray) -> np.ndarray:
        """Return positions (n, 2) on the plane as degrees."""
        return np.asarray(spots) / (self.east_m, self.north_m) + (self.lon, self.lat)

    def degrees(self, shape: Any) -> Any:
        """Return a shape on the plane as degrees."""
        return shapely.transform(shape, self.degrees_of)
