"""What every check begins with: the rows in force below a place, in the actor's scope."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gridmap.access import Actor, scope_columns_of, within_scope
from gridmap.tables import geography

BORDER_M = 1.0  # two drawings of one border lie closer together than this


@dataclass(frozen=True)
class Asked:
    """Who asks, and below which place: the first digits of communities, empty for everywhere."""

    actor: Actor
    place: str = ""

    def rows(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        """Return the condition that a row is in force, in scope and below the place."""
        here: sa.ColumnElement[bool] = sa.true()
        if self.place:
            community = scope_columns_of(table)["community"]
            here = sa.and_(community >= self.place, community < self.place + ":")
        return sa.and_(table.c.valid_to.is_(None), within_scope(table, self.actor), here)


def answer(
    code: sa.ColumnElement, spot: sa.ColumnElement, *, other: Any = None, measure: Any = None
) -> tuple[sa.ColumnElement, ...]:
    """Return the columns every check answers with; `spot` is a point."""
    return (
        code.label("code"), sa.cast(sa.null() if other is None else other, sa.Text).label("other"),
        sa.cast(sa.null() if measure is None else measure, sa.Float).label("measure"),
        sa.func.ST_X(spot).label("lon"), sa.func.ST_Y(spot).label("lat"),
    )  # fmt: skip


def overlapping(one: sa.ColumnElement, other: sa.ColumnElement) -> sa.ColumnElement[bool]:
    """Return the condition that two areas share an area, not only a border; the index of either serves."""
    return sa.and_(one.op("&&", is_comparison=True)(other), sa.func.ST_Relate(one, other, "2********"))


def core(area: sa.ColumnElement) -> sa.ColumnElement:
    """Return what is left of an area without the strips that two drawings of one border leave."""
    polygons = sa.func.ST_CollectionExtract(area, 3)
    return sa.func.ST_Buffer(geography(polygons), -BORDER_M / 2).op("::")(sa.literal_column("geometry"))


def area_m2(area: sa.ColumnElement) -> sa.ColumnElement[float]:
    """Return the geodesic area of an area."""
    return sa.func.round(sa.cast(sa.func.ST_Area(geography(area)), sa.Numeric), 1)
