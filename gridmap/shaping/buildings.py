"""Buildings merged and parted: households, stair units and what refers to them follow in the same transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

import shapely
import sqlalchemy as sa
import uuid_utils.compat as uuids
from geoalchemy2.shape import to_shape
from sqlalchemy.dialects.postgresql import insert

from gridmap.access import COMMUNITY_DIGITS, Actor, within_scope
from gridmap.errors import Conflict, InvalidInput, NotAllowed, NotFound
from gridmap.exchange.reasons import Note
from gridmap.exchange.store import SAME_DEGREES
from gridmap.exchange.work import covers
from gridmap.hierarchy import BUILDING_DIGITS, building, household, neighbourhood
from gridmap.layer import Layer
from gridmap.shaping import mosaic, redraw, returning, versions
from gridmap.shaping.grids import MERGE, SPLIT, Redrawn
from gridmap.tables import metadata

EDIT = "building.edit"
MOST = 10  # merged at once
MOST_UNITS = 99
PAIRS = ("building_estate", "building_party_unit", "building_volunteer")


def merge(
    conn: sa.Connection,
    actor: Actor,
    survivor: str,
    others: Sequence[str],
    told: Mapping[str, int],
    name: str | None = None,
) -> Redrawn:
    """Let one building take in others of its community, which end; their households get its code.

    Where a door stands in both, the units of the building that ends are counted on behind those of the one that stays.

    Raises
    ------
    NotFound; NotAllowed outside the area where the actor may edit; Stale; VersionsNeeded; Conflict above 99 units.
    """
    merged = list(dict.fromkeys(others))
    if not merged or survivor in merged or len(merged) > MOST:
        raise InvalidInput(f"Name 1 to {MOST} other buildings. 请选择 1 至 {MOST} 栋其他楼栋。", where="others")
    rows = _locked(conn, actor, [survivor, *merged])
    versions.check(rows, told, rows, {code: row.changed_by for code, row in rows.items()})
    stays = rows[survivor]
    if any(row.community != stays.community for row in rows.values()):
        raise InvalidInput("They belong to different communities. 所选楼栋不属于同一社区。", where="others")
    area = mosaic.polygonal(shapely.union_all([to_shape(row.geom) for row in rows.values()], grid_size=mosaic.GRID))
    notes: list[Note] = []
    with redraw.seeing_all(conn, actor, stays.community) as wide:
        shifts = _shifts(conn, rows, stays, merged)
        units = max([row.units or 0 for row in rows.values()] + [_last_unit(conn, [row]) + shifts.get(row.code, 0)
                                                                  for row in rows.values()])  # fmt: skip
        floors = max([row.floors or 0 for row in rows.values()])
        values = {"units": units or None, "floors": floors or None, **({"name": name.strip()[:100]} if name else {})}
        home = _change(conn, wide, stays, area, MERGE, **values)
        for code in merged:
            _end(conn, wide, rows[code], MERGE)
        count = sum(_move(conn, wide, rows[code], home, shift=shifts.get(code, 0)) for code in merged)
        _stay(conn, wide, stays, home)
        _follow(conn, wide, stays.community)
        for code in merged:
            _pairs(conn, rows[code], home, ends=True)
        notes += [Note("units_counted_on", f"The units of {code} begin behind unit {shift:02d} now.",
                       f"{code} 的单元号顺延至 {shift:02d} 之后。") for code, shift in shifts.items()]  # fmt: skip
        notes.append(Note("households_followed", f"{count} households follow.", f"{count} 户随之归入。"))
        notes += redraw.grants_told(conn, dict.fromkeys(merged, survivor))
    return _done(conn, survivor, None, rows, notes)


def split(
    conn: sa.Connection,
    actor: Actor,
    code: str,
    told: Mapping[str, int],
    line: Any,
    *,
    units: Sequence[str] = (),
    name: str | None = None,
) -> Redrawn:
    """Part a building along a line: the larger part goes on, the other is a new building with the next free code.

    Parameters
    ----------
    line : shapely LineString, EPSG:4490
    units : the stair units (two digits) whose households go to the new building; so do those with a position of their own
        in it

    Raises
    ------
    InvalidInput unless the line parts it in two; the rest as `merge`.
    """
    rows = _locked(conn, actor, [code])
    versions.check(rows, told, rows, {code: rows[code].changed_by})
    old = rows[code]
    kept, parted = mosaic.parted(to_shape(old.geom), line)
    wanted = [unit.strip().zfill(2) for unit in units]
    with redraw.seeing_all(conn, actor, old.community) as wide:
        new_code = _next_code(conn, old.community)
        row = {
            "county": old.county, "id": uuids.uuid7(), "code": new_code, "name": (name or f"{old.name}-2").strip()[:100],
            "community": old.community, "community_id": old.community_id, "floors": old.floors,
            "units": len(set(wanted)) or None, "geom": redraw.stored(parted), "changed_by": actor.name, "source": SPLIT,
            **_grid_of(conn, old, parted),
        }  # fmt: skip
        conn.execute(sa.insert(building).values(row))
        new = conn.execute(sa.select(building).where(building.c.code == new_code, building.c.valid_to.is_(None))).one()
        home = _change(conn, wide, old, kept, SPLIT)
        own = sa.and_(
            ~sa.func.ST_DWithin(household.c.geom, old.position, SAME_DEGREES),
            covers(redraw.stored_value(parted), household.c.geom),
        )
        which = sa.or_(household.c.unit.in_(wanted), own)
        count = _move(conn, wide, old, new, only=which)
        _stay(conn, wide, old, home)
        _follow(conn, wide, old.community)
        _pairs(conn, old, new, ends=False)
    told_of = Note("households_followed", f"{count} households went to the new building.", f"{count} 户归入新楼栋。")
    return _done(conn, code, new_code, rows, [told_of])


def undo(conn: sa.Connection, actor: Actor, layer: Layer, code: str, told: Mapping[str, int]) -> None:
    """Take back the merging or parting that made a building's present version, with all that followed it."""
    b = building.c
    latest = sa.select(building).where(b.code == code, within_scope(building, actor, EDIT))
    row = conn.execute(latest.order_by(b.valid_to.desc().nulls_first()).limit(1)).first()
    if row is None:
        raise NotFound(f"There is no building with the code {code[:40]!r}. 没有该楼栋。", where="code")
    versions.check({code: row}, told, [code], {code: row.changed_by})
    if row.source not in (MERGE, SPLIT):
        raise Conflict("Its last change was no merging or parting. 最近一次修改不是合并或拆分。", where="code")
    returning.take_back(conn, actor, layer, row.community, row.changed_at, row.changed_by, f"{row.source} {code}")


