"""Water, green, railways, streets and place names of an OpenStreetMap extract, read as a stream.

Positions of nodes lie in a file beside, not in memory; areas (also of several ways) are assembled by osmium.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import osmium

from gridmap.basemap import tags as meaning
from gridmap.basemap.shapes import Thing
from gridmap.errors import InvalidInput

Progress = Callable[[str, int], None]
TOLD_EVERY = 5_000


def things(path: Path, progress: Progress = lambda stage, done: None) -> Iterator[Thing]:
    """Yield what the base map draws of a .osm.pbf or .osm file; what the extract cuts off is left out.

    Raises
    ------
    InvalidInput for a file that is not OpenStreetMap's.
    """
    seen = 0
    with tempfile.TemporaryDirectory(prefix="gridmap-basemap-") as folder:
        wanted = osmium.filter.KeyFilter(*meaning.KEYS)
        try:
            source = (
                osmium.FileProcessor(str(path))
                .with_locations(f"sparse_file_array,{folder}/nodes")
                .with_areas(osmium.filter.KeyFilter(*meaning.AREA_KEYS))
                .with_filter(wanted)
            )
            factory = osmium.geom.WKBFactory()
            for found in source:
                thing = _thing(factory, found)
                if thing is None:
                    continue
                seen += 1
                if seen % TOLD_EVERY == 0:
                    progress("read", seen)
                yield thing
        except (RuntimeError, ValueError) as exc:
            raise InvalidInput(
                f"{path.name} cannot be read as OpenStreetMap data: {str(exc)[:200]}", where="file"
            ) from exc
    progress("read", seen)


def _thing(factory: osmium.geom.WKBFactory, found: object) -> Thing | None:
    if not isinstance(found, osmium.osm.Node | osmium.osm.Way | osmium.osm.Area):
        return None
    tags = {tag.k: tag.v for tag in found.tags}
    try:
        if isinstance(found, osmium.osm.Node):
            kind = meaning.of_point(tags)
            shape = factory.create_point(found) if kind else ""
        elif isinstance(found, osmium.osm.Way):
            kind = meaning.of_line(tags)
            shape = factory.create_linestring(found) if kind else ""
        else:
            kind = meaning.of_area(tags)
            shape = factory.create_multipolygon(found) if kind else ""
    except (osmium.InvalidLocationError, RuntimeError):
        return None  # its nodes lie outside the extract, or it has no length
    return (
        Thing(kind, tags.get("name:zh-Hans") or tags.get("name:zh") or tags.get("name"), tags.get("name:en"), shape)
        if kind
        else None
    )
