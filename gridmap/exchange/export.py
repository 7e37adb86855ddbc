"""Rows of a layer as a file: what the actor may see, in the coordinate system that was asked for."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from gridmap import audit
from gridmap import crs as systems
from gridmap import personal as personal_data
from gridmap.access import PLACE_PATTERN, Actor, acting, within_scope
from gridmap.db import transaction
from gridmap.errors import InvalidInput, NotFound
from gridmap.exchange import qgis, writing
from gridmap.exchange.report import ExportReport
from gridmap.exchange.work import stored
from gridmap.layer import Layer

FETCH_ROWS = 10_000
LEFT_OUT = {"personal", "sensitive"}  # what a column may say of itself
SPREADSHEETS = (".csv", ".xlsx")
REVEAL = "person.reveal"
MIN_REASON, MAX_REASON = 4, 200


def export_file(
    engine: sa.Engine,
    actor: Actor,
    layer: Layer,
    path: str | Path,
    *,
    crs: str = "EPSG:4490",
    encoding: str | None = None,
    place: str = "",
    reason: str | None = None,
    name: str = "",
) -> ExportReport:
    """Write the current rows of a layer, ordered by code, and return what was written.

    Parameters
    ----------
    path : its suffix is the format: .geojson, .gpkg, .shp, .zip (a Shapefile), .csv, .xlsx
    crs : EPSG:xxxx, GCJ-02 or BD-09; GeoJSON is WGS 84 by its standard (RFC 7946), here CGCS2000, and nothing else
    encoding : of CSV and Shapefile; UTF-8 if not stated
    place : a code: only what lies there
    reason : why personal columns are wanted; with it they are written, each row marked with who took them and when
    name : what the file is called on record

    Raises
    ------
    NotAllowed without the layer's view verb, or with a reason but without the verb to reveal persons; InvalidInput for the format, the system or the encoding; NotFound if there
    is nothing to write.

    Notes
    -----
    Without a reason personal columns are left out. Importing the file again changes nothing. A GeoPackage carries the
    layer's style for QGIS.
    """
    actor.require(layer.view)
    if reason is not None:
        actor.require(REVEAL)
        if not MIN_REASON <= len(reason.strip()) <= MAX_REASON:
            raise InvalidInput(
                f"Give a reason of {MIN_REASON} to {MAX_REASON} characters. 请填写理由。", where="reason"
            )
    target, system = Path(path), systems.system(crs)
    writer = writing.writer(target, system, encoding)
    if not layer.is_drawn and target.suffix.lower() not in SPREADSHEETS:
        raise InvalidInput(f"Rows of {layer.name} have no geometry; export .csv or .xlsx. 请导出为表格。", where="file")
    report = ExportReport(layer.name, target, crs=system.name)
    with_stock = layer.name == "supply_point" and target.suffix.lower() in SPREADSHEETS
    chosen = _columns(layer, with_stock=with_stock, personal=reason is not None)
    if reason is None:
        _note_left_out(layer, report)
    shown = sa.true() if reason is None else within_scope(layer.table, actor, REVEAL)
    geom = layer.geom
    query = (
        sa.select(*chosen, sa.func.ST_AsBinary(geom).label("wkb"))
        .select_from(_source(layer, with_stock=with_stock))
        .where(layer.current(), within_scope(layer.table, actor), shown, _in_place(layer, place))
        .order_by(layer.table.c.code, *_further_order(layer, with_stock=with_stock))
    )
    options = {"stream_results": True, "yield_per": FETCH_ROWS}
    with transaction(engine, actor) as conn:
        with conn.execute(query, execution_options=options) as result:
            openers, stamp = _openers(conn, chosen), _stamp(actor) if reason is not None else {}
            parts = (writing.part(rows, system, openers, tuple(stamp.values())) for rows in result.partitions())
            first = next(parts, None)
            if first is None:
                raise NotFound(f"There is no {layer.name} to export.")
            headings = [*(_heading(column) for column in chosen), *(writing.Heading(mark, "text") for mark in stamp)]
            finish = partial(qgis.write_style, layer=layer)
            shape = writing.Shape(layer.name, layer.geometry, tuple(headings), finish)
            report.columns = tuple(heading.name for heading in shape.columns)
            report.rows = writer(target, shape, chain([first], parts), report)
        facts = {"file": name or target.name, "crs": system.name, "columns": list(report.columns)}
        facts |= {"place": place} if place else {}
        facts |= {"reason": reason.strip()} if reason is not None else {}
        audit.record(conn, actor, "export", layer.name, rows=report.rows, detail=facts)
    return report


def _in_place(layer: Layer, place: str) -> sa.ColumnElement[bool]:
    """Return the condition that a row lies in a place; true for no place."""
    if not place:
        return sa.true()
    if not PLACE_PATTERN.fullmatch(place):
        raise InvalidInput(f"{place[:40]!r} is no code of a place. 地点代码无效。", where="place")
    return within_scope(layer.table, acting("", None, (place,)))


def _openers(conn: sa.Connection, chosen: Sequence[sa.ColumnElement]) -> dict[int, Callable[[Any], Any]]:
    """Return what opens the sealed ones of some columns, by their index."""
    sealed = [
        (i, column) for i, column in enumerate(chosen) if isinstance(column, sa.Column) and column.info.get("personal")
    ]
    return {i: partial(personal_data.opened, conn, column) for i, column in sealed}


def _stamp(actor: Actor) -> dict[str, str]:
    """Return the columns that mark personal data with who took them and when."""
    return {"exp_by": actor.name, "exp_at": datetime.now(UTC).isoformat(timespec="seconds")}


def _columns(layer: Layer, *, with_stock: bool, personal: bool) -> list[sa.ColumnElement]:
    """Return what is exported: public columns, the fields people fill in, places by code and lists of places."""
    table = layer.table
    names = dict.fromkeys(
        name
        for name in (*layer.public_columns, *(field.column for field in layer.fields), "source")
        if name in table.c and (personal or not LEFT_OUT & table.c[name].info.keys())
    )
    chosen: list[sa.ColumnElement] = [table.c[name] for name in names]
    if "community" in table.c and table.c.community.nullable:
        chosen.append(table.c.county)
    for field in layer.fields:
        if field.kind == "place" and field.column not in table.c:
            chosen.append(_code_of(table, field.column, field.place))
        elif field.kind == "words" and field.place:
            chosen.append(_listed(layer, field.column, field.place))
    if with_stock:
        count = stored("stock_count")
        chosen += [count.c.item_code.label("item"), count.c.quantity, count.c.counted_on]
    return chosen


def _code_of(table: sa.Table, column: str, place: str) -> sa.ColumnElement:
    other = stored(place).alias("other")
    query = sa.select(other.c.code).where(other.c.county == table.c.county, other.c.id == table.c[f"{column}_id"])
    return query.scalar_subquery().label(column)


def _listed(layer: Layer, column: str, place: str) -> sa.ColumnElement:
    link, other, table = stored(f"{place}_{layer.name}"), stored(place).alias("other"), layer.table
    return (
        sa.select(sa.func.string_agg(other.c.code, aggregate_order_by(sa.literal(";"), other.c.code)))
        .where(
            link.c.county == table.c.county, link.c[f"{layer.name}_id"] == table.c.id,
            other.c.county == link.c.county, other.c.id == link.c[f"{place}_id"],
        )
        .scalar_subquery()
        .label(column)
    )  # fmt: skip


def _source(layer: Layer, *, with_stock: bool) -> sa.FromClause:
    """Return the layer's table; supply points in a spreadsheet have a row for each item, as it was counted last."""
    table = layer.table
    if not with_stock:
        return table
    count, later = stored("stock_count"), stored("stock_count").alias("later")
    newer = sa.exists().where(
        later.c.county == count.c.county, later.c.supply_point_id == count.c.supply_point_id,
        later.c.item_code == count.c.item_code, later.c.counted_on > count.c.counted_on,
    )  # fmt: skip
    return table.outerjoin(
        count, sa.and_(count.c.county == table.c.county, count.c.supply_point_id == table.c.id, sa.not_(newer))
    )


def _further_order(layer: Layer, *, with_stock: bool) -> list[sa.ColumnElement]:
    return [layer.table.c.county, *([stored("stock_count").c.item_code] if with_stock else [])]


def _heading(column: sa.ColumnElement) -> writing.Heading:
    kind = "text"
    if isinstance(column.type, sa.Boolean):
        kind = "boolean"
    elif isinstance(column.type, sa.Integer):
        kind = "integer"
    return writing.Heading(str(column.key), kind)


def _note_left_out(layer: Layer, report: ExportReport) -> None:
    personal = [
        column.name for column in layer.table.columns if isinstance(column, sa.Column) and LEFT_OUT & column.info.keys()
    ]
    if layer.name in ("household", "resident"):
        personal.append("priority")
    if personal:
        names = ", ".join(personal)
        report.note("personal", f"Personal columns were left out: {names}.", f"未导出个人信息列：{names}。")
