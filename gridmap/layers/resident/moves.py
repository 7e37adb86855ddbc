"""Moving in 迁入, out 迁出 and between households: each one transaction, versioned, with the counts that follow."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from gridmap import personal
from gridmap.access import Actor
from gridmap.errors import Conflict, InvalidInput
from gridmap.hierarchy import household
from gridmap.layers.resident import person, records
from gridmap.layers.resident.records import EDIT, Done, Step
from gridmap.occupants import derive, next_codes, resident

ORIGIN = "form"  # what `source` says of persons who were entered one by one
EMPTY = ("vacant",)  # a home that is no longer empty when somebody moves in


def move_in(
    conn: sa.Connection,
    actor: Actor,
    home_code: str,
    given: Mapping[str, Any],
    *,
    tags: Iterable[str] = (),
    version: int | None = None,
) -> Done:
    """Enter a person into a household; an empty one becomes inhabited.

    Parameters
    ----------
    given : the person's columns (`person.COLUMNS`), `name` among them
    version : the household's version that was looked at, if the caller wants to be told of changes meanwhile

    Raises
    ------
    NotFound for a household outside the actor's area; Outdated; InvalidInput; Conflict if the identity number is that of
    somebody who is on record in the actor's area.
    """
    actor.require(EDIT)
    home = records.lock_households(conn, actor, [home_code])[home_code]
    records.check_version(conn, home, version, {"household": home_code})
    values: dict[str, Any] = {"basis": "statutory", "moved_in_on": person.today(conn)} | person.checked(
        conn, {"name": "", **given}
    )
    person.refuse_undated_consent(values)
    groups = person.checked_tags(tags)
    _refuse_known_number(conn, values.get("id_number"))
    is_first = not records.residents_in(conn, [(home.county, home.id)])
    [code] = next_codes(conn, home.community, 1)
    row: dict[str, Any] = {
        **records.place_of(home),
        **values,
        "id": records.new_id(),
        "code": code,
        "changed_by": actor.name,
    }
    conn.execute(sa.insert(resident).values(**personal.sealed_values(conn, resident, {**row, "source": ORIGIN})))
    if groups:
        records.set_tags(conn, actor, (home.county, row["id"]), groups)
    steps = [Step("resident", code, 0, 1)]
    if home.occupancy in EMPTY:
        after = records.write_next(conn, actor, household, home, occupancy="resident")
        steps.append(Step("household", home.code, home.version, after))
    elif is_first and home.people_count:  # the stated number gives way; undoing brings it back
        steps.append(Step("household", home.code, home.version, home.version + 1))
    derive(conn, [(home.county, home.id)])
    return Done(tuple(steps))


def move_out(
    conn: sa.Connection, actor: Actor, code: str, *, version: int | None = None, on: date | None = None
) -> Done:
    """End a person's stay; the row stays on record with the day."""
    actor.require(EDIT)
    row = records.find_resident(conn, actor, code)
    records.lock_households(conn, actor, [row.household])
    row = records.lock_resident(conn, row, version, {"moved_out_on": on and on.isoformat()})
    after = leave(conn, actor, row, on or person.today(conn))
    derive(conn, [(row.county, row.household_id)])
    return Done((Step("resident", code, row.version, after),))


def leave(conn: sa.Connection, actor: Actor, row: sa.Row[Any], on: date) -> int:
    """Write the end of a locked person's stay and return the row's version; the caller counts the household."""
    records.refuse_late("moved_out_on", on, person.today(conn))
    if row.moved_in_on is not None and on < row.moved_in_on:
        raise InvalidInput("moved_out_on lies before moved_in_on. 迁出日期早于入住日期。", where="moved_out_on")
    end = sa.func.greatest(sa.func.now(), resident.c.valid_from)
    return records.write_next(conn, actor, resident, row, moved_out_on=on, valid_to=end)


def move(
    conn: sa.Connection,
    actor: Actor,
    code: str,
    to: str,
    *,
    version: int | None = None,
    on: date | None = None,
) -> Done:
    """Move a person to another household of the actor's area; code and history go along."""
    actor.require(EDIT)
    row = records.find_resident(conn, actor, code)
    if row.household == to:
        raise InvalidInput("The person lives in this household. 此人已在该户。", where="household")
    homes = records.lock_households(conn, actor, [row.household, to])
    row = records.lock_resident(conn, row, version, {"household": to})
    target = homes[to]
    day = on or person.today(conn)
    records.refuse_late("moved_in_on", day, person.today(conn))
    step = settle(conn, actor, row, target, day)
    derive(conn, [(row.county, row.household_id), (target.county, target.id)])
    return Done((step,))


def settle(conn: sa.Connection, actor: Actor, row: sa.Row[Any], home: sa.Row[Any], on: date | None) -> Step:
    """Write a locked person into another locked household; the caller counts both."""
    if row.county != home.county:
        raise Conflict(
            "A person cannot be moved to another county: move out there, move in here. 跨区县请先迁出再迁入。",
            where="household",
        )
    day = {} if on is None else {"moved_in_on": on}
    after = records.write_next(conn, actor, resident, row, **records.place_of(home), **day)
    return Step("resident", row.code, row.version, after)


def _refuse_known_number(conn: sa.Connection, number: str | None) -> None:
    if number is None:
        return
    r = resident.c
    wanted = personal.index_of(personal.vault_of(conn), r.id_number, number)
    home = conn.scalar(sa.select(r.household).where(r.id_number_index == wanted, r.valid_to.is_(None)).limit(1))
    if home is not None:
        raise Conflict(
            f"A person with this identity number is on record in household {home}. Move them. 该身份证号已登记在户 {home}，请办理迁移。",
            where="id_number",
        )
