"""Which building an address means: by the number in its name, inside the estate and community that are stated."""

import difflib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from gridmap.access import within_scope
from gridmap.addresses import Address, parsed, sign_of
from gridmap.exchange.reasons import problem
from gridmap.exchange.work import Work, stored
from gridmap.hierarchy import COMMUNITY_DIGITS

FETCH_ROWS = 5_000
NAMED = 4  # candidates that a refusal lists
UNIT_DIGITS, ROOM_DIGITS = 2, 4


@dataclass(frozen=True)
class Candidate:
    """A building as addresses may name it: `around` holds its estates, its community and what its name begins with."""

    code: str
    name: str
    sign: str
    around: tuple[str, ...]
    community: str

    @property
    def shown(self) -> str:
        """Return how a refusal names it."""
        return f"{''.join(self.around[:1])}{self.name} ({self.code})"


def read(work: Work) -> None:
    """Fill in building, unit, floor and room of households from their address, where the file does not give them itself."""
    rows = work.rows
    meant = buildings(work, sa.and_(rows.c.given_building.is_(None), rows.c.code.is_(None)))
    found = []
    for row, (house, address) in meant.items():
        parts = _parts(address.unit, address.floor, address.room)
        found.append({"b_row": row, "b_building": house.code, **parts})
    _fill(work, found)


def buildings(work: Work, asked: sa.ColumnElement[bool]) -> dict[int, tuple[Candidate, Address]]:
    """Return the one building that each row's address means, with the parts of the address, and refuse the other rows.

    Parameters
    ----------
    asked : the condition on the rows whose address counts; those without one are left alone
    """
    if not work.plan.has("address"):
        return {}
    rows = work.rows
    columns = [rows.c[name] if work.plan.has(name) else sa.null() for name in ("estate", "community_name")]
    query = sa.select(rows.c.row, rows.c.address, *columns).where(rows.c.address.is_not(None), asked, work.good)
    by_sign: dict[str, list[Candidate]] | None = None
    found, refused = {}, []
    for row, text, *stated in work.conn.execute(query).all():
        by_sign = _candidates(work) if by_sign is None else by_sign
        address = parsed(text)
        if address is None:
            refused.append(row)
            work.report.problems.append(problem(row, "address", text, "address_unread"))
            continue
        fitting = chosen(by_sign, address, [part for part in stated if part])
        if len(fitting) == 1:
            found[row] = fitting[0], address
            continue
        refused.append(row)
        near = fitting or _near(by_sign, address)
        told = {"count": len(near), "near": "、".join(one.shown for one in near[:NAMED]) or "-"}
        code = "address_ambiguous" if fitting else "address_unknown"
        work.report.problems.append(problem(row, "address", text, code, **told))
    work.refuse_rows(refused)
    return found


def chosen(by_sign: dict[str, list[Candidate]], address: Address, stated: Iterable[str]) -> list[Candidate]:
    """Return the buildings an address may mean: those with its sign, and of them those whose surroundings it names.

    Without a building of that name the running number of a code counts, inside a community that is named.
    """
    words = [word for word in (address.around, *stated) if word]
    sign = address.building or ""
    same = by_sign.get(sign, [])
    named = _named(same, words)
    if named or (same and not words):
        return named or same
    if same and not any(
        word for word in stated
    ):  # a street before the number: nobody recorded it, nothing speaks against
        return same if not _names_a_place(by_sign, words) else []
    numbered = [one for group in by_sign.values() for one in group if _number(one) == sign]
    return _named(numbered, words)


def _named(candidates: list[Candidate], words: list[str]) -> list[Candidate]:
    """Return the candidates with the most of their surroundings named by some words; none where nothing is named."""
    scores = [sum(any(part in word or word in part for word in words) for part in one.around) for one in candidates]
    best = max(scores, default=0)
    return [one for one, score in zip(candidates, scores, strict=True) if score == best and best > 0]


def _names_a_place(by_sign: dict[str, list[Candidate]], words: list[str]) -> bool:
    places = {part for group in by_sign.values() for one in group for part in one.around}
    return any(part in word for word in words for part in places)


def _number(candidate: Candidate) -> str:
    return candidate.code[COMMUNITY_DIGITS:].lstrip("0")


def _near(by_sign: dict[str, list[Candidate]], address: Address) -> list[Candidate]:
    """Return buildings that may have been meant: the same number elsewhere, then similar names."""
    same = by_sign.get(address.building or "", [])
    names = {f"{''.join(one.around[:1])}{one.name}": one for group in by_sign.values() for one in group}
    written = f"{address.around}{address.building}幢"
    similar = [names[name] for name in difflib.get_close_matches(written, names, n=NAMED, cutoff=0.3)]
    return list(dict.fromkeys([*same[:NAMED], *similar]))[:NAMED]


def _candidates(work: Work) -> dict[str, list[Candidate]]:
    building, community = stored("building"), stored("community")
    link, estate = stored("building_estate"), stored("estate")
    estates = (
        sa.select(sa.func.array_agg(aggregate_order_by(estate.c.name, estate.c.name)))
        .where(
            link.c.county == building.c.county, link.c.building_id == building.c.id, estate.c.county == link.c.county,
            estate.c.id == link.c.estate_id, work.current(estate),
        )
        .scalar_subquery()
    )  # fmt: skip
    own = sa.and_(community.c.county == building.c.county, community.c.id == building.c.community_id)
    query = (
        sa.select(building.c.code, building.c.name, estates, community.c.name, building.c.community)
        .join(community, own)
        .where(work.current(building), within_scope(building, work.actor))
        .order_by(building.c.code)
        .execution_options(yield_per=FETCH_ROWS)
    )
    found: dict[str, list[Candidate]] = defaultdict(list)
    for code, name, named, community_name, community_code in work.conn.execute(query):
        sign, before = sign_of(name)
        around = tuple(part for part in (*(named or ()), before, community_name) if part)
        found[sign].append(Candidate(code, name, sign, around, community_code))
    return found


def _parts(unit: str | None, floor: str | None, room: str | None) -> dict[str, object]:
    return {
        "b_unit": unit and unit.zfill(UNIT_DIGITS), "b_floor": int(floor) if floor else None,
        "b_room": room and room.zfill(ROOM_DIGITS),
    }  # fmt: skip


def _fill(work: Work, found: list[dict[str, object]]) -> None:
    if not found:
        return
    rows = work.rows
    change = sa.update(rows).where(rows.c.row == sa.bindparam("b_row"))
    values = {
        name: sa.func.coalesce(rows.c[name], sa.bindparam(f"b_{name}", type_=rows.c[name].type))
        for name in ("unit", "floor", "room")
    }
    work.conn.execute(change.values(given_building=sa.bindparam("b_building"), **values), found)
