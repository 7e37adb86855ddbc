"""Closure zones over HTTP: whom a drawn zone touches."""

from typing import Any

import sqlalchemy as sa
from flask import Response
from flask_openapi3 import APIBlueprint, Tag

from gridmap.errors import InvalidInput
from gridmap.layers.closure_zone import scope as scopes
from gridmap.layers.closure_zone.drawing import area_of
from gridmap.layers.closure_zone.scope import Scope
from gridmap.reports import impact, surroundings
from gridmap.web import schemas
from gridmap.web.answers import json_response, shown
from gridmap.web.permissions import permission, reads_only
from gridmap.web.session import actor, begin
from gridmap.web.zone_schemas import ImpactAnswer, ScopeBody

api = APIBlueprint(
    "closure_zones", __name__, url_prefix="/api/v1/closure_zones",
    abp_tags=[Tag(name="Closure zones")], abp_responses=schemas.REFUSALS,
)  # fmt: skip


@api.post("/impact", responses={200: ImpactAnswer})
@permission("closure_zone.view")
@reads_only
def impact_of_zone(body: ScopeBody) -> Response:
    """Whom a zone touches, before it is saved: counts, stock points, volunteers, needs, overlaps, a smaller zone."""
    area = area_of(body.geometry) if body.geometry is not None else None
    with begin() as conn:
        scope = _scope(conn, area, body)
        told = impact.of_scope(conn, actor(), scope, body.type, body.index)
        told["scope_text"] = scopes.worded(scopes.inside(conn, actor(), scope)) if actor().may("building.view") else ""
        told["as_of"] = shown(surroundings.now(conn))
    return json_response(told)


def _scope(conn: sa.Connection, area: Any, body: ScopeBody) -> Scope:
    if (area is None) == (body.items is None):
        raise InvalidInput("Send either geometry or items. 请提供 geometry 或 items 之一。", where="geometry")
    return Scope(area) if body.items is None else scopes.of_items(conn, actor(), body.items)
