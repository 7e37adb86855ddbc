"""Making, changing, retiring and restoring one thing of a layer, each in one transaction of whoever asks for it."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from geoalchemy2.shape import to_shape
from sqlalchemy.exc import IntegrityError

from gridmap import features, personal
from gridmap.access import EVERYWHERE, Actor, Right, within_scope
from gridmap.editing import borders, form, geometry
from gridmap.editing.faults import Fault, Gone, Refused, Stale, fault_of
from gridmap.errors import Conflict, NotAllowed, NotFound
from gridmap.exchange import incoming, takeover
from gridmap.exchange.columns import COUNTY, Column, Plan
from gridmap.exchange.reasons import LAYERS_ZH, Note
from gridmap.exchange.report import ImportReport
from gridmap.exchange.rows import Loader
from gridmap.exchange.source import Batch, Source
from gridmap.exchange.work import Work
from gridmap.layer import Field, Layer
from gridmap.tables import VERSION_SUFFIX, metadata

UNCHANGED: Any = object()  # a geometry that a change does not speak of
ORIGIN = "edit"  # what `source` says of rows that people wrote themselves
WAIT_S = 10  # for an import of the same layer that is under way
LATEST = timedelta(microseconds=1)  # the last moment a version stood
MASKED = "**"


@dataclass(frozen=True)
class Edit:
    """What somebody wants a thing to be: properties by column, None to empty one, and a GeoJSON geometry."""

    properties: Mapping[str, Any] = field(default_factory=dict)
    geometry: Any = UNCHANGED

    def told(self) -> dict[str, Any]:
        """Return the edit as it was sent, for whoever has to compare."""
        shape = {} if self.geometry is UNCHANGED else {"geometry": self.geometry}
        return {"properties": dict(self.properties), **shape}


@dataclass(frozen=True)
class Done:
    """What came of a change: the thing's code, its version now, and what a person should know."""

    code: str
    version: int
    notes: tuple[Note, ...] = ()


def create(conn: sa.Connection, actor: Actor, layer: Layer, edit: Edit) -> Done:
    """Make a new thing; its places are found by its position, its code is the next free one unless told.

    Raises
    ------
    Refused with every value that is wrong; NotAllowed outside the actor's area; Gone if the code is taken.
    """
    _begin(conn, actor, layer)
    given = edit.properties.get("code")
    if given in (None, ""):
        _lock(conn, f"number {layer.name}")
    told, faults = _cells(layer, edit.properties, is_new=True)
    shape = _shape(layer, None if edit.geometry is UNCHANGED else edit.geometry, faults)
    return _carry_out(conn, actor, layer, told, shape, faults, is_new=True)


def change(conn: sa.Connection, actor: Actor, layer: Layer, code: str, version: int, edit: Edit) -> Done:
    """Change properties or geometry of a thing whose version is still the one the change is based on.

    Raises
    ------
    NotFound for a thing outside the actor's scope; Stale if the version is another; Refused, also for another border of
    a grid, which is its neighbours' too; NotAllowed outside the area where the actor may edit, before or after.
    """
    _begin(conn, actor, layer)
    row = _locked(conn, actor, layer, code)
    if row["version"] != version:
        raise _stale(conn, actor, layer, row, edit)
    told, faults = _cells(layer, edit.properties, is_new=False)
    shape = edit.geometry
    if shape is None:
        faults.append(
            Fault("geometry", "geometry_kept", "A stored geometry cannot be taken away.", "不能删除已有图形。")
        )
    elif shape is not UNCHANGED:
        shape = _shape(layer, shape, faults)
        if borders.is_shared(layer):
            found = borders.fault(row, shape)
            faults += [found] if found else []
            shape = UNCHANGED
        _require_area(conn, _by_area(actor), layer, row)
    return _change_row(conn, actor, layer, row, told, shape, faults)


def retire(conn: sa.Connection, actor: Actor, layer: Layer, code: str, version: int) -> Done:
    """Take a thing out of force; its row and its history stay.

    Raises
    ------
    NotFound, Stale and NotAllowed as `change`; Conflict while things in force belong to it.
    """
    _begin(conn, actor, layer)
    row = _locked(conn, actor, layer, code)
    if row["version"] != version:
        raise _stale(conn, actor, layer, row, Edit())
    _require_area(conn, actor, layer, row)
    _refuse_dependents(conn, layer, row)
    _step(conn, actor, layer, row, valid_to=sa.func.now())
    if layer.name == "neighbourhood":
        _leave_grid(conn, actor, row)
    return Done(code, version + 1)


