"""The border of a grid is its neighbours' too: no change of one grid alone moves it, and none comes back over another."""

from typing import Any

import shapely
import sqlalchemy as sa
from geoalchemy2.shape import to_shape

from gridmap.editing.faults import Fault
from gridmap.errors import Conflict
from gridmap.exchange.reasons import Note
from gridmap.exchange.store import SAME_DEGREES
from gridmap.layer import Layer
from gridmap.tables import geography

SHARED = ("neighbourhood",)
STRIP_M = 1.0  # narrower than that is two drawings of one border
ROUTE = "/api/v1/layers/neighbourhood/features/{code}/reshape"
KEPT = Note(
    "border_kept",
    "Its border stays as it is now, since its neighbours share it: reshape it to move it.",
    "其边界与相邻网格共用，保持现状；如需变动请调整边界。",
)


def is_shared(layer: Layer) -> bool:
    """Return whether the things of a layer tile the ground, so that one's border is another's."""
    return layer.name in SHARED


def fault(row: sa.RowMapping, shape: Any) -> Fault | None:
    """Return what speaks against giving a grid a shape by itself: nothing where it is the one stored."""
    if shape is None or is_same(row, shape):
        return None
    route = ROUTE.format(code=row["code"])
    return Fault(
        "geometry", "border_shared",
        f"The border of a grid is its neighbours' too: send the shape to POST {route}, with the versions of all that move.",
        f"网格边界与相邻网格共用：请将图形提交到 POST {route}，并注明所有变动网格的版本。",
    )  # fmt: skip


def is_same(row: sa.RowMapping, shape: Any) -> bool:
    """Return whether a shape is the stored one, to a millimetre and in whatever order its points are told."""
    if row["geom"] is None:
        return False
    left, right = (shapely.normalize(one) for one in (to_shape(row["geom"]), shape))
    left, right = (shapely.MultiPolygon([one]) if one.geom_type == "Polygon" else one for one in (left, right))
    return bool(shapely.equals_exact(left, right, SAME_DEGREES))


def refuse_taken_ground(conn: sa.Connection, layer: Layer, row: sa.RowMapping) -> None:
    """Raise Conflict where a grid that comes back would lie over grids that have its ground by now."""
    held, back = layer.table.alias("held"), layer.table.alias("back")
    shared = geography(sa.func.ST_Intersection(held.c.geom, back.c.geom))
    core = sa.func.ST_Buffer(shared, -STRIP_M / 2).op("::")(sa.literal_column("geometry"))
    beside = sa.and_(
        held.c.county == back.c.county, held.c.community == back.c.community, held.c.id != back.c.id,
        held.c.valid_to.is_(None), sa.func.ST_Intersects(held.c.geom, back.c.geom),
    )  # fmt: skip
    mine = sa.and_(back.c.county == row["county"], back.c.id == row["id"])
    query = sa.select(held.c.code).join_from(back, held, beside).where(mine, sa.not_(sa.func.ST_IsEmpty(core)))
    codes = ", ".join(conn.scalars(query.order_by(held.c.code)))
    if codes:
        raise Conflict(
            f"Its ground is that of {codes} now: take the merging back, or part that one."
            f" 其范围现属 {codes}：请撤销合并，或将其拆分。",
            where="geometry",
        )
