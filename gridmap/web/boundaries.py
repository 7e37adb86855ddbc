"""Boundary generations over HTTP: sets of grids listed, compared on a page, activated, taken back and discarded."""

from dataclasses import asdict
from datetime import date, datetime
from math import cos, radians
from typing import Any

import orjson
import shapely
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_openapi3 import APIBlueprint, Tag
from werkzeug.wrappers import Response as AnyResponse

from gridmap import boundaries
from gridmap.boundaries import BoundarySet, Cell, Comparison
from gridmap.editing import Refused, geometry
from gridmap.editing.faults import Fault
from gridmap.errors import GridmapError, InvalidInput
from gridmap.exchange.reasons import Note
from gridmap.layer import N_
from gridmap.roles import ROLES
from gridmap.web import schemas
from gridmap.web import shaping_schemas as shapes
from gridmap.web.answers import SHOWN_ZONE, json_response, shown
from gridmap.web.i18n import day
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, layers

api = APIBlueprint(
    "boundary_sets", __name__, url_prefix="/api/v1/boundary_sets", abp_tags=[Tag(name="Boundary sets")],
    abp_responses=schemas.REFUSALS,
)  # fmt: skip
pages = Blueprint("boundaries", __name__, template_folder="templates", url_prefix="/boundaries")
VERBS = ("neighbourhood.view", "neighbourhood.edit")
PROPOSING = ("neighbourhood.view", boundaries.PROPOSE)
Page = str | AnyResponse | tuple[str, int]
SETTLED: dict[Any, Any] = {200: shapes.SetAnswer, 409: schemas.Problem}
STATES = {
    "proposed": N_("proposed"), "scheduled": N_("comes on its day"), "active": N_("in force"),
    "replaced": N_("replaced"), "undone": N_("taken back"), "discarded": N_("discarded"),
}  # fmt: skip
FATES = {"kept": N_("stays"), "changed": N_("changes"), "new": N_("new"), "ended": N_("ends")}
FAULTS = {"gap": N_("Gap"), "overlap": N_("Overlap"), "outside": N_("Outside the community")}
DRAWN_M = 640  # the side of the drawing, in its own units


@api.get("", responses={200: shapes.SetsAnswer})
@permission(*PROPOSING)
def list_sets(query: shapes.SetsQuery) -> Response:
    """The sets of grids of the communities whose grids the caller may edit, and the caller's own proposals; latest first."""
    with begin() as conn:
        found = boundaries.listed(conn, actor(), community=query.community)
    return json_response({"items": [_told(one) for one in found]})


@api.post("", responses={201: shapes.SetAnswer})
@permission(*PROPOSING)
def propose(body: shapes.SetBody) -> Response:
    """Keep a new set of grids beside the present ones; they stay in force until it is activated."""
    cells = [Cell(cell.name, cell.code, _shape(cell.geometry, i)) for i, cell in enumerate(body.cells)]
    with begin() as conn:
        made = boundaries.propose(conn, actor(), body.community, cells, name=body.name, source=body.source)
        answer = json_response(_told(boundaries.found(conn, actor(), made)))
    answer.status_code = 201
    answer.headers["Location"] = url_for("boundary_sets.compare", set_id=made)
    return answer


@api.get("/<int:set_id>", responses={200: shapes.ComparisonAnswer})
@permission(*PROPOSING)
def compare(path: shapes.SetPath) -> Response:
    """A set beside the present grids: who would move, which grids end or appear, grants, gaps and overlaps."""
    with begin() as conn:
        found = boundaries.compare(conn, actor(), path.set_id)
    parts = [
        {"code": part.code, "name": part.name, "fate": part.fate, "heir": part.heir,
         "before": _geojson(part.before), "after": _geojson(part.after)}
        for part in found.parts
    ]  # fmt: skip
    moved = {"buildings": found.moved_buildings, "households": found.moved_households, "people": found.moved_people}
    return json_response({
        "set": _told(found.set), "parts": parts, "flows": [asdict(one) for one in found.flows],
        "grants": [asdict(one) for one in found.grants], "faults": [asdict(one) for one in found.faults], "moved": moved,
        "leaves_out_few": found.leaves_out_few,
    })  # fmt: skip


@api.post("/<int:set_id>/activate", responses={200: shapes.SetAnswer, 409: schemas.Problem})
@permission(*VERBS)
def activate(path: shapes.SetPath, body: shapes.ActivateBody) -> Response:
    """Let a set take the place of the present grids, at once or on a day to come."""
    with begin() as conn:
        done = boundaries.activate(conn, actor(), path.set_id, body.on, accept_faults=body.accept_faults)
        return json_response(_told(boundaries.found(conn, actor(), path.set_id), done.notes))


@api.post("/<int:set_id>/cancel", responses=SETTLED)
@permission(*VERBS)
def cancel(path: shapes.SetPath) -> Response:
    """Take the date of a set back: it is a proposal again."""
    return _settled(path.set_id, "cancel")


@api.post("/<int:set_id>/discard", responses=SETTLED)
@permission(*PROPOSING)
def discard(path: shapes.SetPath) -> Response:
    """Give a set up that is not in force yet; it stays on the list."""
    return _settled(path.set_id, "discard")


@api.post("/<int:set_id>/undo", responses=SETTLED)
@permission(*VERBS)
def undo(path: shapes.SetPath) -> Response:
    """Take an activation back whole: grids, buildings, households and covers are what they were before."""
    return _settled(path.set_id, "undo")