def restore(conn: sa.Connection, actor: Actor, layer: Layer, code: str, version: int, to: int) -> Done:
    """Make a thing again what it was in an earlier version, as a new one; a retired thing comes back.

    A grid keeps its present border, and a note says so.

    Raises
    ------
    NotFound if there is no such thing or version; Conflict for a grid whose ground others have; the rest as `change`.
    """
    _begin(conn, actor, layer)
    row = _locked(conn, actor, layer, code, retired=True)
    if row["version"] != version:
        raise _stale(conn, actor, layer, row, Edit())
    former = _former(conn, layer, row, to)
    _require_area(conn, actor, layer, row)
    moment = former["until"] - LATEST if "until" in former else None
    told = _writable(conn, layer, form.values(conn, layer, former, moment))
    if row["valid_to"] is not None:
        if borders.is_shared(layer):
            borders.refuse_taken_ground(conn, layer, row)
        _revive(conn, actor, layer, row)
        row = _locked(conn, actor, layer, code)
    shape = UNCHANGED
    if form.takes_geometry(layer) and former["geom"] is not None:
        shape = to_shape(former["geom"])
    if borders.is_shared(layer) and shape is not UNCHANGED:
        notes = () if borders.is_same(row, shape) else (borders.KEPT,)
        done = _change_row(conn, actor, layer, row, told, UNCHANGED)
        return replace(done, notes=(*done.notes, *notes))
    return _change_row(conn, actor, layer, row, told, shape)


def _begin(conn: sa.Connection, actor: Actor, layer: Layer) -> None:
    """Refuse who may not, and wait for an import of the layer to end."""
    actor.require(layer.view)
    actor.require(layer.edit)
    form.require_editable(layer)
    conn.execute(sa.select(sa.func.set_config("lock_timeout", f"{WAIT_S}s", True)))
    conn.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(sa.func.hashtext(f"import {layer.name}"))))


def _lock(conn: sa.Connection, name: str) -> None:
    conn.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(name))))


def _locked(conn: sa.Connection, actor: Actor, layer: Layer, code: str, *, retired: bool = False) -> sa.RowMapping:
    """Return the row of a code, held until the transaction ends; with `retired` the last one, in force or not."""
    table = layer.table
    query = sa.select(table).where(table.c.code == code, within_scope(table, actor))
    query = query if retired else query.where(layer.current())
    latest = query.order_by(table.c.valid_to.desc().nulls_first(), table.c.id).limit(1).with_for_update()
    found = conn.execute(latest).mappings().first()
    if found is None:
        raise NotFound(f"There is no {layer.name} with the code {code[:40]!r}.", where="code")
    return found


def _stale(conn: sa.Connection, actor: Actor, layer: Layer, row: sa.RowMapping, edit: Edit) -> Stale:
    import orjson

    stored: dict[str, Any] = {"properties": {}, "geometry": None}
    if row["valid_to"] is None:
        feature = orjson.loads(features.detail(conn, actor, layer, row["code"]))
        stored = {"geometry": feature["geometry"], "properties": feature["properties"]}
        stored["properties"] |= {f.field.column: f.value for f in form.filled(conn, layer, row)}
    return Stale(version=row["version"], by=row["changed_by"], stored=stored, sent=edit.told())


def _cells(layer: Layer, properties: Mapping[str, Any], *, is_new: bool) -> tuple[dict[str, Any], list[Fault]]:
    """Return properties as cells of an import by their column, and what speaks against those that are none."""
    known = {found.column: found for found in form.fields(layer)}
    faults: list[Fault] = []
    lacking = [name for name, found in known.items() if found.required and is_new and name not in properties]
    cells: dict[str, Any] = dict.fromkeys(lacking)
    for name, value in properties.items():
        found = known.get(name)
        if found is None:
            faults.append(_unknown(name, known))
        elif not is_new and form.is_fixed(layer, found):
            faults.append(Fault(name, "fixed", "This is told once and not changed.", "此项创建后不可更改。"))
        else:
            try:
                cells[name] = _cell(found, value)
            except _Wrong as wrong:
                faults.append(Fault(name, "kind", wrong.en, wrong.zh))
        if isinstance(value, str) and MASKED in value and found is not None and form.is_personal(layer, found):
            faults.append(
                Fault(name, "masked", "This is the masked text, not the value.", "这是遮蔽后的文字，不是真实内容。")
            )
    return cells, faults


def _unknown(name: str, known: Mapping[str, Field]) -> Fault:
    listed = ", ".join(known)
    return Fault(
        name[:60],
        "unknown_property",
        f"There is no such property here. Known: {listed}.",
        f"没有此属性。可用：{listed}。",
    )


class _Wrong(Exception):
    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.en, self.zh = en, zh


