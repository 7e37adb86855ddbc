"""The page of a household, and its forms."""

from collections.abc import Callable
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response

from gridmap.access import within_scope
from gridmap.errors import GridmapError, InvalidInput
from gridmap.hierarchy import OCCUPANCIES, household, places_above
from gridmap.layers.household import OCCUPANCY_TITLES
from gridmap.layers.household.visits import VISIT, of_household, record, take_back
from gridmap.layers.resident import (
    BASIS_TITLES,
    CARE_TITLES,
    LAYER,
    RELATION_TITLES,
    SEX_TITLES,
    corrections,
    doors,
    moves,
    queries,
)
from gridmap.layers.resident.records import Done
from gridmap.layers.resident.schemas import PersonBody
from gridmap.priority import PRIORITY_TITLES
from gridmap.reports.homes import undoing
from gridmap.reports.rounds.queries import stop_of
from gridmap.reports.rounds.views import parsed_uuid
from gridmap.web import forms
from gridmap.web.i18n import language
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, csrf_token
from gridmap.web.texts import texts

pages = Blueprint("homes", __name__, template_folder="templates", url_prefix="/household")
Page = str | Response | tuple[str, int]
PERSON_FIELDS = (
    "name", "phone", "id_number", "birth_year", "sex", "relation", "care_level", "basis", "consented_on", "moved_in_on",
)  # fmt: skip


@pages.get("/<code>")
@permission("household.view")
def page(code: str) -> Page:
    """Who lives in a household, who did, and the visits to it."""
    return _page(code)


@pages.post("/<code>/move-in")
@permission("resident.edit")
def move_in(code: str) -> Page:
    """Enter a person."""
    given, tags = _person(is_new=True)
    return _change(code, lambda conn: moves.move_in(conn, actor(), code, given, tags=tags or ()))


@pages.post("/<code>/correct")
@permission("resident.edit")
def correct(code: str) -> Page:
    """Correct a person's record; a number or name that is left empty stays."""
    given, tags = _person(is_new=False)
    who, version = _who()
    return _change(code, lambda conn: corrections.correct(conn, actor(), who, given, tags=tags, version=version))


@pages.post("/<code>/move")
@permission("resident.edit")
def move(code: str) -> Page:
    """Move a person to another household."""
    who, version = _who()
    to, on = forms.text(request.form, "to"), _day("on")
    return _change(code, lambda conn: moves.move(conn, actor(), who, to, version=version, on=on))


@pages.post("/<code>/move-out")
@permission("resident.edit")
def move_out(code: str) -> Page:
    """End a person's stay."""
    who, version = _who()
    on = _day("on")
    return _change(code, lambda conn: moves.move_out(conn, actor(), who, version=version, on=on))


@pages.post("/<code>/split")
@permission("household.edit", "resident.edit")
def split(code: str) -> Page:
    """Make a household of its own for the residents that are ticked."""
    pairs = (text.rpartition(":") for text in request.form.getlist("residents"))
    chosen = {who: _number(version, "residents") for who, _, version in pairs}
    unit, room = (forms.text(request.form, name) for name in ("unit", "room"))
    seen = _version()
    return _change(
        code, lambda conn: doors.split(conn, actor(), code, unit=unit, room=room, residents=chosen, version=seen)
    )


@pages.post("/<code>/join")
@permission("household.edit", "resident.edit")
def join(code: str) -> Page:
    """Take another household in."""
    other, seen = forms.text(request.form, "other"), _version()
    return _change(code, lambda conn: doors.join(conn, actor(), code, other, version=seen))


@pages.post("/<code>/occupancy")
@permission("household.edit")
def occupancy(code: str) -> Page:
    """Change how the household is used."""
    wanted, residents = (forms.text(request.form, name) for name in ("occupancy", "residents"))
    seen = _version()
    return _change(
        code,
        lambda conn: doors.set_occupancy(conn, actor(), code, wanted, residents=residents or "keep", version=seen),
    )


@pages.post("/<code>/undo")
@permission("resident.edit")
def undo(code: str) -> Page:
    """Take the last operation back."""
    steps = undoing.read(forms.text(request.form, "undo", 8000))
    return _change(code, lambda conn: corrections.undo(conn, actor(), steps), can_undo=False)


@pages.post("/<code>/visit")
@permission(VISIT)
def visit(code: str) -> Page:
    """Record a visit."""
    note = forms.text(request.form, "note", 500)
    return _change(code, lambda conn: record(conn, actor(), code, note=note))


