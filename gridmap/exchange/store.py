"""The last steps: rows are completed from what is stored, compared with it, and written in two statements."""

from typing import Any

import sqlalchemy as sa
from geoalchemy2 import Geometry

from gridmap import personal
from gridmap.exchange.identity import NUMBER_DIGITS
from gridmap.exchange.incoming import KEPT, NOT_GIVEN
from gridmap.exchange.rows import missing
from gridmap.exchange.work import Work, stored

SAME_DEGREES = 1e-8  # about a millimetre: what a way through another coordinate system and back may cost
FETCH_ROWS = 5_000


def refuse_incomplete(work: Work) -> None:
    """Refuse new things that lack what their layer requires."""
    rows, table = work.rows, work.layer.table
    for field in work.layer.fields:
        if not field.required or field.column not in rows.c:
            continue
        lacking = sa.and_(rows.c.is_new, rows.c[field.column].is_(None))
        code, facts = missing(field)
        work.refuse(lacking, field.column, code, **facts)
    if work.layer.is_drawn and not table.c.geom.nullable and work.layer.name not in ("household", "party_household"):
        work.refuse(sa.and_(rows.c.is_new, rows.c.geom.is_(None)), "geometry", "geometry_missing")


def refuse_shapeless(work: Work) -> None:
    """Refuse rows without a shape of their own, also those whose thing has one."""
    geom = work.rows.c.get("geom")
    work.refuse(sa.true() if geom is None else geom.is_(None), "geometry", "geometry_missing")


def complete(work: Work) -> None:
    """Fill what the file does not say: from the stored row, and the place of a new household from its building."""
    rows, table = work.rows, work.layer.table
    given = {column.field.column for column in work.plan.columns}
    given |= {f"{name}_index" for name in given}
    kept: dict[str, sa.ColumnElement] = {}
    for column in columns(work):
        if column.name not in given or not column.nullable:
            kept[column.name] = sa.func.coalesce(rows.c[column.name], column)
    kept["source_key"] = sa.func.coalesce(rows.c.source_key, table.c.source_key)
    if "source" in given:
        kept["source"] = sa.func.coalesce(rows.c.source, table.c.source)
    for pair in ("neighbourhood", "neighbourhood_id"):
        kept.pop(pair, None)  # places.py has decided
    work.set(_same_row(work), **kept)
    if work.layer.name == "household":
        building = stored("building")
        work.set(
            sa.and_(rows.c.geom.is_(None), building.c.county == rows.c.county, building.c.id == rows.c.building_id),
            geom=building.c.position,
        )


def keep_equal_shapes(work: Work) -> None:
    """Put the stored geometry in place of one that differs by less than a millimetre, or in the order of its points."""
    import shapely

    if not work.layer.is_drawn:
        return
    rows, table = work.rows, work.layer.table
    differing = sa.and_(
        _same_row(work), work.good, sa.not_(rows.c.geom.op("=")(table.c.geom)),
        sa.func.ST_NPoints(rows.c.geom) == sa.func.ST_NPoints(table.c.geom),
    )  # fmt: skip
    query = sa.select(rows.c.row, sa.func.ST_AsBinary(rows.c.geom), sa.func.ST_AsBinary(table.c.geom)).where(differing)
    same: list[int] = []
    for part in work.conn.execute(query).partitions(FETCH_ROWS):
        numbers, new, old = zip(*part, strict=True)
        left, right = shapely.from_wkb([bytes(g) for g in new]), shapely.from_wkb([bytes(g) for g in old])
        equal = shapely.equals_exact(left, right, SAME_DEGREES)
        equal |= shapely.equals_exact(shapely.normalize(left), shapely.normalize(right), SAME_DEGREES)
        same += [number for number, is_equal in zip(numbers, equal, strict=True) if is_equal]
    if same:
        wanted = sa.func.unnest(sa.bindparam("same", same, type_=sa.ARRAY(sa.Integer))).column_valued("wanted")
        work.set(sa.and_(_same_row(work), rows.c.row.in_(sa.select(wanted))), geom=table.c.geom)


