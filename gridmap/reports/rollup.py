"""Households, people, priority groups, buildings and things of each layer, added up for any place; never stored.

Whoever may count households but not know small numbers (`household.exact`) is told sums of what may be shown anyway: the
households of a building with fewer than five are in no sum. Grids, estates and party units cut each other in so many ways
that hiding further cells would not keep one from being worked out; of sums without them nothing can be.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gridmap.access import (
    BUILDING_DIGITS,
    COMMUNITY_DIGITS,
    COUNTY_DIGITS,
    NEIGHBOURHOOD_DIGITS,
    Actor,
    scope_columns_of,
    within_scope,
)
from gridmap.hierarchy import building, household, household_priority
from gridmap.layer import Layer
from gridmap.reports.nodes import COUNTED_BY, Node
from gridmap.reports.past import rows_at
from gridmap.roles import MIN_CELL

SUPPRESSED = f"<{MIN_CELL}"
OF_HOMES = ("household", "party_household", "resident")  # things that tell of the households of small buildings
Keyed = Callable[[sa.FromClause], Any]  # an expression, or None for a table that does not tell


@dataclass(frozen=True)
class Figures:
    """What is counted in a place; None for what the actor may not know, SUPPRESSED for a small number of households.

    `suppressed` says that households of buildings with fewer than five are in none of these figures.
    """

    buildings: int | None
    households: int | str | None
    people: int | None
    priority: Mapping[str, int] | None
    layers: Mapping[str, int]
    suppressed: bool = False


@dataclass
class _Sums:
    """The same before anything is held back; `small` is how many buildings' households are left out."""

    buildings: int = 0
    households: int = 0
    small: int = 0
    people: int = 0
    priority: Counter[str] = field(default_factory=Counter)
    layers: Counter[str] = field(default_factory=Counter)

    def add(self, other: "_Sums") -> None:
        self.buildings += other.buildings
        self.households += other.households
        self.small += other.small
        self.people += other.people
        self.priority.update(other.priority)
        self.layers.update(other.layers)


def summary(
    conn: sa.Connection, actor: Actor, layers: Iterable[Layer], node: Node, as_of: datetime | None = None
) -> Figures:
    """Return the figures of a place, of what the actor may see of it.

    Notes
    -----
    `layers` has the layers the actor may view whose rows tell that they lie in such a place: an estate tells no grid,
    a street nothing. Rows that were not retired are counted, of zones also those not in force.
    """
    visible = _visible(actor, layers, node)
    sums = _sums(conn, actor, visible, node, as_of, lambda _: sa.literal_column("''::text"))
    return _shown(actor, node, visible, sums.get("", _Sums()))


def table(
    conn: sa.Connection,
    actor: Actor,
    layers: Iterable[Layer],
    node: Node,
    parts: list[Node],
    as_of: datetime | None = None,
) -> tuple[list[Figures], Figures | None]:
    """Return the figures of each part of a place, each as `summary` tells them, and of the rest that is in no part.

    Parameters
    ----------
    parts : of `nodes.children`; all of one kind
    """
    if not parts:
        return [], None
    keyed, keys_of = _division(parts)
    may_reach_out = node.prefix != node.code and parts[0].level != "building"  # a group's buildings in another grid
    asked = _united(node, parts) if may_reach_out else node
    by_key = _sums(conn, actor, _visible(actor, layers, parts[0]), asked, as_of, keyed)
    figures, seen = [], set[str | None]()
    for part in parts:
        total = _Sums()
        held = set(keys_of(part))
        seen |= held
        for key in held & by_key.keys():
            total.add(by_key[key])
        figures.append(_shown(actor, part, _visible(actor, layers, part), total))
    rest = _Sums()
    for other in by_key.keys() - seen:
        rest.add(by_key[other])
    return figures, _shown(actor, node, _visible(actor, layers, parts[0]), rest) if rest != _Sums() else None


def _united(node: Node, parts: list[Node]) -> Node:
    """Return the place that some parts make up together."""
    grids = [code for part in parts for code in part.grids or ()]
    buildings = [code for part in parts for code in part.buildings or ()]
    held = {"grids": tuple(grids)} if parts[0].grids is not None else {"grids": None, "buildings": tuple(buildings)}
    return replace(node, **held)


