"""Sets of grids of one community: proposed, found again, scheduled, activated, taken back or discarded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import shapely
import sqlalchemy as sa
from geoalchemy2.shape import to_shape

from gridmap import audit
from gridmap.access import Actor, within_scope
from gridmap.accounts.grants import CLOCK
from gridmap.boundaries.tables import boundary_cell, boundary_set
from gridmap.errors import Conflict, InvalidInput, NotFound
from gridmap.exchange.reasons import Note
from gridmap.hierarchy import NEIGHBOURHOOD_DIGITS, community
from gridmap.layer import Layer
from gridmap.shaping import mosaic, redraw, returning
from gridmap.shaping.mosaic import Area, Fault
from gridmap.shaping.redraw import Ground, Plan

MOST_CELLS = 400
SAME_GRID = 0.5  # of the united area: a cell that shares more with a present grid goes on as that grid
SOURCE = "boundary set"
PROPOSE = (
    "neighbourhood.propose"  # to keep a set beside the present grids; to bring it into force takes the right to edit
)


@dataclass(frozen=True)
class Cell:
    """One grid of a set: its name, its code (None: that of the grid it goes on as, or a new one), its area (EPSG:4490).

    Without a name it has that of the grid it goes on as, or one by the number in its new code.
    """

    name: str | None
    code: str | None
    geom: Area


@dataclass(frozen=True)
class BoundarySet:
    """A set of grids of a community. `due_at` is when it comes by itself, `trouble` why it did not; `place` its name."""

    id: int
    community: str
    name: str
    source: str
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    due_at: datetime | None
    accepts_faults: bool
    trouble: str | None
    activated_at: datetime | None
    cells: int
    place: str | None


@dataclass(frozen=True)
class Activated:
    """What came of asking for a set: in force now, or at a moment to come; with what a person should know."""

    is_active: bool
    due_at: datetime | None
    notes: tuple[Note, ...] = ()


def propose(
    conn: sa.Connection,
    actor: Actor,
    community: str,
    cells: Sequence[Cell],
    *,
    name: str,
    source: str,
    run: UUID | None = None,
) -> int:
    """Keep a new set of grids beside the present ones, which stay in force, and return its id.

    Parameters
    ----------
    run : the run of building grids it comes of; the set of a run that has one already is returned, none is made twice

    Raises
    ------
    NotAllowed unless the actor may propose or edit grids in the whole community.
    InvalidInput for no cell, too many, twice the same code or one of another community, areas that are no polygons.
    """
    on = redraw.ground(conn, actor, community, lock=False, verbs=(redraw.EDIT, PROPOSE))
    s = boundary_set.c
    known = None if run is None else conn.scalar(sa.select(s.id).where(s.run == run, s.community == on.code))
    if known is not None:
        return int(known)
    name = _told(name, "name")
    if not 1 <= len(cells) <= MOST_CELLS:
        raise InvalidInput(f"A set has 1 to {MOST_CELLS} grids. 一套网格须为 1 至 {MOST_CELLS} 个。", where="cells")
    areas = [_checked(cell, i) for i, cell in enumerate(cells)]
    codes = _coded(conn, on, cells, areas)
    values = {
        "county": on.county,
        "community": on.code,
        "name": name,
        "source": source[:200],
        "proposed_by": actor.name,
        "run": run,
    }
    made = conn.execute(sa.insert(boundary_set).values(values).returning(boundary_set.c.id)).scalar_one()
    rows = [
        {"boundary_set_id": made, "number": i, "county": on.county, "community": on.code, "code": code,
         "name": _named(on, cell, code, i), "geom": redraw.stored(area)}
        for i, (cell, code, area) in enumerate(zip(cells, codes, areas, strict=True))
    ]  # fmt: skip
    conn.execute(sa.insert(boundary_cell), rows)
    return int(made)


def _named(on: Ground, cell: Cell, code: str, i: int) -> str:
    if cell.name is not None:
        return _told(cell.name, f"cells.{i}.name")
    return on.grids[code].name if code in on.grids else f"第{int(code[len(on.code) :])}网格"


def _told(text: str, where: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= 100 or not text.isprintable():
        raise InvalidInput("A name has 1 to 100 characters. 名称须为 1 至 100 个字符。", where=where)
    return text


def _checked(cell: Cell, i: int) -> Area:
    where, name = f"cells.{i}.geometry", cell.name[:40] if cell.name else str(i + 1)
    shape = shapely.force_2d(cell.geom)
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty or not shape.is_valid:
        why = shapely.is_valid_reason(shape)[:100]
        raise InvalidInput(f"The area of {name!r} is not valid: {why}. 网格图形无效。", where=where)
    if not mosaic.area_m2(shape) >= mosaic.LEAST_M2:
        raise InvalidInput(f"The area of {name!r} is too small. 网格面积过小。", where=where)
    return shape


def _coded(conn: sa.Connection, on: Ground, cells: Sequence[Cell], areas: Sequence[Area]) -> list[str]:
    """Return a code for each cell: the one it names, that of the present grid it goes on as, or the next free one."""
    named = [cell.code for cell in cells if cell.code]
    for i, cell in enumerate(cells):
        fits = cell.code is None or (
            cell.code.isascii() and cell.code.isdigit() and len(cell.code) == NEIGHBOURHOOD_DIGITS
            and cell.code.startswith(on.code)
        )  # fmt: skip
        if not fits or named.count(cell.code or "") > 1:
            raise InvalidInput(
                f"{str(cell.code)[:40]!r} is no code of a grid of {on.code}, or stands twice. 网格代码有误或重复。",
                where=f"cells.{i}.code",
            )
    found: list[str | None] = [cell.code or None for cell in cells]
    for i, area in enumerate(areas):
        if found[i] is None:
            found[i] = next((code for code, shape in on.shapes().items()
                             if code not in found and _is_same(shape, area)), None)  # fmt: skip
    taken = [code for code in found if code] + list(on.grids)
    free = iter(redraw.free_codes(conn, on.code, taken, found.count(None)))
    return [code if code is not None else next(free) for code in found]


def _is_same(one: Area, other: Area) -> bool:
    if not one.intersects(other):
        return False
    shared = shapely.intersection(one, other, grid_size=mosaic.GRID).area
    return bool(shared > SAME_GRID * (one.area + other.area - shared))


def found(conn: sa.Connection, actor: Actor, set_id: int, *, lock: bool = False) -> BoundarySet:
    """Return one set of a community whose grids the actor may edit, or one's own where one may propose; NotFound else."""
    row = conn.execute(_locked(_query(actor), lock=lock).where(boundary_set.c.id == set_id)).first()
    if row is None:
        raise NotFound("There is no such set of grids. 没有该套网格。", where="id")
    redraw.require(actor, row.community, redraw.EDIT, PROPOSE)
    return BoundarySet(*row)


