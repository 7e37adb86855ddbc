"""The demo's base map: rivers, parks, a railway along the river and place names, on the lattice of the demo's streets.

Streets are not among it, because the demo's streets are a layer of the register. Nothing of it crosses a building:
parks are pieces and cells without buildings, and the railway runs on the river's bank.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import shapely
import sqlalchemy as sa
from shapely import LineString, Polygon

from gridmap import hierarchy
from gridmap.basemap.shapes import Thing
from gridmap.basemap.tags import Kind
from gridmap.crs import STORAGE_SRID
from gridmap.demo.ground import to_degrees
from gridmap.demo.lattice import COMMUNITY, PARK, WATER, Cell, Lattice
from gridmap.demo.names import Names
from gridmap.demo.superblock import GREEN, Superblock

_WATER = (0.3, 0.95)  # of a river cell's width, from its western bank
_TRACK = 0.17
_STEPS = 8  # vertices on each bank
_INSET_M = 9.0  # of greens from the middle of the streets around them
_RIVER, _TRACKS = Kind("water", "water", None, 0), Kind("railway", "rail", 9, 17)
_PARK = Kind("green", "park", None, 0)


def things(seed: int, cells: int) -> Iterator[Thing]:
    """Yield what lies on the first cells of a seed's lattice, as many as the district reached while it was made.

    A river that passes beside them is drawn too.
    """
    lattice, names = Lattice(seed), Names(seed)
    reached = list(islice(lattice.order(), cells))
    beside = {Cell(c + dc, r + dr) for c, r in reached for dc in (-1, 0, 1) for dr in (-1, 0, 1)}
    for cell in sorted(cell for cell in beside if lattice.kind(cell) == WATER):
        yield from _river(lattice, names, cell)
    parks = 0
    for cell in reached:
        kind = lattice.kind(cell)
        if kind == PARK:
            outline = Superblock(lattice, cell).outline.buffer(-_INSET_M)
            yield Thing(_PARK, names.park(parks), None, _degrees(outline))
            parks += 1
        elif kind == COMMUNITY:
            for piece in Superblock(lattice, cell).pieces:
                if piece.use == GREEN:
                    yield Thing(_PARK, None, None, _degrees(piece.outline.buffer(-_INSET_M)))


def places(conn: sa.Connection) -> Iterator[Thing]:
    """Yield the names of the sub-districts, each in the middle of its communities."""
    c, d = hierarchy.community.c, hierarchy.division.c
    middle = sa.func.ST_Centroid(sa.func.ST_Collect(sa.func.ST_Centroid(c.geom)))
    found = conn.execute(
        sa.select(d.name, sa.func.ST_AsBinary(middle))
        .join(hierarchy.community, d.code == sa.func.left(c.code, 9))
        .where(c.valid_to.is_(None))
        .group_by(d.code, d.name)
        .order_by(d.code)
    )
    for name, point in found:
        yield Thing(
            Kind("label", "borough", 9, 2), name, None, shapely.set_srid(shapely.from_wkb(bytes(point)), STORAGE_SRID)
        )


def _river(lattice: Lattice, names: Names, cell: Cell) -> Iterator[Thing]:
    west, east = (_along(lattice, cell, share) for share in _WATER)
    yield Thing(_RIVER, names.river(cell.column), None, _degrees(Polygon(np.vstack([west, east[::-1]]))))
    yield Thing(_TRACKS, None, None, _degrees(LineString(_along(lattice, cell, _TRACK))))


def _along(lattice: Lattice, cell: Cell, share: float) -> np.ndarray:
    places = np.linspace(0, 1, _STEPS + 1)
    return lattice.at(cell, np.column_stack([np.full(len(places), share), places]))


def _degrees(shape: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(shape, to_degrees)
