"""The places that figures are rolled up to: codes by prefix, the four levels, estates and party units by what they cover."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from gridmap.access import (
    BUILDING_DIGITS,
    COMMUNITY_DIGITS,
    COUNTY_DIGITS,
    EVERYWHERE,
    NEIGHBOURHOOD_DIGITS,
    Actor,
    scope_columns_of,
    within_scope,
)
from gridmap.errors import NotFound
from gridmap.hierarchy import building, building_estate, community, division, estate, neighbourhood
from gridmap.layers.party_unit import building_party_unit, neighbourhood_party_unit
from gridmap.layers.party_unit import table as party_unit
from gridmap.reports.past import rows_at

PREFIXES = {2: "province", 4: "city", 6: "county", 9: "subdistrict"}  # digits -> level
PREFIX_DIGITS = tuple(PREFIXES)
PARTITIONS = ("place", "estate", "party")
COUNTED_BY = ("household.view", "household.count")


@dataclass(frozen=True)
class Node:
    """A place that figures are asked of.

    `prefix` holds what lies in it by code (a community whole, and everything above); where `grids` or `buildings` are
    given, it is what lies in these grids, or in these buildings.
    """

    level: str
    code: str
    name: str
    prefix: str
    grids: tuple[str, ...] | None = None
    buildings: tuple[str, ...] | None = None

    def holds(self, table: sa.FromClause) -> sa.ColumnElement[bool] | None:
        """Return the condition that a row lies in the place, or None where the table does not tell.

        Ranges and equalities only: under row-level security a prefix by LIKE would not use the index.
        """
        columns = scope_columns_of(table)
        if self.buildings is not None:
            return columns["building"].in_(self.buildings) if "building" in columns else None
        if self.grids is not None:
            return columns["neighbourhood"].in_(self.grids) if "neighbourhood" in columns else None
        if "community" not in columns:
            return None
        if len(self.prefix) == COMMUNITY_DIGITS:
            return columns["community"] == self.prefix
        inside = begins_with(columns["community"], self.prefix)
        if len(self.prefix) <= COUNTY_DIGITS and "county" in table.c:
            first, last = (int(self.prefix.ljust(COUNTY_DIGITS, digit)) for digit in "09")
            inside = sa.or_(inside, sa.and_(columns["community"].is_(None), table.c.county.between(first, last)))
        return inside

    @property
    def key(self) -> str:
        """Return the column that tells the rows of its children apart: neighbourhood or building."""
        return "building" if self.buildings is not None else "neighbourhood"


def begins_with(column: sa.ColumnElement, prefix: str) -> sa.ColumnElement[bool]:
    """Return the condition that a code begins with some digits, as a range that an index serves under a policy."""
    return sa.and_(column >= prefix, column < prefix + ":")  # the colon follows the nine, byte by byte


def find(conn: sa.Connection, actor: Actor, code: str, as_of: datetime | None = None) -> Node:
    """Return the place with a code; NotFound also for one outside the actor's scope."""
    found = _by_digits(conn, actor, code, as_of) if code.isascii() and code.isdigit() else None
    if found is None:
        found = _first(estates(conn, actor, estate.c.code.name, [code], as_of))
    if found is None and actor.may("party_unit.view"):
        found = _first(party_units(conn, actor, "code", [code], as_of))
    if found is None:
        raise NotFound(f"There is no place with the code {code[:40]!r}.", where="code")
    return found


def _first(nodes: list[Node]) -> Node | None:
    return nodes[0] if nodes else None


def _by_digits(conn: sa.Connection, actor: Actor, code: str, as_of: datetime | None) -> Node | None:
    if len(code) in PREFIXES:
        return _region(conn, actor, code, as_of)
    if len(code) == COMMUNITY_DIGITS:
        return _first(communities(conn, actor, code, as_of))
    if len(code) == NEIGHBOURHOOD_DIGITS:
        return _first(grids(conn, actor, [code], as_of))
    return _first(buildings(conn, actor, [code], as_of)) if len(code) == BUILDING_DIGITS else None


def _region(conn: sa.Connection, actor: Actor, code: str, as_of: datetime | None) -> Node | None:
    rows = rows_at(community, as_of, ["code"], lambda t: sa.and_(begins_with(t.c.code, code), within_scope(t, actor)))
    if not conn.scalar(sa.select(sa.exists(sa.select(rows)))):
        return None
    return Node(PREFIXES[len(code)], code, names_of(conn, [code]).get(code, code), code)