def _cell(found: Field, value: Any) -> Any:
    """Return a JSON value as the cell of a spreadsheet that says the same."""
    if isinstance(value, list) and found.kind in incoming.LISTS:
        if not all(isinstance(word, str) and not _parted(word) for word in value):
            raise _Wrong("This is a list of texts, none with ; or ,.", "须为文字列表，且不含分号、逗号。")
        return ";".join(value)
    if isinstance(value, list | dict):
        raise _Wrong("A list or an object has no meaning here.", "此处不能是列表或对象。")
    if isinstance(value, bool) and found.kind != "boolean":
        raise _Wrong("Yes or no has no meaning here.", "此处不能是 true/false。")
    return value


def _parted(word: str) -> bool:
    return any(mark in word for mark in ";；，、,\n")


def _shape(layer: Layer, told: Any, faults: list[Fault]) -> Any:
    """Return a geometry as it is stored, or None with the reasons against it added to `faults`."""
    if told is not None and not form.takes_geometry(layer):
        why = "It stands where its household stands.", "其位置随所在户，不单独填写。"
        faults.append(Fault("geometry", "stands_elsewhere", *why))
        return None
    try:
        return geometry.taken(layer, told)
    except Refused as refused:
        faults += refused.faults
        return None


def _change_row(
    conn: sa.Connection,
    actor: Actor,
    layer: Layer,
    row: sa.RowMapping,
    told: dict[str, Any],
    shape: Any,
    faults: Sequence[Fault] = (),
) -> Done:
    cells = {**told, "code": row["code"], "county": row["county"]}
    return _carry_out(conn, actor, layer, cells, shape, faults, is_new=False)


def _carry_out(
    conn: sa.Connection,
    actor: Actor,
    layer: Layer,
    told: dict[str, Any],
    shape: Any,
    faults: Sequence[Fault],
    *,
    is_new: bool,
) -> Done:
    """Take one row through the import's steps and return what became of it; `faults` speak against it already."""
    work = _loaded(conn, actor, layer, told, shape)
    try:
        _refuse_if_wrong(work, faults)
        takeover.resolve(work)
        _refuse_if_wrong(work)
        if conn.scalar(sa.select(work.rows.c.is_new)) is not is_new:
            raise Gone(
                f"There is a {layer.name} with this code already, or it was retired. 该代码已被使用，或对象已停用。",
                where="code",
            )
        _write(work)
        return _done(work)
    finally:
        if conn.in_transaction() and not conn.invalidated:
            _drop(conn, work.rows)


def _loaded(conn: sa.Connection, actor: Actor, layer: Layer, told: dict[str, Any], shape: Any) -> Work:
    has_shape = shape is not UNCHANGED and form.takes_geometry(layer)
    shapes = np.array([shape], dtype=object) if has_shape else None
    known = {COUNTY.column: COUNTY} | {found.column: found for found in form.fields(layer)}
    columns = tuple(Column(known[name], i, name) for i, name in enumerate(told))
    batch = Batch([1], [[cell] for cell in told.values()], shapes)
    source = Source(ORIGIN, [c.heading for c in columns], lambda: iter([batch]), has_shapes=has_shape)
    report = ImportReport(layer.name, Path(ORIGIN))
    work = Work(conn, actor, layer, incoming.table(layer), Plan(columns, None, None, None, (), ()), report)
    work.rows.create(conn)
    vault = personal.hold(conn) if personal.columns(layer.table) else None
    loader = Loader(layer, source, work.plan, geometry.STORAGE if has_shape else None, report, vault, repair=False)
    loader.needs_digest = False  # two things may be alike; a person says so
    loader.load(conn, work.rows, takeover.quiet)
    return work


def _refuse_if_wrong(work: Work, faults: Sequence[Fault] = ()) -> None:
    problems = work.report.problems
    if any(found.code == "out_of_scope" for found in problems):
        raise NotAllowed("This place is outside the area where you may edit. 该位置不在您可编辑的范围内。")
    if problems or faults:
        raise Refused([*faults, *map(fault_of, problems)])


def _write(work: Work) -> None:
    """Store the row with all that follows; what changed only beside it makes a new version as well."""
    try:
        with work.conn.begin_nested():
            takeover.write(work)
    except IntegrityError as exc:
        if getattr(exc.orig, "sqlstate", "") != "23505":
            raise
        raise Gone("This code or name is taken. 该代码或名称已被使用。", where="code") from exc
    rows, table = work.rows, work.layer.table
    beside = sa.and_(table.c.county == rows.c.county, table.c.id == rows.c.id, rows.c.is_changed, ~rows.c.is_new)
    same = table.c.changed_at < sa.func.now()  # the row itself was not written
    work.conn.execute(sa.update(table).where(beside, same).values(_next(table, work.actor)))


def _done(work: Work) -> Done:
    rows, table = work.rows, work.layer.table
    mine = sa.and_(table.c.county == rows.c.county, table.c.id == rows.c.id)
    code, version = work.conn.execute(sa.select(table.c.code, table.c.version).where(mine)).one()
    told = tuple(note for note in work.report.notes if note.code != "stock")
    return Done(code, version, told)


