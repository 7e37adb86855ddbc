"""Changes of households with what becomes of the people in them: split 分户, join 并户, occupancy 居住状态."""

import re
from collections.abc import Mapping

import sqlalchemy as sa

from gridmap.access import Actor
from gridmap.errors import Conflict, InvalidInput
from gridmap.hierarchy import OCCUPANCIES, household
from gridmap.layers.resident import moves, person, records
from gridmap.layers.resident.records import EDIT, Done, Step
from gridmap.occupants import derive, resident
from gridmap.tables import metadata

HOUSEHOLD_EDIT = "household.edit"
UNINHABITED = ("vacant", "shop")
UNIT, ROOM = re.compile("[0-9]{2}"), re.compile("[0-9]{4}")


def split(
    conn: sa.Connection,
    actor: Actor,
    code: str,
    *,
    unit: str,
    room: str,
    residents: Mapping[str, int],
    version: int | None = None,
) -> Done:
    """Make a household of its own, behind a door of the same building, for some residents of another.

    Parameters
    ----------
    unit, room : 2 and 4 digits of the new household's code; no household in force has it
    residents : the code of each who goes along, and the version of the row that was looked at

    Raises
    ------
    NotFound, Outdated, InvalidInput; Conflict if the door is taken.
    """
    _require(actor)
    if not UNIT.fullmatch(unit) or not ROOM.fullmatch(room):
        raise InvalidInput("unit has 2 digits and room 4. 单元为两位、房号为四位数字。", where="room")
    if not residents:
        raise InvalidInput("Name at least one resident who goes along. 请选择分出的居民。", where="residents")
    home = records.lock_households(conn, actor, [code], HOUSEHOLD_EDIT)[code]
    records.check_version(conn, home, version, {"unit": unit, "room": room})
    living = {row.code: row for row in records.residents_in(conn, [(home.county, home.id)])}
    for name, seen in residents.items():
        if name not in living or living[name].version != seen:
            _refuse_changed(conn, living, name, home, seen)
    made = _add(conn, actor, home, unit, room)
    new = records.lock_households(conn, actor, [made], HOUSEHOLD_EDIT)[made]
    steps = [Step("household", made, 0, 1)]
    steps += [moves.settle(conn, actor, living[name], new, person.today(conn)) for name in sorted(residents)]
    derive(conn, [(home.county, home.id), (new.county, new.id)])
    return Done(tuple(steps))


def join(
    conn: sa.Connection,
    actor: Actor,
    code: str,
    other: str,
    *,
    version: int | None = None,
    other_version: int | None = None,
) -> Done:
    """Take the people of another household into one, and retire the other."""
    _require(actor)
    if code == other:
        raise InvalidInput("A household cannot be joined with itself. 不能与自身合并。", where="other")
    homes = records.lock_households(conn, actor, [code, other], HOUSEHOLD_EDIT)
    home, gone = homes[code], homes[other]
    records.check_version(conn, home, version, {"other": other})
    records.check_version(conn, gone, other_version, {"other": other})
    _refuse_party_household(conn, gone)
    keys = {(row.county, row.id): row for row in (home, gone)}
    living = records.residents_in(conn, keys)
    coming = [row for row in living if row.household_id == gone.id]
    _refuse_mixed(home, gone, {row.household_id for row in living})
    steps = [moves.settle(conn, actor, row, home, person.today(conn)) for row in coming]
    end = sa.func.greatest(sa.func.now(), household.c.valid_from)
    after = records.write_next(conn, actor, household, gone, valid_to=end)
    steps.append(Step("household", other, gone.version, after))
    if living:
        derive(conn, [(home.county, home.id)])
    elif gone.people_count:
        raise_count = records.write_next(
            conn, actor, household, home, people_count=home.people_count + gone.people_count
        )
        steps.append(Step("household", code, home.version, raise_count))
    return Done(tuple(steps))