def _locked(conn: sa.Connection, actor: Actor, codes: Sequence[str]) -> dict[str, Any]:
    actor.require(EDIT)
    conn.execute(sa.select(sa.func.set_config("lock_timeout", f"{redraw.WAIT_S}s", True)))
    for layer in ("building", "household"):
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"import {layer}"))))
    b = building.c
    seen = sa.select(building).where(b.code.in_(codes), b.valid_to.is_(None), within_scope(building, actor))
    rows = {row.code: row for row in conn.execute(seen.order_by(b.code).with_for_update())}
    for code in codes:
        if code not in rows:
            raise NotFound(f"There is no building with the code {code[:40]!r}. 没有该楼栋。", where="code")
    mine = sa.select(sa.func.count()).where(
        b.code.in_(codes), b.valid_to.is_(None), within_scope(building, actor, EDIT)
    )
    if conn.scalar(mine) != len(rows):
        raise NotAllowed("This place is outside the area where you may edit. 该位置不在您可编辑的范围内。")
    return rows


def _stamp(table: sa.Table, actor: Actor) -> dict[str, Any]:
    return {"version": table.c.version + 1, "changed_at": sa.func.now(), "changed_by": actor.name}


def _is(table: sa.Table, row: Any) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.county == row.county, table.c.id == row.id)


def _grid_of(conn: sa.Connection, row: Any, area: Any) -> dict[str, Any]:
    """Return the grid a building stands in once its outline is an area: its present one as long as that covers it."""
    n = neighbourhood.c
    point = sa.func.ST_PointOnSurface(redraw.stored_value(area))
    mine = sa.case((n.code == row.neighbourhood, 0), else_=1)
    found = conn.execute(
        sa.select(n.code, n.id)
        .where(n.community == row.community, n.valid_to.is_(None), covers(n.geom, point))
        .order_by(mine, n.code)
        .limit(1)
    ).first()
    if found is None:
        return {"neighbourhood": row.neighbourhood, "neighbourhood_id": row.neighbourhood_id}
    return {"neighbourhood": found.code, "neighbourhood_id": found.id}


def _change(conn: sa.Connection, actor: Actor, row: Any, area: Any, source: str, **values: Any) -> Any:
    changed = {"geom": redraw.stored(area), "source": source, **_grid_of(conn, row, area), **values}
    conn.execute(sa.update(building).where(_is(building, row)).values(_stamp(building, actor) | changed))
    return conn.execute(sa.select(building).where(_is(building, row))).one()


def _end(conn: sa.Connection, actor: Actor, row: Any, source: str) -> None:
    values = _stamp(building, actor) | {"valid_to": sa.func.now(), "source": source}
    conn.execute(sa.update(building).where(_is(building, row)).values(values))


def _living(row: Any) -> sa.ColumnElement[bool]:
    h = household.c
    return sa.and_(h.county == row.county, h.building_id == row.id, h.valid_to.is_(None))


def _last_unit(conn: sa.Connection, rows: Sequence[Any]) -> int:
    last = sa.select(sa.func.max(sa.cast(household.c.unit, sa.Integer))).where(sa.or_(*map(_living, rows)))
    return conn.scalar(last) or 0


