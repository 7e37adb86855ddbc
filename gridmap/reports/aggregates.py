"""Households, people, buildings, stock points and volunteers by community and grid, small numbers hidden."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from gridmap.access import COMMUNITY_DIGITS, Actor, Right, read_verbs, within_scope
from gridmap.hierarchy import building, community, household, neighbourhood
from gridmap.layers.party_unit import building_party_unit
from gridmap.layers.party_unit import table as party_unit
from gridmap.layers.supply_point import table as supply_point
from gridmap.layers.volunteer import table as volunteer
from gridmap.roles import MIN_CELL

FEW, WITHHELD = "few", "withheld"  # one building of under five; several, which may be more than five together
FIGURES = ("households", "people", "buildings", "without_group", "supply_points", "volunteers")
SMALL = "small"  # buildings left out of households and people
Cell = tuple[str, str | None]  # community, grid
Counted = Mapping[str, Mapping[Cell, int] | None]


@dataclass(frozen=True)
class Area:
    """A community, a grid of it, or what lies in none of its grids (`code` is None).

    `hidden` says why households and people are not told (all of them live in buildings with fewer than five); a figure that is None may not be known to the reader.
    """

    community: str
    code: str | None
    name: str | None
    lon: float | None = None
    lat: float | None = None
    figures: Mapping[str, int | None] = field(default_factory=dict)
    hidden: str = ""

    @property
    def households(self) -> int:
        """Return the number of households."""
        return self.figures["households"] or 0


@dataclass(frozen=True)
class Group:
    """A community and its parts."""

    whole: Area
    parts: tuple[Area, ...]


def by_community(conn: sa.Connection, actor: Actor) -> list[Group]:
    """Return the communities of the places somebody holds as wholes, each with its grids, in the order of their codes.

    Notes
    -----
    Without `household.exact` the households of a building with fewer than five are in no figure, as in gridmap.reports.rollup:
    nothing that is shown here or there tells them by subtraction.
    """
    actor.require("household.count")
    wide = _over_whole_communities(actor)
    counted, grids = _counted(conn, wide, actor), _places(conn, wide, neighbourhood)
    groups = []
    for whole in _places(conn, wide, community):
        parts = [replace(grid, figures=_figures(counted, grid)) for grid in grids if grid.community == whole.community]
        rest = _rest(counted, whole.community, {part.code for part in parts})
        told = (*parts, rest) if any(rest.figures.values()) else tuple(parts)
        every = replace(whole, figures=_sum([*parts, rest]))
        groups.append(Group(_without_small(every), tuple(map(_without_small, told))))
    return groups


def _without_small(area: Area) -> Area:
    """Return an area with the reason why its households are not told: all of them are in buildings left out."""
    small = area.figures[SMALL] or 0
    reason = FEW if small == 1 else WITHHELD
    return replace(area, hidden=reason) if small and not area.households else area


def _over_whole_communities(actor: Actor) -> Actor:
    """Return the actor with those places only that hold whole communities: a part of one would pass for its sum."""

    def wide(places: Iterable[str]) -> tuple[str, ...]:
        return tuple(place for place in places if len(place) <= COMMUNITY_DIGITS and (place.isdigit() or not place))

    return Actor(actor.name, tuple(Right(right.verbs, wide(right.places)) for right in actor.rights))


def _counted(conn: sa.Connection, actor: Actor, knows: Actor) -> Counted:
    """Return each figure by community and grid; None for one the actor may not count.

    `knows` is the actor with all places, which may know small numbers in a part of a community only.
    """
    has_group = (
        sa.select(sa.literal(1))
        .select_from(building_party_unit)
        .join(party_unit, sa.and_(
            party_unit.c.county == building_party_unit.c.county, party_unit.c.id == building_party_unit.c.party_unit_id
        ))
        .where(
            building_party_unit.c.county == building.c.county, building_party_unit.c.building_id == building.c.id,
            party_unit.c.valid_to.is_(None), party_unit.c.level == "group",
        )
        .exists()
    )  # fmt: skip
    without_group: sa.ColumnElement[int] = sa.func.count().filter(~has_group)
    asked: dict[sa.Table, dict[str, sa.ColumnElement[int]]] = {
        building: {"buildings": sa.func.count(), "without_group": without_group},
        supply_point: {"supply_points": sa.func.count()},
        volunteer: {"volunteers": sa.func.count()},
    }
    counted: dict[str, dict[Cell, int] | None] = _households(conn, actor, knows)
    for table, figures in asked.items():
        if not any(map(actor.may, read_verbs(table))):
            counted.update(dict.fromkeys(figures))
            continue
        c = table.c
        rows = conn.execute(
            sa.select(c.community, c.neighbourhood, *figures.values())
            .where(c.valid_to.is_(None), c.community.is_not(None), within_scope(table, actor, *read_verbs(table)))
            .group_by(c.community, c.neighbourhood)
        ).all()
        for place, name in enumerate(figures, 2):
            counted[name] = {(row[0], row[1]): row[place] for row in rows}
    return counted


def _households(conn: sa.Connection, actor: Actor, knows: Actor) -> dict[str, dict[Cell, int] | None]:
    """Return households and people, and how many buildings are left out of both, by community and grid."""
    names = ("households", "people", SMALL)
    if not any(map(actor.may, read_verbs(household))):
        return dict.fromkeys(names)
    c = household.c
    cells = (
        sa.select(
            c.community, c.neighbourhood, sa.func.count().label("homes"), sa.func.sum(c.people_count).label("people"),
            sa.func.bool_and(within_scope(household, knows, "household.exact")).label("is_exact"),
        )
        .where(c.valid_to.is_(None), within_scope(household, actor, *read_verbs(household)))
        .group_by(c.community, c.neighbourhood, c.building)
        .subquery("cells")
    )  # fmt: skip
    shown = sa.or_(cells.c.is_exact, cells.c.homes >= MIN_CELL)
    sums = [
        sa.cast(sa.func.coalesce(sa.func.sum(cells.c[name]).filter(shown), 0), sa.BigInteger)
        for name in ("homes", "people")
    ]
    rows = conn.execute(
        sa.select(cells.c.community, cells.c.neighbourhood, *sums, sa.func.count().filter(sa.not_(shown))).group_by(
            cells.c.community, cells.c.neighbourhood
        )
    ).all()
    return {name: {(row[0], row[1]): row[place] for row in rows} for place, name in enumerate(names, 2)}


def _places(conn: sa.Connection, actor: Actor, table: sa.Table) -> list[Area]:
    c, middle = table.c, sa.func.ST_Centroid(table.c.geom)
    above = c.code if table is community else c.community
    rows = conn.execute(
        sa.select(above, c.code, c.name, sa.func.ST_X(middle), sa.func.ST_Y(middle))
        .where(c.valid_to.is_(None), within_scope(table, actor))
        .order_by(c.code)
    )
    return [Area(*row) for row in rows]


def _figures(counted: Counted, grid: Area) -> dict[str, int | None]:
    return {name: None if told is None else told.get((grid.community, grid.code), 0) for name, told in counted.items()}


def _rest(counted: Counted, code: str, grids: set[str | None]) -> Area:
    """Return what lies in the community but in none of its present grids."""
    figures = {
        name: None
        if told is None
        else sum(n for (above, grid), n in told.items() if above == code and grid not in grids)
        for name, told in counted.items()
    }
    return Area(code, None, None, figures=figures)


def _sum(parts: Sequence[Area]) -> dict[str, int | None]:
    columns = {name: [part.figures[name] for part in parts] for name in (*FIGURES, SMALL)}
    return {name: None if None in column else sum(filter(None, column)) for name, column in columns.items()}
