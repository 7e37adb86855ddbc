"""What OpenStreetMap's tags mean for the base map: which layer and kind a thing is, and from which zoom it is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass

Tags = Mapping[str, str]
KEYS = ("highway", "railway", "waterway", "natural", "landuse", "leisure", "place", "water")
AREA_KEYS = ("natural", "landuse", "leisure", "water", "waterway")


@dataclass(frozen=True)
class Kind:
    """How one thing is drawn: `min_zoom` by what it is (None: by its size), and what is left out first (high rank)."""

    layer: str
    kind: str
    min_zoom: int | None
    rank: float


STREETS = {
    "motorway": ("main", 6, 15), "trunk": ("main", 6, 15), "motorway_link": ("main", 10, 24), "trunk_link": ("main", 10, 24),
    "primary": ("main", 8, 18), "primary_link": ("main", 11, 25), "secondary": ("main", 10, 21),
    "secondary_link": ("main", 12, 26), "tertiary": ("minor", 11, 25), "tertiary_link": ("minor", 13, 30),
    "residential": ("minor", 13, 30), "unclassified": ("minor", 13, 30), "living_street": ("minor", 13, 31),
    "pedestrian": ("minor", 13, 31), "road": ("minor", 13, 32), "service": ("minor", 15, 38),
    "footway": ("path", 15, 40), "path": ("path", 15, 40), "steps": ("path", 15, 41), "cycleway": ("path", 15, 41),
    "track": ("path", 14, 39), "bridleway": ("path", 15, 42),
}  # fmt: skip
RAILWAYS = {
    "rail": ("rail", 9, 17), "light_rail": ("metro", 12, 22), "subway": ("metro", 12, 22), "monorail": ("metro", 13, 27),
    "narrow_gauge": ("rail", 12, 22), "tram": ("tram", 14, 33), "funicular": ("tram", 14, 33),
}  # fmt: skip
WATERWAYS = {"river": (9, 19), "canal": (11, 24), "stream": (14, 35), "ditch": (15, 40), "drain": (15, 40)}
PLACES = {
    "city": (4, 0), "town": (8, 1), "borough": (9, 2), "suburb": (11, 3), "village": (12, 4), "quarter": (13, 5),
    "neighbourhood": (13, 6), "hamlet": (14, 7), "island": (12, 6), "islet": (15, 9), "square": (15, 8),
    "locality": (15, 9),
}  # fmt: skip
GREENS = {
    ("leisure", "park"): "park", ("leisure", "garden"): "park", ("leisure", "nature_reserve"): "wood",
    ("leisure", "golf_course"): "park", ("leisure", "pitch"): "pitch", ("natural", "wood"): "wood",
    ("natural", "scrub"): "wood", ("natural", "grassland"): "park", ("natural", "wetland"): "wood",
    ("landuse", "forest"): "wood", ("landuse", "grass"): "park", ("landuse", "meadow"): "park",
    ("landuse", "recreation_ground"): "park", ("landuse", "village_green"): "park", ("landuse", "cemetery"): "park",
    ("landuse", "orchard"): "wood",
}  # fmt: skip
WATERS = {
    ("natural", "water"), ("natural", "bay"), ("landuse", "reservoir"), ("landuse", "basin"), ("waterway", "riverbank"),
    ("waterway", "dock"),
}  # fmt: skip


def of_point(tags: Tags) -> Kind | None:
    """Return what a point is: a place with a name, or a railway station."""
    if tags.get("place") in PLACES:
        zoom, rank = PLACES[tags["place"]]
        return Kind("label", tags["place"], zoom, rank)
    if tags.get("railway") == "station":
        return Kind("label", "station", 14, 8)
    return None


def of_line(tags: Tags) -> Kind | None:
    """Return what a line is: a street, a railway or a watercourse; what runs underground is no ground to see."""
    if tags.get("highway") in STREETS and tags.get("area") != "yes":
        kind, zoom, rank = STREETS[tags["highway"]]
        return Kind("street", kind, zoom, rank)
    if tags.get("railway") in RAILWAYS:
        kind, zoom, rank = RAILWAYS[tags["railway"]]
        if tags.get("tunnel") == "yes":
            kind, zoom = "tunnel", max(zoom, 13)
        return Kind("railway", kind, 14 if "service" in tags else zoom, rank + (12 if "service" in tags else 0))
    if tags.get("waterway") in WATERWAYS and tags.get("tunnel") not in ("yes", "culvert"):
        zoom, rank = WATERWAYS[tags["waterway"]]
        return Kind("water", tags["waterway"], zoom, rank)
    return None


def of_area(tags: Tags) -> Kind | None:
    """Return what an area is: water or green, drawn from the zoom where it is large enough."""
    for key in AREA_KEYS:
        pair = (key, tags.get(key, ""))
        if pair in WATERS:
            return Kind("water", "water", None, 0)
        if pair in GREENS:
            return Kind("green", GREENS[pair], None, 0)
    return None
