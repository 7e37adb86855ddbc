"""Which buildings have a service within reach on foot, which have not, and how many households that is."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.errors import InvalidInput, NotFound
from gridmap.hierarchy import building, community, household, neighbourhood
from gridmap.layers.closure_zone import table as zone
from gridmap.reports import nodes, services
from gridmap.reports.nodes import COUNTED_BY, Node
from gridmap.reports.past import rows_at
from gridmap.reports.services import Option
from gridmap.roles import MIN_CELL
from gridmap.walking import WALKING_M_PER_S, open_walker

DEFAULT_M = 500.0  # the 10-minute circle of GB 50180-2018
MOST_M = 20_000.0
COARSE_M = 100.0  # steps of the reach where what serves is a person the reader may only count: it must not be measured
FEW = f"<{MIN_CELL}"
LEVELS = ("subdistrict", "community", "neighbourhood")


@dataclass(frozen=True)
class Question:
    """What is asked: a service within metres of the buildings of a place (None: of all that may be seen)."""

    service: str
    threshold_m: float = DEFAULT_M
    node: Node | None = None
    method: str | None = None
    as_of: datetime | None = None
    zone: str | None = None


@dataclass(frozen=True)
class Building:
    """A building with what is nearest to it; `households` is None where it may not be known, `is_small` says why."""

    key: tuple[int, UUID]
    code: str
    name: str
    community: str
    neighbourhood: str | None
    lon: float
    lat: float
    households: int | None
    is_small: bool
    nearest: Option | None
    distance_m: float | None
    is_covered: bool
    is_reachable: bool

    @property
    def shown(self) -> int | str | None:
        """Return the households as they are told: a number, `<5`, or None."""
        return FEW if self.is_small else self.households


@dataclass(frozen=True)
class Share:
    """Figures of a place; of households only buildings whose count may be known are in them, so that no sum tells more."""

    level: str
    code: str
    name: str
    buildings: int
    covered: int
    households: int | None
    covered_households: int | None
    buildings_under_5: int

    @property
    def share(self) -> float | None:
        """Return the share of buildings that are covered, 0 to 1; None where there is no building."""
        return self.covered / self.buildings if self.buildings else None

    @property
    def household_share(self) -> float | None:
        """Return the share of households that are covered, 0 to 1; None where it may not be known."""
        if not self.households or self.covered_households is None:
            return None
        return self.covered_households / self.households


@dataclass(frozen=True)
class Coverage:
    """The answer: the whole, its parts by level and code, every building by name and code, and how it was measured."""

    question: Question
    method: str
    whole: Share
    parts: list[Share]
    buildings: list[Building]
    blocks: bool | None = None

    @property
    def gaps(self) -> list[Building]:
        """Return the buildings that are not covered, by name and code."""
        return [one for one in self.buildings if not one.is_covered]


def threshold(metres: float | None, minutes: float | None) -> float:
    """Return the reach in metres; a minute is walked at 1.2 m/s.

    Raises
    ------
    InvalidInput if both are given, or one out of range.
    """
    if metres is not None and minutes is not None:
        raise InvalidInput("Give threshold_m or threshold_min, not both.", where="threshold_min")
    found = metres if metres is not None else DEFAULT_M if minutes is None else minutes * 60 * WALKING_M_PER_S
    if not 0 < found <= MOST_M:
        raise InvalidInput(f"The threshold lies between 0 and {MOST_M:.0f} m.", where="threshold_m")
    return found


def coverage(conn: sa.Connection, actor: Actor, question: Question) -> Coverage:
    """Return who has a service in reach.

    Notes
    -----
    Streets are today's, and zones those whose times hold the moment; buildings, households and what serves are read as
    they stood then. `zone` names a zone that is closed besides, such as a draft.

    Raises
    ------
    NotAllowed without `building.view`, `household.count` or the right to see or count what serves; InvalidInput for an
    unknown service; NotFound for an unknown zone.
    """
    actor.require("building.view")
    actor.require("household.count")
    services.check(conn, question.service)
    drafts = [] if question.zone is None else [_area(conn, actor, question.zone)]
    rows = _rows(conn, actor, question)
    counts = _households(conn, actor, question)
    if question.service == services.GROUP:
        held = services.with_group(conn, actor, question.as_of)
        has = [(row.county, row.id) in held for row in rows]
        found = [
            _made(row, counts, None, None, is_covered=one, is_reachable=one) for row, one in zip(rows, has, strict=True)
        ]
        return _answer(conn, actor, question, "party", found)
    walker = open_walker(conn, at=question.as_of, method=question.method, drafts=drafts)
    offered = services.options(conn, actor, question.service, question.as_of)
    metres, which = walker.nearest_of(
        [(row.lon, row.lat) for row in rows], [(one.lon, one.lat) for one in offered.items]
    )
    if not offered.is_named:
        question = replace(question, threshold_m=math.ceil(question.threshold_m / COARSE_M) * COARSE_M)
    buildings = []
    for row, away_m, number in zip(rows, metres.tolist(), which.tolist(), strict=True):
        is_reached = not np.isnan(away_m)
        option = offered.items[number] if is_reached and offered.is_named else None
        told_m = away_m if option is not None else None  # who may not see it cannot measure where it is
        is_covered = is_reached and away_m <= question.threshold_m
        buildings.append(_made(row, counts, option, told_m, is_covered=is_covered, is_reachable=is_reached))
    return _answer(conn, actor, question, walker.method, buildings, walker.cuts[-1] if drafts and walker.cuts else None)


def _area(conn: sa.Connection, actor: Actor, code: str) -> bytes:
    found = conn.scalar(
        sa.select(sa.func.ST_AsBinary(zone.c.geom)).where(
            zone.c.code == code, zone.c.valid_to.is_(None), within_scope(zone, actor)
        )
    )
    if found is None:
        raise NotFound(f"There is no zone with the code {code[:40]!r}.", where="zone")
    return bytes(found)


def _in_place(table: sa.FromClause, question: Question) -> sa.ColumnElement[bool]:
    inside = None if question.node is None else question.node.holds(table)
    return sa.true() if inside is None else inside


def _rows(conn: sa.Connection, actor: Actor, question: Question) -> list[Any]:
    columns = ["county", "id", "code", "name", "community", "neighbourhood", "position"]
    rows = rows_at(
        building, question.as_of, columns, lambda one: sa.and_(within_scope(one, actor), _in_place(one, question))
    )
    c = rows.c
    where = (sa.func.ST_X(c.position).label("lon"), sa.func.ST_Y(c.position).label("lat"))
    query = sa.select(c.county, c.id, c.code, c.name, c.community, c.neighbourhood, *where)
    return list(conn.execute(query.order_by(c.name, c.code)))


def _households(conn: sa.Connection, actor: Actor, question: Question) -> dict[str, tuple[int, bool]]:
    """Return the households of each building by code, and whether the actor may know small numbers there."""

    def where(one: sa.Table) -> sa.ColumnElement[bool]:
        return sa.and_(within_scope(one, actor, *COUNTED_BY), _in_place(one, question))

    columns = ["county", "code", "building", "neighbourhood", "community"]
    rows = rows_at(household, question.as_of, columns, where)
    exact = sa.func.bool_and(within_scope(rows, actor, "household.exact"))
    query = sa.select(rows.c.building, sa.func.count(), exact).group_by(rows.c.building)
    return {row[0]: (row[1], bool(row[2])) for row in conn.execute(query)}


def _made(
    row: Any,
    counts: dict[str, tuple[int, bool]],
    option: Option | None,
    metres: float | None,
    *,
    is_covered: bool,
    is_reachable: bool,
) -> Building:
    count, is_exact = counts.get(row.code, (0, True))
    is_small = not is_exact and 0 < count < MIN_CELL
    return Building(
        (row.county, row.id), row.code, row.name, row.community, row.neighbourhood, row.lon, row.lat,
        None if is_small else count, is_small, option, metres, is_covered, is_reachable,
    )  # fmt: skip


def _answer(
    conn: sa.Connection,
    actor: Actor,
    question: Question,
    method: str,
    buildings: list[Building],
    blocks: bool | None = None,
) -> Coverage:
    names = _names(conn, actor, buildings)
    held: dict[tuple[str, str], list[Building]] = defaultdict(list)
    for one in buildings:
        held["subdistrict", one.code[:9]].append(one)
        held["community", one.community].append(one)
        if one.neighbourhood is not None:
            held["neighbourhood", one.neighbourhood].append(one)
    ordered = sorted(held, key=lambda key: (LEVELS.index(key[0]), key[1]))
    parts = [_share(level, code, names.get(code, code), held[level, code]) for level, code in ordered]
    node = question.node
    whole = _share(node.level, node.code, node.name, buildings) if node else _share("all", "", "", buildings)
    return Coverage(question, method, whole, parts, buildings, blocks)


def _share(level: str, code: str, name: str, buildings: Iterable[Building]) -> Share:
    held = list(buildings)
    known = [one for one in held if one.households is not None]
    covered = [one for one in held if one.is_covered]
    return Share(
        level, code, name, len(held), len(covered), sum(one.households or 0 for one in known),
        sum(one.households or 0 for one in known if one.is_covered), len(held) - len(known),
    )  # fmt: skip


def _names(conn: sa.Connection, actor: Actor, buildings: list[Building]) -> dict[str, str]:
    communities = {one.community for one in buildings}
    grids = {one.neighbourhood for one in buildings if one.neighbourhood}
    found = nodes.names_of(conn, {one.code[:9] for one in buildings})
    for table, codes in ((community, communities), (neighbourhood, grids)):
        rows = conn.execute(
            sa.select(table.c.code, table.c.name).where(
                table.c.code.in_(codes), table.c.valid_to.is_(None), within_scope(table, actor)
            )
        )
        found |= {row.code: row.name for row in rows}
    return found


def page_of(gaps: list[Building], after: tuple[str, str] | None, limit: int) -> tuple[list[Building], bool]:
    """Return the next buildings after a name and code, and whether there are more."""
    left = [one for one in gaps if after is None or (one.name, one.code) > after]
    return left[:limit], len(left) > limit


def homes_of(
    conn: sa.Connection, actor: Actor, buildings: list[Building], as_of: datetime | None
) -> dict[str, list[dict[str, Any]]]:
    """Return the households of some buildings by the building's code, for who may see them; nothing for others."""
    if not actor.may("household.view"):
        return {}
    codes = [one.code for one in buildings]
    rows = rows_at(
        household, as_of, ["code", "building", "unit", "room", "people_count"],
        lambda one: sa.and_(one.c.building.in_(codes), within_scope(one, actor, "household.view")),
    )  # fmt: skip
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in conn.execute(sa.select(rows).order_by(rows.c.code)):
        found[row.building].append(
            {"code": row.code, "unit": row.unit, "room": row.room, "people_count": row.people_count}
        )
    return found