def names_of(conn: sa.Connection, codes: Iterable[str]) -> dict[str, str]:
    """Return the names of provinces, cities, counties and sub-districts by code, as far as they are stored."""
    query = sa.select(division.c.code, division.c.name).where(division.c.code.in_(list(codes)))
    return {row.code: row.name for row in conn.execute(query)}


def regions(conn: sa.Connection, actor: Actor, prefix: str, digits: int, as_of: datetime | None) -> list[Node]:
    """Return the places of so many digits below a prefix in which the actor sees a community, by code."""
    rows = rows_at(community, as_of, ["code"], lambda t: sa.and_(begins_with(t.c.code, prefix), within_scope(t, actor)))
    head = sa.func.left(rows.c.code, digits)
    codes = list(conn.scalars(sa.select(head).distinct().order_by(head)))
    names = names_of(conn, codes)
    return [Node(PREFIXES[digits], code, names.get(code, code), code) for code in codes]


def communities(conn: sa.Connection, actor: Actor, prefix: str, as_of: datetime | None) -> list[Node]:
    """Return the communities below a prefix, or the one with the code, by code."""
    rows = rows_at(
        community, as_of, ["code", "name"], lambda t: sa.and_(begins_with(t.c.code, prefix), within_scope(t, actor))
    )
    found = conn.execute(sa.select(rows.c.code, rows.c.name).order_by(rows.c.code))
    return [Node("community", row.code, row.name, row.code) for row in found]


def grids(conn: sa.Connection, actor: Actor, codes: list[str], as_of: datetime | None) -> list[Node]:
    """Return the grids with some codes, or of a community by its 12 digits, that the actor works in, by code."""
    rows = rows_at(
        neighbourhood, as_of, ["code", "name", "community"],
        lambda t: sa.and_(
            sa.or_(t.c.code.in_(codes), t.c.community.in_(codes)),
            within_scope(t, actor), _own_grid(actor, t),
        ),
    )  # fmt: skip
    found = conn.execute(sa.select(rows.c.code, rows.c.name, rows.c.community).order_by(rows.c.code))
    return [Node("neighbourhood", row.code, row.name, row.community, grids=(row.code,)) for row in found]


