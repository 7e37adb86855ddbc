"""Correcting a person's record, its versions, and going back to one; undoing an operation is going back in all its rows."""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from gridmap import personal
from gridmap.access import Actor, within_scope
from gridmap.errors import Conflict, NotFound
from gridmap.hierarchy import household, household_priority
from gridmap.layers.resident import person, records
from gridmap.layers.resident.records import EDIT, Done, Step
from gridmap.occupants import Key, derive, former_resident, resident, resident_priority
from gridmap.tables import metadata

KEPT = frozenset({"county", "id", "code", "version", "changed_at", "changed_by", "valid_from"})


def correct(
    conn: sa.Connection,
    actor: Actor,
    code: str,
    given: Mapping[str, Any],
    *,
    tags: Iterable[str] | None = None,
    version: int | None = None,
) -> Done:
    """Correct a person's record; what is not given stays. Nothing is written if nothing differs."""
    actor.require(EDIT)
    row = records.find_resident(conn, actor, code)
    records.lock_households(conn, actor, [row.household])
    sent = {name: _shown(name, value) for name, value in given.items()} | ({} if tags is None else {"tags": list(tags)})
    row = records.lock_resident(conn, row, version, sent)
    values = person.checked(conn, given)
    person.refuse_undated_consent(dict(row._mapping) | values)
    differing = {name: value for name, value in values.items() if value != _value(conn, row, name)}
    other_tags = tags is not None and records.set_tags(conn, actor, (row.county, row.id), person.checked_tags(tags))
    if not differing and not other_tags:
        return Done((Step("resident", code, row.version, row.version),))
    after = records.write_next(conn, actor, resident, row, **personal.sealed_values(conn, resident, differing))
    derive(conn, [(row.county, row.household_id)])
    return Done((Step("resident", code, row.version, after),))


def undo(conn: sa.Connection, actor: Actor, steps: Iterable[Step]) -> Done:
    """Go back in every row to the version before each step, all or none.

    Raises
    ------
    Outdated if a row changed since; NotFound for a row outside the actor's area.
    """
    actor.require(EDIT)
    listed = list(steps)
    made = [step for step in listed if step.kind == "resident"]
    doors = [step for step in listed if step.kind == "household"]
    rows = {step.code: records.find_resident(conn, actor, step.code, is_current=False) for step in made}
    homes = {step.code: _home(conn, actor, step.code) for step in doors}
    touched = {(row.county, row.household_id) for row in rows.values()}
    back = [_reopen(conn, actor, homes[step.code], step) for step in doors if step.before]
    for step in made:
        row = records.lock_resident(conn, rows[step.code], step.after, {"version": step.before})
        back.append(_return(conn, actor, row, step.before))
        touched.add(_household_at(conn, row, step.before))
    derive(conn, touched)
    for step in doors:
        if step.before:
            _restate(conn, actor, homes[step.code], step.before)
    back += [_close(conn, actor, homes[step.code]) for step in doors if not step.before]
    return Done(tuple(back))


def restore(conn: sa.Connection, actor: Actor, code: str, to: int, *, version: int | None = None) -> Done:
    """Make a person's record what it was in an earlier version, household and priority groups included."""
    row = records.find_resident(conn, actor, code, is_current=False)
    return undo(conn, actor, [Step("resident", code, to, row.version if version is None else version)])


def _return(conn: sa.Connection, actor: Actor, row: sa.Row[Any], to: int) -> Step:
    if to == 0:  # it was not there: the entry was a mistake
        end = sa.func.greatest(sa.func.now(), resident.c.valid_from)
        after = records.write_next(conn, actor, resident, row, valid_to=end)
        return Step("resident", row.code, row.version, after)
    former = _former(conn, row, to)
    _refuse_gone(conn, former.household_id, former.county)
    if actor.may(records.PRIORITY):
        records.set_tags(conn, actor, (row.county, row.id), _tags_at(conn, row, former.changed_at))
    values = {c.name: former._mapping[c.name] for c in resident.columns if c.name not in KEPT}
    after = records.write_next(conn, actor, resident, row, **values)
    return Step("resident", row.code, row.version, after)


def _former(conn: sa.Connection, row: sa.Row[Any], version: int) -> sa.Row[Any]:
    f = former_resident.c
    found = conn.execute(
        sa.select(former_resident).where(f.county == row.county, f.id == row.id, f.version == version)
    ).first()
    if found is None:
        raise NotFound(f"{row.code} has no former version {version}. 没有该历史版本。", where="version")
    return found


