"""Zones as the command group reads them: what is in force, coming, lapsed, being decided or over, and what is due."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.layers.closure_zone import LAYER, strictness, table
from gridmap.layers.closure_zone.decision import applicable
from gridmap.layers.closure_zone.lifecycle import find, items_of, next_steps, orders_of
from gridmap.layers.closure_zone.protocol import applying
from gridmap.layers.closure_zone.scope import worded
from gridmap.layers.closure_zone.steps import EXPIRED, IN_FORCE, status_of

GROUPS = ("in_force", "coming", "lapsed", "deciding", "over")
SOON = timedelta(hours=24)
_DECIDING = ("draft", "proposed", "approved")
_SHOWN = (
    "code", "name", "type", "state", "community", "order_no", "issuer", "starts_at", "ends_at", "version", "changed_at",
    "changed_by",
)  # fmt: skip


def group_of(state: str, starts_at: datetime | None, ends_at: datetime | None, now: datetime) -> str:
    """Return which part of the list a zone stands in; one whose order begins later is coming, not in force."""
    status = status_of(state, ends_at, now)
    if status == EXPIRED:
        return "lapsed"
    if status in IN_FORCE:
        return "coming" if starts_at is not None and starts_at > now else "in_force"
    return "deciding" if status in _DECIDING else "over"


def listed(conn: sa.Connection, actor: Actor) -> list[dict[str, Any]]:
    """Return the zones of the actor's scope, those in force first, the strictest first in each part."""
    actor.require(LAYER.view)
    now = _now(conn)
    rows = conn.execute(
        sa.select(*(table.c[name] for name in _SHOWN))
        .where(LAYER.current(), within_scope(table, actor))
        .order_by(strictness(table.c.type), table.c.code)
    ).mappings()
    zones = [_told(row, now) for row in rows]
    return sorted(zones, key=lambda zone: GROUPS.index(zone["group"]))


def _told(row: Any, now: datetime) -> dict[str, Any]:
    status = status_of(row["state"], row["ends_at"], now)
    return dict(row) | {"status": status, "group": group_of(row["state"], row["starts_at"], row["ends_at"], now)}


def of_zone(conn: sa.Connection, actor: Actor, code: str) -> dict[str, Any]:
    """Return a zone with its scope in words, its orders, what may be done next, its protocol and what is due."""
    zone, now = find(conn, actor, code), _now(conn)
    items, orders = items_of(conn, actor, zone), orders_of(conn, zone)
    told = _told({name: getattr(zone, name) for name in _SHOWN}, now)
    return told | {
        "items": [{"level": item.level, "code": item.code, "name": item.name} for item in items],
        "scope_text": worded(items) or zone.name,
        "orders": orders,
        "next_steps": next_steps(conn, actor, zone),
        "legal_bases": applicable(conn, zone.type),
        "protocol": _protocol(conn, zone),
        "warnings": _warnings(told, orders, now),
    }


def _protocol(conn: sa.Connection, zone: sa.Row) -> dict[str, Any] | None:
    """Return the protocol in force today with its conditions and the earliest release that its days allow."""
    rules = applying(conn, zone.type)
    if rules is None:
        return None
    days = [condition["days"] for condition in rules.release if condition["kind"] == "days"]
    earliest = zone.starts_at + timedelta(days=max(days)) if days and zone.starts_at else None
    return {
        **{name: getattr(rules, name) for name in ("code", "name", "name_en", "movement", "movement_en", "source")},
        "conditions": list(rules.release), "earliest_release_at": earliest,
    }  # fmt: skip


def _warnings(zone: dict[str, Any], orders: list[dict[str, Any]], now: datetime) -> list[str]:
    found = ["lapsed_unconfirmed"] if zone["group"] == "lapsed" else []
    in_force = zone["group"] in ("in_force", "coming")
    if in_force and zone["ends_at"] is not None and zone["ends_at"] - now <= SOON:
        found.append("ends_soon")
    if in_force and orders and not any(order["legal_basis"] for order in orders):
        found.append("basis_incomplete")
    if in_force and orders and all(order["is_oral"] for order in orders):
        due = min(order["papers_due_at"] for order in orders)
        found.append("papers_overdue" if due <= now else "papers_due")
    return found


def _now(conn: sa.Connection) -> datetime:
    moment: datetime = conn.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return moment
