"""The households of a round with people, groups, last visit and what changed since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.errors import InvalidInput, NotFound
from gridmap.hierarchy import building, community, estate_names, household, household_priority, neighbourhood
from gridmap.layers.household.visits import visit
from gridmap.occupants import former_resident, resident
from gridmap.reports.rounds import walk

MAX_STOPS = 3_000  # of one round: the largest grid of a community, not the community
DAYS = 30
MAX_DAYS = 730
SORTS = ("walk", "building")


@dataclass(frozen=True)
class Stop:
    """A household on a round. `groups` is None for who may not see them; `changed` since the last visit."""

    code: str
    building: str
    building_name: str
    estate: str
    unit: str
    floor: int | None
    room: str
    occupancy: str
    people: int
    groups: dict[str, int] | None
    visited_at: datetime | None
    visited_by: str | None
    visit_id: Any
    is_own: bool
    is_due: bool
    changed: bool
    lon: float
    lat: float


@dataclass(frozen=True)
class Round:
    """The stops that fit the filter, in order, and how far the whole round is."""

    place: str
    name: str
    stops: list[Stop]
    total: int
    done: int
    days: int


@dataclass(frozen=True)
class Grid:
    """A place one can go round: a grid, or a community without grids."""

    code: str
    name: str
    community: str
    households: int


def grids(conn: sa.Connection, actor: Actor) -> list[Grid]:
    """Return the grids with households in the actor's scope, at most 200, in the order of their code."""
    actor.require("household.view")
    h, n, c = household.c, neighbourhood.c, community.c
    counts = (
        sa.select(h.neighbourhood, sa.func.count().label("households"))
        .where(h.valid_to.is_(None), h.neighbourhood.is_not(None), within_scope(household, actor))
        .group_by(h.neighbourhood)
        .order_by(h.neighbourhood)
        .limit(200)
        .subquery("counts")
    )
    rows = conn.execute(
        sa.select(counts.c.neighbourhood, n.name, c.name.label("community"), counts.c.households)
        .join(neighbourhood, sa.and_(n.code == counts.c.neighbourhood, n.valid_to.is_(None)))
        .join(community, sa.and_(c.code == n.community, c.valid_to.is_(None)))
        .order_by(counts.c.neighbourhood)
    )
    return [Grid(*row) for row in rows]


def of_place(
    conn: sa.Connection,
    actor: Actor,
    place: str,
    *,
    sort: str = "walk",
    days: int = DAYS,
    only_due: bool = False,
    only_priority: bool = False,
    start: tuple[float, float] | None = None,
) -> Round:
    """Return the round through a grid or a building.

    Parameters
    ----------
    place : 15 digits of a grid or 17 of a building, in the actor's scope
    sort : `walk` (buildings by nearest neighbour) or `building` (by code); inside a building by unit, floor and room
    days : a household visited within so many days is done
    only_due, only_priority : leave out those that are done, those without anybody of a priority group
    start : (lon, lat) where the walk begins

    Raises
    ------
    NotFound for a place without a household in the actor's scope; InvalidInput; NotAllowed for `only_priority` without
    the right to see groups.
    """
    actor.require("household.view")
    if sort not in SORTS or not 1 <= days <= MAX_DAYS:
        raise InvalidInput(f"sort is one of {', '.join(SORTS)}; days lie between 1 and {MAX_DAYS}.", where="sort")
    if only_priority:
        actor.require("household.priority")
    column = {15: household.c.neighbourhood, 17: household.c.building}.get(len(place))
    if column is None:
        raise InvalidInput("A round goes through a grid or a building. 请选择网格或楼栋。", where="place")
    rows = conn.execute(_query(actor, column == place)).all()
    if not rows:
        raise NotFound(f"There is no household in {place[:40]!r}. 没有可走访的户。", where="place")
    groups = _groups(conn, actor, column == place)
    estates = estate_names(conn, actor, {row.building for row in rows})
    due = conn.execute(sa.select(sa.func.now())).scalar_one() - timedelta(days=days)
    stops = [_stop(actor, row, estates, groups, due) for row in _ordered(rows, sort, start)]
    shown = [stop for stop in stops if (stop.is_due or not only_due) and (stop.groups or not only_priority)]
    return Round(place, _name(conn, actor, place), shown, len(stops), sum(not stop.is_due for stop in stops), days)


