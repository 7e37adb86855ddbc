"""The areas of places as they are drawn under their figures."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.hierarchy import building, community, estate, neighbourhood
from gridmap.reports.nodes import Node, begins_with
from gridmap.reports.past import rows_at

DIGITS = 6  # 0.1 m


def shapes(conn: sa.Connection, actor: Actor, parts: Sequence[Node], as_of: datetime | None) -> dict[str, str]:
    """Return the area of each part of a place as a GeoJSON geometry by code; those without an area are left out."""
    if not parts:
        return {}
    first = parts[0]
    if first.level in ("estate", "building"):
        own = estate if first.level == "estate" else building
        return _drawn(conn, actor, own, {part.code: [part.code] for part in parts}, as_of)
    if first.buildings is not None:
        return _drawn(conn, actor, building, {part.code: list(part.buildings or ()) for part in parts}, as_of)
    if first.grids is not None:
        return _drawn(conn, actor, neighbourhood, {part.code: list(part.grids or ()) for part in parts}, as_of)
    return _regions(conn, actor, len(first.prefix), [part.prefix for part in parts], as_of)


def _drawn(
    conn: sa.Connection, actor: Actor, table: sa.Table, members: dict[str, list[str]], as_of: datetime | None
) -> dict[str, str]:
    codes = sorted({code for held in members.values() for code in held})
    rows = rows_at(table, as_of, ["code", "geom"], lambda t: sa.and_(t.c.code.in_(codes), within_scope(t, actor)))
    pairs = [(part, code) for part, held in members.items() for code in held]
    if not pairs:
        return {}
    owner = sa.values(sa.column("part", sa.Text), sa.column("code", sa.Text), name="owner").data(pairs)
    query = (
        sa.select(owner.c.part, _geojson(rows.c.geom))
        .join(rows, rows.c.code == owner.c.code)
        .where(rows.c.geom.is_not(None))
        .group_by(owner.c.part)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def _regions(
    conn: sa.Connection, actor: Actor, digits: int, prefixes: list[str], as_of: datetime | None
) -> dict[str, str]:
    rows = rows_at(
        community, as_of, ["code", "geom"],
        lambda t: sa.and_(sa.or_(*(begins_with(t.c.code, prefix) for prefix in prefixes)), within_scope(t, actor)),
    )  # fmt: skip
    head = sa.func.left(rows.c.code, digits)
    query = sa.select(head, _geojson(rows.c.geom)).where(rows.c.geom.is_not(None)).group_by(head)
    return {row[0]: row[1] for row in conn.execute(query)}


def _geojson(geom: sa.ColumnElement) -> sa.ColumnElement[str]:
    return sa.func.ST_AsGeoJSON(sa.func.ST_Union(geom), DIGITS, 0)
