"""The pages of imports: choose a file, see what it is, check it, take it over, and take it back."""

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Blueprint, current_app, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response

from gridmap.errors import GridmapError, NotFound
from gridmap.exchange import columns
from gridmap.exchange.template import positions_for, write_template
from gridmap.intake import files, jobs, looking, remembered
from gridmap.intake.jobs import Job
from gridmap.layer import N_, Layer
from gridmap.web.answers import json_response, shown
from gridmap.web.i18n import language, translated
from gridmap.web.import_settings import SYSTEMS, read_settings
from gridmap.web.pages import drawn
from gridmap.web.permissions import SIGNED_IN, permission
from gridmap.web.session import actor, begin, layers, signed_in
from gridmap.web.texts import texts
from gridmap.web.uploads import takes_files

bp = Blueprint("imports", __name__, template_folder="templates", url_prefix="/import")

Page = str | Response | tuple[str, int]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STATES = {
    "draft": N_("not checked yet"), "waiting": N_("waiting"), "running": N_("under way"), "checked": N_("checked"),
    "stored": N_("taken over"), "failed": N_("could not be read"), "cancelled": N_("cancelled"), "undone": N_("taken back"),
}  # fmt: skip
STAGES = {"": N_("Beginning"), "read": N_("Reading"), "check": N_("Checking"), "write": N_("Storing")}


@bp.get("")
@permission(SIGNED_IN)
def start_page() -> Page:
    """Choose a layer and a file; the own imports so far."""
    return _start(request.args.get("layer", ""))


@bp.post("/<layer>")
@permission("{layer}.edit")
@takes_files
def upload(layer: str) -> Page:
    """Keep the files of a new import, look into them, and lead to its page."""
    home, job_id = _home(), uuid4()
    try:
        given = [(one.filename or "", one.stream) for one in request.files.getlist("files")]
        name, stored_name = files.keep(home, job_id, given)
        try:
            found = looking.look(files.opened_path(home, job_id, stored_name), layers()[layer])
        except BaseException:
            files.drop(home, job_id)
            raise
    except GridmapError as exc:
        return _start(layer, trouble=exc), exc.status
    evidence = asdict(found)
    with begin() as conn:
        account_id = signed_in().account_id
        chosen = remembered.recall(conn, account_id, layer, found.headings)
        settings = {"mapping": found.mapping, "crs": found.crs or "", **chosen, "is_remembered": bool(chosen)}
        jobs.add(conn, account_id, actor(), layer, job_id, name, stored_name, evidence, settings)
    return redirect(url_for("imports.job_page", layer=layer, job=job_id), 303)


@bp.get("/template/<layer>.xlsx")
@permission("{layer}.edit")
def template(layer: str) -> Response:
    """An Excel file with the columns of a layer, to fill in and import."""
    chosen = layers()[layer]
    if not chosen.fields:
        raise NotFound(f"Rows of {layer} cannot be imported. 该图层不支持导入。")
    made = io.BytesIO()
    write_template(chosen, made, positions_for(chosen))
    made.seek(0)
    return send_file(made, mimetype=XLSX, as_attachment=True, download_name=f"{layer}-template.xlsx", max_age=0)


@bp.get("/<layer>/<uuid:job>")
@permission("{layer}.edit")
def job_page(layer: str, job: UUID) -> Page:
    """One import: what the file is, how it is read, what came of checking and storing it."""
    return _job(_found(layer, job))


@bp.get("/<layer>/<uuid:job>/state")
@permission("{layer}.edit")
def state(layer: str, job: UUID) -> Response:
    """How far an import is, for the page to follow."""
    found = _found(layer, job)
    return json_response(
        {"state": found.state, "stage": found.stage, "rows": found.rows_done, "is_busy": found.is_busy}
    )


@bp.get("/<layer>/<uuid:job>/preview")
@permission("{layer}.edit")
def preview(layer: str, job: UUID) -> Response:
    """The first features of the file as they would lie in a coordinate system."""
    found = _found(layer, job)
    settings = found.settings
    shown_features = looking.preview(
        _path(found), layers()[layer], encoding=settings.get("encoding") or None,
        mapping=settings.get("mapping") or {}, crs=request.args.get("crs", "") or settings.get("crs") or "",
    )  # fmt: skip
    return json_response(shown_features, content_type="application/geo+json")


@bp.get("/<layer>/<uuid:job>/shares")
@permission("{layer}.edit")
def shares(layer: str, job: UUID) -> Response:
    """Which share of the file's positions lies in the own communities, by coordinate system, and which one fits."""
    found = _found(layer, job)
    chosen, settings = layers()[layer], found.settings
    stated, positions = looking.positions(
        _path(found), chosen, encoding=settings.get("encoding") or None, mapping=settings.get("mapping") or {}
    )
    with begin() as conn:
        known = looking.shares(conn, actor(), chosen, stated, positions)
    best = looking.proposal(known, stated.name if stated else None)
    items = [{"system": one.system, "share": one.share} for one in known]
    return json_response({"stated": stated.name if stated else None, "proposal": best, "items": items})