def stop_of(conn: sa.Connection, actor: Actor, code: str, *, days: int = DAYS) -> Stop:
    """Return one household as a stop, or raise NotFound."""
    actor.require("household.view")
    row = conn.execute(_query(actor, household.c.code == code)).first()
    if row is None:
        raise NotFound(f"There is no household with the code {code[:40]!r}. 没有该户。", where="code")
    due = conn.execute(sa.select(sa.func.now())).scalar_one() - timedelta(days=days)
    estates = estate_names(conn, actor, {row.building})
    return _stop(actor, row, estates, _groups(conn, actor, household.c.code == code), due)


def _query(actor: Actor, where: sa.ColumnElement[bool]) -> sa.Select:
    h, b = household.c, building.c
    last = (
        sa.select(visit.c.id, visit.c.at, visit.c.by)
        .where(visit.c.county == h.county, visit.c.household_id == h.id)
        .order_by(visit.c.at.desc(), visit.c.id)
        .limit(1)
        .correlate(household)
        .lateral("last")
    )
    return (
        sa.select(
            h.code, h.building, b.name.label("building_name"), h.unit, h.floor, h.room, h.occupancy, h.people_count,
            sa.func.ST_X(b.position).label("lon"), sa.func.ST_Y(b.position).label("lat"),
            last.c.id.label("visit_id"), last.c.at, last.c.by, _changed(last.c.at).label("changed"),
        )
        .join_from(household, building, sa.and_(b.county == h.county, b.id == h.building_id))
        .outerjoin(last, sa.true())
        .where(where, h.valid_to.is_(None), within_scope(household, actor))
        .order_by(h.building, h.unit, h.floor.nulls_last(), h.room, h.code)
        .limit(MAX_STOPS)
    )  # fmt: skip


def _changed(since: sa.ColumnElement) -> sa.ColumnElement[bool]:
    """Return whether the household, who lives there or who went was changed after the last visit."""
    h, r, f = household.c, resident.c, former_resident.c
    people = sa.exists().where(r.county == h.county, r.household_id == h.id, r.changed_at > since)
    moved = sa.exists().where(f.county == h.county, f.household_id == h.id, f.until > since)
    return sa.func.coalesce(sa.or_(sa.and_(h.version > 1, h.changed_at > since), people, moved), sa.false())


def _groups(conn: sa.Connection, actor: Actor, where: sa.ColumnElement[bool]) -> dict[str, dict[str, int]] | None:
    if not actor.may("household.priority"):
        return None
    h, p = household.c, household_priority.c
    rows = conn.execute(
        sa.select(h.code, p.tag, p.people_count)
        .join(household, sa.and_(h.county == p.county, h.id == p.household_id))
        .where(where, h.valid_to.is_(None), within_scope(household, actor))
        .order_by(h.code, p.tag)
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.code, {})[row.tag] = row.people_count
    return found


def _ordered(rows: Sequence[Any], sort: str, start: tuple[float, float] | None) -> Sequence[Any]:
    if sort == "building":
        return rows
    positions = {row.building: (row.lon, row.lat) for row in rows}
    names = list(positions)
    rank = {names[k]: n for n, k in enumerate(walk.order([positions[name] for name in names], start))}
    return sorted(rows, key=lambda row: rank[row.building])  # stable: unit, floor and room stay in order


def _stop(
    actor: Actor, row: Any, estates: dict[str, str], groups: dict[str, dict[str, int]] | None, due: datetime
) -> Stop:
    return Stop(
        row.code, row.building, row.building_name, estates.get(row.building, ""), row.unit, row.floor, row.room,
        row.occupancy, row.people_count, None if groups is None else groups.get(row.code, {}), row.at, row.by,
        row.visit_id, row.by == actor.name, row.at is None or row.at < due, row.changed, row.lon, row.lat,
    )  # fmt: skip


def _name(conn: sa.Connection, actor: Actor, place: str) -> str:
    table = neighbourhood if len(place) == 15 else building
    query = sa.select(table.c.name).where(table.c.code == place, table.c.valid_to.is_(None), within_scope(table, actor))
    return conn.scalar(query) or place