def _shifts(conn: sa.Connection, rows: Mapping[str, Any], stays: Any, merged: Sequence[str]) -> dict[str, int]:
    """Return by how much the units of each building that ends are counted on, where a door is there already."""
    h = household.c
    taken = {tuple(row) for row in conn.execute(sa.select(h.unit, h.room).where(_living(stays)))}
    last, shifts = max(_last_unit(conn, [stays]), stays.units or 0), dict[str, int]()
    for code in merged:
        doors = {tuple(row) for row in conn.execute(sa.select(h.unit, h.room).where(_living(rows[code])))}
        shift = last if doors & taken else 0
        moved = {(f"{int(unit) + shift:02d}", room) for unit, room in doors}
        highest = max((int(unit) for unit, _ in moved), default=0)
        if highest > MOST_UNITS:
            raise Conflict(
                f"Together they would have more than {MOST_UNITS} units. 合并后单元数超过 {MOST_UNITS}。",
                where="others",
            )
        taken |= moved
        last = max(last, highest)
        if shift:
            shifts[code] = shift
    return shifts


def _move(
    conn: sa.Connection,
    actor: Actor,
    old: Any,
    home: Any,
    *,
    shift: int = 0,
    only: sa.ColumnElement[bool] | None = None,
) -> int:
    """Give households of one building to another; those that stood where it stood go where the other stands."""
    h = household.c
    unit = sa.func.lpad(sa.cast(sa.cast(h.unit, sa.Integer) + shift, sa.Text), 2, "0")
    at_home = sa.func.ST_DWithin(h.geom, old.position, SAME_DEGREES)
    values = _stamp(household, actor) | {
        "building_id": home.id, "building": home.code, "neighbourhood": home.neighbourhood, "unit": unit,
        "code": sa.literal(home.code) + unit + h.room, "geom": sa.case((at_home, sa.literal(home.position, h.geom.type)), else_=h.geom),
    }  # fmt: skip
    which = _living(old) if only is None else sa.and_(_living(old), only)
    return conn.execute(sa.update(household).where(which).values(values)).rowcount


def _stay(conn: sa.Connection, actor: Actor, old: Any, home: Any) -> None:
    """Take along the households that stay in a building whose outline changed and that came to it before now."""
    h = household.c
    at_home = sa.func.ST_DWithin(h.geom, old.position, SAME_DEGREES)
    moved = sa.not_(sa.func.ST_DWithin(home.position, old.position, SAME_DEGREES))
    which = sa.and_(
        _living(home), h.changed_at < sa.func.now(),
        sa.or_(sa.and_(at_home, moved), h.neighbourhood.is_distinct_from(home.neighbourhood)),
    )  # fmt: skip
    values = _stamp(household, actor) | {
        "neighbourhood": home.neighbourhood,
        "geom": sa.case((at_home, sa.literal(home.position, h.geom.type)), else_=h.geom),
    }
    conn.execute(sa.update(household).where(which).values(values))


def _follow(conn: sa.Connection, actor: Actor, community: str) -> None:
    """Give party households and residents what their household has become, each in one version."""
    h = household.c
    for name, code in (("party_household", "code"), ("resident", "household")):
        table = metadata.tables[name]
        t = table.c
        now = {code: h.code, "building": h.building, "neighbourhood": h.neighbourhood}
        if "geom" in t:
            now["geom"] = h.geom
        same = sa.and_(t.county == h.county, t.household_id == h.id, t.valid_to.is_(None), h.community == community)
        change = sa.update(table).where(same, h.changed_at == sa.func.now(), t.changed_at < sa.func.now())
        conn.execute(change.values(_stamp(table, actor) | now))


def _pairs(conn: sa.Connection, old: Any, home: Any, *, ends: bool) -> None:
    """Let estates, party groups and volunteers of one building be those of another too, or instead."""
    for name in PAIRS:
        pair = metadata.tables[name]
        other = next(column.name for column in pair.primary_key.columns if column.name not in ("county", "building_id"))
        mine = sa.and_(pair.c.county == old.county, pair.c.building_id == old.id)
        copied = sa.select(pair.c.county, sa.literal(home.id, sa.Uuid), pair.c[other]).where(mine)
        conn.execute(insert(pair).from_select(["county", "building_id", other], copied).on_conflict_do_nothing())
        if ends:
            conn.execute(sa.delete(pair).where(mine))


def _next_code(conn: sa.Connection, community: str) -> str:
    number = 0
    for table in (building, metadata.tables["building_version"]):
        last = conn.scalar(
            sa.select(sa.func.max(table.c.code)).where(table.c.code.startswith(community, autoescape=True))
        )
        number = max(number, int((last or "0" * BUILDING_DIGITS)[COMMUNITY_DIGITS:]))
    return f"{community}{number + 1:05d}"


def _done(conn: sa.Connection, code: str, new: str | None, rows: Mapping[str, Any], notes: Sequence[Note]) -> Redrawn:
    b = building.c
    touched = [*rows, *([new] if new else [])]
    found = conn.execute(sa.select(b.code, b.version).where(b.code.in_(touched), b.changed_at == sa.func.now()))
    return Redrawn(code, new, {row.code: row.version for row in found}, tuple(notes))
