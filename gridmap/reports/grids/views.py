"""Grids built for a community, over HTTP: ask, follow, look at them on the map, adjust."""

from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask_openapi3 import APIBlueprint, Tag
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from gridmap import audit
from gridmap.boundaries import PROPOSE
from gridmap.districting import Band
from gridmap.errors import InvalidInput
from gridmap.layer import N_
from gridmap.reports import nodes
from gridmap.reports.grids import proposal
from gridmap.reports.grids.proposal import RUNS
from gridmap.reports.grids.question import NEEDED, Question, prepare
from gridmap.web import grid_schemas, schemas
from gridmap.web.answers import json_response, shown
from gridmap.web.i18n import language, translated
from gridmap.web.pages import drawn, map_parts
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, csrf_token, layers, signed_in
from gridmap.web.texts import texts

api = APIBlueprint(
    "grids", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="Grids")], abp_responses=schemas.REFUSALS
)
pages = Blueprint("grid_pages", __name__, template_folder="templates", url_prefix="/grids")
GROUND = ("street", "building")
STATES = {
    "running": N_("under way"), "done": N_("done"), "cancelled": N_("cancelled"), "failed": N_("failed, ask again"),
}  # fmt: skip
TEXTS = {
    "gridHouseholds": N_("{n} households"),
    "gridHidden": N_("few households"),
    "gridNoHomes": N_("no households"),
    "gridGround": N_("Ground without a building"),
    "gridMoveTo": N_("To grid {n}: {before} → {after}"),
    "gridNoneBeside": N_("It lies inside its grid. Move what lies between first."),
    "gridNotBeside": N_("It does not touch grid {n}. Move what lies between first."),
    "gridApart": N_("Without it grid {n} would fall into pieces or be empty."),
    "gridIn": N_("in grid {n}"),
    "gridWithin": N_("within"),
    "gridOutside": N_("outside"),
    "gridMoved": N_("{name} is now in grid {n}."),
    "gridUndone": N_("The latest move was taken back."),
    "gridDrag": N_("Drag to another grid: {name}"),
}


@api.post("/places/<code>/grids", responses={202: grid_schemas.GridsAnswer})
@permission(*NEEDED)
def ask(path: schemas.CodePath, body: grid_schemas.GridsBody) -> Response:
    """Begin to build grids for a community. The answer tells the run's address; ask there until it is done."""
    run = _begin(path.code, body)
    response = _told(run)
    response.status_code = 202
    return response


@api.get("/grids/<uuid:run>", responses={200: grid_schemas.GridsAnswer})
@permission(*NEEDED)
def look(path: grid_schemas.RunPath) -> Response:
    """How far a run of one's own is, and what it proposes once it is done."""
    return _told(path.run)


@api.get("/grids/<uuid:run>/features", responses={200: {"content": {schemas.GEOJSON: {}}}})
@permission(*NEEDED)
def features(path: grid_schemas.RunPath) -> Response:
    """The atoms of a proposal as GeoJSON, with the atoms beside each; households are null where they may not be told."""
    state = RUNS.find(_home(), signed_in().account_id, path.run)
    return json_response(proposal.features(_result(state), _folder(path.run)), content_type=schemas.GEOJSON)


@api.get("/grids/<uuid:run>/areas", responses={200: {"content": {schemas.GEOJSON: {}}}})
@permission(*NEEDED)
def areas(path: grid_schemas.RunPath) -> Response:
    """The grids of a proposal as they are now, as GeoJSON: they tile the community."""
    result = _result(RUNS.find(_home(), signed_in().account_id, path.run))
    return json_response(proposal.outlines(result, _folder(path.run)), content_type=schemas.GEOJSON)


@api.post("/grids/<uuid:run>/cancel", responses={200: grid_schemas.GridsAnswer})
@permission(*NEEDED)
def call_off(path: grid_schemas.RunPath) -> Response:
    """Call a run of one's own off; it ends at its next step."""
    RUNS.cancel(_home(), signed_in().account_id, path.run)
    return _told(path.run)


@api.post("/grids/<uuid:run>/moves", responses={200: grid_schemas.GridsAnswer})
@permission(*NEEDED)
def move(path: grid_schemas.RunPath, body: grid_schemas.MoveBody) -> Response:
    """Move an atom to the grid beside; refused with `breaks_contiguity` where a grid would not stay one piece."""
    with RUNS.changing(_home(), signed_in().account_id, path.run) as (result, folder):
        proposal.move(result, folder, body.atom, body.to)
    return _told(path.run)


@api.post("/grids/<uuid:run>/undo", responses={200: grid_schemas.GridsAnswer})
@permission(*NEEDED)
def undo(path: grid_schemas.RunPath) -> Response:
    """Take the latest move back."""
    with RUNS.changing(_home(), signed_in().account_id, path.run) as (result, folder):
        proposal.undo(result, folder)
    return _told(path.run)


