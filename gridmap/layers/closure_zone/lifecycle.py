"""Zones drafted, decided, ended: every change in one transaction, held to the version that was seen, by who may."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import uuid_utils.compat as uuids

from gridmap.access import COMMUNITY_DIGITS, COUNTY_DIGITS, Actor, within_scope
from gridmap.errors import Conflict, InvalidInput, NotAllowed, NotFound
from gridmap.layers.closure_zone import LAYER, table
from gridmap.layers.closure_zone.decision import Decision, check, record
from gridmap.layers.closure_zone.order import zone_item, zone_order
from gridmap.layers.closure_zone.scope import Item, Scope, listed, worded
from gridmap.layers.closure_zone.steps import IN_FORCE, STEPS, status_of
from gridmap.tables import metadata

DRAFT = "closure_zone.draft"
ORAL = "口头命令（待补书面）"
_FORMER = metadata.tables["closure_zone_version"]


@dataclass(frozen=True)
class Plan:
    """What a draft says: a name, a kind, and the whole places it is made of with their ground."""

    name: str
    type: str
    scope: Scope


def draft(conn: sa.Connection, actor: Actor, plan: Plan) -> str:
    """Store a draft made of whole places and return its code.

    Raises
    ------
    NotAllowed if the actor may not draft there; InvalidInput for places of two counties.
    """
    actor.require(DRAFT)
    county, community = _home(plan.scope)
    code = f"Z{county}-{conn.scalar(sa.select(sa.func.date_part('year', sa.func.now()))):.0f}-{uuids.uuid7().hex[-8:]}"
    row = {
        "county": county, "id": uuids.uuid7(), "community": community, "community_id": _community_id(conn, community),
        "code": code, "name": plan.name, "type": plan.type, "geom": plan.scope.shape, "changed_by": actor.name,
    }  # fmt: skip
    try:
        conn.execute(table.insert().values(**row))
    except sa.exc.ProgrammingError as exc:  # the row-level policy: a place that is not shown cannot be drafted in
        raise NotAllowed("These places are not yours. 不在本人管理范围内。", where="items") from exc
    zone = find(conn, actor, code)
    _require_here(conn, actor, zone, DRAFT)
    _put_items(conn, zone, plan.scope)
    return code


def redraw(conn: sa.Connection, actor: Actor, code: str, version: int, plan: Plan) -> None:
    """Replace what a draft says; a zone that was proposed is withdrawn first, one in force is adjusted by an order."""
    actor.require(DRAFT)
    zone = _held(conn, actor, code, version)
    _require_here(conn, actor, zone, DRAFT)
    if zone.state != "draft":
        raise Conflict("Only a draft is redrawn; withdraw it first. 仅草拟状态可修改，请先撤回。", where="state")
    county, community = _home(plan.scope)
    if (county, community) != (zone.county, zone.community):
        raise InvalidInput("The zone stays in its community. 区域须在原社区内。", where="items")
    _put(conn, actor, zone, name=plan.name, type=plan.type, geom=plan.scope.shape)
    conn.execute(zone_item.delete().where(*_of(zone_item, zone)))
    _put_items(conn, zone, plan.scope)


def take(
    conn: sa.Connection, actor: Actor, code: str, version: int, name: str, decision: Decision | None = None
) -> None:
    """Take a step of a zone's life, with the order it needs.

    Parameters
    ----------
    version : the version that was seen; another one in the meantime is a conflict
    name : one of `steps.STEPS`

    Raises
    ------
    NotFound, NotAllowed (the verb, the place, or four eyes), Conflict (another version or state), InvalidInput (the order).
    """
    step = STEPS[name]
    actor.require(step.verb)
    zone = _held(conn, actor, code, version)
    _require_here(conn, actor, zone, step.verb)
    now = _now(conn)
    status = status_of(zone.state, zone.ends_at, now)
    if status not in step.sources:
        raise Conflict(f"A zone that is {status} cannot {name}. 当前状态 {status} 不能执行此操作。", where="state")
    if actor.name in _changers(conn, zone, step.other_eyes):
        raise NotAllowed("Somebody else must decide this: four eyes. 须由他人决定（双人复核）。", where="actor")
    if step.order is None:
        if decision is not None:
            raise InvalidInput("This step takes no order. 此步骤不需要命令。", where="order")
        return _put(conn, actor, zone, state=step.target)
    if decision is None:
        raise InvalidInput("This step needs a recorded order. 此步骤须登记命令。", where="order")
    _decide(conn, actor, zone, step.order, decision, step.target, now)


def _decide(
    conn: sa.Connection, actor: Actor, zone: sa.Row, kind: str, decision: Decision, target: str, now: datetime
) -> None:
    article = check(conn, decision, kind, zone.type, now)
    if kind in ("release", "revoke", "extend") and decision.issuer != zone.issuer:
        raise InvalidInput(
            f"The body that decided decides on this too: {zone.issuer}. 须由原发布机关决定：{zone.issuer}。",
            where="order.issuer",
        )
    record(conn, actor, decision, kind, zone, article=article, words=scope_text(conn, actor, zone))
    values: dict[str, Any] = {"state": target}
    number = decision.doc_no or ORAL
    if kind == "impose":
        values |= {"order_no": number, "issuer": decision.issuer}
        values |= {"starts_at": decision.effective_at, "ends_at": decision.ends_at}
    elif kind == "extend":
        values |= {"order_no": number, "ends_at": decision.ends_at}
    elif kind == "adjust":
        values |= {"order_no": number}
    _put(conn, actor, zone, **values)


def find(conn: sa.Connection, actor: Actor, code: str) -> sa.Row:
    """Return the current row of a zone, or raise NotFound, also for one outside the actor's scope."""
    actor.require(LAYER.view)
    row = conn.execute(
        sa.select(*(column for column in table.c if column.name not in ("geom", "tile_geom"))).where(
            table.c.code == code, LAYER.current(), within_scope(table, actor)
        )
    ).first()
    if row is None:
        raise NotFound(f"There is no closure_zone with the code {code[:40]!r}.", where="code")
    return row


