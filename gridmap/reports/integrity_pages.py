"""The page of what does not hold together: each kind with its number, each fault with its place on the map, and repairs."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson
from flask import Blueprint, redirect, render_template, request, url_for
from pydantic import TypeAdapter, ValidationError
from werkzeug.wrappers import Response

from gridmap import integrity
from gridmap.access import COMMUNITY_DIGITS
from gridmap.errors import GridmapError, InvalidInput
from gridmap.integrity import Change, Check, Fault
from gridmap.layer import N_
from gridmap.web import forms
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin

bp = Blueprint("integrity", __name__, template_folder="templates", url_prefix="/integrity")

Page = str | Response | tuple[str, int]
ZOOM = {"community": 15, "neighbourhood": 16}
CLOSE_ZOOM = 18
REPAIR_TITLES = {
    "assign_grid": N_("Give them the grid they stand in"),
    "move_household": N_("Move them to their building"),
    "retire_building": N_("Retire the second one, where nobody lives in it"),
    "retire_supply_point": N_("Retire the second one, where nothing was counted"),
}
_CHANGES = TypeAdapter(list[Change])


@bp.get("")
@permission("building.edit")
def page() -> str:
    """Every check with what it finds."""
    place = _place()
    with begin() as conn:
        found = [
            integrity.run(conn, actor(), check, place=place, limit=1)
            for check in integrity.CHECKS
            if actor().may(f"{check.layer}.view")
        ]
        made = integrity.recent(conn, actor())
    return render_template("integrity/checks.html", found=found, place=place, made=made, may=_may_repair)


@bp.get("/<check>")
@permission("building.edit")
def faults(check: str) -> str:
    """What one check finds, each with its place on the map."""
    return _faults_page(integrity.check_of(check))


@bp.post("/<check>/preview")
@permission("building.edit")
def preview(check: str) -> Page:
    """What the repair would change: nothing is changed yet."""
    chosen = integrity.check_of(check)
    codes = request.form.getlist("code")[: integrity.repairs.MAX_AT_ONCE] or None
    try:
        with begin() as conn:
            changes = integrity.would_change(conn, actor(), chosen, codes, place=_place())
    except GridmapError as error:
        return _faults_page(chosen, error=error), error.status
    return render_template(
        "integrity/preview.html", check=chosen, changes=changes, repairs=REPAIR_TITLES, place=_place(),
        wanted=orjson.dumps(changes).decode(),
    )  # fmt: skip


@bp.post("/<check>/repair")
@permission("building.edit")
def repair(check: str) -> Page:
    """Make the changes that were shown."""
    chosen = integrity.check_of(check)
    try:
        with begin() as conn:
            done = integrity.repair(conn, actor(), chosen, _wanted())
    except GridmapError as error:
        return _faults_page(chosen, error=error), error.status
    return redirect(url_for("integrity.faults", check=check, place=_place() or None, done=done), 303)


@bp.post("/<check>/undo")
@permission("building.edit")
def undo(check: str) -> Page:
    """Take a repair back whose rows nobody changed since."""
    chosen = integrity.check_of(check)
    try:
        changed_at = datetime.fromisoformat(request.form.get("changed_at", ""))
    except ValueError as exc:
        raise InvalidInput("Choose the repair from the list again. 请从列表中重新选择。", where="changed_at") from exc
    try:
        with begin() as conn:
            undone = integrity.undo(conn, actor(), chosen, changed_at)
    except GridmapError as error:
        return _faults_page(chosen, error=error), error.status
    return redirect(url_for("integrity.faults", check=check, place=_place() or None, undone=undone), 303)


def _may_repair(check: Check) -> bool:
    return bool(check.repair) and actor().may(f"{check.layer}.edit")


def _wanted() -> list[Change]:
    try:
        return _CHANGES.validate_json(request.form.get("wanted", ""))
    except ValidationError as exc:
        raise InvalidInput("Open the preview again. 请重新打开预览。", where="wanted") from exc


def _faults_page(check: Check, **told: Any) -> str:
    with begin() as conn:
        found = integrity.run(conn, actor(), check, place=_place())
        made = [one for one in integrity.recent(conn, actor()) if one.check == check]
    return render_template(
        "integrity/faults.html", found=found, check=check, place=_place(), repairs=REPAIR_TITLES, on_map=on_map,
        may_repair=_may_repair(check), made=made, may=_may_repair, undone=request.args.get("undone", type=int),
        done=request.args.get("done", type=int), listed=integrity.checks.LISTED, **told,
    )  # fmt: skip


def _place() -> str:
    place = forms.text(request.values, "place")
    if place and not (place.isascii() and place.isdigit() and len(place) <= COMMUNITY_DIGITS):
        raise InvalidInput("A place is up to twelve digits. 请输入不超过十二位的区划代码。", where="place")
    return place


def on_map(check: Check, fault: Fault) -> str:
    """Return the address of a fault on the map: the view, and the thing selected."""
    selected = f"sel={check.layer}/{quote(fault.code)}"
    if fault.lon is None or fault.lat is None:
        return f"{url_for('pages.map_page')}#{selected}"
    view = f"map={ZOOM.get(check.layer, CLOSE_ZOOM)}/{fault.lat:.5f}/{fault.lon:.5f}"
    return f"{url_for('pages.map_page')}#{view}&{selected}"
