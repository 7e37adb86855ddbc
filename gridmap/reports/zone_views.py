"""Closure zones over HTTP: whom a drawn zone touches, drafts, and the steps of a zone's life."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Response
from flask_openapi3 import APIBlueprint, Tag

from gridmap.errors import InvalidInput
from gridmap.layer import N_
from gridmap.layers.closure_zone import lifecycle
from gridmap.layers.closure_zone import scope as scopes
from gridmap.layers.closure_zone.decision import Decision
from gridmap.layers.closure_zone.drawing import area_of
from gridmap.layers.closure_zone.lifecycle import Plan
from gridmap.layers.closure_zone.scope import Scope
from gridmap.layers.closure_zone.steps import STEPS
from gridmap.reports import impact, situation, surroundings
from gridmap.web import schemas
from gridmap.web.answers import json_response, shown
from gridmap.web.permissions import permission, reads_only
from gridmap.web.session import actor, begin
from gridmap.web.zone_schemas import DraftBody, ImpactAnswer, RedrawBody, ScopeBody, StepBody, ZoneAnswer, ZonesAnswer

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
        scope = _scope(conn, area, body.items)
        told = impact.of_scope(conn, actor(), scope, body.type, body.index)
        told["scope_text"] = scopes.worded(scopes.inside(conn, actor(), scope)) if actor().may("building.view") else ""
        told["as_of"] = shown(surroundings.now(conn))
    return json_response(told)


@api.get("", responses={200: ZonesAnswer})
@permission("closure_zone.view")
def zones() -> Response:
    """The zones by what they are now: in force, coming, lapsed, being decided, over."""
    with begin() as conn:
        return json_response(
            {"items": _written(situation.listed(conn, actor())), "as_of": shown(surroundings.now(conn))}
        )


@api.get("/<code>", responses={200: ZoneAnswer})
@permission("closure_zone.view")
def zone(path: schemas.CodePath) -> Response:
    """A zone with its scope in words, its orders, what may be done next and what is due."""
    with begin() as conn:
        return json_response(_written(situation.of_zone(conn, actor(), path.code)))


@api.post("", responses={201: ZoneAnswer})
@permission(lifecycle.DRAFT)
def draft(body: DraftBody) -> Response:
    """Save a draft; a drawn area snaps to the whole buildings or estates it touches."""
    area = area_of(body.geometry) if body.geometry is not None else None
    with begin() as conn:
        code = lifecycle.draft(conn, actor(), _plan(conn, area, body))
        response = json_response(_written(situation.of_zone(conn, actor(), code)))
    response.status_code = 201
    return response


@api.put("/<code>", responses={200: ZoneAnswer})
@permission(lifecycle.DRAFT)
def redraw(path: schemas.CodePath, body: RedrawBody) -> Response:
    """Change what a draft says."""
    area = area_of(body.geometry) if body.geometry is not None else None
    with begin() as conn:
        lifecycle.redraw(conn, actor(), path.code, body.version, _plan(conn, area, body))
        return json_response(_written(situation.of_zone(conn, actor(), path.code)))


STEP = N_("Take the step the address names in a zone's life.")
ORDERED = N_("Take the step the address names in a zone's life, under a recorded order.")


def _add_step(name: str, verb: str, kind: str | None) -> None:
    """Add the route of a step, so that each declares its own verb."""

    def view(path: schemas.CodePath, body: StepBody) -> Response:
        order = None if body.order is None else _decision(body.order.model_dump())
        with begin() as conn:
            lifecycle.take(conn, actor(), path.code, body.version, name, order)
            return json_response(_written(situation.of_zone(conn, actor(), path.code)))

    view.__name__ = f"step_{name}"
    view.__doc__ = ORDERED if kind else STEP
    api.post(f"/<code>/{name}", responses={200: ZoneAnswer})(permission(verb)(view))


for _name, _step in STEPS.items():
    _add_step(_name, _step.verb, _step.order)


def _decision(values: dict[str, Any]) -> Decision:
    return Decision(**values | {"measures": tuple(values["measures"])})


def _scope(conn: sa.Connection, area: Any, items: list[str] | None) -> Scope:
    if (area is None) == (items is None):
        raise InvalidInput("Send either geometry or items. 请提供 geometry 或 items 之一。", where="geometry")
    return Scope(area) if items is None else scopes.of_items(conn, actor(), items)


def _plan(conn: sa.Connection, area: Any, body: DraftBody) -> Plan:
    return Plan(body.name, body.type, scopes.snapped(conn, actor(), _scope(conn, area, body.items), to=body.snap))


def _written(value: Any) -> Any:
    """Return an answer with moments in Asia/Shanghai and without ids of rows."""
    if isinstance(value, datetime):
        return shown(value)
    if isinstance(value, dict):
        return {str(key): _written(inner) for key, inner in value.items() if not isinstance(inner, UUID)}
    return [_written(inner) for inner in value] if isinstance(value, list) else value
