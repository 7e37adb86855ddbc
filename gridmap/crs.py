"""Coordinate systems: what is stored, what is drawn, and how a position from outside is checked.

EPSG numbers appear here and in `.sql` files only. Coordinates are lon, lat everywhere; `to_folium` alone swaps them.
"""

import math
from typing import NamedTuple

from gridmap.errors import InvalidInput

STORAGE_SRID = 4490  # CGCS2000, lon/lat in degrees
TILE_SRID = 3857  # Web Mercator, for drawing only, never for measuring
MAX_LATITUDE = 85.0  # Web Mercator ends here; also a CHECK on every stored geometry


class Position(NamedTuple):
    """A checked position, degrees, EPSG:4490."""

    lon: float
    lat: float

    @property
    def ewkt(self) -> str:
        """Return the position as EWKT, ready to be bound and cast to geometry or geography."""
        return f"SRID={STORAGE_SRID};POINT({self.lon!r} {self.lat!r})"


def position(lon: object, lat: object) -> Position:
    """Return a checked position.

    Parameters
    ----------
    lon, lat : numbers or their text, degrees, EPSG:4490

    Raises
    ------
    InvalidInput if a value is missing, not a number, not finite, or outside -180..180 / -85..85.
    """
    return Position(_degrees("lon", lon, 180.0), _degrees("lat", lat, MAX_LATITUDE))


def _degrees(name: str, value: object, limit: float) -> float:
    if value is None or isinstance(value, bool) or (isinstance(value, str) and not value.isascii()):
        raise InvalidInput(f"{name} is required, a number in degrees.", where=name)
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InvalidInput(f"{name} is not a number: {str(value)[:40]!r}.", where=name) from None
    if not math.isfinite(number) or abs(number) > limit:
        raise InvalidInput(f"{name} must lie between {-limit:g} and {limit:g} degrees.", where=name)
    return number + 0.0  # -0.0 becomes 0.0


def to_folium(lon: float, lat: float) -> tuple[float, float]:
    """Return (lat, lon), the order Leaflet and Folium want."""
    return lat, lon
