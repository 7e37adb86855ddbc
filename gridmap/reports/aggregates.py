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

FEW, WITHHELD = "few", "withheld"  # under five; hidden because it would tell what is under five
FIGURES = ("households", "people", "buildings", "without_group", "supply_points", "volunteers")
Cell = tuple[str, str | None]  # community, grid
Counted = Mapping[str, Mapping[Cell, int] | None]


@dataclass(frozen=True)
class Area:
    """A community, a grid of it, or what lies in none of its grids (`code` is None).

    `hidden` says why households and people are not told; a figure that is None may not be known to the reader.
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
    Without `household.exact`, households and people of a part with 1 to 4 households are hidden. So that they cannot be
    worked out from the sum, the next smallest parts of the community are hidden too, until two are and together they
    hold at least five households.
    """
    actor.require("household.count")
    wide = _over_whole_communities(actor)
    counted, grids = _counted(conn, wide), _places(conn, wide, neighbourhood)
    groups = []
    for whole in _places(conn, wide, community):
        parts = [replace(grid, figures=_figures(counted, grid)) for grid in grids if grid.community == whole.community]
        rest = _rest(counted, whole.community, {part.code for part in parts})
        group = Group(
            replace(whole, figures=_sum([*parts, rest])), (*parts, rest) if any(rest.figures.values()) else tuple(parts)
        )
        groups.append(group if _is_exact(actor, whole.community) else without_small(group))
    return groups


def without_small(group: Group) -> Group:
    """Return a group whose small numbers, and what would tell them, are hidden."""
    reasons = hidden([part.households for part in group.parts])
    whole = FEW if 0 < group.whole.households < MIN_CELL else ""
    parts = tuple(replace(part, hidden=reason) for part, reason in zip(group.parts, reasons, strict=True))
    return Group(replace(group.whole, hidden=whole), parts)


def hidden(counts: Sequence[int]) -> list[str]:
    """Return for each part of a known sum why its count is hidden: few, withheld, or not at all (the empty text)."""
    reasons = [FEW if 0 < count < MIN_CELL else "" for count in counts]
    others = sorted(
        (index for index, reason in enumerate(reasons) if not reason and counts[index]), key=counts.__getitem__
    )
    while any(reasons) and others and (sum(map(bool, reasons)) < 2 or _sum_hidden(counts, reasons) < MIN_CELL):
        reasons[others.pop(0)] = WITHHELD
    return reasons


def _sum_hidden(counts: Sequence[int], reasons: Sequence[str]) -> int:
    return sum(count for count, reason in zip(counts, reasons, strict=True) if reason)


def _over_whole_communities(actor: Actor) -> Actor:
    """Return the actor with those places only that hold whole communities: a part of one would pass for its sum."""

    def wide(places: Iterable[str]) -> tuple[str, ...]:
        return tuple(place for place in places if len(place) <= COMMUNITY_DIGITS and (place.isdigit() or not place))

    return Actor(actor.name, tuple(Right(right.verbs, wide(right.places)) for right in actor.rights))


def _is_exact(actor: Actor, code: str) -> bool:
    return any(code.startswith(place) for place in actor.places_for("household.exact"))


def _counted(conn: sa.Connection, actor: Actor) -> Counted:
    """Return each figure by community and grid; None for one the actor may not count."""
    people = sa.func.coalesce(sa.func.sum(household.c.people_count), 0)
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
        household: {"households": sa.func.count(), "people": people},
        building: {"buildings": sa.func.count(), "without_group": without_group},
        supply_point: {"supply_points": sa.func.count()},
        volunteer: {"volunteers": sa.func.count()},
    }
    counted: dict[str, dict[Cell, int] | None] = {}
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
    columns = {name: [part.figures[name] for part in parts] for name in FIGURES}
    return {name: None if None in column else sum(filter(None, column)) for name, column in columns.items()}
