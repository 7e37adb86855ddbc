"""A map on paper: the page that lays out the sheet, and the record each print or picture leaves before it is made."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, render_template, request, url_for
from flask_openapi3 import APIBlueprint, Tag

from gridmap import audit, crs, features, hierarchy
from gridmap.errors import InvalidInput, NotFound
from gridmap.layer import Layer
from gridmap.web import forms, schemas
from gridmap.web.answers import json_response, shown
from gridmap.web.i18n import language
from gridmap.web.pages import lying_under, map_bounds, map_config
from gridmap.web.permissions import SIGNED_IN, permission
from gridmap.web.print_schemas import MAX_SCALE, MIN_SCALE, RESOLUTIONS, SCALES, PrintAnswer, PrintBody
from gridmap.web.session import actor, begin, layers, past_moment

bp = Blueprint("prints", __name__, template_folder="templates", url_prefix="/print")
api = APIBlueprint(
    "map_prints", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="Prints")], abp_responses=schemas.REFUSALS
)

PAPERS = {"a4": (210, 297), "a3": (297, 420)}  # mm, upright
TURNS = ("landscape", "portrait")
_OWN = frozenset({"paper", "turn", "scale", "dpi", "title", "map", "on", "sel", "at", "drafts", "theme", "lang"})
_VIEW = re.compile(r"\d{1,2}(\.\d+)?/-?\d{1,2}(\.\d+)?/-?\d{1,3}(\.\d+)?")


@dataclass(frozen=True)
class Wish:
    """How a sheet is wanted: paper, which way round, the n of 1:n (None: what fits the view), dots per inch, title."""

    paper: str
    turn: str
    scale: int | None
    dpi: int
    title: str


@bp.get("")
@permission(SIGNED_IN)
def page() -> str:
    """The sheet: what the address says of the view, drawn at a true scale, with legend, stamps and who asks for it.

    The features come as tiles and JSON, each with its own permission, as on the map page.
    """
    wish = _wish(request.args)
    view = _view(request.args)
    with begin(looks_back=False) as conn:
        bounds = map_bounds(conn, actor())
        now = conn.execute(sa.select(sa.func.now())).scalar_one()
        title = wish.title or _place(conn, view)
        under = lying_under(conn)
    kept = {name: value[:400] for name, value in request.args.items() if name in _OWN - {"lang"} or _is_of_theme(name)}
    told = {
        "paper": wish.paper, "turn": wish.turn, "scale": wish.scale, "dpi": wish.dpi, "title": title, "scales": SCALES,
        "areas": _areas(), "theme": _theme_words(), "by": actor().name,
        "review_number": under.review_number,
    }  # fmt: skip
    return render_template(
        "print.html", wish=wish, title=title, scales=SCALES, papers=PAPERS, turns=TURNS, resolutions=RESOLUTIONS,
        hidden={name: kept[name] for name in kept if name not in ("paper", "turn", "scale", "dpi", "title")},
        back=_back(kept), by=actor().name, review_number=under.review_number, credit=under.credit,
        config={**map_config(bounds, shown(now)), "has_basemap": under.has_basemap, "print": told},
    )  # fmt: skip


@api.post("/prints", responses={201: PrintAnswer})
@permission(SIGNED_IN)
def note(body: PrintBody) -> Response:
    """Put a print or a picture of the map on record before it is made, and say what it must carry."""
    drawn = [layers()[name] for name in dict.fromkeys(body.layers)]
    for layer in drawn:
        actor().require(layer.view)
    box = features.parse_bbox(body.bbox)
    moment = past_moment(body.as_of) if body.as_of else None
    number, now = f"P-{secrets.token_hex(4).upper()}", datetime.now(UTC)
    with begin(body.as_of) as conn:
        counted = features.counts(conn, actor(), [layer for layer in drawn if layer.is_drawn], box)
    facts = {
        "number": number, "kind": body.kind, "layers": [layer.name for layer in drawn], "bbox": body.bbox,
        "scale": body.scale, "paper": f"{body.paper} {body.turn}", "dpi": body.dpi, "title": body.title,
        "as_of": shown(moment or now), "selection": body.selection, "theme": body.theme,
    }  # fmt: skip
    with begin(looks_back=False) as conn:
        rows = sum(int(str(one["count"])) for one in counted.values())
        audit.record(conn, actor(), "print", "map", rows=rows, detail={k: v for k, v in facts.items() if v != ""})
    answer = {"number": number, "by": actor().name, "at": shown(now), "is_marked": _is_marked(drawn)}
    response = json_response(answer)
    response.status_code = 201
    return response


def _is_marked(drawn: list[Layer]) -> bool:
    """Return whether a sheet shows where persons live or stand."""
    return any(layer.shows_persons for layer in drawn)


def _wish(args: Mapping[str, str]) -> Wish:
    paper, turn = args.get("paper") or "a4", args.get("turn") or "landscape"
    if paper not in PAPERS:
        raise InvalidInput("paper is a4 or a3. 纸张为 a4 或 a3。", where="paper")
    if turn not in TURNS:
        raise InvalidInput("turn is landscape or portrait. 方向为 landscape 或 portrait。", where="turn")
    dpi = _whole(args, "dpi", RESOLUTIONS[0], RESOLUTIONS[-1]) or RESOLUTIONS[-1]
    if dpi not in RESOLUTIONS:
        raise InvalidInput("dpi is 150 or 300. dpi 为 150 或 300。", where="dpi")
    return Wish(paper, turn, _whole(args, "scale", MIN_SCALE, MAX_SCALE), dpi, forms.text(args, "title", 80))


def _whole(args: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    typed = forms.text(args, name, 20)
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and least <= int(typed) <= most):
        raise InvalidInput(f"{name} is a whole number from {least} to {most}. 请填写整数。", where=name)
    return int(typed)


def _view(args: Mapping[str, str]) -> crs.Position | None:
    typed = forms.text(args, "map", 60)
    if not typed:
        return None
    if not _VIEW.fullmatch(typed):
        raise InvalidInput("map is zoom/latitude/longitude. map 的格式为 级别/纬度/经度。", where="map")
    _, lat, lon = (float(part) for part in typed.split("/"))
    return crs.position(lon, lat)


def _place(conn: sa.Connection, view: crs.Position | None) -> str:
    """Return the names of the community and the grid in the middle of a view, for a title; empty where there is none."""
    if view is None or not actor().may("community.view"):
        return ""
    return " ".join(place.name for place in hierarchy.places_at(conn, actor(), view)[-2:])


def _themes() -> Mapping[str, tuple[str, str]]:
    """Return what areas can be shaded by: name -> the endpoints of the areas and of the page."""
    found: Mapping[str, tuple[str, str]] = current_app.extensions["gridmap"]["themes"]
    return found


def _theme() -> tuple[str, str] | None:
    name = request.args.get("theme", "")
    if name and name not in _themes():
        raise NotFound(f"There is no theme {name[:40]!r}. Themes: {', '.join(_themes())}.", where="theme")
    return _themes().get(name)


def _is_of_theme(name: str) -> bool:
    return bool(request.args.get("theme")) and name.isidentifier() and len(name) <= 40


def _asked_of_theme() -> dict[str, Any]:
    return {name: value for name, value in request.args.items() if name not in _OWN}


def _areas() -> str:
    theme = _theme()
    return "" if theme is None else url_for(theme[0], **_asked_of_theme(), lang=language())


def _theme_words() -> str:
    if _theme() is None:
        return ""
    asked = " ".join(f"{name}={value}" for name, value in sorted(_asked_of_theme().items()) if value)
    return f"{request.args['theme']} {asked}"[:400]


def _back(kept: Mapping[str, str]) -> str:
    """Return the address of the page this sheet is of."""
    theme = _theme()
    if theme is not None:
        return url_for(theme[1], **_asked_of_theme())
    parts = [f"{name}={kept[name]}" for name in ("map", "sel", "on", "at", "drafts") if kept.get(name)]
    return f"{url_for('pages.map_page')}#{'&'.join(parts)}"
