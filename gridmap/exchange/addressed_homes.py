"""Which household the address of a resident means: the building by its number and surroundings, then unit and room."""

from collections import defaultdict
from dataclasses import dataclass

import sqlalchemy as sa

from gridmap.access import within_scope
from gridmap.addresses import Address
from gridmap.exchange import addressed
from gridmap.exchange.addressed import NAMED, ROOM_DIGITS, UNIT_DIGITS, Candidate
from gridmap.exchange.reasons import problem
from gridmap.exchange.work import Work, stored

HOUSES_AT_ONCE = 500


@dataclass(frozen=True)
class _Home:
    code: str
    unit: str
    room: str

    @property
    def shown(self) -> str:
        return f"{self.unit}-{self.room} ({self.code})"


def read(work: Work) -> None:
    """Fill in the household of residents from their address, where the file names neither household nor building.

    Notes
    -----
    Unit and room of the file's own columns count before those of the address. Without a unit the room alone decides,
    where only one household of the building has it. A row whose household is not found is refused with those near it.
    """
    if not work.plan.has("address"):
        return
    rows = work.rows
    meant = addressed.buildings(work, sa.and_(rows.c.given_household.is_(None), rows.c.given_building.is_(None)))
    by_house: dict[str, list[int]] = defaultdict(list)
    for row, (house, _) in meant.items():
        by_house[house.code].append(row)
    houses = sorted(by_house)
    for start in range(0, len(houses), HOUSES_AT_ONCE):
        codes = houses[start : start + HOUSES_AT_ONCE]
        homes = _homes(work, codes)
        asked = _asked(work, [row for code in codes for row in by_house[code]])
        found, refused = {}, []
        for row, (text, unit, room) in asked.items():
            house, address = meant[row]
            wanted = unit or _padded(address.unit, UNIT_DIGITS), room or _padded(address.room, ROOM_DIGITS)
            fitting = [home for home in homes[house.code] if wanted[1] == home.room and wanted[0] in (None, home.unit)]
            if len(fitting) == 1:
                found[row] = fitting[0].code
                continue
            refused.append(row)
            _tell(work, row, text, house, fitting, _near(homes[house.code], wanted, address))
        work.refuse_rows(refused)
        _fill(work, found)


def _tell(work: Work, row: int, text: str, house: Candidate, fitting: list[_Home], near: list[_Home]) -> None:
    listed = "、".join(home.shown for home in (fitting or near)[:NAMED]) or "-"
    code = "address_homes" if fitting else "address_no_home"
    work.report.problems.append(
        problem(row, "address", text, code, building=house.shown, count=len(fitting), near=listed)
    )


def _near(homes: list[_Home], wanted: tuple[str | None, str | None], address: Address) -> list[_Home]:
    """Return households of a building by how near their door is: the same room, then the same unit and near numbers."""
    unit, room = wanted
    number = int(room) if room else int(address.floor or 0) * 100

    def distance(home: _Home) -> tuple[bool, bool, int, str]:
        return home.room != room, unit is not None and home.unit != unit, abs(int(home.room) - number), home.code

    return sorted(homes, key=distance)[:NAMED]


def _homes(work: Work, codes: list[str]) -> dict[str, list[_Home]]:
    household = stored("household")
    h = household.c
    query = (
        sa.select(h.building, h.code, h.unit, h.room)
        .where(h.building.in_(codes), work.current(household), within_scope(household, work.actor))
        .order_by(h.code)
    )
    found: dict[str, list[_Home]] = defaultdict(list)
    for building, code, unit, room in work.conn.execute(query):
        found[building].append(_Home(code, unit, room))
    return found


def _asked(work: Work, numbers: list[int]) -> dict[int, tuple[str, str | None, str | None]]:
    rows = work.rows.c
    query = sa.select(rows.row, rows.address, rows.unit, rows.room).where(rows.row.in_(numbers)).order_by(rows.row)
    return {row: (text, unit, room) for row, text, unit, room in work.conn.execute(query)}


def _padded(number: str | None, digits: int) -> str | None:
    return number and number.zfill(digits)


def _fill(work: Work, found: dict[int, str]) -> None:
    if found:
        rows = work.rows
        change = (
            sa.update(rows).where(rows.c.row == sa.bindparam("b_row")).values(given_household=sa.bindparam("b_home"))
        )
        work.conn.execute(change, [{"b_row": row, "b_home": code} for row, code in found.items()])
