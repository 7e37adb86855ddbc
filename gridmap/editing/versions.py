"""The history of one thing: every version with who made it, when, what it changed and where it stood."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from geoalchemy2 import Geometry

from gridmap import personal
from gridmap.access import Actor, within_scope
from gridmap.editing import form
from gridmap.editing.changes import LATEST
from gridmap.errors import NotFound
from gridmap.features import GEOJSON_DIGITS
from gridmap.layer import Field, Layer
from gridmap.tables import VERSION_SUFFIX, metadata

MAX_VERSIONS = 200


@dataclass(frozen=True)
class Change:
    """One value that a version changed; those of persons are masked."""

    field: Field
    before: Any
    after: Any


@dataclass(frozen=True)
class Version:
    """One version of a thing. `until` is None for the present one; `geometry` is GeoJSON, EPSG:4490."""

    number: int
    changed_at: datetime
    until: datetime | None
    changed_by: str
    source: str | None
    is_retired: bool
    moved: bool
    geometry: Any
    changes: tuple[Change, ...]


def of(conn: sa.Connection, actor: Actor, layer: Layer, code: str) -> list[Version]:
    """Return the versions of the thing that has a code now, or had it last; newest first, at most 200.

    Raises
    ------
    NotFound for a thing outside the actor's scope.

    Notes
    -----
    A version in which the thing lay outside the actor's scope is left out.
    """
    actor.require(layer.view)
    rows = _rows(conn, actor, layer, code)
    told = [form.values(conn, layer, row, _last_moment(row)) for row in rows]
    made = []
    for i, row in enumerate(rows):
        has_former = i + 1 < len(rows)
        changes = tuple(_changes(layer, told[i + 1], told[i])) if has_former else ()
        moved = has_former and rows[i + 1]["shape"] != row["shape"]
        geometry = None if row["shape"] is None else orjson.loads(row["shape"])
        made.append(
            Version(
                row["version"], row["changed_at"], row["until"], row["changed_by"], row["source"],
                row["valid_to"] is not None, moved, geometry, changes,
            )
        )  # fmt: skip
    return made


def is_retired(conn: sa.Connection, actor: Actor, layer: Layer, code: str) -> bool:
    """Return whether the thing that had a code last is out of force."""
    return of(conn, actor, layer, code)[0].is_retired


def _rows(conn: sa.Connection, actor: Actor, layer: Layer, code: str) -> list[sa.RowMapping]:
    table, kept = layer.table, metadata.tables[layer.table.name + VERSION_SUFFIX]
    latest = (
        sa.select(table.c.county, table.c.id)
        .where(table.c.code == code, within_scope(table, actor))
        .order_by(table.c.valid_to.desc().nulls_first(), table.c.id)
        .limit(1)
    )
    thing = conn.execute(latest).first()
    if thing is None:
        raise NotFound(f"There is no {layer.name} with the code {code[:40]!r}.", where="code")
    queries = []
    for source, until in ((table, sa.null()), (kept, kept.c.until)):
        geom = source.c.geom if layer.is_drawn else sa.cast(sa.null(), Geometry())
        shape = sa.func.ST_AsGeoJSON(geom, GEOJSON_DIGITS, 0).label("shape")
        columns = [source.c[column.name] for column in table.columns if column.computed is None]
        period = sa.cast(until, source.c.changed_at.type).label("until")
        queries.append(
            sa.select(*columns, shape, period).where(
                source.c.county == thing.county, source.c.id == thing.id, within_scope(source, actor)
            )
        )
    every = sa.union_all(*queries).subquery("every")
    return list(conn.execute(sa.select(every).order_by(every.c.version.desc()).limit(MAX_VERSIONS)).mappings())


def _last_moment(row: sa.RowMapping) -> datetime | None:
    return None if row["until"] is None else row["until"] - LATEST


def _changes(layer: Layer, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    found = []
    for field in form.fields(layer):
        old, new = before[field.column], after[field.column]
        if old != new:
            if form.is_personal(layer, field):
                old, new = (personal.mask(layer.table.c[field.column], value) for value in (old, new))
            found.append(Change(field, old, new))
    return found
