"""Coverage over HTTP: shares and named gaps for programs, a page with a map and a table for people, and a file."""

import base64
import binascii
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

import orjson
import sqlalchemy as sa
from flask import Blueprint, Response, render_template, request, url_for
from flask_openapi3 import APIBlueprint, Tag

from gridmap import audit
from gridmap.errors import InvalidInput
from gridmap.layer import N_
from gridmap.layers.supply_point import item
from gridmap.reports import areas, nodes, past, services, spreadsheet
from gridmap.reports.coverage import (
    DEFAULT_M,
    Building,
    Coverage,
    Question,
    Share,
    coverage,
    homes_of,
    page_of,
    threshold,
)
from gridmap.reports.nodes import Node
from gridmap.reports.surroundings import now
from gridmap.web import coverage_schemas, forms, schemas
from gridmap.web.answers import SHOWN_ZONE, json_response, shown
from gridmap.web.i18n import language, translated
from gridmap.web.pages import map_parts
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin
from gridmap.web.texts import texts

api = APIBlueprint(
    "coverage", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="Coverage")], abp_responses=schemas.REFUSALS
)
pages = Blueprint("coverages", __name__, template_folder="templates", url_prefix="/coverage")
NEEDED = ("building.view", "household.count")
SHOWN_GAPS = 200
STEPS = (0.5, 0.75, 0.9, 1.0)  # below each a class of its own; the last is everybody
STEP_WORDS = ("< 50 %", "50 – 75 %", "75 – 90 %", "90 – 99.9 %", "100 %")
METHOD_TITLES = {
    "walk": N_("on foot, zones in force close streets"), "estimate": N_("straight line × 1.3"),
    "geodesic": N_("straight line"), "party": N_("by assignment"),
}  # fmt: skip


@api.get("/coverage", responses={200: coverage_schemas.CoverageAnswer})
@permission(*NEEDED)
def shares(query: coverage_schemas.CoverageQuery) -> Response:
    """The shares of buildings and households of a place that have a service in reach, by level, and a link to the gaps."""
    with begin() as conn:
        found = coverage(conn, actor(), _question(conn, query))
        as_of = query.as_of or now(conn)
    asked = query.model_dump(exclude_none=True, mode="json")
    return json_response({
        "service": query.service, "threshold_m": found.question.threshold_m, "method": found.method,
        "blocks_streets": found.blocks, "whole": _told(found.whole), "levels": [_told(part) for part in found.parts],
        "gaps": url_for("coverage.gaps", **asked), "as_of": shown(as_of),
    })  # fmt: skip


@api.get("/coverage/gaps", responses={200: coverage_schemas.GapsAnswer})
@permission(*NEEDED)
def gaps(query: coverage_schemas.GapsQuery) -> Response:
    """The buildings without the service in reach, by name and code, with their nearest option; `next` leads on."""
    after = _after(query.cursor)
    with begin() as conn:
        found = coverage(conn, actor(), _question(conn, query))
        page, has_more = page_of(found.gaps, after, query.limit)
        homes = homes_of(conn, actor(), page, query.as_of)
        as_of = query.as_of or now(conn)
    asked = query.model_dump(exclude_none=True, mode="json")
    following = url_for("coverage.gaps", **asked | {"cursor": _cursor(page[-1])}) if has_more else None
    items = [_gap(one) | ({"homes": homes[one.code]} if one.code in homes else {}) for one in page]
    return json_response({"items": items, "count": len(found.gaps), "next": following, "as_of": shown(as_of)})


