"""The smallest zone for the same reason: whole units, buildings or estates that hold all index places (ERL 10)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.hierarchy import BUILDING_DIGITS, building_estate, estate, household
from gridmap.hierarchy import building as building_table
from gridmap.layers.closure_zone.scope import UNIT_DIGITS, Item, Scope, listed, of_items, worded

MAX_EXACT = 15  # candidates up to which the answer is the smallest for certain


@dataclass(frozen=True)
class Candidate:
    """A whole unit, building or estate with what it holds: households with their people, buildings, index places."""

    item: Item
    homes: frozenset[str]
    reasons: frozenset[str]

    @property
    def order(self) -> tuple[int, str]:
        """Return what decides between two of the same households: the one named first by size, then code."""
        return len(self.item.buildings), self.item.code


def smallest(candidates: Sequence[Candidate], reasons: Iterable[str], people: dict[str, int]) -> list[Candidate] | None:
    """Return the candidates whose union holds all reasons with fewest households, then people, buildings and parts.

    Parameters
    ----------
    people : people of each household

    Returns
    -------
    In the order of their codes; None if no union holds them all. Exact up to 15 candidates, beyond that each reason in
    turn takes the candidate that adds the fewest households.
    """
    wanted = frozenset(reasons)
    useful = sorted((one for one in candidates if one.reasons & wanted), key=lambda one: one.item.code)
    if not wanted <= frozenset().union(*(one.reasons for one in useful)):
        return None
    found = _best(useful, wanted, people) if len(useful) <= MAX_EXACT else _greedy(useful, wanted)
    return sorted(found, key=lambda one: one.item.code)


def _best(useful: list[Candidate], wanted: frozenset[str], people: dict[str, int]) -> list[Candidate]:
    def size(chosen: Sequence[Candidate]) -> tuple[int, int, int, int, list[str]]:
        homes = frozenset[str]().union(*(one.homes for one in chosen))
        houses = {code for one in chosen for code in one.item.buildings}
        codes = sorted(one.item.code for one in chosen)
        return len(homes), sum(people[home] for home in homes), len(houses), len(chosen), codes

    return min((list(chosen) for chosen in _covers(useful, wanted, ())), key=size)


def _covers(
    useful: list[Candidate], missing: frozenset[str], chosen: tuple[Candidate, ...]
) -> Iterator[tuple[Candidate, ...]]:
    """Yield the unions that hold every reason, none with a part that was needed by no reason when it was taken."""
    if not missing:
        yield chosen
        return
    first = min(missing)
    for one in useful:
        if first in one.reasons:
            yield from _covers(useful, missing - one.reasons, (*chosen, one))


def _greedy(useful: list[Candidate], wanted: frozenset[str]) -> list[Candidate]:
    chosen: list[Candidate] = []
    missing, homes = set(wanted), frozenset[str]()
    while missing:
        first = min(missing)
        best = min(
            (one for one in useful if first in one.reasons),
            key=lambda one: (len(one.homes - homes), len(one.homes), one.order),
        )
        chosen.append(best)
        homes |= best.homes
        missing -= best.reasons
    return chosen


def for_index(conn: sa.Connection, actor: Actor, codes: list[str], levels: Sequence[str]) -> list[Candidate] | None:
    """Return the smallest union of whole places of some levels that holds the index buildings, units or households.

    NotFound for an index code that is not there for the actor. Without the right to count households, sizes are by
    buildings and parts alone.
    """
    reasons = listed(conn, actor, codes, where="index")
    buildings = sorted({code for item in reasons for code in item.buildings})
    estates = _estates_of(conn, actor, buildings) if "estate" in levels else {}
    every = sorted({*buildings, *(code for item in estates.values() for code in item.buildings)})
    people = _people(conn, actor, every)
    names = _names(conn, actor, buildings)
    items = list(estates.values())
    if "building" in levels:
        items += [Item("building", code, names[code], (code,)) for code in buildings]
    if "unit" in levels:
        units = sorted({item.code[:UNIT_DIGITS] for item in reasons if item.unit})
        items += [Item("unit", code, names[code[:BUILDING_DIGITS]], (code[:BUILDING_DIGITS],)) for code in units]
    made = [_candidate(item, reasons, people) for item in items]
    return smallest(made, [item.code for item in reasons], people)


def _candidate(item: Item, reasons: list[Item], people: dict[str, int]) -> Candidate:
    def within(code: str) -> bool:
        return code.startswith(item.code) if item.level == "unit" else code[:BUILDING_DIGITS] in item.buildings

    homes = frozenset(home for home in people if within(home))
    held = (one for one in reasons if one.buildings and all(map(within, _parts(one))))
    return Candidate(item, homes, frozenset(one.code for one in held))


def _parts(reason: Item) -> tuple[str, ...]:
    return (reason.code,) if reason.unit or reason.level == "building" else reason.buildings


def _people(conn: sa.Connection, actor: Actor, buildings: list[str]) -> dict[str, int]:
    if not actor.may("household.count"):
        return {}
    h = household.c
    rows = conn.execute(
        sa.select(h.code, h.people_count).where(
            h.building.in_(buildings), h.valid_to.is_(None), within_scope(household, actor, "household.count")
        )
    )
    return {row[0]: row[1] for row in rows}


def _names(conn: sa.Connection, actor: Actor, codes: list[str]) -> dict[str, str]:
    b = building_table.c
    rows = conn.execute(
        sa.select(b.code, b.name).where(b.code.in_(codes), b.valid_to.is_(None), within_scope(building_table, actor))
    )
    return {row.code: row.name for row in rows}


def _estates_of(conn: sa.Connection, actor: Actor, buildings: list[str]) -> dict[str, Item]:
    b, e, pair = building_table.c, estate.c, building_estate.c
    codes = conn.scalars(
        sa.select(e.code)
        .join(building_estate, sa.and_(pair.county == e.county, pair.estate_id == e.id))
        .join(building_table, sa.and_(pair.county == b.county, pair.building_id == b.id))
        .where(b.code.in_(buildings), b.valid_to.is_(None), e.valid_to.is_(None), within_scope(estate, actor))
        .distinct()
    ).all()
    return {item.code: item for item in listed(conn, actor, list(codes), where="index")} if codes else {}


def told(conn: sa.Connection, actor: Actor, found: list[Candidate]) -> tuple[str, Scope]:
    """Return the words of a union and its scope."""
    return worded([one.item for one in found]), of_items(conn, actor, [one.item.code for one in found], where="index")
