"""The rows of a file on their way in: a temporary table that SQL completes before anything is stored."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import ARRAY

from gridmap import personal
from gridmap.crs import STORAGE_SRID
from gridmap.exchange.columns import Column, Plan, fields_of
from gridmap.layer import Layer
from gridmap.vault import Vault

KEPT = ("county", "id", "code", "source", "source_key")
NOT_GIVEN = ("valid_from", "valid_to", "version", "changed_at", "changed_by")
COLUMN_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {"integer": sa.BigInteger, "date": sa.Date}
LISTS = ("words", "priority", "tags")
DIGEST_PLACES = 7  # decimals of a degree, about a centimetre


def table(layer: Layer) -> sa.Table:
    """Return the temporary table for rows of a layer.

    It has the layer's own columns, `given_<place>` for places as the file names them, lists and details as the file
    gives them, and what the import finds out: `is_new`, `is_changed`, `refused`, the `stated_county` of the file and the
    `was_county` that it corrects, the `first` and `next` row about the same thing, and the `position` that decides where
    a row lies. Personal values are sealed before they come here.
    """
    stored = [
        sa.Column(column.name, _plain_type(column))
        for column in layer.table.columns
        if column.computed is None and column.name not in (*KEPT, *NOT_GIVEN)
    ]
    names = {column.name for column in stored}
    given = [sa.Column(given_column(f.column), sa.Text) for f in fields_of(layer) if f.kind == "place"]
    extra = [
        sa.Column(f.column, ARRAY(sa.Text) if f.kind in LISTS else COLUMN_TYPES.get(f.kind, sa.Text))
        for f in fields_of(layer)
        if f.kind != "place" and f.column not in (*names, *KEPT)
    ]
    extra += [sa.Column(same_column(column.name), sa.Text) for column in personal.columns(layer.table)]
    return sa.Table(
        "incoming", sa.MetaData(),
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Uuid), sa.Column("county", sa.Integer), sa.Column("code", sa.Text),
        sa.Column("source", sa.Text), sa.Column("source_key", sa.Text),
        sa.Column("is_new", sa.Boolean, server_default="true"),
        sa.Column("is_changed", sa.Boolean, server_default="false"),
        sa.Column("refused", sa.Boolean, server_default="false"),
        *([] if "community" in names else [sa.Column("community", sa.Text)]),
        *stored, *given, *extra,
        sa.Column("stated_county", sa.Integer), sa.Column("was_county", sa.Integer),
        sa.Column("first", sa.Integer), sa.Column("next", sa.Integer),
        *([_position()] if layer.is_drawn else []),
        prefixes=["TEMPORARY"], postgresql_on_commit="DROP", info={"stands_for": layer.table},
    )  # fmt: skip


def _position() -> sa.Column:
    place = sa.Computed("ST_PointOnSurface(geom)", persisted=True)
    return sa.Column("position", Geometry("POINT", srid=STORAGE_SRID, spatial_index=False), place)


def _plain_type(column: sa.Column) -> sa.types.TypeEngine[Any]:
    """Return a column's type; that of a geometry without its NOT NULL, which GeoAlchemy2 keeps in the type."""
    kind = column.type
    return Geometry(kind.geometry_type, srid=kind.srid, spatial_index=False) if isinstance(kind, Geometry) else kind


def given_column(column: str) -> str:
    """Return the column that holds a place as the file names it."""
    return f"given_{column}"


def same_column(column: str) -> str:
    """Return the column that tells which rows of this import have the same value of a sealed column."""
    return f"{column}_same"


def target_column(column: Column) -> str:
    """Return the column of the temporary table that a field's values go to."""
    return given_column(column.field.column) if column.field.kind == "place" else column.field.column


def copy(conn: sa.Connection, into: sa.Table, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Append rows to the temporary table by COPY; the values are in the order of the column names."""
    statement = f"COPY {into.name} ({', '.join(conn.dialect.identifier_preparer.quote(n) for n in names)}) FROM STDIN"
    raw: Any = conn.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(statement) as channel:
        for row in rows:
            channel.write_row(row)


def new_ids(count: int) -> list[str]:
    """Return that many new row ids, UUIDv7 as text."""
    import uuid_utils

    return [str(uuid_utils.uuid7()) for _ in range(count)]


def stated_keys(plan: Plan, columns: Sequence[Sequence[Any]], count: int) -> list[str | None]:
    """Return each row's key from the columns that were stated as its key, None where one of them is empty."""
    parts = [(name, [constant] * count if index is None else columns[index]) for name, index, constant in plan.keys]
    keys: list[str | None] = []
    for i in range(count):
        values = [(name, _plain(cells[i])) for name, cells in parts]
        whole = all(value for _, value in values)
        keys.append("|".join(f"{name}={value}" for name, value in values)[:400] if whole else None)
    return keys


def digests(told: Sequence[Sequence[Any]], shapes: Any) -> list[str | None]:
    """Return for each row a key made of its name, the places it names and its geometry.

    It is None for a row that says nothing of itself.
    """
    import numpy as np
    import shapely

    names = ["|".join(str(word) for word in words if word is not None) for words in zip(*told, strict=True)]
    rounded: Sequence[Any] = [None] * len(names)
    if shapes is not None:
        rounded = shapely.to_wkb(shapely.transform(shapes, lambda xy: np.round(xy, DIGEST_PLACES) + 0.0))
    return [
        "digest:" + hashlib.sha256(f"{name}|".encode() + (wkb or b"")).hexdigest()[:32] if name or wkb else None
        for name, wkb in zip(names, rounded, strict=True)
    ]


def hidden(vault: Vault, layer: Layer, keys: Iterable[str | None]) -> list[str | None]:
    """Return keys that name persons, or are made of their names, as keyed hashes: the same for the same key."""
    return [key and f"hmac:{vault.index(key, f'{layer.name}.source_key')[:32]}" for key in keys]


def _plain(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()