@pages.get("")
@permission(*NEEDED)
def page() -> str:
    """Coverage of a place: shares of its parts on a map and in a table, and the buildings that are not reached."""
    with _looking_back() as conn:
        found = _asked(conn)
        begun = nodes.starts(conn, actor())
        items = conn.execute(sa.select(item.c.code, item.c.name, item.c.name_en).order_by(item.c.code)).all()
        as_of = found.question.as_of or now(conn)
    return render_template(
        "coverage.html", found=found, starts=begun, services=services.TITLES, items=items, as_of=as_of,
        asked=request.args, method_title=METHOD_TITLES[found.method], parts=map_parts("summary"), kept=_kept(),
        shown_gaps=found.gaps[:SHOWN_GAPS], percent=percent, step_words=STEP_WORDS, steps=STEPS, default_m=DEFAULT_M,
        may_place=_may_place(found.whole),
        named=_named(found), config={
            "areas": url_for("coverages.parts_areas", **_kept()), "language": language(), "layers": [], "texts": texts(),
            "link": url_for("coverages.page", **_named(found)),
        },
    )  # fmt: skip


@pages.get("/areas")
@permission(*NEEDED)
def parts_areas() -> Response:
    """The areas of a place's parts with the share that is covered."""
    with _looking_back() as conn:
        found = _asked(conn)
        level = "neighbourhood" if found.whole.level in ("community", "neighbourhood") else "community"
        parts = {part.code: part for part in found.parts if part.level == level}
        grids = level == "neighbourhood"
        places = [
            Node(level, code, part.name, code[:12], grids=(code,) if grids else None) for code, part in parts.items()
        ]
        drawn = areas.shapes(conn, actor(), places, found.question.as_of)
        as_of = found.question.as_of or now(conn)
    features = []
    for code, geometry in drawn.items():
        part = parts[code]
        share = part.share or 0.0
        address = url_for("coverages.page", **{**_kept(), "place": code})
        facts = {"code": code, "name": part.name, "value": percent(part.share), "class": _class(share), "href": address}
        features.append({"type": "Feature", "properties": facts, "geometry": orjson.Fragment(geometry)})
    told = {
        "title": found.whole.name, "figure": _figure_words(found), "as_of": shown(as_of), "legend": STEP_WORDS,
    }  # fmt: skip
    return json_response({"type": "FeatureCollection", "features": features, **told}, content_type=schemas.GEOJSON)


@pages.get("/export")
@permission(*NEEDED)
def export() -> Response:
    """The shares and the gaps as a spreadsheet; small numbers of households are `<5` for who may not know them."""
    suffix = request.args.get("format", "csv")
    if suffix not in spreadsheet.WRITERS:
        raise InvalidInput("format is csv or xlsx. format 只能是 csv 或 xlsx。", where="format")
    with _looking_back() as conn:
        found = _asked(conn)
        as_of = found.question.as_of or now(conn)
        rows = _rows(found, shown(as_of))
        facts = {"service": found.question.service, "place": found.whole.code, "format": suffix, "as_of": shown(as_of)}
        audit.record(conn, actor(), "export", "coverage", rows=len(rows) - 1, detail=facts)
    name = f"gridmap-coverage-{as_of.astimezone(SHOWN_ZONE):%Y%m%d-%H%M}.{suffix}"
    return Response(
        spreadsheet.WRITERS[suffix](rows), content_type=spreadsheet.CONTENT_TYPES[suffix],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )  # fmt: skip


def _looking_back() -> AbstractContextManager[sa.Connection]:
    """Begin a transaction that looks back to the moment a form names: without a zone it is Beijing's clock."""
    moment = forms.moment(request.args, "as_of")
    past.check_moment(moment)
    return begin(moment.isoformat()) if moment else begin(looks_back=False)


def percent(share: float | None) -> str:
    """Return a share as people read it; never 100 % where somebody is left out, a dash where nothing is known."""
    if share is None:
        return "–"
    return "100 %" if share == 1 else f"{min(share * 100, 99.9):.1f} %"


def _figure_words(found: Coverage) -> str:
    """Return what is shaded, with the service, the reach and how it is measured."""
    reach = f"{round(found.question.threshold_m)} m"
    method = translated(METHOD_TITLES[found.method])
    return f"{translated(N_('Buildings covered'))} · {_service_title(found.question.service)} · {reach} · {method}"


def _service_title(service: str) -> str:
    return translated(services.TITLES[service]) if service in services.TITLES else service.partition(":")[2]


