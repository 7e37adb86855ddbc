"""A zone's map on paper as marks in millimetres: true scale, the zone over its ground, and below it what a map must say.

Nothing lies on the map but the map: scale bar, legend, as-of and review number stand in the strip under the frame.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridmap import crs
from gridmap.errors import InvalidInput
from gridmap.layers.closure_zone import LAYER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely import Geometry

    from gridmap.reports.notices.ground import Ground
    from gridmap.reports.notices.notice import Notice

PAPERS = {"a4": (210.0, 297.0), "a3": (297.0, 420.0)}  # mm, upright
SCALES = (
    500,
    1000,
    1500,
    2000,
    3000,
    4000,
    5000,
    7500,
    10_000,
    15_000,
    20_000,
    30_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
)
MARGIN_MM, HEAD_MM, STRIP_MM, AROUND_MM = 15.0, 16.0, 30.0, 12.0
INK, MUTED = "#1b2126", "#5b6770"
LAND, HOUSE, EDGE, STREET, CASING = "#f3f1ec", "#d9d5cd", "#b9b3a7", "#ffffff", "#d8d4cc"
INSIDE = "#f6d9d5"
AREAS = {"water": "#cfe3ea", "green": "#dfead6"}
STREET_M = {
    "main": 14.0,
    "residential": 7.0,
    "path": 2.5,
}  # carriageways on the ground, at least half a millimetre drawn
LABEL_MM, HATCH_MM = 2.4, {"dense-diagonal": 2.0, "wide-diagonal": 4.0, "dots": 6.0}
Point = tuple[float, float]


@dataclass(frozen=True)
class Area:
    """Rings of (x, y) in mm from the sheet's top left corner, even-odd."""

    rings: tuple[tuple[Point, ...], ...]
    fill: str | None = None
    edge: str | None = None
    width: float = 0.2


@dataclass(frozen=True)
class Line:
    """A line of (x, y) in mm."""

    points: tuple[Point, ...]
    colour: str
    width: float
    round: bool = True


@dataclass(frozen=True)
class Text:
    """A text whose baseline begins, ends or is centred at (x, y); `size` in mm; on the map with a white halo."""

    x: float
    y: float
    text: str
    size: float
    colour: str = INK
    anchor: str = "start"
    halo: bool = False
    bold: bool = False


Mark = Area | Line | Text


@dataclass(frozen=True)
class Sheet:
    """A sheet of paper in mm with its marks; those of `inside` are cut off at the frame (x, y, width, height)."""

    width: float
    height: float
    frame: tuple[float, float, float, float]
    scale: int
    inside: tuple[Mark, ...]
    outside: tuple[Mark, ...]


