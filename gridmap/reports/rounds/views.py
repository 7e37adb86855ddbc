"""The round as a page for a tablet, and as JSON; visits recorded and taken back."""

from dataclasses import asdict
from itertools import groupby
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response as AnyResponse

from gridmap.errors import InvalidInput
from gridmap.layer import N_
from gridmap.layers.household import OCCUPANCY_TITLES
from gridmap.layers.household.visits import VISIT, Visit, record, take_back
from gridmap.priority import PRIORITY_TITLES
from gridmap.reports.rounds import queries
from gridmap.reports.rounds.queries import DAYS, MAX_DAYS, Round, Stop
from gridmap.web import forms, schemas
from gridmap.web.answers import json_response, shown
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin

CHOICES_OF_DAYS = (7, 14, 30, 60, 90)
pages = Blueprint("rounds", __name__, template_folder="templates")
api = APIBlueprint(
    "round", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="Rounds and visits")], abp_responses=schemas.REFUSALS
)
Flag = Literal["0", "1"]


class RoundQuery(schemas.Strict):
    """Where a round goes and what it leaves out."""

    place: schemas.PlainText = Field(description=N_("Code of a grid (15 digits) or a building (17)."))
    sort: Literal["walk", "building"] = "walk"
    days: Annotated[int, schemas.InDigits, Field(ge=1, le=MAX_DAYS)] = DAYS
    due: Flag = "0"
    priority: Flag = "0"
    lon: schemas.Longitude | None = None
    lat: schemas.Latitude | None = None


class VisitPath(BaseModel):
    """A visit in the path."""

    visit_id: UUID


class VisitBody(schemas.Strict):
    """What is to be noted of a visit."""

    note: Annotated[str, Field(max_length=500, pattern="^[^\x00]*$")] = ""


class VisitAnswer(BaseModel):
    """A visit that is on record."""

    id: str
    at: str
    by: str
    note: str | None


class StopItem(BaseModel):
    """A household on a round."""

    code: str
    building: str
    building_name: str
    estate: str
    unit: str
    floor: int | None
    room: str
    occupancy: str
    people: int
    groups: dict[str, int] | None
    visited_at: str | None
    visited_by: str | None
    is_due: bool
    changed: bool


class RoundAnswer(BaseModel):
    """A round: its stops in order, and how many of all are done."""

    place: str
    name: str
    total: int
    done: int
    days: int
    items: list[StopItem]


class GoneAnswer(BaseModel):
    """The household whose visit was taken back."""

    household: str


@pages.get("/round")
@permission("household.view")
def page() -> str:
    """The round of the own grid, or of one that is chosen."""
    asked = request.args
    with begin() as conn:
        grids = queries.grids(conn, actor())
        place = forms.text(asked, "place") or (grids[0].code if grids else "")
        found = _round(conn, place) if place else None
    return render_template(
        "round/round.html", grids=grids, round=found, by_building=_by_building(found), place=place, kept=_kept(), days=CHOICES_OF_DAYS,
        may_visit=actor().may(VISIT), may_see_groups=actor().may("household.priority"), priorities=PRIORITY_TITLES,
        occupancies=OCCUPANCY_TITLES,
    )  # fmt: skip


@pages.post("/round/visit")
@permission(VISIT)
def visit() -> AnyResponse:
    """Record a visit from the page, where scripts are off."""
    code = forms.text(request.form, "code")
    with begin() as conn:
        record(conn, actor(), code, note=forms.text(request.form, "note", 500))
    return _back(code)


@pages.post("/round/take-back")
@permission(VISIT)
def undo_visit() -> AnyResponse:
    """Take a visit back from the page."""
    with begin() as conn:
        code = take_back(conn, actor(), parsed_uuid(forms.text(request.form, "id")))
    return _back(code)


@api.get("/round", responses={200: RoundAnswer})
@permission("household.view")
def show_round(query: RoundQuery) -> Response:
    """The round through a grid or a building."""
    start = None if query.lon is None or query.lat is None else (query.lon, query.lat)
    with begin() as conn:
        found = queries.of_place(
            conn, actor(), query.place, sort=query.sort, days=query.days, only_due=query.due == "1",
            only_priority=query.priority == "1", start=start,
        )  # fmt: skip
    told = {"place": found.place, "name": found.name, "total": found.total, "done": found.done, "days": found.days}
    return json_response({**told, "items": [_told(stop) for stop in found.stops]})


@api.post("/households/<code>/visits", responses={201: VisitAnswer})
@permission(VISIT)
def add_visit(path: schemas.CodePath, body: VisitBody) -> Response:
    """Record that the caller visits a household now; a second time within two minutes it is the same visit."""
    with begin() as conn:
        made = record(conn, actor(), path.code, note=body.note)
    response = json_response(_told_visit(made))
    response.status_code = 201
    return response


@api.delete("/visits/<visit_id>", responses={200: GoneAnswer})
@permission(VISIT)
def delete_visit(path: VisitPath) -> Response:
    """Take a visit of one's own back; it stays among the former rows."""
    with begin() as conn:
        return json_response({"household": take_back(conn, actor(), path.visit_id)})


def _round(conn: Any, place: str) -> Round:
    asked = request.args
    typed = forms.text(asked, "days") or str(DAYS)
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 3):
        raise InvalidInput("days is a number. 天数须为数字。", where="days")
    only_priority = asked.get("priority") == "1" and actor().may("household.priority")
    return queries.of_place(
        conn, actor(), place, sort=forms.text(asked, "sort") or "walk", days=int(typed),
        only_due=asked.get("due") == "1", only_priority=only_priority,
    )  # fmt: skip


def _by_building(found: Round | None) -> list[list[Stop]]:
    return [list(stops) for _, stops in groupby(found.stops if found else [], key=lambda stop: stop.building)]


def _kept() -> dict[str, str]:
    """Return the filter as it stands, for the links and forms of the page."""
    names = ("place", "sort", "days", "due", "priority")
    return {name: text for name in names if (text := forms.text(request.args, name))}


def _back(code: str) -> AnyResponse:
    """Lead back to the household's place in the list the form came from."""
    names = ("place", "sort", "days", "due", "priority")
    kept = {name: text for name in names if (text := forms.text(request.form, name))}
    return redirect(f"{url_for('rounds.page')}?{urlencode(kept)}#h{code}", 303)


def parsed_uuid(text: str) -> UUID:
    """Return a visit's id from a form, or raise InvalidInput."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput("This is no visit. 走访编号无效。", where="id") from None


def _told(stop: Stop) -> dict[str, Any]:
    kept = asdict(stop)
    for name in ("visit_id", "is_own", "lon", "lat"):
        del kept[name]
    return kept | {"visited_at": stop.visited_at and shown(stop.visited_at)}


def _told_visit(made: Visit) -> dict[str, Any]:
    return {"id": str(made.id), "at": shown(made.at), "by": made.by, "note": made.note}