def _division(parts: list[Node]) -> tuple[Keyed, Callable[[Node], Iterable[str]]]:
    """Return how rows are told apart for some parts, and which of these keys each part holds."""
    first = parts[0]
    if first.grids is not None or first.buildings is not None:
        return lambda t: scope_columns_of(t).get(first.key), lambda part: part.grids or part.buildings or ()
    digits = len(first.prefix)

    def head(table: sa.FromClause) -> Any:
        columns = scope_columns_of(table)
        if "community" not in columns:
            return None
        code: Any = columns["community"]
        if digits <= COUNTY_DIGITS and "county" in table.c:
            code = sa.func.coalesce(code, sa.cast(table.c.county, sa.Text))
        return code if digits == COMMUNITY_DIGITS else sa.func.left(code, digits)

    return head, lambda part: [part.prefix]


def _visible(actor: Actor, layers: Iterable[Layer], node: Node) -> list[Layer]:
    return [one for one in layers if actor.may(one.view) and node.holds(one.table) is not None]


def _sums(
    conn: sa.Connection, actor: Actor, layers: list[Layer], node: Node, as_of: datetime | None, keyed: Keyed
) -> dict[str | None, _Sums]:
    """Return the sums of the rows in a place by key."""
    found: dict[str | None, _Sums] = {}
    for key, n, people, small in conn.execute(_households(actor, node, as_of, keyed)):
        sums = found.setdefault(key, _Sums())
        sums.households, sums.people, sums.small = n, people, small
    if actor.may("household.priority"):
        for key, tag, n in conn.execute(_priority(actor, node, as_of, keyed)):
            found.setdefault(key, _Sums()).priority[tag] = n
    counted = [_things(actor, one.table, one.view, one.name, node, as_of, keyed) for one in layers]
    if actor.may("building.view"):
        counted.append(_things(actor, building, "building.view", "", node, as_of, keyed))
    asked = [one for one in counted if one is not None]
    for name, key, n in conn.execute(sa.union_all(*asked)) if asked else ():
        sums = found.setdefault(key, _Sums())
        if name:
            sums.layers[name] = n
        else:
            sums.buildings = n
    return found


def _inside(actor: Actor, node: Node, *verbs: str) -> Callable[[sa.Table], sa.ColumnElement[bool]]:
    def condition(table: sa.Table) -> sa.ColumnElement[bool]:
        return sa.and_(sa.true(), node.holds(table), within_scope(table, actor, *verbs))  # type: ignore[arg-type]

    return condition


def _homes(actor: Actor, node: Node, as_of: datetime | None, *verbs: str) -> sa.Subquery:
    """Select the households of a place that may be counted."""
    columns = ("county", "id", "people_count", "community", "neighbourhood", "building")
    return rows_at(household, as_of, columns, _inside(actor, node, *verbs))


def _households(actor: Actor, node: Node, as_of: datetime | None, keyed: Keyed) -> sa.Select:
    """Sum households and people by key, and count the buildings whose households are left out.

    A household's building and grid make up the smallest cell: every place is made of whole ones.
    """
    rows = _homes(actor, node, as_of, *COUNTED_BY)
    c = rows.c
    if holds_throughout(actor, node, "household.exact"):
        key = keyed(rows)
        people = sa.func.coalesce(sa.func.sum(c.people_count), 0)
        return sa.select(key, sa.func.count(), people, sa.literal(0)).group_by(key)
    is_exact = within_scope(rows, actor, "household.exact")
    cells = (
        sa.select(
            keyed(rows).label("key"), sa.func.count().label("homes"), sa.func.sum(c.people_count).label("people"),
            sa.func.bool_and(is_exact).label("is_exact"),
        )
        .group_by(sa.literal_column("1"), c.building, c.neighbourhood)
        .subquery("cells")
    )  # fmt: skip
    shown = sa.or_(cells.c.is_exact, cells.c.homes >= MIN_CELL)

    def total(column: sa.ColumnElement) -> sa.ColumnElement:
        return sa.cast(sa.func.coalesce(sa.func.sum(column).filter(shown), 0), sa.BigInteger)

    return sa.select(
        cells.c.key, total(cells.c.homes), total(cells.c.people), sa.func.count().filter(sa.not_(shown))
    ).group_by(cells.c.key)  # fmt: skip


