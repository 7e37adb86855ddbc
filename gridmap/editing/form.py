"""What of a thing people fill in: its fields, from the same declarations the import reads, and their present values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gridmap import history, personal
from gridmap.access import Actor, within_scope
from gridmap.errors import InvalidInput
from gridmap.exchange.columns import DETAILS, ORIGIN, fields_of
from gridmap.layer import Field, Layer
from gridmap.tables import metadata

# What makes a thing this thing: told when it is made, never changed after.
IDENTITY = {"household": ("code", "building", "unit", "room"), "party_household": ("code",)}
STANDS_ELSEWHERE = {"party_household": "household"}  # its place is that of another thing
MAX_OPTIONS = 300


@dataclass(frozen=True)
class Filled:
    """A field with what is stored in it. `value` of what concerns a person is masked; `names` are those of its places."""

    field: Field
    value: Any
    is_personal: bool
    is_fixed: bool
    names: Mapping[str, str]


def fields(layer: Layer) -> tuple[Field, ...]:
    """Return the fields of a layer that people fill in one thing at a time."""
    beside = {field.column for field in (*DETAILS.get(layer.name, ()), ORIGIN)}
    return tuple(field for field in fields_of(layer) if field.column not in beside)


def is_editable(layer: Layer) -> bool:
    """Return whether things of a layer are made and changed here; zones and residents have procedures of their own."""
    return bool(layer.fields) and layer.is_drawn


def require_editable(layer: Layer) -> None:
    """Raise InvalidInput for a layer whose things have a procedure of their own."""
    if not is_editable(layer):
        raise InvalidInput(f"Rows of {layer.name} are not edited here. 此图层不在此处编辑。", where="layer")


def is_fixed(layer: Layer, field: Field) -> bool:
    """Return whether a field is told once, when a thing is made."""
    return field.column in IDENTITY.get(layer.name, ("code",))


def takes_geometry(layer: Layer) -> bool:
    """Return whether a thing of the layer has a place of its own."""
    return layer.name not in STANDS_ELSEWHERE


def is_personal(layer: Layer, field: Field) -> bool:
    """Return whether a field concerns one person."""
    column = layer.table.c.get(field.column)
    return column is not None and bool(column.info.get("personal"))


def filled(conn: sa.Connection, layer: Layer, row: sa.RowMapping | None) -> list[Filled]:
    """Return the fields of a layer with the values of a stored row, or empty ones for a new thing."""
    told = {} if row is None else values(conn, layer, row)
    made = []
    for field in fields(layer):
        value, hides = told.get(field.column), is_personal(layer, field)
        if hides and value is not None:
            value = personal.mask(layer.table.c[field.column], value)
        made.append(Filled(field, value, hides, row is not None and is_fixed(layer, field), _names(conn, field, value)))
    return made


def values(conn: sa.Connection, layer: Layer, row: sa.RowMapping, moment: datetime | None = None) -> dict[str, Any]:
    """Return what a row says in each field, as it would be written in a file; personal values are opened.

    Parameters
    ----------
    row : all columns of a current or former row
    moment : when what lies beside the row (links, priority groups) is looked at; now if not given
    """
    return dict(_each(conn, layer, row, moment))


def _each(conn: sa.Connection, layer: Layer, row: sa.RowMapping, moment: datetime | None) -> Iterator[tuple[str, Any]]:
    table = layer.table
    for field in fields(layer):
        column = table.c.get(field.column)
        if field.kind == "priority":
            yield field.column, _priority(conn, row, moment)
        elif field.kind == "words" and field.place:
            yield field.column, _linked(conn, layer, field, row, moment)
        elif column is None:
            yield field.column, _referred(conn, field, row)
        elif column.info.get("personal"):
            yield field.column, personal.opened(conn, column, row[field.column])
        else:
            yield field.column, row[field.column]


def _at(name: str, moment: datetime | None) -> sa.FromClause:
    table = metadata.tables[name]
    return table if moment is None else history.at(table, moment)


def _priority(conn: sa.Connection, row: sa.RowMapping, moment: datetime | None) -> list[str]:
    group = _at("household_priority", moment)
    mine = sa.and_(group.c.county == row["county"], group.c.household_id == row["id"])
    found = conn.execute(sa.select(group.c.tag, group.c.people_count).where(mine).order_by(group.c.tag))
    return [f"{tag}:{count}" for tag, count in found]


def _linked(conn: sa.Connection, layer: Layer, field: Field, row: sa.RowMapping, moment: datetime | None) -> list[str]:
    """Return the codes of the places a thing is linked to; those that are retired now are left out."""
    pair, place = _at(f"{field.place}_{layer.name}", moment), metadata.tables[field.place]
    mine = sa.and_(pair.c.county == row["county"], pair.c[f"{layer.name}_id"] == row["id"])
    same = sa.and_(place.c.county == pair.c.county, place.c.id == pair.c[f"{field.place}_id"])
    query = sa.select(place.c.code).join_from(pair, place, same).where(mine, place.c.valid_to.is_(None))
    return list(conn.scalars(query.order_by(place.c.code)))


def _referred(conn: sa.Connection, field: Field, row: sa.RowMapping) -> str | None:
    """Return the code of a place that a row names by its id only."""
    own = row.get(f"{field.column}_id")
    if own is None:
        return None
    place = metadata.tables[field.place]
    return conn.scalar(sa.select(place.c.code).where(place.c.county == row["county"], place.c.id == own))


def _names(conn: sa.Connection, field: Field, value: Any) -> dict[str, str]:
    if not field.place or not value:
        return {}
    place = metadata.tables[field.place]
    codes = value if isinstance(value, list) else [value]
    found = conn.execute(
        sa.select(place.c.code, place.c[_name_column(place)]).where(place.c.code.in_(codes), place.c.valid_to.is_(None))
    )
    return {row[0]: row[1] for row in found}


def _name_column(place: sa.Table) -> str:
    return "name" if "name" in place.c else "code"


def options(conn: sa.Connection, actor: Actor, field: Field) -> list[tuple[str, str]] | None:
    """Return the places a field can name, as (code, name) in the order of codes; None where there are too many."""
    place = metadata.tables[field.place]
    query = sa.select(place.c.code, place.c[_name_column(place)].label("label"))
    query = query.where(place.c.valid_to.is_(None), within_scope(place, actor)).order_by(place.c.code)
    found = [(row.code, row.label) for row in conn.execute(query.limit(MAX_OPTIONS + 1))]
    return found if len(found) <= MAX_OPTIONS else None