@api.post("/grids/<uuid:run>/accept", responses={201: grid_schemas.Accepted})
@permission(*NEEDED, PROPOSE)
def accept(path: grid_schemas.RunPath, body: grid_schemas.AcceptBody) -> Response:
    """Accept a proposal: it becomes a boundary set that is not in force; the grids in force stay as they are."""
    made, community, grids = _accept(path.run, body.name)
    response = json_response({"id": made, "community": community, "grids": grids})
    response.status_code = 201
    return response


@pages.get("")
@permission(*NEEDED)
def page() -> str:
    """Ask for grids of a community; one's own proposals stand below."""
    runs = RUNS.own(_home(), signed_in().account_id)
    with begin() as conn:
        communities = nodes.communities(conn, actor(), "", None)
    return render_template(
        "grids/start.html", runs=runs, communities=communities, names=Counter(one.name for one in communities), asked=runs[0][1]["asked"] if runs else {},
        is_running=any(state["state"] == "running" for _, state in runs), states=STATES,
    )  # fmt: skip


@pages.post("")
@permission(*NEEDED)
def begin_run() -> AnyResponse:
    """Begin a run by the form and lead to its page."""
    form = {name: request.form[name] for name in grid_schemas.GridsBody.model_fields if request.form.get(name)}
    try:
        body = grid_schemas.GridsBody.model_validate(form)
    except ValidationError as exc:
        first = exc.errors()[0]
        raise InvalidInput(str(first["msg"]), where=str(first["loc"][0])) from exc
    run = _begin(request.form.get("code", "").strip(), body)
    return redirect(url_for("grid_pages.proposal_page", run=run), 303)


@pages.get("/<uuid:run>")
@permission(*NEEDED)
def proposal_page(run: UUID) -> str:
    """A proposal on the map: counts by grid, how good it is, and moving buildings from grid to grid."""
    state = RUNS.find(_home(), signed_in().account_id, run)
    result = state.get("result")
    return render_template(
        "grids/proposal.html", run=run, state=state, result=result, states=STATES,
        may_propose=actor().may(PROPOSE), parts=map_parts("grids") if result else None, config=_config(run, result) if result else None,
    )  # fmt: skip


@pages.post("/<uuid:run>/cancel")
@permission(*NEEDED)
def call_off_run(run: UUID) -> AnyResponse:
    """Call a run off and lead back to the page."""
    RUNS.cancel(_home(), signed_in().account_id, run)
    return redirect(url_for("grid_pages.page"), 303)


@pages.post("/<uuid:run>/accept")
@permission(*NEEDED, PROPOSE)
def accept_run(run: UUID) -> AnyResponse:
    """Accept a proposal by the form and lead back to it."""
    _accept(run, request.form.get("name", ""))
    return redirect(url_for("grid_pages.proposal_page", run=run), 303)


def _accept(run: UUID, name: str) -> tuple[int, str, int]:
    with RUNS.changing(_home(), signed_in().account_id, run) as (result, folder):
        with begin() as conn:
            made = proposal.accept(conn, actor(), result, folder, name, run)
        return made, result["code"], len(result["measures"]["grids"])


def _begin(code: str, body: grid_schemas.GridsBody) -> UUID:
    asked = {"code": code, **body.model_dump()}
    with begin() as conn:
        prepared = prepare(conn, actor(), Question(code, Band(body.low, body.high), body.seed))
        audit.record(conn, actor(), "districting", "neighbourhood", rows=len(prepared.footprints), detail=asked)
    return RUNS.start(_home(), signed_in().account_id, prepared, asked | {"name": prepared.name})


def _config(run: UUID, result: dict[str, Any]) -> dict[str, Any]:
    """Return what the map is told: streets and buildings under the proposal, and where its parts are asked for."""
    under = [one for one in layers().drawn() if one.name in GROUND and actor().may(one.view)]
    with begin() as conn:
        now = conn.execute(sa.select(sa.func.now())).scalar_one()
    return {
        "language": language(), "root": request.script_root, "icons": url_for("static", filename="icons/icons.svg"),
        "now": shown(now), "csrf": csrf_token(), "bounds": None, "layers": [drawn(one) for one in under],
        "texts": texts() | {name: translated(title) for name, title in TEXTS.items()},
        "grids": f"/api/v1/grids/{run}", "result": result,
    }  # fmt: skip


def _told(run: UUID) -> Response:
    state = RUNS.find(_home(), signed_in().account_id, run)
    return json_response({"id": str(run), "href": url_for("grids.look", run=run), "result": None, **state})


def _result(state: dict[str, Any]) -> dict[str, Any]:
    if state["state"] != "done":
        raise InvalidInput("This run has no result. Wait for it, or ask again. 此任务尚无结果。", where="run")
    found: dict[str, Any] = state["result"]
    return found


def _folder(run: UUID) -> Path:
    return RUNS.folder(_home(), signed_in().account_id, run)


def _home() -> Path:
    home: Path = current_app.extensions["gridmap"]["settings"].home
    return home
