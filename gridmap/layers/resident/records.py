"""Rows of the register under change: found in the actor's area, locked in one order, and written as next versions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from gridmap import personal
from gridmap.access import Actor, within_scope
from gridmap.errors import Conflict, InvalidInput, NotFound
from gridmap.hierarchy import household
from gridmap.occupants import Key, resident, resident_priority

EDIT = "resident.edit"
PRIORITY = "household.priority"
NOT_TOLD = frozenset({"tile_geom", "geom", "geog", "county", "id", "household_id", "building_id"})


class Outdated(Conflict):
    """Somebody else changed the thing first; `facts` hold its version, who changed it, and both states."""

    code = "outdated"

    def __init__(self, what: str, version: int, by: str, stored: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        super().__init__(
            f"{what} was changed by {by} meanwhile: it has version {version} now. Look at both and send it again."
            f" 该记录已被 {by} 修改（现为第 {version} 版），请核对后重新提交。",
            where="version",
        )
        self.facts = {"version": version, "changed_by": by, "stored": dict(stored), "sent": dict(sent)}


@dataclass(frozen=True)
class Step:
    """What one change did to one row: its version before (0: it was not there) and after."""

    kind: str
    code: str
    before: int
    after: int


@dataclass(frozen=True)
class Done:
    """What came of an operation: its steps, the first about the thing it was asked for."""

    steps: tuple[Step, ...]


def lock_households(conn: sa.Connection, actor: Actor, codes: Iterable[str], *verbs: str) -> dict[str, sa.Row[Any]]:
    """Return current households by code, locked until the transaction ends, or raise NotFound for a foreign one.

    Locks are taken in the order of the key, before those of residents, by everybody.
    """
    wanted = sorted(set(codes))
    h = household.c
    rows = conn.execute(
        sa.select(household)
        .where(h.code.in_(wanted), h.valid_to.is_(None), within_scope(household, actor, *(verbs or (EDIT,))))
        .order_by(h.county, h.id)
        .with_for_update()
    ).all()
    found = {row.code: row for row in rows}
    for code in wanted:
        if code not in found:
            raise NotFound(f"There is no household with the code {code[:40]!r}. 没有该户。", where="household")
    return found


def find_resident(conn: sa.Connection, actor: Actor, code: str, *, is_current: bool = True) -> sa.Row[Any]:
    """Return the resident with a code whom the actor may change: the current one, else the last one if asked for."""
    r = resident.c
    query = sa.select(resident).where(r.code == code, within_scope(resident, actor, EDIT))
    if is_current:
        query = query.where(r.valid_to.is_(None))
    row = conn.execute(query.order_by(r.valid_to.desc().nulls_first(), r.valid_from.desc()).limit(1)).first()
    if row is None:
        raise NotFound(f"There is no resident with the code {code[:40]!r}. 没有该居民。", where="code")
    return row


def lock_resident(conn: sa.Connection, row: sa.Row[Any], version: int | None, sent: Mapping[str, Any]) -> sa.Row[Any]:
    """Return a resident's row locked and as it is now; Outdated if it has another version than was looked at."""
    r = resident.c
    now = conn.execute(sa.select(resident).where(r.county == row.county, r.id == row.id).with_for_update()).one()
    if now.version != (row.version if version is None else version):
        raise Outdated(now.code, now.version, now.changed_by, told(conn, resident, now), sent)
    return now


def check_version(conn: sa.Connection, row: sa.Row[Any], version: int | None, sent: Mapping[str, Any]) -> None:
    """Raise Outdated if a locked household has another version than was looked at."""
    if version is not None and row.version != version:
        raise Outdated(row.code, row.version, row.changed_by, told(conn, household, row), sent)


def told(conn: sa.Connection, table: sa.Table, row: sa.Row[Any]) -> dict[str, Any]:
    """Return a row as who may see it sees it: persons masked, nothing of the machinery."""
    found = {}
    for column in table.columns:
        if column.name in NOT_TOLD or column.name.startswith("source") or "index_of" in column.info:
            continue
        value = row._mapping[column.name]
        if column.info.get("personal"):
            value = personal.masked(conn, column, value)
        found[column.name] = value.isoformat() if hasattr(value, "isoformat") else value
    return found


def write_next(conn: sa.Connection, actor: Actor, table: sa.Table, row: sa.Row[Any], **values: Any) -> int:
    """Write the next version of a locked row and return its number."""
    c = table.c
    step = {
        "version": row.version + 1,
        "changed_by": actor.name,
        "changed_at": sa.func.greatest(sa.func.now(), c.changed_at),
    }
    conn.execute(sa.update(table).where(c.county == row.county, c.id == row.id).values(**values, **step))
    return int(row.version) + 1


def tags_of(conn: sa.Connection, key: Key) -> list[str]:
    """Return the priority groups of a resident, as far as the actor may see them."""
    t = resident_priority.c
    query = sa.select(t.tag).where(t.county == key[0], t.resident_id == key[1]).order_by(t.tag)
    return list(conn.scalars(query))


def set_tags(conn: sa.Connection, actor: Actor, key: Key, tags: Iterable[str]) -> bool:
    """Give a resident these priority groups and return whether that changed any."""
    actor.require(PRIORITY)
    wanted, t = set(tags), resident_priority.c
    now = set(tags_of(conn, key))
    if gone := now - wanted:
        conn.execute(sa.delete(resident_priority).where(t.county == key[0], t.resident_id == key[1], t.tag.in_(gone)))
    if fresh := sorted(wanted - now):
        rows = [{"county": key[0], "resident_id": key[1], "tag": tag} for tag in fresh]
        conn.execute(sa.insert(resident_priority), rows)
    return now != wanted


def place_of(home: sa.Row[Any]) -> dict[str, Any]:
    """Return the columns by which a resident lies in a household."""
    shared = {name: getattr(home, name) for name in ("community", "neighbourhood", "building")}
    return {"county": home.county, "household_id": home.id, "household": home.code, **shared}


def residents_in(conn: sa.Connection, keys: Iterable[Key]) -> list[sa.Row[Any]]:
    """Return the current residents of locked households, locked too, in the order of their code."""
    r = resident.c
    here = sa.tuple_(r.county, r.household_id).in_(list(keys))
    query = sa.select(resident).where(here, r.valid_to.is_(None)).order_by(r.county, r.id).with_for_update()
    return sorted(conn.execute(query).all(), key=lambda row: row.code)


def new_id() -> UUID:
    """Return a new row id, UUIDv7."""
    import uuid_utils

    return UUID(str(uuid_utils.uuid7()))


def refuse_late(name: str, day: Any, today: Any) -> None:
    """Raise InvalidInput for a day after today."""
    if day is not None and day > today:
        raise InvalidInput(f"{name} lies in the future. 日期晚于今天。", where=name)