def set_occupancy(
    conn: sa.Connection,
    actor: Actor,
    code: str,
    occupancy: str,
    *,
    residents: str = "keep",
    version: int | None = None,
) -> Done:
    """Change how a household is used.

    Parameters
    ----------
    residents : `keep`, or `move_out` to end the stay of everybody today; a home that is vacant or a shop needs that
    """
    actor.require(HOUSEHOLD_EDIT)
    if occupancy not in OCCUPANCIES:
        raise InvalidInput(f"occupancy is one of: {', '.join(OCCUPANCIES)}. 取值不正确。", where="occupancy")
    if residents not in ("keep", "move_out"):
        raise InvalidInput("residents is keep or move_out. 取值不正确。", where="residents")
    home = records.lock_households(conn, actor, [code], HOUSEHOLD_EDIT)[code]
    records.check_version(conn, home, version, {"occupancy": occupancy})
    living = records.residents_in(conn, [(home.county, home.id)])
    if living and occupancy in UNINHABITED and residents == "keep":
        raise Conflict(
            f"{len(living)} residents live there. Move them first, or let them move out with this change."
            f" 该户仍有 {len(living)} 名居民，请先迁移或选择一并迁出。",
            where="residents",
        )
    steps = []
    if home.occupancy != occupancy:
        after = records.write_next(conn, actor, household, home, occupancy=occupancy)
        steps.append(Step("household", code, home.version, after))
    if residents == "move_out" and living:
        actor.require(EDIT)
        day = person.today(conn)
        steps += [Step("resident", row.code, row.version, moves.leave(conn, actor, row, day)) for row in living]
    if occupancy in UNINHABITED or (residents == "move_out" and living):
        derive(conn, [(home.county, home.id)])  # nobody lives there now, whatever number was stated
    return Done(tuple(steps))


def _require(actor: Actor) -> None:
    actor.require(HOUSEHOLD_EDIT)
    actor.require(EDIT)


def _refuse_changed(conn: sa.Connection, living: Mapping[str, sa.Row], name: str, home: sa.Row, seen: int) -> None:
    if name not in living:
        raise Conflict(f"{name[:40]} does not live in {home.code} any more. 该居民已不在此户。", where="residents")
    row = living[name]
    raise records.Outdated(name, row.version, row.changed_by, records.told(conn, resident, row), {"version": seen})


def _add(conn: sa.Connection, actor: Actor, home: sa.Row, unit: str, room: str) -> str:
    code = home.building + unit + room
    h = household.c
    if conn.scalar(sa.select(sa.exists().where(h.code == code, h.valid_to.is_(None)))):
        raise Conflict(f"There is a household {code} already. 该户已存在。", where="room")
    shared = {name: getattr(home, name) for name in ("county", "building_id", "building", "community", "neighbourhood")}
    floor = int(room[:2]) or home.floor
    conn.execute(
        sa.insert(household).values(
            **shared, id=records.new_id(), code=code, unit=unit, room=room, floor=floor, occupancy="resident",
            people_count=0, geom=home.geom, changed_by=actor.name, source=moves.ORIGIN,
        )
    )  # fmt: skip
    return code


def _refuse_mixed(home: sa.Row, gone: sa.Row, with_residents: set) -> None:
    """Refuse to join a household whose people are known with one whose people were only counted."""
    for row in (home, gone):
        if with_residents and row.id not in with_residents and row.people_count:
            raise Conflict(
                f"Of household {row.code} only the number of people is known. Enter them first. "
                f"户 {row.code} 仅有人数，请先登记居民。",
                where="other",
            )


def _refuse_party_household(conn: sa.Connection, gone: sa.Row) -> None:
    p = metadata.tables["party_household"].c
    here = sa.exists().where(p.county == gone.county, p.household_id == gone.id, p.valid_to.is_(None))
    if conn.scalar(sa.select(here)):
        raise Conflict(
            f"Household {gone.code} is a party-member household; retire that record first. 该户为党员户，请先处理党员户记录。",
            where="other",
        )