def _locked(query: sa.Select, *, lock: bool) -> sa.Select:
    return query.with_for_update(of=boundary_set) if lock else query


def listed(conn: sa.Connection, actor: Actor, *, community: str = "", limit: int = 100) -> list[BoundarySet]:
    """Return the sets of the communities whose grids the actor may edit, and one's own where one may propose; latest first."""
    if not actor.may(PROPOSE):
        actor.require(redraw.EDIT)
    query = _query(actor).where(boundary_set.c.community.startswith(community, autoescape=True))
    return [BoundarySet(*row) for row in conn.execute(query.order_by(boundary_set.c.id.desc()).limit(limit))]


def _query(actor: Actor) -> sa.Select:
    s = boundary_set.c
    own = [s[name] for name in BoundarySet.__dataclass_fields__ if name not in ("cells", "place")]
    count = sa.select(sa.func.count()).where(boundary_cell.c.boundary_set_id == s.id).scalar_subquery()
    c = community.c
    place = sa.select(c.name).where(c.code == s.community, c.valid_to.is_(None)).scalar_subquery()
    mine = sa.and_(
        within_scope(boundary_set, actor, PROPOSE),
        sa.func.split_part(s.proposed_by, " ", 1) == actor.name.partition(" ")[0],
    )
    return sa.select(*own, count, place).where(sa.or_(within_scope(boundary_set, actor, redraw.EDIT), mine))