def _shown_homes(actor: Actor, node: Node, as_of: datetime | None, verb: str) -> sa.Subquery:
    """Select the households of a place whose cell may be told of."""
    rows = _homes(actor, node, as_of, verb)
    if holds_throughout(actor, node, "household.exact"):
        return rows
    together = sa.func.count().over(partition_by=(rows.c.building, rows.c.neighbourhood)).label("together")
    counted = sa.select(rows, together).subquery("counted")
    shown = sa.or_(counted.c.together >= MIN_CELL, within_scope(counted, actor, "household.exact"))
    return sa.select(counted).where(shown).subquery("shown")


def _priority(actor: Actor, node: Node, as_of: datetime | None, keyed: Keyed) -> sa.Select:
    rows = _shown_homes(actor, node, as_of, "household.priority")
    tags = rows_at(household_priority, as_of, ("county", "household_id", "tag", "people_count"), lambda _: sa.true())
    key = keyed(rows)
    return (
        sa.select(key, tags.c.tag, sa.func.sum(tags.c.people_count))
        .join_from(rows, tags, sa.and_(tags.c.county == rows.c.county, tags.c.household_id == rows.c.id))
        .group_by(key, tags.c.tag)
    )


def _things(
    actor: Actor, of: sa.Table, verb: str, name: str, node: Node, as_of: datetime | None, keyed: Keyed
) -> sa.Select | None:
    """Count the rows of a layer in a place by key; None where they do not tell the key."""
    columns = [one for one in ("county", "code", "community", "neighbourhood", "building") if one in of.c]
    rows = rows_at(of, as_of, columns, _inside(actor, node, verb))
    key = keyed(rows)
    if key is None:
        return None
    return sa.select(sa.literal(name), key, sa.func.count()).select_from(rows).group_by(key)


def _shown(actor: Actor, node: Node, layers: list[Layer], sums: _Sums) -> Figures:
    """Hold back what the actor may not know."""
    things = {one.name: sums.layers[one.name] for one in layers}
    buildings = sums.buildings if actor.may("building.view") else None
    if not any(_meets(place, node) for place in actor.places_for(*COUNTED_BY)):
        return Figures(buildings, None, None, None, things)
    if sums.small:
        for name in OF_HOMES:
            things.pop(name, None)
    if sums.small and not sums.households:  # of several small buildings not even how few they hold together
        return Figures(buildings, SUPPRESSED if sums.small == 1 else None, None, None, things, suppressed=True)
    groups = None
    if holds_throughout(actor, node, "household.priority"):
        groups = dict(sorted(sums.priority.items(), key=lambda item: (-item[1], item[0])))
    return Figures(buildings, sums.households, sums.people, groups, things, suppressed=bool(sums.small))


def holds_throughout(actor: Actor, node: Node, verb: str) -> bool:
    """Return whether an actor holds a verb over all of a place that it may count at all."""
    held = actor.places_for(verb)
    return bool(held) and all(
        any(place == other or (len(other) <= COMMUNITY_DIGITS and place.startswith(other)) for other in held)
        for place in actor.places_for(*COUNTED_BY)
        if _meets(place, node)
    )


def _meets(place: str, node: Node) -> bool:
    """Return whether a granted place may share something with one that is asked of; by codes alone, so never too few."""
    if len(place) == NEIGHBOURHOOD_DIGITS and node.grids is not None:
        return place in node.grids
    if len(place) == BUILDING_DIGITS and node.buildings is not None:
        return place in node.buildings
    return place.startswith(node.prefix) or node.prefix.startswith(place)


def is_whole(actor: Actor, node: Node) -> bool:
    """Return whether the actor may count all of a place, not a part of it only."""
    places = actor.places_for(*COUNTED_BY)
    if any(node.prefix.startswith(place) for place in places) or node.level == "building":
        return True
    return bool(node.grids) and set(node.grids or ()) <= set(places)
