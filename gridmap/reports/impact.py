"""Whom a zone touches while it is drawn: counts, stock points, volunteers, needs, overlaps, and a smaller zone.

Who is inside is the rule of `closure_zone.scope`. Figures of households come from household rows of the actor's scope;
without `household.exact` only whole buildings of at least five households are summed, so that no two drawings tell a
smaller number by their difference.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from gridmap.access import Actor, read_verbs, within_scope
from gridmap.hierarchy import building, household, household_priority
from gridmap.layers.closure_zone import STRICTEST_FIRST, in_force, strictness
from gridmap.layers.closure_zone import table as closure_zone
from gridmap.layers.closure_zone.protocol import applying
from gridmap.layers.closure_zone.scope import Scope
from gridmap.layers.party_household import table as party_household
from gridmap.layers.volunteer import building_volunteer
from gridmap.layers.volunteer import table as volunteer
from gridmap.reports import provision, smaller, usual_point
from gridmap.roles import MIN_CELL


def of_scope(conn: sa.Connection, actor: Actor, scope: Scope, zone_type: str, index: list[str]) -> dict[str, Any]:
    """Return the impact of a zone of a type over a scope, as the API tells it.

    Parameters
    ----------
    index : codes of the buildings, stair units or households that are the reason; empty if there is none

    Raises
    ------
    NotFound for an index code that is not there for the actor.
    """
    actor.require("closure_zone.view")
    found = _smaller(conn, actor, zone_type, index)
    overlapping = _buildings(conn, actor, scope)
    counts = _counts(conn, actor, scope, overlapping)
    needs = provision.needs_per_day(conn, counts["households"], counts["people"])
    return {
        "buildings": None if overlapping is None else len(overlapping),
        **counts,
        "supply_points": usual_point.inside_and_cut_off(conn, actor, scope, overlapping or []),
        "volunteers": _volunteers(conn, actor, scope, overlapping or []),
        "needs_per_day": needs,
        "days_of_cover": provision.days_of_cover(conn, actor, scope, needs),
        "overlaps": _overlaps(conn, actor, scope, zone_type),
        "smaller": _with_savings(found, counts),
    }


def _buildings(conn: sa.Connection, actor: Actor, scope: Scope) -> list[UUID] | None:
    """Return the buildings the scope overlaps; None for somebody who may not see buildings."""
    if not actor.may("building.view"):
        return None
    b = building.c
    wanted = sa.and_(b.valid_to.is_(None), within_scope(building, actor), scope.holds_building())
    return list(conn.scalars(sa.select(b.id).where(wanted)))


def _counts(conn: sa.Connection, actor: Actor, scope: Scope, buildings: list[UUID] | None) -> dict[str, Any]:
    """Return households, people and people by priority group; None stands for what the actor may not know."""
    unknown: dict[str, Any] = {"households": None, "people": None, "priority": None, "suppressed": False}
    if not actor.may("household.count"):
        return unknown
    h = household.c
    here = sa.and_(h.valid_to.is_(None), within_scope(household, actor, "household.view", "household.count"))
    if not actor.may("household.exact"):
        return unknown | _whole_buildings(conn, here, buildings or [])
    inside = sa.and_(here, within_scope(household, actor, "household.exact"), scope.holds(household))
    households, people = conn.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(h.people_count), 0)).where(inside)
    ).one()
    return {"households": households, "people": people, "priority": _priority(conn, actor, inside), "suppressed": False}


def _whole_buildings(conn: sa.Connection, here: sa.ColumnElement[bool], buildings: list[UUID]) -> dict[str, Any]:
    """Return the sums over whole buildings that the zone overlaps, those with under five households left out."""
    h = household.c
    homes, heads = sa.func.count().label("homes"), sa.func.coalesce(sa.func.sum(h.people_count), 0).label("heads")
    each = sa.select(homes, heads).where(here, h.building_id.in_(buildings)).group_by(h.building_id).subquery()
    shown = each.c.homes >= MIN_CELL
    households, people, hidden = conn.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(each.c.homes).filter(shown), 0),
            sa.func.coalesce(sa.func.sum(each.c.heads).filter(shown), 0),
            sa.func.count().filter(~shown),
        )
    ).one()
    if not households and hidden:
        return {"suppressed": True}
    return {"households": int(households), "people": int(people), "suppressed": bool(hidden)}


def _priority(conn: sa.Connection, actor: Actor, inside: sa.ColumnElement[bool]) -> dict[str, int] | None:
    if not actor.may("household.priority"):
        return None
    h, p = household.c, household_priority.c
    total = sa.func.sum(p.people_count)
    rows = conn.execute(
        sa.select(p.tag, total)
        .join(household, sa.and_(h.county == p.county, h.id == p.household_id))
        .where(inside, within_scope(household, actor, "household.priority"))
        .group_by(p.tag)
        .order_by(total.desc(), p.tag)
    )
    return {row[0]: row[1] for row in rows}


def _volunteers(conn: sa.Connection, actor: Actor, scope: Scope, buildings: list[UUID]) -> dict[str, int | None]:
    """Return how many volunteers stand inside (and on duty), and how many who cover it now stand outside.

    Outside are those assigned to a building inside or with part of the area in their own radius (geodesic).
    """
    told: dict[str, int | None] = dict.fromkeys(("inside", "on_duty", "outside", "centre_households"))
    v, pair = volunteer.c, building_volunteer.c
    if any(map(actor.may, read_verbs(volunteer))):
        here = sa.and_(v.valid_to.is_(None), within_scope(volunteer, actor, *read_verbs(volunteer)))
        stands = scope.covers(v.geom)
        total, duty = sa.func.count(), sa.func.count().filter(v.on_duty)
        told["inside"], told["on_duty"] = conn.execute(sa.select(total, duty).where(here, stands)).one()
        assigned = sa.select(pair.volunteer_id).where(pair.county == v.county, pair.building_id.in_(buildings))
        away_m = sa.func.ST_Distance(v.geog, scope.ground)
        reaches = sa.and_(v.reach.op("&&")(scope.shape), away_m <= v.radius_m)
        told["outside"] = conn.scalar(sa.select(total).where(here, ~stands, sa.or_(v.id.in_(assigned), reaches)))
    if actor.may("party_household.view"):
        p = party_household.c
        centre = sa.and_(p.valid_to.is_(None), p.is_centre, within_scope(party_household, actor))
        told["centre_households"] = conn.scalar(sa.select(sa.func.count()).where(centre, scope.holds(party_household)))
    return told


def _overlaps(conn: sa.Connection, actor: Actor, scope: Scope, zone_type: str) -> list[dict[str, Any]]:
    """Return the zones in force that share ground, strictest first, the households in both, and whose rule they follow."""
    z, h = closure_zone.c, household.c
    shares = sa.and_(
        z.geom.op("&&")(scope.shape),
        sa.func.ST_Intersects(z.geom, scope.shape),
        ~sa.func.ST_Touches(z.geom, scope.shape),
    )
    rows = conn.execute(
        sa.select(z.county, z.id, z.code, z.name, z.type, z.ends_at)
        .where(in_force(sa.func.now()), within_scope(closure_zone, actor), shares)
        .order_by(strictness(z.type), z.code)
    ).all()
    counted = actor.may("household.exact") and actor.may("household.count")
    told = []
    for row in rows:
        both = None
        if counted:
            one = sa.select(z.geom).where(z.county == row.county, z.id == row.id).scalar_subquery()
            covered = sa.and_(h.geom.op("&&")(one), sa.func.ST_Covers(one, h.geom))
            here = sa.and_(h.valid_to.is_(None), within_scope(household, actor, "household.exact"))
            both = conn.scalar(sa.select(sa.func.count()).where(here, scope.holds(household), covered))
        rule = min(row.type, zone_type, key=STRICTEST_FIRST.index)
        told.append({"code": row.code, "name": row.name, "type": row.type, "households": both, "rule": rule,
                     "wins": "both" if row.type == zone_type else "other" if rule == row.type else "this"})  # fmt: skip
    return told


def _smaller(conn: sa.Connection, actor: Actor, zone_type: str, index: list[str]) -> dict[str, Any]:
    """Return the smallest union of whole places that the protocol in force allows and that holds the index places."""
    nothing: dict[str, Any] = {"items": [], "text": "", "buildings": None, "households": None, "people": None}
    if not index:
        return nothing | {"reason": "no_index"}
    actor.require("building.view")
    rules = applying(conn, zone_type)
    if rules is None:
        return nothing | {"reason": "no_protocol"}
    found = smaller.for_index(conn, actor, index, rules.levels)
    if found is None:
        return nothing | {"reason": "not_possible", "protocol": rules.code}
    text, scope = smaller.told(conn, actor, found)
    items = [{"level": one.item.level, "code": one.item.code, "name": one.item.name} for one in found]
    counts = _counts(conn, actor, scope, _buildings(conn, actor, scope))
    figures = {name: counts[name] for name in ("households", "people")}
    return {"items": items, "text": text, "buildings": len(scope.buildings), **figures, "reason": None,
            "protocol": rules.code}  # fmt: skip


def _with_savings(found: dict[str, Any], counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the smaller zone with how many households and people fewer it would hold; None where either is unknown."""
    pairs = {name: (counts[name], found[name]) for name in ("households", "people")}
    fewer = {name: None if None in pair else pair[0] - pair[1] for name, pair in pairs.items()}
    return found | {"fewer": fewer}