def cells_of(conn: sa.Connection, set_id: int) -> dict[str, tuple[str, Area]]:
    """Return name and area of the cells of a set by code."""
    c = boundary_cell.c
    query = sa.select(c.code, c.name, c.geom).where(c.boundary_set_id == set_id).order_by(c.code)
    return {row.code: (row.name, to_shape(row.geom)) for row in conn.execute(query)}


def activate(conn: sa.Connection, actor: Actor, set_id: int, on: date, *, accept_faults: bool = False) -> Activated:
    """Let a set take the place of the present grids: at once if the day has come (Asia/Shanghai), else on that day.

    Raises
    ------
    Conflict for a set that is over, or with gaps, overlaps or land outside the community unless they are accepted.
    """
    redraw.ground(conn, actor, found(conn, actor, set_id).community)
    one = found(conn, actor, set_id, lock=True)
    if one.state not in ("proposed", "scheduled"):
        raise Conflict(f"This set is {one.state}: it cannot be activated. 该套网格当前不能启用。", where="id")
    due_at = datetime.combine(on, time(), CLOCK)
    if conn.scalar(sa.select(sa.literal(due_at, sa.DateTime(timezone=True)) > sa.func.now())):
        refuse_faults(conn, actor, one, accept=accept_faults)
        _set(
            conn,
            one,
            state="scheduled",
            due_at=due_at,
            decided_by=actor.name,
            accepts_faults=accept_faults,
            trouble=None,
        )
        return Activated(False, due_at)
    return Activated(True, None, tuple(carry_out(conn, actor, one, accept_faults=accept_faults)))


def refuse_faults(conn: sa.Connection, actor: Actor, one: BoundarySet, *, accept: bool) -> list[Fault]:
    """Return where the cells of a set do not fit; raise Conflict if there are such places and nobody accepts them."""
    ground = redraw.ground(conn, actor, one.community, lock=False)
    wrong = mosaic.faults({code: area for code, (_, area) in cells_of(conn, one.id).items()}, ground.whole())
    if wrong and not accept:
        count = {kind: sum(fault.kind == kind for fault in wrong) for kind in ("gap", "overlap", "outside")}
        raise Conflict(
            f"The set does not cover the community once: {count['gap']} gaps, {count['overlap']} overlaps,"
            f" {count['outside']} grids outside. Mend it, or accept them expressly."
            f" 该套网格未恰好覆盖社区：空隙 {count['gap']}、重叠 {count['overlap']}、越界 {count['outside']}，请修正或明确接受。",
            where="accept_faults",
        )
    return wrong


def carry_out(conn: sa.Connection, actor: Actor, one: BoundarySet, *, accept_faults: bool) -> list[Note]:
    """Put the cells of a set in the place of the present grids and return what a person should know."""
    ground = redraw.ground(conn, actor, one.community)
    wrong = refuse_faults(conn, actor, one, accept=accept_faults)
    plan = plan_of(ground, cells_of(conn, one.id))
    notes = redraw.carry_out(conn, actor, ground, plan, f"{SOURCE} {one.id}")
    notes += [
        Note("boundary_fault", f"A {fault.kind} of {fault.area_m2:g} m² was accepted at {fault.lon:.6f} {fault.lat:.6f}.",
             f"已接受的边界问题：{_KINDS_ZH[fault.kind]} {fault.area_m2:g} m²（{fault.lon:.6f} {fault.lat:.6f}）。")
        for fault in wrong
    ]  # fmt: skip
    s = boundary_set.c
    conn.execute(
        sa.update(boundary_set).where(s.community == one.community, s.state == "active").values(state="replaced")
    )
    _set(conn, one, state="active", activated_at=sa.func.now(), decided_by=actor.name, due_at=None, trouble=None,
         accepts_faults=accept_faults)  # fmt: skip
    facts = {"set": one.id, "new": len(plan.new), "ended": len(plan.ended), "faults": len(wrong)}
    audit.record(conn, actor, "activate", "boundary_set", rows=one.cells, detail=facts, chain=one.community)
    return notes


