"""The pages of the system and the security administrator: accounts, and who was granted what where."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gridmap.accounts import directory, grants, passwords, people, sessions
from gridmap.accounts.grants import Grant
from gridmap.errors import GridmapError, InvalidInput, NotFound
from gridmap.layer import N_
from gridmap.preview import preview
from gridmap.roles import ROLES
from gridmap.web import forms
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, layers, signed_in

bp = Blueprint("administration", __name__, template_folder="templates", url_prefix="/admin")

Page = str | Response | tuple[str, int]
GRANTS_PAGE = 100
SUGGESTED = 500  # account names a form offers while typing
VERB_TITLES = {
    "household.count": N_("Numbers of households and people"),
    "household.exact": N_("Also numbers under five"),
    "household.priority": N_("Priority groups"),
    "household.visit": N_("Recording visits to households"),
    "resident.count": N_("Numbers of residents"),
    "volunteer.count": N_("Numbers of volunteers"),
    "person.reveal": N_("Unmasking one person, with a reason, on record"),
    "person.search": N_("Finding persons by name, phone or identity number"),
    "account.manage": N_("Managing accounts"),
    "grant.manage": N_("Granting roles"),
    "view.as": N_("Looking with another's eyes"),
    "audit.view": N_("Reading the audit"),
}


@bp.get("/accounts")
@permission("account.manage")
def accounts_page() -> Page:
    """The list of accounts and what can be done with each."""
    return _accounts_page()


@bp.post("/accounts")
@permission("account.manage")
def add_account() -> Page:
    """Make an account; its password is shown this once and holds for the first sign-in."""

    def add(conn: sa.Connection) -> dict[str, str]:
        name = people.normalised(forms.text(request.form, "name"))
        password = request.form.get("password", "")[:300] or passwords.made(name)
        people.add(conn, actor(), name, password, must_change=True)
        return {"name": name, "password": password}

    return _with_secret(add)


@bp.post("/accounts/<name>/password")
@permission("account.manage")
def reset_password(name: str) -> Page:
    """Give an account a new password, shown this once."""

    def reset(conn: sa.Connection) -> dict[str, str]:
        chosen = request.form.get("password", "")[:300] or None
        return {"name": name, "password": people.reset_password(conn, actor(), name, chosen)}

    return _with_secret(reset)


@bp.post("/accounts/<name>/disable")
@permission("account.manage")
def disable_account(name: str) -> Page:
    """Disable an account; its sessions and tokens end."""
    return _change_account(lambda conn: people.disable(conn, actor(), name))


@bp.post("/accounts/<name>/enable")
@permission("account.manage")
def enable_account(name: str) -> Page:
    """Let a disabled account sign in again."""
    return _change_account(lambda conn: people.enable(conn, actor(), name))


@bp.post("/accounts/<name>/second-factor/drop")
@permission("account.manage")
def drop_second_factor(name: str) -> Page:
    """Take an account's second factor away, for a lost device."""
    return _change_account(lambda conn: people.drop_second_factor(conn, actor(), name))


@bp.post("/accounts/disable-unused")
@permission("account.manage")
def disable_unused() -> Page:
    """Disable the accounts nobody has used for 90 days."""
    with begin() as conn:
        disabled, kept = directory.disable_unused(conn, actor())
    return _accounts_page(disabled=disabled, kept_back=kept)


def _with_secret(change: Callable[[sa.Connection], dict[str, str]]) -> Page:
    try:
        with begin() as conn:
            secret = change(conn)
    except GridmapError as error:
        return _accounts_page(error=error), error.status
    return _accounts_page(secret=secret)


def _change_account(change: Callable[[sa.Connection], object]) -> Page:
    try:
        with begin() as conn:
            change(conn)
    except GridmapError as error:
        return _accounts_page(error=error), error.status
    return _back("administration.accounts_page")


def _accounts_page(**told: Any) -> str:
    asked = request.args
    text, state, after = forms.text(asked, "q"), asked.get("state", "all"), forms.text(asked, "after")
    with begin() as conn:
        lines, more = directory.lines(conn, actor(), text=text, state=state, after=after)
        unused = directory.count_unused(conn, actor())
    return render_template(
        "admin/accounts.html", lines=lines, more=more, unused=unused, q=text, state=state, states=STATE_TITLES,
        kept={"q": text, "state": state}, done=asked.get("done"), own=signed_in().name, **told,
    )  # fmt: skip


STATE_TITLES = {
    "all": N_("All"),
    "active": N_("In use"),
    "unused": N_("Unused for 90 days"),
    "disabled": N_("Disabled"),
}


@bp.get("/grants")
@permission("grant.manage")
def grants_page() -> Page:
    """The grants in force, by account and place, and the forms that give, hand over and look."""
    return _grants_page()


@bp.get("/grants/preview")
@permission("grant.manage")
def preview_page() -> Page:
    """What the account would see with one more grant, before it is given."""
    try:
        return _preview_page()
    except GridmapError as error:
        return _grants_page(error=error), error.status