def _held(conn: sa.Connection, actor: Actor, code: str, version: int) -> sa.Row:
    """Lock the zone, so that of two who decide at once one finds it decided, and compare the version that was seen."""
    conn.execute(
        sa.select(table.c.id).where(table.c.code == code, LAYER.current(), within_scope(table, actor)).with_for_update()
    )
    zone = find(conn, actor, code)
    if zone.version != version:
        raise Conflict(
            f"The zone was changed by somebody else: version {zone.version}, not {version}. Load it again. "
            f"区域已被他人修改，请刷新。",
            where="If-Match",
        )
    return zone


def _require_here(conn: sa.Connection, actor: Actor, zone: sa.Row, verb: str) -> None:
    here = sa.select(sa.exists().where(*_of(table, zone, key="id"), within_scope(table, actor, verb)))
    if not conn.scalar(here):
        raise NotAllowed(f"{actor.name} may not do this here: {verb}.")


def _changers(conn: sa.Connection, zone: sa.Row, states: tuple[str, ...]) -> set[str]:
    """Return who made the versions of a zone that were in some states since it was last put into force."""
    if not states:
        return set()
    names = {zone.changed_by} if zone.state in states else set()
    former = sa.select(_FORMER.c.changed_by).where(*_of(_FORMER, zone, key="id"), _FORMER.c.state.in_(states))
    if "release_proposed" in states:
        return names  # an earlier proposal that was turned down binds nobody
    return names | set(conn.scalars(former))


def _put(conn: sa.Connection, actor: Actor, zone: sa.Row, **values: Any) -> None:
    changed = conn.execute(
        table.update()
        .where(*_of(table, zone, key="id"), table.c.version == zone.version)
        .values(**values, version=zone.version + 1, changed_at=sa.func.now(), changed_by=actor.name)
    )
    if changed.rowcount != 1:
        raise Conflict("The zone was changed by somebody else. 区域已被他人修改。", where="If-Match")


def _of(stored: sa.FromClause, zone: sa.Row, *, key: str = "closure_zone_id") -> tuple[sa.ColumnElement[bool], ...]:
    return stored.c.county == zone.county, stored.c[key] == zone.id


def _put_items(conn: sa.Connection, zone: sa.Row, scope: Scope) -> None:
    rows = [
        {"county": zone.county, "closure_zone_id": zone.id, "code": item.code, "level": item.level}
        for item in scope.items
    ]
    conn.execute(zone_item.insert(), rows)


def _home(scope: Scope) -> tuple[int, str | None]:
    """Return the county and, if it is one, the community that the buildings of a scope lie in."""
    counties = {code[:COUNTY_DIGITS] for code in scope.buildings}
    if len(counties) != 1:
        raise InvalidInput(
            "A zone lies in one county and holds a building. 区域须在同一县区内且含楼栋。", where="items"
        )
    communities = {code[:COMMUNITY_DIGITS] for code in scope.buildings}
    return int(counties.pop()), communities.pop() if len(communities) == 1 else None


def _community_id(conn: sa.Connection, code: str | None) -> object:
    from gridmap.hierarchy import community

    return conn.scalar(sa.select(community.c.id).where(community.c.code == code, community.c.valid_to.is_(None)))


def items_of(conn: sa.Connection, actor: Actor, zone: sa.Row) -> list[Item]:
    """Return the places a zone is made of, in the order of their codes; none for a zone that was only ever drawn."""
    codes = list(conn.scalars(sa.select(zone_item.c.code).where(*_of(zone_item, zone)).order_by(zone_item.c.code)))
    if not codes or not actor.may("building.view"):
        return []
    try:
        return listed(conn, actor, codes, where="items")
    except NotFound:  # some lie outside what this person sees, or are gone
        return []


def scope_text(conn: sa.Connection, actor: Actor, zone: sa.Row) -> str:
    """Return the words of a zone's scope as an order writes them, its name where it was only drawn."""
    return worded(items_of(conn, actor, zone)) or str(zone.name)


def orders_of(conn: sa.Connection, zone: sa.Row) -> list[dict[str, Any]]:
    """Return the orders of a zone, the first first."""
    o = zone_order.c
    rows = conn.execute(sa.select(zone_order).where(*_of(zone_order, zone)).order_by(o.zone_version, o.id))
    return [dict(row) for row in rows.mappings()]


def next_steps(conn: sa.Connection, actor: Actor, zone: sa.Row) -> list[str]:
    """Return the steps this actor may take now; what a step asks beside that, it says itself."""
    status = status_of(zone.state, zone.ends_at, _now(conn))
    return [
        name
        for name, step in STEPS.items()
        if status in step.sources
        and actor.may(step.verb)
        and actor.name not in _changers(conn, zone, step.other_eyes)
        and conn.scalar(
            sa.select(sa.exists().where(*_of(table, zone, key="id"), within_scope(table, actor, step.verb)))
        )
    ]


def _now(conn: sa.Connection) -> datetime:
    moment: datetime = conn.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return moment


__all__ = ["DRAFT", "IN_FORCE", "Plan", "draft", "find", "next_steps", "orders_of", "redraw", "take"]