def _drop(conn: sa.Connection, rows: sa.Table) -> None:
    """Drop the temporary table now, so that one transaction can make several changes."""
    with contextlib.suppress(sa.exc.DBAPIError):  # the transaction failed, and the table went with it
        rows.drop(conn)


def _next(table: sa.Table, actor: Actor) -> dict[str, Any]:
    return {"version": table.c.version + 1, "changed_at": sa.func.now(), "changed_by": actor.name}


def _step(conn: sa.Connection, actor: Actor, layer: Layer, row: sa.RowMapping, **values: Any) -> None:
    table = layer.table
    mine = sa.and_(table.c.county == row["county"], table.c.id == row["id"])
    conn.execute(sa.update(table).where(mine).values(_next(table, actor) | values))


def _by_area(actor: Actor) -> Actor:
    """Return an actor without the rights over single points: who holds only those does not see where a point goes."""
    areas = (Right(right.verbs, tuple(filter(_is_area, right.places))) for right in actor.rights)
    return Actor(actor.name, tuple(areas))


def _is_area(place: str) -> bool:
    return place == EVERYWHERE or place.isdigit()


def _require_area(conn: sa.Connection, actor: Actor, layer: Layer, row: sa.RowMapping) -> None:
    table = layer.table
    inside = within_scope(table, actor, layer.edit)
    mine = sa.and_(table.c.county == row["county"], table.c.id == row["id"])
    if not conn.scalar(sa.select(sa.exists().where(mine, inside))):
        raise NotAllowed("This place is outside the area where you may edit. 该位置不在您可编辑的范围内。")


def _refuse_dependents(conn: sa.Connection, layer: Layer, row: sa.RowMapping) -> None:
    for table, columns in _referring(layer.table):
        mine = [table.c.county == row["county"], table.c[columns] == row["id"], table.c.valid_to.is_(None)]
        count = conn.scalar(sa.select(sa.func.count()).select_from(table).where(*mine)) or 0
        if count:
            raise Conflict(
                f"{count} {table.name} rows in force belong to it. Retire or move them first."
                f" 仍有 {count} 个{LAYERS_ZH.get(table.name, '对象')}属于它，请先停用或移走。",
                where="code",
            )


def _referring(table: sa.Table) -> Sequence[tuple[sa.Table, str]]:
    """Return the tables with periods of their own whose rows belong to rows of a table, with the column that says so."""
    found = []
    for other in metadata.sorted_tables:
        if "valid_to" not in other.c or "versions_of" in other.info:
            continue
        for key in other.foreign_key_constraints:
            if key.referred_table is table:
                found.append((other, next(name for name in key.column_keys if name != "county")))
    return found


def _leave_grid(conn: sa.Connection, actor: Actor, row: sa.RowMapping) -> None:
    """Take points that lie in a grid by their position out of one that was retired."""
    for name in ("supply_point", "volunteer"):
        table = metadata.tables[name]
        mine = sa.and_(table.c.neighbourhood == row["code"], table.c.valid_to.is_(None))
        conn.execute(sa.update(table).where(mine).values(_next(table, actor) | {"neighbourhood": None}))


def _revive(conn: sa.Connection, actor: Actor, layer: Layer, row: sa.RowMapping) -> None:
    try:
        with conn.begin_nested():
            _step(conn, actor, layer, row, valid_to=None)
    except IntegrityError as exc:
        raise Gone("Its code is in use by another now. 其代码已被其他对象使用。", where="code") from exc


def _former(conn: sa.Connection, layer: Layer, row: sa.RowMapping, version: int) -> Any:
    if row["version"] == version:
        return row
    kept = metadata.tables[layer.table.name + VERSION_SUFFIX]
    mine = sa.and_(kept.c.county == row["county"], kept.c.id == row["id"], kept.c.version == version)
    found = conn.execute(sa.select(kept).where(mine)).mappings().first()
    if found is None:
        raise NotFound(f"There is no version {version} of {row['code']}.", where="version")
    return found


def _writable(conn: sa.Connection, layer: Layer, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return former values as cells; a place that is not in force any more is found by position instead."""
    cells: dict[str, Any] = {}
    for found in form.fields(layer):
        value = told.get(found.column)
        if form.is_fixed(layer, found) or found.column == COUNTY.column:
            continue
        if found.kind == "place" and value is not None and not _is_in_force(conn, found, value):
            continue
        cells[found.column] = ";".join(value) if isinstance(value, list) else value
    return cells


def _is_in_force(conn: sa.Connection, found: Field, code: str) -> bool:
    place = metadata.tables[found.place]
    return bool(conn.scalar(sa.select(sa.exists().where(place.c.code == code, place.c.valid_to.is_(None)))))