@dataclass(frozen=True)
class View:
    """Where a sheet looks: its frame in mm, 1:n, the middle in degrees, and the box of degrees it shows."""

    width: float
    height: float
    scale: int
    lon: float
    lat: float

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Return the map's frame on the sheet: x, y, width, height in mm."""
        high = self.height - 2 * MARGIN_MM - HEAD_MM - STRIP_MM
        return MARGIN_MM, MARGIN_MM + HEAD_MM, self.width - 2 * MARGIN_MM, high

    def on_paper(self, lonlat: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Return positions (n, 2) in degrees as (x, y) in mm on the sheet."""
        import numpy as np

        x, y, wide, high = self.frame
        east, north = crs.metres_around(self.lon, self.lat)(lonlat[:, 0], lonlat[:, 1])
        mm = 1000 / self.scale
        return np.column_stack([x + wide / 2 + np.asarray(east) * mm, y + high / 2 - np.asarray(north) * mm])

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return the box of degrees that holds the frame, with a little more."""
        import math

        _, _, wide, high = self.frame
        lat_degree = 110_574.0
        half_lat = high / 2000 * self.scale / lat_degree * 1.05
        half_lon = wide / 2000 * self.scale / (111_320.0 * math.cos(math.radians(self.lat))) * 1.05
        return self.lon - half_lon, self.lat - half_lat, self.lon + half_lon, self.lat + half_lat


def view_of(area: "Geometry", *, paper: str, scale: int | None = None) -> View:
    """Return how a zone is seen on a sheet: turned as it fits, at the largest scale of the series that holds it.

    InvalidInput where the scale that is asked for would cut the zone off.
    """
    west, south, east, north = area.bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    xs, ys = crs.metres_around(lon, lat)(*_corners(west, south, east, north))
    wide_m, high_m = float(max(xs) - min(xs)), float(max(ys) - min(ys))
    short, long = PAPERS[paper]
    width, height = (long, short) if wide_m > high_m else (short, long)
    _, _, wide, high = View(width, height, 1, lon, lat).frame
    least = max(wide_m * 1000 / (wide - 2 * AROUND_MM), high_m * 1000 / (high - 2 * AROUND_MM))
    if scale is not None and scale < max(wide_m * 1000 / wide, high_m * 1000 / high):
        fits = next((n for n in SCALES if n >= least), SCALES[-1])
        raise InvalidInput(
            f"At 1:{scale} the zone does not fit on the paper; 1:{fits} does. 该比例尺下纸面容纳不下，可用 1:{fits}。",
            where="scale",
        )
    return View(width, height, scale or next((n for n in SCALES if n >= least), SCALES[-1]), lon, lat)


def _corners(west: float, south: float, east: float, north: float) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    import numpy as np

    return np.array([west, east, west, east, west]), np.array([south, south, north, north, (south + north) / 2])


def draw(view: View, notice: "Notice", ground: "Ground", *, review_number: str | None) -> Sheet:
    """Return the sheet of a notice's map."""
    from gridmap.reports.notices.strip import around_the_frame

    return Sheet(
        view.width, view.height, view.frame, view.scale,
        tuple(_map(view, notice, ground)),
        tuple(around_the_frame(view, notice, ground, review_number=review_number or ground.review_number)),
    )  # fmt: skip


def _map(view: View, notice: "Notice", ground: "Ground") -> list[Mark]:
    symbol = LAYER.style.symbols[notice.type]
    listed = {one.code for one in notice.buildings or ()}
    marks: list[Mark] = [_area(view, shape, fill=AREAS[kind]) for kind, shape in ground.areas]
    widths = [max(STREET_M.get(kind, 5.0) * 1000 / view.scale, 0.5) for kind, _, _ in ground.streets]
    lines = [_lines(view, shape) for _, _, shape in ground.streets]
    for colour, more in ((CASING, 0.3), (STREET, 0.0)):
        marks += [Line(run, colour, w + more) for w, runs in zip(widths, lines, strict=True) for run in runs]
    for code, _, shape in ground.buildings:
        marks.append(_area(view, shape, fill=INSIDE if code in listed else HOUSE, edge=EDGE, width=0.15))
    marks += [Line(run, symbol.stroke, 0.25, round=False) for run in hatched(view, notice.area, symbol.pattern)]
    marks.append(_area(view, notice.area, edge=symbol.stroke, width=0.9))
    return marks + _labels(view, ground, listed)


def hatched(view: View, area: "Geometry", pattern: str | None) -> list[tuple[Point, ...]]:
    """Return the lines of a zone's pattern cut to its area, so that it is told apart without colour."""
    import numpy as np
    import shapely

    flat = shapely.transform(area, view.on_paper)
    x, y, wide, high = view.frame
    flat = shapely.intersection(shapely.make_valid(flat), shapely.box(x, y, x + wide, y + high))
    west, south, east, north = flat.bounds
    if not np.isfinite(west):
        return []
    step, tall = HATCH_MM.get(pattern or "", 4.0), north - south
    starts = np.arange(west - tall, east, step)
    rising = [shapely.LineString([(s, north), (s + tall, south)]) for s in starts]
    cut = shapely.get_parts(shapely.intersection(shapely.MultiLineString(rising), flat))
    return [tuple(map(tuple, part.coords)) for part in cut if part.geom_type == "LineString"]


def _area(
    view: View, shape: "Geometry", *, fill: str | None = None, edge: str | None = None, width: float = 0.2
) -> Area:
    import shapely

    rings = []
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon":
            rings += [part.exterior, *part.interiors]
    return Area(tuple(_points(view, ring) for ring in rings), fill, edge, width)


def _lines(view: View, shape: "Geometry") -> list[tuple[Point, ...]]:
    import shapely

    return [_points(view, part) for part in shapely.get_parts(shape) if part.geom_type == "LineString"]


def _points(view: View, line: "Geometry") -> tuple[Point, ...]:
    import shapely

    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in view.on_paper(shapely.get_coordinates(line)))


def _labels(view: View, ground: "Ground", listed: set[str]) -> list[Mark]:
    """Return the names of buildings and streets that find room: those inside the zone first, none over another."""
    import shapely

    wanted: list[tuple[bool, str, Point]] = []
    for code, name, shape in ground.buildings:
        inner = shape.representative_point()
        wanted.append((code in listed, name, _points(view, inner)[0]))
    wanted.sort(key=lambda one: not one[0])
    named: dict[str, Geometry] = {}
    for _, name, shape in ground.streets:
        if name and (name not in named or shape.length > named[name].length):
            named[name] = shape
    wanted += [(False, name, _points(view, shapely.line_interpolate_point(shape, 0.5, normalized=True))[0])
               for name, shape in named.items() if shape.geom_type == "LineString"]  # fmt: skip
    x, y, wide, high = view.frame
    taken: list[tuple[float, float, float, float]] = []
    marks: list[Mark] = []
    for is_inside, name, (at_x, at_y) in wanted:
        half, tall = width_of(name, LABEL_MM) / 2, LABEL_MM
        spot = (at_x - half, at_y - tall / 2, at_x + half, at_y + tall / 2)
        in_frame = x < spot[0] and spot[2] < x + wide and y < spot[1] and spot[3] < y + high
        if not in_frame or any(_meet(spot, other) for other in taken):
            continue
        taken.append(spot)
        colour = INK if is_inside else MUTED
        marks.append(Text(at_x, at_y + tall * 0.36, name, LABEL_MM, colour, "middle", halo=True, bold=is_inside))
    return marks


def width_of(text: str, size: float) -> float:
    """Return about how wide a text is: a Chinese character as wide as high, others a little over half of that."""
    return sum(size if ord(letter) > 0x2E80 else 0.56 * size for letter in text)


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
