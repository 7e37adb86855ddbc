"""Which reader a street file wants, and lines of a GeoPackage or of the street layer as a network."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from gridmap.access import Actor
from gridmap.crs import STORAGE_SRID
from gridmap.errors import InvalidInput
from gridmap.streets.network import Network, of_lines
from gridmap.streets.osm import is_walkable

Progress = Callable[[str, int], None]
TAGS = ("highway", "foot", "access", "sidewalk")
SNAP_DEG = 1e-7  # about a centimetre: where the end of a drawn line and the line it meets are taken as one


def read(path: Path, progress: Progress = lambda stage, done: None) -> Network:
    """Return the walkable network of a file: .osm.pbf, .osm (also .gz, .bz2) or .gpkg.

    Raises
    ------
    InvalidInput for another kind of file, one that cannot be read, or one without walkable streets.
    """
    name = path.name.lower()
    if not path.is_file():
        raise InvalidInput(f"There is no file {str(path)[:200]!r}.", where="file")
    if name.endswith((".pbf", ".osm", ".osm.gz", ".osm.bz2", ".osm.xml")):
        from gridmap.streets import osm

        return osm.read(path, progress)
    if name.endswith(".gpkg"):
        return _geopackage(path, progress)
    raise InvalidInput(f"{path.name} is not a street file: give .osm.pbf, .osm or .gpkg.", where="file")


def _geopackage(path: Path, progress: Progress) -> Network:
    """Return the network of the first layer of lines; with a column `highway` only of its walkable ones."""
    import pyogrio
    import pyproj
    import shapely

    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(path) if "LineString" in str(kind)]
        if not layers:
            raise InvalidInput(f"{path.name} has no layer of lines.", where="file")
        meta, _, shapes, columns = pyogrio.raw.read(path, layer=layers[0])
    except pyogrio.errors.DataSourceError as exc:
        raise InvalidInput(f"{path.name} cannot be read as a GeoPackage: {str(exc)[:200]}", where="file") from exc
    if meta["crs"] is None:
        raise InvalidInput(f"{path.name} does not say its coordinate system.", where="file")
    lines, owner = shapely.get_parts(shapely.force_2d(shapely.from_wkb(shapes)), return_index=True)
    named = {name: columns[i] for i, name in enumerate(meta["fields"]) if name in TAGS}
    if "highway" in named:
        is_open = [
            is_walkable({k: str(v[i]) for k, v in named.items() if v[i] is not None}) for i in range(len(shapes))
        ]
        lines = lines[np.array(is_open, bool)[owner]] if len(lines) else lines
    change = pyproj.Transformer.from_crs(meta["crs"], STORAGE_SRID, always_xy=True)
    lines = shapely.transform(lines, lambda xy: np.column_stack(change.transform(xy[:, 0], xy[:, 1])))
    progress("ways", len(lines))
    return of_lines(list(lines))


def from_layer(conn: sa.Connection, actor: Actor, streets: sa.Table, county: int) -> Network:
    """Return the network of a county's current streets in a table of drawn centre lines, noded where they cross.

    Drawn lines meet where they cross or touch to a centimetre: they know no bridges.
    """
    import shapely

    actor.require("street.view")
    drawn = conn.scalars(
        sa.select(sa.func.ST_AsBinary(streets.c.geom))
        .where(streets.c.county == county, streets.c.valid_to.is_(None))
        .order_by(streets.c.code)
    ).all()
    if not drawn:
        raise InvalidInput("No streets are drawn in this county.", where="county")
    noded = shapely.union_all(shapely.from_wkb([bytes(one) for one in drawn]), grid_size=SNAP_DEG)
    return of_lines(list(shapely.get_parts(noded)))