_KINDS_ZH = {"gap": "空隙", "overlap": "重叠", "outside": "超出社区"}


def plan_of(ground: Ground, cells: dict[str, tuple[str, Area]]) -> Plan:
    """Return what becomes of the present grids when cells take their place.

    A grid that ends is followed by the cell that shares the largest area with it.
    """
    plan = Plan()
    for code, (name, area) in cells.items():
        grid = ground.grids.get(code)
        if grid is None:
            plan.new[code] = (name, "general", area, None)
            continue
        if grid.geom is None or not shapely.equals(grid.geom, area):
            plan.areas[code] = area
        if grid.name != name:
            plan.names[code] = name
    for code, grid in ground.grids.items():
        if code not in cells:
            plan.ended[code] = _successor(grid.geom, cells)
    return plan


def _successor(area: Area | None, cells: dict[str, tuple[str, Area]]) -> str | None:
    if area is None:
        return None
    shared = {code: area.intersection(shape).area for code, (_, shape) in cells.items() if shape.intersects(area)}
    best = max(sorted(shared), key=lambda code: shared[code], default=None)
    return best if best is not None and shared[best] > 0 else None


def cancel(conn: sa.Connection, actor: Actor, set_id: int) -> None:
    """Take a date back: the set is a proposal again."""
    one = found(conn, actor, set_id, lock=True)
    redraw.require(actor, one.community)
    if one.state != "scheduled":
        raise Conflict("This set has no date that could be taken back. 该套网格未设定启用日期。", where="id")
    _set(conn, one, state="proposed", due_at=None, decided_by=None)


def discard(conn: sa.Connection, actor: Actor, set_id: int) -> None:
    """Give a set up that is not in force yet; it stays on the list. Who may only propose gives up their own proposal."""
    one = found(conn, actor, set_id, lock=True)
    if one.state != "proposed":
        redraw.require(actor, one.community)
    if one.state not in ("proposed", "scheduled"):
        raise Conflict(f"This set is {one.state}: it cannot be discarded. 该套网格不能放弃。", where="id")
    _set(conn, one, state="discarded", due_at=None)


def undo(conn: sa.Connection, actor: Actor, layer: Layer, set_id: int) -> None:
    """Take an activation back: grids, buildings, households and covers are what they were before.

    Raises
    ------
    Conflict if the set is not the present one, or something changed since that stands in the way.
    """
    one = found(conn, actor, set_id, lock=True)
    redraw.require(actor, one.community)
    if one.state != "active" or one.activated_at is None or one.decided_by is None:
        raise Conflict("Only the present set can be taken back. 只能撤销当前启用的一套。", where="id")
    redraw.ground(conn, actor, one.community)
    returning.take_back(conn, actor, layer, one.community, one.activated_at, one.decided_by, f"{SOURCE} {one.id}")
    _set(conn, one, state="undone")
    s = boundary_set.c
    last = (
        sa.select(s.id).where(s.community == one.community, s.state == "replaced")
        .order_by(s.activated_at.desc(), s.id.desc()).limit(1).scalar_subquery()
    )  # fmt: skip
    conn.execute(sa.update(boundary_set).where(s.id == last).values(state="active"))


def _set(conn: sa.Connection, one: BoundarySet, **values: Any) -> None:
    conn.execute(sa.update(boundary_set).where(boundary_set.c.id == one.id).values(values))