def _settled(set_id: int, step: str) -> Response:
    with begin() as conn:
        _step(conn, set_id, step)
        return json_response(_told(boundaries.found(conn, actor(), set_id)))


@pages.get("")
@permission(*PROPOSING)
def page() -> str:
    """The sets of grids so far: all where the reader may edit grids, else their own proposals."""
    with begin() as conn:
        found = boundaries.listed(conn, actor())
    return render_template(
        "boundaries/sets.html", sets=found, states=STATES, on_day=_on_day, may_import=actor().may(VERBS[1])
    )


@pages.get("/<int:set_id>")
@permission(*PROPOSING)
def set_page(set_id: int) -> str:
    """One set beside the present grids, drawn and in numbers, and what may be done with it."""
    return _page(set_id)


@pages.post("/<int:set_id>")
@permission(*PROPOSING)
def decide(set_id: int) -> Page:
    """Activate, cancel, discard or take back by the page's form."""
    notes: tuple[Note, ...] = ()
    try:
        with begin() as conn:
            step = request.form.get("step", "")
            if step == "activate":
                accept = request.form.get("accept_faults") == "1"
                notes = boundaries.activate(conn, actor(), set_id, _day(), accept_faults=accept).notes
            else:
                _step(conn, set_id, step)
    except GridmapError as error:
        return _page(set_id, error=error), error.status
    return _page(set_id, notes=notes) if notes else redirect(url_for("boundaries.set_page", set_id=set_id), 303)


def _day() -> date:
    try:
        return date.fromisoformat(request.form.get("on", ""))
    except ValueError:
        raise InvalidInput("Choose a day. 请选择日期。", where="on") from None


def _step(conn: Any, set_id: int, step: str) -> None:
    if step == "cancel":
        boundaries.cancel(conn, actor(), set_id)
    elif step == "discard":
        boundaries.discard(conn, actor(), set_id)
    elif step == "undo":
        boundaries.undo(conn, actor(), layers()["neighbourhood"], set_id)
    else:
        raise InvalidInput("There is no such step. 没有此操作。", where="step")


def _page(set_id: int, *, error: GridmapError | None = None, notes: tuple[Note, ...] = ()) -> str:
    with begin() as conn:
        found = boundaries.compare(conn, actor(), set_id)
        today = datetime.now(SHOWN_ZONE).date()
    return render_template(
        "boundaries/set.html", found=found, one=found.set, states=STATES, fates=FATES, faults=FAULTS, roles=ROLES, on_day=_on_day,
        drawing=_drawing(found), error=error, notes=notes, today=today.isoformat(), may_decide=actor().may(VERBS[1]),
        names={part.code: part.name for part in found.parts},
    )  # fmt: skip


def _drawing(found: Comparison) -> dict[str, Any] | None:
    """Return the areas now and then as paths of one drawing, north up, as wide as high."""
    areas = [area for part in found.parts for area in (part.before, part.after) if area is not None]
    if not areas:
        return None
    west, south, east, north = shapely.total_bounds(areas)
    shrink = float(shapely.Point(0, (south + north) / 2).y)
    across = max((east - west) * _cosine(shrink), north - south) or 1.0
    scale = DRAWN_M / across

    def path(area: Any) -> str:
        rings = [r for part in shapely.get_parts(area) for r in (part.exterior, *part.interiors)]
        spots = (
            " L".join(f"{(x - west) * _cosine(shrink) * scale:.1f} {(north - y) * scale:.1f}" for x, y in ring.coords)
            for ring in rings
        )
        return " ".join(f"M{one} Z" for one in spots)

    def spot(area: Any) -> tuple[float, float]:
        point = area.representative_point()
        return (point.x - west) * _cosine(shrink) * scale, (north - point.y) * scale

    width, height = (east - west) * _cosine(shrink) * scale, (north - south) * scale
    return {
        "box": f"-4 -4 {width + 8:.0f} {height + 8:.0f}",
        "parts": [
            (
                part,
                path(part.before) if part.before is not None else "",
                path(part.after) if part.after is not None else "",
                spot(part.after) if part.after is not None else None,
            )
            for part in found.parts
        ],
    }


def _on_day(moment: datetime) -> str:
    return day(moment.astimezone(SHOWN_ZONE).date())


def _cosine(latitude: float) -> float:
    return cos(radians(latitude))


def _shape(told: dict[str, Any], i: int) -> Any:
    try:
        shape = geometry.taken(layers()["neighbourhood"], told)
    except Refused as refused:
        raise Refused([
            Fault(f"cells.{i}.{fault.where}", fault.code, fault.detail, fault.detail_zh, fault.value)
            for fault in refused.faults
        ]) from None  # fmt: skip
    if shape is None:
        raise InvalidInput("A grid needs a shape. 网格缺少图形。", where=f"cells.{i}.geometry")
    return shape


def _geojson(area: Any) -> Any:
    return None if area is None else orjson.loads(shapely.to_geojson(area))


def _told(one: BoundarySet, notes: tuple[Note, ...] = ()) -> dict[str, Any]:
    answer = {name: value for name, value in asdict(one).items() if name != "accepts_faults"}
    for name in ("proposed_at", "due_at", "activated_at"):
        answer[name] = answer[name] and shown(answer[name])
    return answer | {"notes": [asdict(note) for note in notes]}
