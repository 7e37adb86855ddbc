"""The zones in force for partners: their area and what an order says of them to everybody, no persons, no homes."""

from typing import Any

import orjson
import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.exchange.words import chinese
from gridmap.layers.closure_zone import LAYER, TYPES, in_force, legal_basis, strictness, table, zone_order
from gridmap.reports.notices.cap import identifier_of
from gridmap.reports.notices.open_words import without_rooms
from gridmap.reports.surroundings import now
from gridmap.web.answers import shown

_SHOWN = ("county", "id", "code", "name", "type", "community", "order_no", "issuer", "starts_at", "ends_at", "version")


def features(conn: sa.Connection, actor: Actor) -> list[dict[str, Any]]:
    """Return the zones in force in the actor's scope as GeoJSON features (EPSG:4490), the strictest first, then by code."""
    actor.require(LAYER.view)
    z = table.c
    geometry = sa.func.ST_AsGeoJSON(sa.func.ST_ForcePolygonCCW(z.geom), 7, 0).label("geometry")
    rows = conn.execute(
        sa.select(*(z[name] for name in _SHOWN), geometry)
        .where(in_force(sa.literal(now(conn))), within_scope(table, actor))
        .order_by(strictness(z.type), z.code)
    ).all()
    orders = _orders(conn, [row.id for row in rows])
    return [_feature(row, orders.get(row.id)) for row in rows]


def _orders(conn: sa.Connection, zones: list[Any]) -> dict[Any, sa.Row]:
    """Return the latest order of each zone with the article it cites."""
    o, b = zone_order.c, legal_basis.c
    cited = sa.and_(b.code == o.legal_basis, b.valid_from == o.legal_basis_from)
    rows = conn.execute(
        sa.select(o.closure_zone_id, o.scope_text, o.measures, o.zone_version, o.kind, b.law, b.article)
        .outerjoin_from(zone_order, legal_basis, cited)
        .where(o.closure_zone_id.in_(zones))
        .order_by(o.zone_version, o.id)
    )
    return {row.closure_zone_id: row for row in rows}


def _feature(row: sa.Row, order: sa.Row | None) -> dict[str, Any]:
    properties = {
        "code": row.code, "name": without_rooms(row.name), "type": row.type, "type_zh": chinese(TYPES[row.type]),
        "community": row.community, "order_no": row.order_no, "issuer": row.issuer, "starts_at": shown(row.starts_at),
        "ends_at": row.ends_at and shown(row.ends_at), "until_notice": row.ends_at is None, "version": row.version,
        "scope_text": order and without_rooms(order.scope_text),
        "measures": [without_rooms(one) for one in order.measures] if order else [],
        "legal_basis": f"{order.law}{order.article}" if order and order.law else None,
        "cap": order and f"/api/v1/closure_zones/{row.code}/cap",
        "cap_identifier": order and identifier_of(row.county, row.code, order.zone_version),
    }  # fmt: skip
    return {"type": "Feature", "id": row.code, "geometry": orjson.loads(row.geometry), "properties": properties}