@bp.post("/grants")
@permission("grant.manage")
def give() -> Page:
    """Give a grant."""
    form = request.form

    def grant(conn: sa.Connection) -> object:
        found = people.find(conn, forms.text(form, "account"))
        return grants.give(
            conn, actor(), found.id, forms.text(form, "role"), forms.text(form, "place"),
            since=forms.moment(form, "since"), until=forms.moment(form, "until", is_end=True),
            reason=forms.text(form, "reason") or None,
        )  # fmt: skip

    return _change_grants(grant)


@bp.post("/grants/<uuid:grant>/end")
@permission("grant.manage")
def end(grant: UUID) -> Page:
    """End a grant now, and the stand-ins' that came from it."""
    return _change_grants(lambda conn: grants.end(conn, actor(), grant))


@bp.post("/grants/hand-over")
@permission("grant.manage")
def hand_over() -> Page:
    """Move a place's grants from one account to another in one step."""
    form = request.form

    def move(conn: sa.Connection) -> object:
        before, after = (people.find(conn, forms.text(form, name)).id for name in ("from", "to"))
        return grants.hand_over(conn, actor(), forms.text(form, "place"), before, after)

    return _change_grants(move)


@bp.post("/view-as")
@permission("view.as")
def view_as() -> Page:
    """Look with another account's eyes until told to stop: reading only, on record."""
    try:
        with begin() as conn:
            other = people.find(conn, forms.text(request.form, "account"))
            sessions.view_as(conn, actor(), _session(), other.id)
    except GridmapError as error:
        return _refused_view(error)
    return redirect(url_for("sign_in.onward"), 303)


@bp.post("/view-as/stop")
@permission("view.as")
def stop_viewing() -> Page:
    """Look with one's own eyes again."""
    with begin() as conn:
        sessions.view_as(conn, actor(), _session(), None)
    return redirect(url_for("sign_in.onward"), 303)


def _refused_view(error: GridmapError) -> Page:
    """Tell on the grants page; who is looking with other eyes already is not shown that page."""
    if signed_in().viewed_as:
        raise error
    return _grants_page(error=error), error.status


def _session() -> str:
    session = signed_in().session
    if session is None:
        raise InvalidInput("A token looks with its owner's eyes only: sign in. 令牌不可以他人身份查看。", where="token")
    return session


def _change_grants(change: Callable[[sa.Connection], object]) -> Page:
    try:
        with begin() as conn:
            change(conn)
    except GridmapError as error:
        return _grants_page(error=error), error.status
    return _back("administration.grants_page")


def _grants_page(**told: Any) -> str:
    asked = request.args
    text, place, role = forms.text(asked, "q"), forms.text(asked, "in"), forms.text(asked, "role")
    after = _cursor(asked.get("after"))
    with begin() as conn:
        found = grants.listed(
            conn, actor(), name=text, place=place, role=role or None, after=after, limit=GRANTS_PAGE + 1
        )
        names = [found.name for found in people.listed(conn, actor()) if found.disabled_at is None][:SUGGESTED]
    more = found[GRANTS_PAGE - 1].id if len(found) > GRANTS_PAGE else None
    return render_template(
        "admin/grants.html", grants=[_told(grant) for grant in found[:GRANTS_PAGE]], more=more, roles=ROLES,
        names=names, kept={"q": text, "in": place, "role": role}, done=asked.get("done"), form=request.values, **told,
    )  # fmt: skip


def _told(grant: Grant) -> dict[str, Any]:
    return {"grant": grant, "is_to_come": grant.valid_from > datetime.now(UTC)}


def _preview_page() -> str:
    asked = request.args
    role, place = grants.role_of(forms.text(asked, "role")), grants.place_of(forms.text(asked, "place"))
    forms.moment(asked, "since")
    forms.moment(asked, "until", is_end=True)
    with begin() as conn:
        found = people.find(conn, forms.text(asked, "account"))
        if found.disabled_at is not None:
            raise NotFound("There is no such account in use. 没有此可用账号。", where="account")
        held, more = grants.current(conn, found.id), grants.would_hold(conn, role, place)
        before, after = (preview(conn, actor(), layers(), roles) for roles in (held, (*held, more)))
        named = grants.place_named(conn, place)
    return render_template(
        "admin/preview.html", account=found, role=role, place=place or grants.ALL, named=named, before=before,
        after=after, roles=ROLES, layers=layers(), verbs=VERB_TITLES, form=asked,
    )  # fmt: skip


def _cursor(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidInput("`after` is what the link to the next page holds. 翻页参数无效。", where="after") from None


def _back(endpoint: str) -> Response:
    """Lead back to the list; the form's address carried the filters that were on it."""
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if name in ("q", "in", "role", "state")}
    return redirect(url_for(endpoint, done=1, **kept), 303)