def _household_at(conn: sa.Connection, row: sa.Row[Any], version: int) -> Key:
    if version == 0:
        return row.county, row.household_id
    former = _former(conn, row, version)
    return former.county, former.household_id


def _tags_at(conn: sa.Connection, row: sa.Row[Any], began: Any) -> list[str]:
    """Return the priority groups that stood when a version began to stand."""
    former = metadata.tables["resident_priority_version"].c
    t = resident_priority.c
    now = sa.select(t.tag).where(t.county == row.county, t.resident_id == row.id, t.changed_at <= began)
    then = sa.select(former.tag).where(
        former.county == row.county, former.resident_id == row.id, former.changed_at <= began, former.until > began
    )
    return sorted(set(conn.scalars(sa.union(now, then))))


def _home(conn: sa.Connection, actor: Actor, code: str) -> sa.Row[Any]:
    h = household.c
    row = conn.execute(
        sa.select(household)
        .where(h.code == code, within_scope(household, actor, "household.edit"))
        .order_by(h.valid_to.desc().nulls_first(), h.valid_from.desc())
        .limit(1)
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound(f"There is no household with the code {code[:40]!r}. 没有该户。", where="household")
    return row


def _reopen(conn: sa.Connection, actor: Actor, row: sa.Row[Any], step: Step) -> Step:
    """Give a household its former use back, and life if it was retired."""
    former = _former_home(conn, row, step.before)
    values = {"occupancy": former.occupancy, "valid_to": former.valid_to}
    after = records.write_next(conn, actor, household, row, **values)
    return Step("household", row.code, row.version, after)


def _restate(conn: sa.Connection, actor: Actor, row: sa.Row[Any], version: int) -> None:
    """Give a household without residents the number and the groups back that were stated for it."""
    r, former = resident.c, _former_home(conn, row, version)
    if conn.scalar(
        sa.select(sa.exists().where(r.county == row.county, r.household_id == row.id, r.valid_to.is_(None)))
    ):
        return
    records.write_next(conn, actor, household, _home(conn, actor, row.code), people_count=former.people_count)
    if not actor.may(records.PRIORITY):
        return
    p, f = household_priority.c, metadata.tables["household_priority_version"].c
    names = ("county", "household_id", "tag", "people_count")
    stood = sa.select(*(f[name] for name in names)).where(
        f.county == row.county, f.household_id == row.id, f.changed_at <= former.changed_at, f.until > former.changed_at
    )
    kept = sa.exists().where(p.county == f.county, p.household_id == f.household_id, p.tag == f.tag)
    conn.execute(sa.insert(household_priority).from_select(names, stood.where(~kept)))


def _former_home(conn: sa.Connection, row: sa.Row[Any], version: int) -> sa.Row[Any]:
    former = metadata.tables["household_version"]
    found = conn.execute(
        sa.select(former).where(former.c.county == row.county, former.c.id == row.id, former.c.version == version)
    ).first()
    if found is None:
        raise NotFound(f"{row.code} has no former version {version}. 没有该历史版本。", where="version")
    return found


def _close(conn: sa.Connection, actor: Actor, row: sa.Row[Any]) -> Step:
    """Retire a household that the undone operation made."""
    r = resident.c
    if conn.scalar(
        sa.select(sa.exists().where(r.county == row.county, r.household_id == row.id, r.valid_to.is_(None)))
    ):
        raise Conflict(f"People live in {row.code} by now. 该户已有居民。", where="household")
    now = _home(conn, actor, row.code)
    end = sa.func.greatest(sa.func.now(), household.c.valid_from)
    after = records.write_next(conn, actor, household, now, valid_to=end)
    return Step("household", row.code, now.version, after)


def _refuse_gone(conn: sa.Connection, household_id: Any, county: int) -> None:
    h = household.c
    if not conn.scalar(sa.select(sa.exists().where(h.county == county, h.id == household_id, h.valid_to.is_(None)))):
        raise Conflict("The household of that version is retired. 原户已撤销，请先恢复该户。", where="household")


def _value(conn: sa.Connection, row: sa.Row[Any], name: str) -> Any:
    column = resident.c[name]
    value = row._mapping[name]
    return personal.opened(conn, column, value) if column.info.get("personal") else value


def _shown(name: str, value: Any) -> Any:
    """Return a sent value as an answer may repeat it."""
    if resident.c[name].info.get("personal"):
        return personal.mask(resident.c[name], value)
    return value.isoformat() if hasattr(value, "isoformat") else value
