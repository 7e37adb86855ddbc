"""Coordinate systems: what is stored, what is drawn, and how a position from outside is checked.

EPSG numbers appear here only. Coordinates are lon, lat everywhere; `to_folium` alone swaps them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from gridmap.errors import InvalidInput

if TYPE_CHECKING:  # loaded where they are used, so that a page that only checks a position does not wait for them
    import numpy as np
    import pyproj
    from numpy.typing import NDArray

    Coordinates = NDArray[np.float64]
    Forward = Callable[[Coordinates, Coordinates], tuple[Coordinates, Coordinates]]

STORAGE_SRID = 4490  # CGCS2000, lon/lat in degrees
TILE_SRID = 3857  # Web Mercator, for drawing only, never for measuring
MAX_LATITUDE = 85.0  # Web Mercator ends here; also a CHECK on every stored geometry

GCJ02, BD09 = "GCJ-02", "BD-09"  # Amap and Tencent; Baidu
STORED_AS_IS = ("EPSG:4490", "EPSG:4326", "OGC:CRS84")
OFFSET_AREA = (72.004, 0.8293, 137.8347, 55.8271)  # west, south, east, north, degrees
KRASOVSKY_A_M, KRASOVSKY_E2 = 6_378_245.0, 0.00669342162296594323
CHINA = (73.0, 3.0, 136.0, 54.0)  # west, south, east, north, degrees: the land and its sea, roughly
AREA_MARGIN = 1.0  # degrees a position may lie beyond the longitudes a system is made for
CLOSE_ENOUGH = 1e-12  # degrees, a ten-thousandth of a millimetre
MAX_ROUNDS = 30
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


class Position(NamedTuple):
    """A checked position, degrees, EPSG:4490."""

    lon: float
    lat: float

    @property
    def ewkt(self) -> str:
        """Return the position as EWKT, ready to be bound and cast to geometry or geography."""
        return f"SRID={STORAGE_SRID};POINT({self.lon!r} {self.lat!r})"


def decimal(written: str) -> float:
    """Return the number a text states in the digits 0 to 9.

    Raises
    ------
    ValueError for anything else, also for what Python's float takes beside numbers: 1_0, full-width digits, nan, inf.
    """
    if not NUMBER.fullmatch(written):
        raise ValueError(f"not a number: {written[:40]!r}")
    return float(written)


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
    if value is None or isinstance(value, bool):
        raise InvalidInput(f"{name} is required, a number in degrees.", where=name)
    try:
        number = decimal(value.strip(" ")) if isinstance(value, str) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InvalidInput(f"{name} is not a number: {str(value)[:40]!r}.", where=name) from None
    if not math.isfinite(number) or abs(number) > limit:
        raise InvalidInput(f"{name} must lie between {-limit:g} and {limit:g} degrees.", where=name)
    return number + 0.0  # -0.0 becomes 0.0


def to_folium(lon: float, lat: float) -> tuple[float, float]:
    """Return (lat, lon), the order Leaflet and Folium want."""
    return lat, lon


def metric_srid(lon: float) -> int:
    """Return the EPSG code of the 3-degree Gauss-Krüger zone a longitude lies in (CGCS2000, metres east and north).

    Parameters
    ----------
    lon : float, degrees, 73.5 to 136.5

    Raises
    ------
    InvalidInput outside the zones EPSG:4534 (75°E) to 4554 (135°E).
    """
    zone = round(lon / 3) - 25
    if not 0 <= zone <= 20:
        raise InvalidInput("There is no 3-degree Gauss-Krüger zone of CGCS2000 for this longitude.", where="lon")
    return 4534 + zone


@dataclass(frozen=True)
class System:
    """A coordinate system a file may be in: an EPSG code or WKT, or one of the two Chinese offset datums.

    `definition` is what pyproj reads; it is empty for GCJ-02 and BD-09.
    """

    name: str
    definition: str = ""

    @property
    def is_offset(self) -> bool:
        """Return whether this is GCJ-02 or BD-09: WGS 84 moved by some hundred metres."""
        return not self.definition

    @property
    def is_storage(self) -> bool:
        """Return whether coordinates can be stored as they are: CGCS2000 or WGS 84 in degrees."""
        return self.name in STORED_AS_IS

    @property
    def is_exact(self) -> bool:
        """Return whether the way to CGCS2000 is known; False for datums PROJ only passes through (Beijing 54, Xian 80).

        Such positions may be off by some hundred metres, and only local parameters can mend that.
        """
        return self.is_offset or self.is_storage or _is_exact(self.definition)


def system(text: str) -> System:
    """Return the coordinate system of a name: `EPSG:4549`, `GCJ-02` or `BD-09`, in any case, with or without the dash.

    Raises
    ------
    InvalidInput for an unknown name, or a system that has no east and north (geocentric, vertical, engineering).
    """
    name = text.strip().upper().replace("_", "-").replace("GCJ02", "GCJ-02").replace("BD09", "BD-09")
    if name in (GCJ02, BD09):
        return System(name)
    if not re.fullmatch(r"EPSG:[0-9]{4,6}", name):
        raise InvalidInput(
            f"Coordinate system {text[:40]!r} is not known. Write EPSG: and a number (EPSG:4490, EPSG:4326, EPSG:4549),"
            " GCJ-02 (Amap, Tencent) or BD-09 (Baidu).",
            where="crs",
        )
    return _usable(System(name, name))


def described(wkt: str) -> System:
    """Return the coordinate system that a .prj file, a GeoPackage or a `crs` member describes (WKT, URN or PROJ name).

    Raises
    ------
    InvalidInput as for `system`.
    """
    crs = _proj_crs(wkt)
    authority = crs.to_authority(min_confidence=70)
    return _usable(System(":".join(authority) if authority else crs.name, wkt))


def to_storage(crs: str | System, lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """Return coordinates of a system as degrees in EPSG:4490.

    Parameters
    ----------
    crs : a name `system` knows, or a System
    lon, lat : arrays (n,), east and north in the system's own unit: degrees, or metres for a projected one

    Returns
    -------
    Arrays (n,); infinity where PROJ has no answer.

    Notes
    -----
    WGS 84 is taken as CGCS2000: the two differ by some centimetres to decimetres. GCJ-02 and BD-09 are inverted by
    iteration to far less than 1 mm. Beyond the box of `in_offset_area` they are WGS 84.
    """
    known = system(crs) if isinstance(crs, str) else crs
    if known.name == GCJ02:
        return _inverted(_to_gcj02, lon, lat)
    if known.name == BD09:
        return _inverted(_to_bd09, lon, lat)
    if known.is_storage:
        return lon, lat
    return _transformer(known.definition).transform(lon, lat)


def from_storage(crs: str | System, lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """Return degrees in EPSG:4490 as coordinates of a system; the inverse of `to_storage`."""
    known = system(crs) if isinstance(crs, str) else crs
    if known.name == GCJ02:
        return _to_gcj02(lon, lat)
    if known.name == BD09:
        return _to_bd09(lon, lat)
    if known.is_storage:
        return lon, lat
    return _transformer(known.definition).transform(lon, lat, direction="INVERSE")


def in_offset_area(lon: Coordinates, lat: Coordinates) -> NDArray[np.bool_]:
    """Return where GCJ-02 and BD-09 differ from WGS 84: the box the published formulae name for China.

    72.004 to 137.8347 degrees east, 0.8293 to 55.8271 degrees north. The real border is not followed, so the box
    reaches into neighbouring countries, as the formulae do.
    """
    west, south, east, north = OFFSET_AREA
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def in_area_of_use(crs: System, lon: Coordinates, lat: Coordinates) -> NDArray[np.bool_]:
    """Return where positions lie in China's box and near the longitudes a system is made for.

    Parameters
    ----------
    lon, lat : arrays (n,), degrees, EPSG:4490; what is not finite is outside

    Notes
    -----
    EPSG's areas of use end at Hainan and leave out the islands of Sansha, so only their longitudes are taken, with a
    margin of one degree. A system without a known area has China's box alone.
    """
    west, south, east, north = CHINA
    if not (crs.is_offset or crs.is_storage) and (bounds := _longitudes(crs)) is not None:
        west, east = max(west, bounds[0] - AREA_MARGIN), min(east, bounds[1] + AREA_MARGIN)
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _to_gcj02(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """Return WGS 84 as GCJ-02, by the formula published on the web since 2012 (Krasovsky 1940 ellipsoid)."""
    import numpy as np

    x, y = lon - 105.0, lat - 35.0
    root, pi = np.sqrt(np.abs(x)), np.pi
    ripple = (20.0 * np.sin(6.0 * pi * x) + 20.0 * np.sin(2.0 * pi * x)) * 2.0 / 3.0
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
    north_m += (20.0 * np.sin(pi * y) + 40.0 * np.sin(pi * y / 3.0)) * 2.0 / 3.0
    north_m += (160.0 * np.sin(pi * y / 12.0) + 320.0 * np.sin(pi * y / 30.0)) * 2.0 / 3.0
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
    east_m += (20.0 * np.sin(pi * x) + 40.0 * np.sin(pi * x / 3.0)) * 2.0 / 3.0
    east_m += (150.0 * np.sin(pi * x / 12.0) + 300.0 * np.sin(pi * x / 30.0)) * 2.0 / 3.0
    phi = np.radians(lat)
    curve = 1.0 - KRASOVSKY_E2 * np.sin(phi) ** 2
    meridian_m = KRASOVSKY_A_M * (1.0 - KRASOVSKY_E2) / curve**1.5
    parallel_m = KRASOVSKY_A_M / np.sqrt(curve) * np.cos(phi)
    inside = in_offset_area(lon, lat)
    return (
        np.where(inside, lon + np.degrees(east_m / parallel_m), lon),
        np.where(inside, lat + np.degrees(north_m / meridian_m), lat),
    )


def _to_bd09(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """Return WGS 84 as BD-09: GCJ-02 turned and moved once more, by the published formula."""
    import numpy as np

    x, y = _to_gcj02(lon, lat)
    wave = np.pi * 3000.0 / 180.0
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * wave)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * wave)
    inside = in_offset_area(lon, lat)
    return (
        np.where(inside, radius * np.cos(angle) + 0.0065, lon),
        np.where(inside, radius * np.sin(angle) + 0.006, lat),
    )


def _inverted(forward: Forward, lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """Return the WGS 84 positions that `forward` takes to the given ones.

    The offset changes by at most some percent of a step, so subtracting it again and again converges: each round
    gains more than one digit. A position whose answer lies outside the offset area was never moved.
    """
    import numpy as np

    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    west, south, east, north = OFFSET_AREA
    x, y = np.clip(lon, west, east), np.clip(lat, south, north)
    for _ in range(MAX_ROUNDS):
        moved_x, moved_y = forward(x, y)
        step_x, step_y = lon - moved_x, lat - moved_y
        x, y = np.clip(x + step_x, west, east), np.clip(y + step_y, south, north)
        if not x.size or max(np.nanmax(np.abs(step_x)), np.nanmax(np.abs(step_y))) < CLOSE_ENOUGH:
            break
    moved_x, moved_y = forward(x, y)
    found = np.maximum(np.abs(lon - moved_x), np.abs(lat - moved_y)) < 1e-8
    return np.where(found, x, lon), np.where(found, y, lat)


@cache
def _proj_crs(definition: str) -> pyproj.CRS:
    import pyproj

    try:
        return pyproj.CRS.from_user_input(definition)
    except pyproj.exceptions.CRSError:
        raise InvalidInput(f"PROJ does not know the coordinate system {definition[:60]!r}.", where="crs") from None


@cache
def _transformer(definition: str) -> pyproj.Transformer:
    import pyproj

    return pyproj.Transformer.from_crs(_proj_crs(definition), pyproj.CRS(f"EPSG:{STORAGE_SRID}"), always_xy=True)


@cache
def _longitudes(crs: System) -> tuple[float, float] | None:
    """Return the westernmost and easternmost longitude of a system's area of use, None if it is not known."""
    area = _proj_crs(crs.definition).area_of_use
    if area is None and crs.name.startswith("EPSG:"):
        area = _proj_crs(crs.name).area_of_use
    return (area.west, area.east) if area is not None and area.west < area.east else None


