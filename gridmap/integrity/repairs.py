"""Repairs that are safe in one step: what each would change, and the change itself, audited, former versions kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP

from gridmap import audit
from gridmap.access import Actor
from gridmap.errors import Conflict, InvalidInput
from gridmap.hierarchy import building, household
from gridmap.integrity import duplicates, things
from gridmap.integrity.asking import Asked
from gridmap.integrity.checks import CHECKS, Check
from gridmap.layers.party_household import table as party_household
from gridmap.layers.supply_point import table as supply_point

LISTED = 20  # codes that the audit names
MAX_AT_ONCE = 1000


@dataclass(frozen=True)
class Change:
    """What a repair does to one thing: from where to where, both as people read them; "" is nowhere."""

    code: str
    before: str
    after: str


Apply = Callable[[sa.Connection, Actor, Sequence[str]], int]


def would_change(
    conn: sa.Connection, actor: Actor, check: Check, codes: Sequence[str] | None = None, *, place: str = ""
) -> list[Change]:
    """Return what the check's repair would change, of some codes or of all it finds; at most 1,000 at once.

    What is no fault any more, and what cannot be repaired without a loss, is left out.
    """
    if check.name not in _REPAIRS:
        raise InvalidInput("This kind of fault is mended by hand. 此类问题需人工处理。", where="check")
    actor.require(f"{check.layer}.edit")
    query = _REPAIRS[check.name].preview(Asked(_editor(actor, check), place))
    found = query.subquery()
    chosen = sa.select(found).order_by(found.c.code).limit(MAX_AT_ONCE)
    if codes is not None:
        chosen = chosen.where(found.c.code.in_(list(codes)))
    return [Change(row.code, row.before or "", row.after or "") for row in conn.execute(chosen)]


def repair(conn: sa.Connection, actor: Actor, check: Check, wanted: Sequence[Change]) -> int:
    """Make the changes that were shown, all or none, and return how many.

    Raises
    ------
    Conflict if one of them is not what would be done now: somebody changed it meanwhile.
    """
    now = would_change(conn, actor, check, [one.code for one in wanted])
    if set(now) != set(wanted):
        changed = sorted({one.code for one in set(wanted) ^ set(now)})
        raise Conflict(
            f"Meanwhile this was changed by somebody else: {', '.join(changed[:LISTED])}. Look again. 数据已被他人修改，请重新查看。"
        )
    codes = [one.code for one in now]
    done = _REPAIRS[check.name].apply(conn, actor, codes) if codes else 0
    stood_at = conn.execute(sa.select(sa.cast(sa.func.now(), TIMESTAMP(timezone=True)))).scalar_one().isoformat()
    facts = {"codes": codes[:LISTED], "all": len(codes), "changed_at": stood_at}
    audit.record(conn, actor, "repair", check.name, rows=done, detail=facts)
    return done


def _editor(actor: Actor, check: Check) -> Actor:
    """Return the actor with what it sees held to the places where it may also change."""
    verb = f"{check.layer}.edit"
    return Actor(actor.name, tuple(right for right in actor.rights if right.has(verb)))


def _next(table: sa.Table, actor: Actor, **values: Any) -> dict[str, Any]:
    step = {"version": table.c.version + 1, "changed_at": sa.func.now(), "changed_by": actor.name}
    return values | step


def _grids(asked: Asked) -> sa.Select:
    there = things.standing_in()
    return (
        sa.select(building.c.code, building.c.neighbourhood.label("before"), there.c.code.label("after"))
        .join_from(building, there, sa.true())
        .where(asked.rows(building), sa.not_(things.is_held()))
    )


def _assign_grid(conn: sa.Connection, actor: Actor, codes: Sequence[str]) -> int:
    there = things.standing_in()
    new = (
        sa.select(building.c.county, building.c.id, there.c.id.label("grid_id"), there.c.code)
        .join_from(building, there, sa.true())
        .where(building.c.code.in_(codes), building.c.valid_to.is_(None))
        .cte("new")
    )
    change = sa.update(building).where(building.c.county == new.c.county, building.c.id == new.c.id)
    values = _next(building, actor, neighbourhood=new.c.code, neighbourhood_id=new.c.grid_id)
    done = conn.execute(change.values(values)).rowcount
    for table in (household, party_household):
        own = sa.and_(table.c.building == building.c.code, table.c.county == building.c.county)
        differs = table.c.neighbourhood.is_distinct_from(building.c.neighbourhood)
        follow = sa.update(table).where(
            own, building.c.code.in_(codes), building.c.valid_to.is_(None), table.c.valid_to.is_(None), differs
        )
        conn.execute(follow.values(_next(table, actor, neighbourhood=building.c.neighbourhood)))
    return done


def _far(asked: Asked) -> sa.Select:
    found = things.households_far(asked).subquery()
    return sa.select(
        found.c.code, (sa.cast(found.c.measure, sa.Text) + " m").label("before"), found.c.other.label("after")
    )


def _move_household(conn: sa.Connection, actor: Actor, codes: Sequence[str]) -> int:
    mine = sa.and_(household.c.county == building.c.county, household.c.building_id == building.c.id)
    chosen = sa.and_(household.c.code.in_(codes), household.c.valid_to.is_(None))
    change = sa.update(household).where(mine, chosen).values(_next(household, actor, geom=building.c.position))
    done = conn.execute(change).rowcount
    same = sa.and_(
        party_household.c.county == household.c.county, party_household.c.household_id == household.c.id,
        party_household.c.valid_to.is_(None),
    )  # fmt: skip
    follow = sa.update(party_household).where(same, chosen)
    conn.execute(follow.values(_next(party_household, actor, geom=household.c.geom)))
    return done


def _bare_twice(table: sa.Table, query: Callable[[Asked], sa.Select]) -> Callable[[Asked], sa.Select]:
    def preview(asked: Asked) -> sa.Select:
        found = query(asked).subquery()
        return (
            sa.select(found.c.code, found.c.code.label("before"), found.c.other.label("after"))
            .join(table, sa.and_(table.c.code == found.c.code, table.c.valid_to.is_(None)))
            .where(duplicates.is_bare(table))
        )

    return preview


def _retire(table: sa.Table) -> Apply:
    def apply(conn: sa.Connection, actor: Actor, codes: Sequence[str]) -> int:
        chosen = sa.and_(table.c.code.in_(codes), table.c.valid_to.is_(None))
        change = sa.update(table).where(chosen).values(_next(table, actor, valid_to=sa.func.now()))
        return conn.execute(change).rowcount

    return apply


@dataclass(frozen=True)
class _Repair:
    preview: Callable[[Asked], sa.Select]
    apply: Apply


_BY_NAME = {
    "assign_grid": _Repair(_grids, _assign_grid),
    "move_household": _Repair(_far, _move_household),
    "retire_building": _Repair(_bare_twice(building, duplicates.buildings), _retire(building)),
    "retire_supply_point": _Repair(_bare_twice(supply_point, duplicates.supply_points), _retire(supply_point)),
}
_REPAIRS = {check.name: _BY_NAME[check.repair] for check in CHECKS if check.repair}