@pages.post("/<code>/take-back")
@permission(VISIT)
def undo_visit(code: str) -> Page:
    """Take a visit back."""
    visit_id = parsed_uuid(forms.text(request.form, "id"))
    return _change(code, lambda conn: take_back(conn, actor(), visit_id))


def _change(code: str, change: Callable[[sa.Connection], Any], *, can_undo: bool = True) -> Page:
    """Do something and lead back to the page; where it is refused, show the page with the reason."""
    try:
        with begin() as conn:
            done = change(conn)
    except GridmapError as error:
        if error.status == 404 and error.where == "code":
            raise
        return _page(code, error=error), error.status
    steps = undoing.written(done.steps) if isinstance(done, Done) and can_undo else ""
    return redirect(url_for("homes.page", code=code, done=1, undo=steps or None), 303)


def _page(code: str, **told: Any) -> str:
    who = actor()
    with begin() as conn:
        stop = stop_of(conn, who, code)
        h = household.c
        row = conn.execute(
            sa.select(h.county, h.id, h.version, h.community, h.neighbourhood).where(
                h.code == code, h.valid_to.is_(None), within_scope(household, who)
            )
        ).one()
        sees = who.may(LAYER.view)
        people = queries.residents_of(conn, who, (row.county, row.id)) if sees else None
        stays = queries.former_stays(conn, who, (row.county, row.id)) if sees else []
        visits = of_household(conn, who, code)
        places = places_above(conn, who, row.neighbourhood or row.community)
        now = conn.execute(sa.select(sa.func.now())).scalar_one()
    return render_template(
        "home/home.html", stop=stop, version=row.version, people=people, stays=stays, visits=visits, places=places,
        year=now.year, may_edit=sees and who.may("resident.edit"), may_change=who.may("household.edit"),
        may_visit=who.may(VISIT), may_see_groups=who.may("household.priority"), config=_config(now.isoformat()),
        occupancies=OCCUPANCY_TITLES, occupancy_names=OCCUPANCIES, priorities=PRIORITY_TITLES, sexes=SEX_TITLES,
        relations=RELATION_TITLES, cares=CARE_TITLES, bases=BASIS_TITLES, done=request.args.get("done"),
        undo=_offered(), titles=FIELD_TITLES, **told,
    )  # fmt: skip


FIELD_TITLES = {field.column: field.title for field in LAYER.fields}


def _offered() -> str:
    """Return the steps in the address that can be undone, empty where they are none."""
    text = request.args.get("undo", "")[:8000]
    try:
        return text if text and undoing.read(text) else ""
    except InvalidInput:
        return ""


def _config(now: str) -> dict[str, Any]:
    """Return what the scripts of the page are told; the map's layers are not among it."""
    return {
        "language": language(), "root": request.script_root, "icons": url_for("static", filename="icons/icons.svg"),
        "now": now, "csrf": csrf_token(), "finds_persons": False, "bounds": None, "layers": [], "texts": texts(),
    }  # fmt: skip


def _person(*, is_new: bool) -> tuple[dict[str, Any], list[str] | None]:
    """Return a person's columns from the form: of a new one all, else those that the form shows and fills."""
    form = request.form
    given: dict[str, Any] = {}
    for name in PERSON_FIELDS:
        text = forms.text(form, name)
        is_masked = name in ("name", "phone", "id_number")  # never shown in the form: empty means unchanged
        if name in form and (text or not (is_new or is_masked)):
            given[name] = text or None
    if form.get("phone_gone") == "1":
        given["phone"] = None
    tags = form.getlist("tags") if form.get("has_tags") == "1" else None
    try:
        body = PersonBody.model_validate({**given, "tags": tags})
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InvalidInput(f"{where} is not as it must be. 填写内容不正确。", where=where) from None
    return {name: getattr(body, name) for name in given}, body.tags


def _who() -> tuple[str, int]:
    return forms.text(request.form, "resident"), _version()


def _version() -> int:
    return _number(forms.text(request.form, "version"), "version")


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidInput(f"{name} is a number. 须为数字。", where=name)
    return int(text)


def _day(name: str) -> date | None:
    text = forms.text(request.form, name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidInput(f"{name} is a date such as 2026-03-01. 日期格式不正确。", where=name) from None
