"""A set of grids beside the present ones: who would move from where to where, which grids end, appear or change."""

from dataclasses import dataclass

import sqlalchemy as sa

from gridmap.access import EVERYWHERE, Actor
from gridmap.boundaries import sets
from gridmap.boundaries.sets import BoundarySet
from gridmap.boundaries.tables import boundary_cell
from gridmap.exchange.work import covers
from gridmap.hierarchy import building, household
from gridmap.roles import MIN_CELL
from gridmap.shaping import mosaic, redraw
from gridmap.shaping.mosaic import Area, Fault


@dataclass(frozen=True)
class Flow:
    """What would go from one grid to another, None for no grid; also what stays, where both are the same."""

    origin: str | None
    target: str | None
    buildings: int
    households: int
    people: int


@dataclass(frozen=True)
class Part:
    """One grid of either side: what becomes of it (kept, changed, new, ended), and its areas (EPSG:4490) now and then.

    `heir` is the grid that follows an ended one.
    """

    code: str
    name: str
    fate: str
    before: Area | None
    after: Area | None
    heir: str | None = None


@dataclass(frozen=True)
class GrantEffect:
    """How many grants of a role are held over a grid that ends or changes, and how many households it has then."""

    code: str
    role: str
    count: int
    fate: str
    households_before: int
    households_after: int


@dataclass(frozen=True)
class Comparison:
    """A set beside the present grids; `moved_*` count what changes its grid.

    With `leaves_out_few` the households and people of buildings with fewer than five households are counted nowhere.
    """

    set: BoundarySet
    parts: tuple[Part, ...]
    flows: tuple[Flow, ...]
    grants: tuple[GrantEffect, ...]
    faults: tuple[Fault, ...]
    moved_buildings: int
    moved_households: int
    moved_people: int
    leaves_out_few: bool = False


def compare(conn: sa.Connection, actor: Actor, set_id: int) -> Comparison:
    """Return a set of grids beside those in force now.

    Notes
    -----
    A building goes where its position lies, as when the set is activated; in its own grid it stays as long as that one
    covers it, edge included. Its households go with it.
    """
    one = sets.found(conn, actor, set_id)
    ground = redraw.ground(conn, actor, one.community, lock=False, verbs=(redraw.EDIT, sets.PROPOSE))
    cells = sets.cells_of(conn, set_id)
    plan = sets.plan_of(ground, cells)
    parts = []
    for code in sorted({*ground.grids, *cells}):
        grid, cell = ground.grids.get(code), cells.get(code)
        fate = "new" if grid is None else "ended" if cell is None else "changed" if code in plan.areas else "kept"
        name = cell[0] if cell else grid.name if grid else ""
        parts.append(Part(code, name, fate, grid and grid.geom, cell and cell[1], plan.ended.get(code)))
    exact = _holds(actor, "household.exact", one.community)
    flows = _flows(conn, actor, one, plan.ended, least=0 if exact else MIN_CELL)
    grants = _grants(conn, parts, flows) if _holds(actor, redraw.EDIT, one.community) else []
    moved = [flow for flow in flows if flow.origin != flow.target]
    return Comparison(
        one, tuple(parts), tuple(flows), tuple(grants),
        tuple(mosaic.faults({code: area for code, (_, area) in cells.items()}, ground.whole())),
        sum(flow.buildings for flow in moved), sum(flow.households for flow in moved), sum(flow.people for flow in moved),
        not exact,
    )  # fmt: skip


def _holds(actor: Actor, verb: str, code: str) -> bool:
    return any(place == EVERYWHERE or code.startswith(place) for place in actor.places_for(verb))


def _flows(
    conn: sa.Connection, actor: Actor, one: BoundarySet, ended: dict[str, str | None], *, least: int
) -> list[Flow]:
    b, h, cell = building, household, boundary_cell
    stays = sa.case((cell.c.code == b.c.neighbourhood, 0), else_=1)
    holder = (
        sa.select(cell.c.code)
        .where(cell.c.boundary_set_id == one.id, covers(cell.c.geom, b.c.position))
        .order_by(stays, cell.c.code)
        .limit(1)
        .correlate(b)
        .scalar_subquery()
    )
    heirs = {code: heir for code, heir in ended.items() if heir}
    else_ = sa.case(heirs, value=b.c.neighbourhood, else_=_kept_by_name(ended)) if heirs else _kept_by_name(ended)
    target = sa.func.coalesce(holder, else_)
    lived = sa.and_(h.c.county == b.c.county, h.c.building_id == b.c.id, h.c.valid_to.is_(None))
    homes = (
        sa.select(sa.func.count().label("n"), sa.func.coalesce(sa.func.sum(h.c.people_count), 0).label("people"))
        .where(lived)
        .correlate(b)
        .lateral("homes")
    )
    rows = (
        sa.select(b.c.neighbourhood.label("origin"), target.label("target"), homes.c.n, homes.c.people)
        .join_from(b, homes, sa.true())
        .where(b.c.community == one.community, b.c.valid_to.is_(None))
        .subquery("rows")
    )
    query = sa.select(
        rows.c.origin,
        rows.c.target,
        sa.func.count(),
        *(sa.func.sum(sa.case((rows.c.n >= least, rows.c[name]), else_=0)) for name in ("n", "people")),
    ).group_by(rows.c.origin, rows.c.target)
    with redraw.seeing_all(conn, actor, one.community):
        found = conn.execute(query.order_by(rows.c.origin, rows.c.target)).all()
    return [Flow(row[0], row[1], int(row[2]), int(row[3]), int(row[4])) for row in found]


def _kept_by_name(ended: dict[str, str | None]) -> sa.ColumnElement:
    """Return the grid of a building that no cell covers: its own, unless that one ends."""
    own = building.c.neighbourhood
    return sa.case((own.in_(ended), sa.null()), else_=own) if ended else sa.literal(None, sa.Text)


def _grants(conn: sa.Connection, parts: list[Part], flows: list[Flow]) -> list[GrantEffect]:
    fates = {part.code: part.fate for part in parts if part.fate in ("ended", "changed")}
    before = {code: sum(flow.households for flow in flows if flow.origin == code) for code in fates}
    after = {code: sum(flow.households for flow in flows if flow.target == code) for code in fates}
    return [
        GrantEffect(code, role, count, fates[code], before[code], after[code])
        for code, role, count in redraw.grants_over(conn, list(fates))
    ]
