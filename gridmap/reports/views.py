"""The answers about a place over HTTP: JSON for programs, a panel for people."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, render_template, request
from flask_openapi3 import APIBlueprint, Tag

from gridmap import crs, features, hierarchy, persons
from gridmap.crs import Position
from gridmap.editing import form
from gridmap.errors import InvalidInput
from gridmap.layers.supply_point import LAYER as SUPPLY_POINT
from gridmap.layers.volunteer.queries import covering
from gridmap.proximity import nearest
from gridmap.reports import recorded, surroundings, words
from gridmap.reports.nearest_supply import nearest_supply
from gridmap.walking import GEODESIC
from gridmap.web import schemas
from gridmap.web.answers import SHOWN_ZONE, json_response, shown
from gridmap.web.permissions import permission
from gridmap.web.session import actor, as_of, begin, layers

api = APIBlueprint(
    "reports",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="Answers about a place")],
    abp_responses=schemas.REFUSALS,
)
pages = Blueprint("panels", __name__, template_folder="templates", url_prefix="/panel")
pages.context_processor(words.titles)
pages.context_processor(lambda: {"recorded": recorded, "may_edit": _may_edit})


@api.get("/buildings/<code>/nearest/supply_point", responses={200: schemas.NearestAnswer})
@permission("building.view", "supply_point.view")
def nearest_to_building(path: schemas.CodePath, query: schemas.NearestSupplyQuery) -> Response:
    """The supply points nearest to a building's stored position on foot, and the nearer ones that do not serve."""
    with begin() as conn:
        building = surroundings.find_building(conn, actor(), path.code)
        return _supply(conn, query, building.position, building.code)


@api.get("/nearest/<layer>", responses={200: schemas.NearestAnswer})
@permission("{layer}.view")
def nearest_to_position(path: schemas.LayerPath, query: schemas.NearestPositionQuery) -> Response:
    """The things of a layer of points nearest to a position; supply points on foot, others by the straight line."""
    origin = crs.position(query.lon, query.lat)
    with begin() as conn:
        if path.layer == SUPPLY_POINT.name:
            return _supply(conn, query, origin)
        _refuse_for_others(query)
        items = nearest(conn, actor(), layers()[path.layer], origin, k=query.k, kind=query.kind)
        return _answer(items, surroundings.now(conn), origin)


@api.get("/buildings/<code>/volunteers", responses={200: schemas.VolunteersAnswer})
@permission("building.view", "volunteer.view")
def volunteers_of_building(path: schemas.CodePath, query: schemas.Dated) -> Response:
    """The volunteers who cover a building: assigned to it, or with it inside their service radius."""
    with begin() as conn:
        building = surroundings.find_building(conn, actor(), path.code)
        items = covering(conn, actor(), building.position, building=building.key)
        return _answer(items, surroundings.now(conn), building.position, building.code)


@api.get("/covering/volunteer", responses={200: schemas.VolunteersAnswer})
@permission("volunteer.view")
def volunteers_of_position(query: schemas.PositionQuery) -> Response:
    """The volunteers whose service radius reaches a position."""
    origin = crs.position(query.lon, query.lat)
    with begin() as conn:
        return _answer(covering(conn, actor(), origin), surroundings.now(conn), origin)


@pages.get("/building/<code>")
@permission("building.view")
def building_panel(code: str) -> str:
    """The panel of a building."""
    with begin() as conn:
        answer = surroundings.of_building(conn, actor(), code)
    return render_template("panel/building.html", answer=answer)


@pages.get("/supply_point/<code>")
@permission("supply_point.view")
def supply_point_panel(code: str) -> str:
    """The panel of a supply point."""
    with begin() as conn:
        answer = surroundings.of_supply_point(conn, actor(), code)
    return render_template("panel/supply_point.html", answer=answer)


@pages.get("/position")
@permission("community.view")
def position_panel() -> str:
    """The panel of any position."""
    origin = crs.position(request.args.get("lon"), request.args.get("lat"))
    with begin() as conn:
        answer = surroundings.of_position(conn, actor(), origin)
    return render_template("panel/position.html", answer=answer)


@pages.get("/<layer>/<code>")
@permission("{layer}.view")
def feature_panel(layer: str, code: str) -> str:
    """The panel of any other feature: its properties and where it lies."""
    found = layers()[layer]
    with begin() as conn:
        properties = features.properties(conn, actor(), found, code)
        above = str(properties.get("neighbourhood") or properties.get("community") or "")
        places = hierarchy.places_above(conn, actor(), above) if above else []
        at = features.spot(conn, actor(), found, code)
        person = persons.card(conn, actor(), found, code)
        as_of = surroundings.now(conn)
    answer = {
        "layer": found,
        "code": code,
        "name": properties.get(found.name_column),
        "properties": words.described(found, properties),
        "places": [asdict(place) for place in places],
        "person": person,
        "as_of": as_of,
        "lon": at and at.lon,
        "lat": at and at.lat,
    }
    return render_template("panel/feature.html", answer=answer)


def _supply(
    conn: sa.Connection, query: schemas.NearestSupplyQuery, origin: Position, code: str | None = None
) -> Response:
    as_of = surroundings.now(conn)
    found = nearest_supply(
        conn, actor(), origin, k=query.k, kind=query.kind, item=query.item, at=moment_of(query.at, as_of),
        method=query.method or (GEODESIC if query.item is None and query.at is None else None),
    )  # fmt: skip
    items = [{name: value for name, value in asdict(one).items() if value is not None} for one in found.items]
    return _answer(items, as_of, origin, code, skipped=found.skipped)


def _refuse_for_others(query: schemas.NearestSupplyQuery) -> None:
    for name in ("item", "at"):
        if getattr(query, name) is not None:
            raise InvalidInput(f"{name} is asked of supply points only.", where=name)
    if query.method not in (None, GEODESIC):
        raise InvalidInput("Only supply points are measured on foot; others by method=geodesic.", where="method")


def moment_of(text: str | None, now: datetime) -> datetime | None:
    """Return the moment a parameter names: ISO 8601, on the clock of Asia/Shanghai if it has no zone, or now.

    Raises
    ------
    InvalidInput for what is no moment, naming `at`.
    """
    if text is None:
        return None
    if text == "now":
        return now
    try:
        found = datetime.fromisoformat(text.strip().replace(" ", "+" if "T" in text else "T"))  # a bare + is a space
    except ValueError:
        raise InvalidInput("at must be a moment such as 2026-11-24T19:00, or now.", where="at") from None
    return found if found.tzinfo else found.replace(tzinfo=SHOWN_ZONE)


def _answer(items: list[Any], as_of: Any, origin: Position, code: str | None = None, **more: Any) -> Response:
    at = {"lon": origin.lon, "lat": origin.lat} | ({"code": code} if code else {})
    return json_response({"items": items, **more, "as_of": shown(as_of), "origin": at})


def _may_edit(layer: str) -> bool:
    """Return whether a panel offers to change what it shows: by right, and not of a past moment."""
    found = layers()[layer]
    return form.is_editable(found) and actor().may(found.edit) and as_of() is None