@bp.post("/<layer>/<uuid:job>/check")
@permission("{layer}.edit")
def check(layer: str, job: UUID) -> Page:
    """Keep how the file is to be read, and ask for a check."""
    return _ask(_found(layer, job), "check")


@bp.post("/<layer>/<uuid:job>/store")
@permission("{layer}.edit")
def store(layer: str, job: UUID) -> Page:
    """Ask for the checked rows to be taken over: all, or the good ones where that was said."""
    found = _found(layer, job)
    settings = {**found.settings, "partial": request.form.get("partial") == "yes"}
    with begin() as conn:
        jobs.ask(conn, found, "store")
        jobs.choose(conn, found, settings)
    return _back(found)


@bp.post("/<layer>/<uuid:job>/cancel")
@permission("{layer}.edit")
def cancel(layer: str, job: UUID) -> Page:
    """Give up what is under way."""
    found = _found(layer, job)
    with begin() as conn:
        jobs.cancel(conn, found)
    return _back(found)


@bp.post("/<layer>/<uuid:job>/undo")
@permission("{layer}.edit")
def undo(layer: str, job: UUID) -> Page:
    """Ask for a whole import to be taken back."""
    found = _found(layer, job)
    with begin() as conn:
        jobs.ask(conn, found, "undo")
    return _back(found)


@bp.post("/<layer>/<uuid:job>/discard")
@permission("{layer}.edit")
def discard(layer: str, job: UUID) -> Page:
    """Forget an import that stored nothing, and its file."""
    found = _found(layer, job)
    with begin() as conn:
        jobs.remove(conn, found)
    files.drop(_home(), found.id)
    return redirect(url_for("imports.start_page", layer=layer), 303)


@bp.get("/<layer>/<uuid:job>/reasons.xlsx")
@permission("{layer}.edit")
def reasons(layer: str, job: UUID) -> Response:
    """The same spreadsheet back, with the reason beside each refused row."""
    found = _found(layer, job)
    path = files.folder_of(_home(), found.id) / files.REASONS
    if not path.is_file():
        raise NotFound("The report is no longer kept. 报告已清除。")
    name = f"{Path(found.file_name).stem}-reasons.xlsx"
    return send_file(path, mimetype=XLSX, as_attachment=True, download_name=name, max_age=0)


def _ask(found: Job, task: str) -> Page:
    try:
        settings = read_settings(request.form, found, layers()[found.layer])
        with begin() as conn:
            jobs.settle(conn, found, settings)
            remembered.remember(conn, found.account_id, found.layer, found.evidence["headings"], settings)
            jobs.ask(conn, found, task)
    except GridmapError as exc:
        return _job(_found(found.layer, found.id), trouble=exc), exc.status
    return _back(found)


def _start(chosen: str, trouble: GridmapError | None = None) -> str:
    may = [layer for layer in layers().values() if layer.fields and actor().may(layer.edit)]
    layer = next((one for one in may if one.name == chosen), None)
    with begin() as conn:
        mine = jobs.listed(conn, signed_in().account_id)
    return render_template(
        "import/start.html", may=may, chosen=layer, mine=mine, states=STATES, trouble=trouble, titles=_titles(),
        upload_mib=current_app.extensions["gridmap"]["settings"].upload_mib,
    )  # fmt: skip


def _job(found: Job, trouble: GridmapError | None = None) -> str:
    layer = layers()[found.layer]
    has_file = (files.folder_of(_home(), found.id) / found.stored_name).is_file()
    return render_template(
        "import/job.html", job=found, layer=layer, trouble=trouble, states=STATES, stages=STAGES, systems=SYSTEMS,
        stages_shown={name: translated(title) for name, title in STAGES.items()},
        fields=columns.fields_of(layer), position=() if found.evidence.get("has_shapes") else columns.POSITION,
        has_file=has_file, titles=_titles(), zh=language() == "zh", config=_config(layer),
        has_reasons=(files.folder_of(_home(), found.id) / files.REASONS).is_file(),
    )  # fmt: skip


def _config(layer: Layer) -> dict[str, Any]:
    """Return what the map beside the columns is told: the register's layers that are drawn under the file's features."""
    under = [one for one in layers().drawn() if actor().may(one.view) and not one.is_live]
    with begin() as conn:
        now = conn.execute(sa.select(sa.func.now())).scalar_one()
    return {
        "language": language(), "root": request.script_root, "icons": "", "now": shown(now), "bounds": None,
        "layers": [drawn(one) for one in under], "texts": texts(),
    }  # fmt: skip


def _titles() -> dict[str, str]:
    return {layer.name: layer.title for layer in layers().values()}


def _found(layer: str, job: UUID) -> Job:
    with begin() as conn:
        return jobs.find(conn, signed_in().account_id, layer, job)


def _path(found: Job) -> Path:
    return files.opened_path(_home(), found.id, found.stored_name)


def _back(found: Job) -> Response:
    return redirect(url_for("imports.job_page", layer=found.layer, job=found.id), 303)


def _home() -> Path:
    return Path(current_app.extensions["gridmap"]["settings"].home)