def keep_equal_persons(work: Work) -> None:
    """Put the stored sealed text in place of one that says the same: sealing gives another text each time."""
    rows = work.rows
    for column in personal.columns(work.layer.table):
        if not work.plan.has(column.name):
            continue
        given, stored_ = rows.c[column.name], work.layer.table.c[column.name]
        both = sa.and_(_same_row(work), work.good, given.is_not(None), stored_.is_not(None))
        same: list[int] = []
        for part in work.conn.execute(sa.select(rows.c.row, given, stored_).where(both)).partitions(FETCH_ROWS):
            same += [
                row.row
                for row in part
                if personal.opened(work.conn, column, row[1]) == personal.opened(work.conn, column, row[2])
            ]
        if same:
            wanted = sa.func.unnest(sa.bindparam("same", same, type_=sa.ARRAY(sa.Integer))).column_valued("wanted")
            work.set(sa.and_(_same_row(work), rows.c.row.in_(sa.select(wanted))), **{column.name: stored_})


def write(work: Work) -> None:
    """Insert new things, update changed ones with their next version, and leave equal ones alone."""
    rows, table, report = work.rows, work.layer.table, work.report
    names = [*KEPT, *(column.name for column in columns(work))]
    by = sa.literal(work.actor.name)
    values = [_or_default(work, table.c[name]) for name in names]
    new = sa.select(*values, by).where(work.good, rows.c.is_new).order_by(rows.c.row)
    insert = sa.insert(table).from_select([*names, "changed_by"], new)
    report.inserted = work.conn.execute(insert, execution_options={"preserve_rowcount": True}).rowcount
    ours = () if work.plan.has("source") else ("source",)  # the name of the file alone is no change
    compared = [name for name in names if name not in ("county", "id", *ours)]
    differs = sa.tuple_(*(table.c[name] for name in compared)).is_distinct_from(
        sa.tuple_(*(rows.c[name] for name in compared))
    )
    work.set(sa.and_(_same_row(work), differs), is_changed=True)
    changed: dict[str, Any] = {name: rows.c[name] for name in compared}
    changed |= {"source": sa.func.coalesce(rows.c.source, report.name)}
    changed |= {"version": table.c.version + 1, "changed_at": sa.func.now(), "changed_by": by}
    work.conn.execute(sa.update(table).where(_same_row(work), work.good, rows.c.is_changed).values(changed))
    work.set(rows.c.was_county.is_not(None), is_changed=True)  # its new county is written already


def count(work: Work) -> None:
    """Count what was written: new things, things that changed, be it only in what belongs to them, and the rest."""
    rows, report = work.rows, work.report
    is_changed = sa.and_(sa.not_(rows.c.is_new), rows.c.is_changed)
    counts = sa.select(sa.func.count(), sa.func.count().filter(is_changed)).select_from(rows).where(work.good)
    good, report.updated = work.conn.execute(counts).one()
    report.unchanged = good - report.inserted - report.updated


def columns(work: Work) -> list[sa.Column]:
    """Return the stored columns that an import writes beside the keys."""
    left_out = (*KEPT, *NOT_GIVEN)
    return [c for c in work.layer.table.columns if c.computed is None and c.name not in left_out]


def _same_row(work: Work) -> sa.ColumnElement[bool]:
    rows, table = work.rows, work.layer.table
    return sa.and_(sa.not_(rows.c.is_new), table.c.county == rows.c.county, table.c.id == rows.c.id)


def _or_default(work: Work, target: sa.Column) -> sa.ColumnElement:
    """Return the value of a new thing's column, with the default that fills it where the file says nothing."""
    value: sa.ColumnElement = work.rows.c[target.name]
    if target.name == "source":
        return sa.func.coalesce(value, work.report.name)
    if target.name == "name" and work.layer.name == "building":
        return sa.func.coalesce(value, "楼栋" + sa.func.right(work.rows.c.code, NUMBER_DIGITS))
    default = target.server_default
    if isinstance(target.type, Geometry) or not isinstance(default, sa.DefaultClause):
        return value
    return sa.func.coalesce(value, sa.cast(sa.literal(str(default.arg)), target.type))