def _class(share: float) -> int:
    return sum(share >= step for step in STEPS)


def _question(conn: sa.Connection, query: coverage_schemas.CoverageQuery) -> Question:
    past.check_moment(query.as_of)
    node = nodes.find(conn, actor(), query.place, query.as_of) if query.place else None
    reach_m = threshold(query.threshold_m, query.threshold_min)
    return Question(query.service, reach_m, node, query.method, query.as_of, query.zone)


def _asked(conn: sa.Connection) -> Coverage:
    """Return the answer to what a page's address asks; without a place, of the first one that is the reader's."""
    place, as_of = forms.text(request.args, "place"), forms.moment(request.args, "as_of")
    past.check_moment(as_of)
    method = request.args.get("method")
    if method not in (None, "", "walk", "geodesic"):
        raise InvalidInput("method is walk or geodesic.", where="method")
    node = nodes.find(conn, actor(), place, as_of) if place else next(iter(nodes.starts(conn, actor())), None)
    reach_m = threshold(_number("threshold_m"), _number("threshold_min"))
    zone = forms.text(request.args, "zone") or None
    service = forms.text(request.args, "service") or "supply_point"
    return coverage(conn, actor(), Question(service, reach_m, node, method or None, as_of, zone))


def _number(name: str) -> float | None:
    typed = forms.text(request.args, name)
    if not typed:
        return None
    try:
        found = float(typed) if typed.isascii() else float("nan")
    except ValueError:
        found = float("nan")
    if found != found:
        raise InvalidInput(f"{name} is a number.", where=name)
    return found


def _kept() -> dict[str, Any]:
    names = ("service", "place", "threshold_m", "threshold_min", "method", "as_of", "zone")
    return {name: value for name in names if (value := request.args.get(name, "")[:100])}


def _named(found: Coverage) -> dict[str, Any]:
    """Return what an address must say to mean the same for every reader: the place too, whose first one differs."""
    asked = found.question
    return {"place": found.whole.code, "service": asked.service, "threshold_m": f"{asked.threshold_m:g}"} | {
        name: value for name, value in _kept().items() if name in ("method", "as_of", "zone")
    }


def _may_place(whole: Share) -> bool:
    return whole.level in ("community", "neighbourhood", "county", "subdistrict", "all")


def _told(part: Share) -> dict[str, Any]:
    return {**asdict(part), "share": part.share, "household_share": part.household_share}


def _gap(one: Building) -> dict[str, Any]:
    nearest = one.nearest and {"code": one.nearest.code, "name": one.nearest.name}
    return {
        "code": one.code, "name": one.name, "community": one.community, "neighbourhood": one.neighbourhood,
        "lon": one.lon, "lat": one.lat, "households": one.shown, "nearest": nearest, "distance_m": one.distance_m,
        "is_reachable": one.is_reachable,
    }  # fmt: skip


def _rows(found: Coverage, as_of: str) -> list[list[Any]]:
    heading = (N_("Level"), N_("Code"), N_("Name"), N_("Buildings"), N_("Covered"), N_("Households"), N_("Covered"))
    more = (N_("Nearest"), N_("Metres"), N_("As of"))
    rows: list[list[Any]] = [[translated(title) for title in (*heading, *more)]]
    for part in (found.whole, *found.parts):
        rows.append([
            part.level, part.code, part.name, part.buildings, part.covered, part.households, part.covered_households,
            None, None, as_of,
        ])  # fmt: skip
    for one in found.gaps:
        option = one.nearest and (one.nearest.name or one.nearest.code)
        away = None if one.distance_m is None else round(one.distance_m)
        rows.append(["building", one.code, one.name, 1, 0, one.shown, 0, option, away, as_of])
    return rows


def _cursor(one: Building) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([one.name, one.code])).decode()


def _after(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    try:
        name, code = orjson.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error):
        raise InvalidInput("cursor is what `next` of the page before holds.", where="cursor") from None
    return str(name), str(code)