def _own_grid(actor: Actor, table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition that a grid is one's own: the neighbour's lies on the map, its figures are not told."""
    b = building.c
    tests: list[sa.ColumnElement[bool]] = []
    for place in actor.places_for("neighbourhood.view"):
        if place == EVERYWHERE:
            return sa.true()
        if len(place) == BUILDING_DIGITS:
            tests.append(table.c.code.in_(sa.select(b.neighbourhood).where(b.code == place, b.valid_to.is_(None))))
        else:
            tests.append(begins_with(table.c.code, place))
    return sa.or_(sa.false(), *tests)


def buildings(conn: sa.Connection, actor: Actor, codes: list[str], as_of: datetime | None) -> list[Node]:
    """Return the buildings with some codes, or of some grids or a community, by code."""
    if not actor.may("building.view"):
        return []
    rows = rows_at(
        building, as_of, ["code", "name", "community"],
        lambda t: sa.and_(
            sa.or_(t.c.code.in_(codes), t.c.neighbourhood.in_(codes), t.c.community.in_(codes)), within_scope(t, actor)
        ),
    )  # fmt: skip
    found = conn.execute(sa.select(rows.c.code, rows.c.name, rows.c.community).order_by(rows.c.code))
    return [Node("building", row.code, row.name, row.community, buildings=(row.code,)) for row in found]


def estates(conn: sa.Connection, actor: Actor, column: str, values: list[str], as_of: datetime | None) -> list[Node]:
    """Return the estates whose column (code or community) is one of some values, with the buildings they cover."""
    if not actor.may("estate.view"):
        return []
    rows = rows_at(
        estate, as_of, ["county", "id", "code", "name", "community"],
        lambda t: sa.and_(t.c[column].in_(values), within_scope(t, actor)),
    )  # fmt: skip
    inside = _linked(building_estate, building, rows, "estate", as_of)
    return [
        Node("estate", row.code, row.name, row.community, buildings=tuple(row.members))
        for row in conn.execute(_with_members(rows, inside))
    ]


def party_units(
    conn: sa.Connection, actor: Actor, column: str, values: list[str], as_of: datetime | None
) -> list[Node]:
    """Return the party units whose column (code, community) is one of some values, with the places they cover."""
    rows = rows_at(
        party_unit, as_of, ["county", "id", "code", "name", "community", "level", "parent_id"],
        lambda t: sa.and_(t.c[column].in_(values), within_scope(t, actor)),
    )  # fmt: skip
    found: list[Node] = []
    for row in conn.execute(_with_members(rows, _linked(building_party_unit, building, rows, "party_unit", as_of))):
        if row.level == "group":
            found.append(Node(f"party_{row.level}", row.code, row.name, row.community, buildings=tuple(row.members)))
    grid_links = _linked(neighbourhood_party_unit, neighbourhood, rows, "party_unit", as_of)
    for row in conn.execute(_with_members(rows, grid_links)):
        if row.level != "group":
            held = tuple(row.members) if row.level == "branch" else None
            found.append(Node(f"party_{row.level}", row.code, row.name, row.community, grids=held))
    return found


def _linked(link: sa.Table, place: sa.Table, owners: sa.Subquery, owner: str, as_of: datetime | None) -> sa.Subquery:
    """Select (county, owner's id, code) of the places that a link table gives to some owners."""
    pairs = rows_at(link, as_of, ["county", f"{place.name}_id", f"{owner}_id"], lambda _: sa.true())
    places = rows_at(place, as_of, ["county", "id", "code"], lambda _: sa.true())
    return (
        sa.select(pairs.c.county, pairs.c[f"{owner}_id"].label("owner_id"), places.c.code)
        .join(places, sa.and_(places.c.county == pairs.c.county, places.c.id == pairs.c[f"{place.name}_id"]))
        .join(owners, sa.and_(owners.c.county == pairs.c.county, owners.c.id == pairs.c[f"{owner}_id"]))
        .subquery()
    )


def _with_members(owners: sa.Subquery, members: sa.Subquery) -> sa.Select:
    codes = sa.func.array_remove(sa.func.array_agg(members.c.code), None).label("members")
    levels = [owners.c.level] if "level" in owners.c else []
    return (
        sa.select(owners.c.code, owners.c.name, owners.c.community, *levels, codes)
        .outerjoin(members, sa.and_(members.c.county == owners.c.county, members.c.owner_id == owners.c.id))
        .group_by(owners.c.county, owners.c.id, owners.c.code, owners.c.name, owners.c.community, *levels)
        .order_by(owners.c.code)
    )


def children(conn: sa.Connection, actor: Actor, node: Node, by: str, as_of: datetime | None) -> list[Node]:
    """Return the places a place is divided into, by code; none below a building.

    Parameters
    ----------
    by : place (the next level of the tree), estate or party
    """
    if by == "estate":
        return estates(conn, actor, "community", [node.prefix], as_of) if node.level == "community" else []
    if by == "party" or node.level.startswith("party_"):
        return _party_children(conn, actor, node, as_of)
    if node.level in PREFIXES.values():
        longer = [digits for digits in PREFIX_DIGITS if digits > len(node.prefix)]
        if longer:
            return regions(conn, actor, node.prefix, longer[0], as_of)
        return communities(conn, actor, node.prefix, as_of)
    if node.level == "community":
        return grids(conn, actor, [node.code], as_of)
    if node.level == "building":
        return []
    if node.buildings is not None:
        return buildings(conn, actor, list(node.buildings), as_of)
    return buildings(conn, actor, list(node.grids or ()), as_of)


def _party_children(conn: sa.Connection, actor: Actor, node: Node, as_of: datetime | None) -> list[Node]:
    if not actor.may("party_unit.view"):
        return []
    below = {"community": "party_branch", "party_committee": "party_branch", "party_branch": "party_group"}
    wanted = below.get(node.level)
    if wanted is None:
        return (
            buildings(conn, actor, list(node.buildings), as_of)
            if node.level == "party_group" and node.buildings
            else []
        )
    units = [one for one in party_units(conn, actor, "community", [node.prefix], as_of) if one.level == wanted]
    if wanted == "party_branch":
        return units
    own = {one.code for one in buildings(conn, actor, list(node.grids or ()), as_of)}
    return [one for one in units if own.intersection(one.buildings or ())]


def starts(conn: sa.Connection, actor: Actor) -> list[Node]:
    """Return the places an actor begins with: what was granted, or the counties for somebody without a limit."""
    found: list[Node] = []
    for place in actor.places_for("community.view"):
        if place == EVERYWHERE:
            found += regions(conn, actor, "", COUNTY_DIGITS, None)
            continue
        try:
            found.append(find(conn, actor, place))
        except NotFound:
            continue  # a place without rows yet, or a supply point
    return found
