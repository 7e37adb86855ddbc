"""Siting over HTTP: ask, look how far it is, take the result, or call it off."""

from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask_openapi3 import APIBlueprint, Tag
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from gridmap import audit
from gridmap.errors import InvalidInput
from gridmap.layer import N_
from gridmap.layers.supply_point import KINDS
from gridmap.reports import nodes
from gridmap.reports import siting_jobs as jobs
from gridmap.reports.siting_question import Question, prepare
from gridmap.web import schemas, siting_schemas
from gridmap.web.answers import json_response
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, signed_in

api = APIBlueprint(
    "siting", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="Siting")], abp_responses=schemas.REFUSALS
)
pages = Blueprint("sitings", __name__, template_folder="templates", url_prefix="/siting")
SERVICES = {"supply_point": N_("Any supply point"), **KINDS}
STATES = {
    "running": N_("under way"), "done": N_("done"), "cancelled": N_("cancelled"), "failed": N_("failed, ask again"),
}  # fmt: skip
STATUSES = {
    "optimal": N_("proved best"), "time_limit": N_("best found in the time"), "heuristic": N_("a good answer, not proved"),
}  # fmt: skip
NEEDED = ("building.view", "household.count", "supply_point.view")


@api.post("/siting", responses={202: siting_schemas.SitingAnswer})
@permission(*NEEDED)
def ask(body: siting_schemas.SitingBody) -> Response:
    """Begin a run: where p new points should stand. The answer tells its address; ask there until it is done."""
    run = _begin(body)
    response = _told(run, jobs.find(_home(), signed_in().account_id, run))
    response.status_code = 202
    return response


@api.get("/siting/<uuid:run>", responses={200: siting_schemas.SitingAnswer})
@permission(*NEEDED)
def look(path: siting_schemas.RunPath) -> Response:
    """How far a run of one's own is, and its result once it is done."""
    return _told(path.run, jobs.find(_home(), signed_in().account_id, path.run))


@api.post("/siting/<uuid:run>/cancel", responses={200: siting_schemas.SitingAnswer})
@permission(*NEEDED)
def call_off(path: siting_schemas.RunPath) -> Response:
    """Call a run of one's own off; it ends at its next step."""
    jobs.cancel(_home(), signed_in().account_id, path.run)
    return _told(path.run, jobs.find(_home(), signed_in().account_id, path.run))


@pages.get("")
@permission(*NEEDED)
def page() -> str:
    """Ask where new points should stand; one's own runs stand side by side."""
    runs = jobs.own(_home(), signed_in().account_id)
    with begin() as conn:
        begun = nodes.starts(conn, actor())
    return render_template(
        "siting.html", runs=runs, starts=begun, asked=runs[0][1]["asked"] if runs else {}, services=SERVICES,
        is_running=any(state["state"] == "running" for _, state in runs), states=STATES, statuses=STATUSES,
    )  # fmt: skip


@pages.post("")
@permission(*NEEDED)
def begin_run() -> AnyResponse:
    """Begin a run by the form and lead back to the page, which follows it."""
    form = {name: request.form[name] for name in siting_schemas.SitingBody.model_fields if request.form.get(name)}
    try:
        body = siting_schemas.SitingBody.model_validate(form)
    except ValidationError as exc:
        first = exc.errors()[0]
        raise InvalidInput(str(first["msg"]), where=str(first["loc"][0])) from exc
    _begin(body)
    return redirect(url_for("sitings.page"), 303)


@pages.post("/<uuid:run>/cancel")
@permission(*NEEDED)
def call_off_run(run: UUID) -> AnyResponse:
    """Call a run off and lead back to the page."""
    jobs.cancel(_home(), signed_in().account_id, run)
    return redirect(url_for("sitings.page"), 303)


def _begin(body: siting_schemas.SitingBody) -> UUID:
    asked = body.model_dump()
    with begin() as conn:
        prepared = prepare(conn, actor(), Question(**asked))
        audit.record(conn, actor(), "siting", "supply_point", rows=body.p, detail=asked)
    return jobs.start(_home(), signed_in().account_id, prepared, asked)


def _told(run: Any, state: dict[str, Any]) -> Response:
    address = url_for("siting.look", run=run)
    return json_response({"id": str(run), "href": address, "result": None, **state})


def _home() -> Path:
    home: Path = current_app.extensions["gridmap"]["settings"].home
    return home