@cache
def _is_exact(definition: str) -> bool:
    base = _proj_crs(definition).geodetic_crs
    names = str(base.datum.name if base is not None and base.datum is not None else "")
    if "WGS" in names or "World Geodetic System" in names or "China 2000" in names or "China_2000" in names:
        return True
    return "Ballpark" not in _transformer(definition).description


def _usable(known: System) -> System:
    crs = _proj_crs(known.definition)
    if not (crs.is_geographic or crs.is_projected) or not _has_way_here(known.definition):
        raise InvalidInput(f"{known.name} has no east and north that lead to CGCS2000.", where="crs")
    return known


def _has_way_here(definition: str) -> bool:
    import pyproj

    try:
        _transformer(definition)
    except pyproj.exceptions.ProjError:
        return False
    return True


def metres_around(lon: float, lat: float) -> Callable[[Coordinates, Coordinates], tuple[Coordinates, Coordinates]]:
    """Return what turns degrees (EPSG:4490) into metres east and north of a position, for a map on paper.

    Notes
    -----
    Transverse Mercator on the GRS80 ellipsoid about the position itself: lengths are true to 1:100,000 within 28 km east
    and west of it, and north is up there.
    """
    import pyproj

    projection = pyproj.Proj(proj="tmerc", lat_0=lat, lon_0=lon, ellps="GRS80", units="m")
    return lambda x, y: projection(x, y)
