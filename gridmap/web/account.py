"""One's own account: password, sessions, tokens, grants, and who saw one's data."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from gridmap import audit
from gridmap.access import Actor
from gridmap.accounts import grants, people, sessions
from gridmap.errors import GridmapError, InvalidInput
from gridmap.roles import ADMINISTRATORS, ROLES
from gridmap.web import forms
from gridmap.web.permissions import OWN_ACCOUNT, permission
from gridmap.web.session import begin, signed_in

bp = Blueprint("account", __name__, template_folder="templates", url_prefix="/account")


@bp.get("")
@permission(OWN_ACCOUNT)
def page() -> str:
    """One's own account."""
    return _page()


@bp.post("/password")
@permission(OWN_ACCOUNT)
def change_password() -> Response | tuple[str, int]:
    """Change one's own password; the other sessions end."""
    who, form = signed_in(), request.form
    try:
        if form.get("password", "") != form.get("again", ""):
            raise InvalidInput("The two new passwords differ. 两次输入的新密码不一致。", where="again")
        with begin() as conn:
            people.change_password(
                conn, who.account_id, form.get("old_password", "")[:300], form.get("password", "")[:300],
                keep_session=who.session,
            )  # fmt: skip
    except InvalidInput as error:
        return _page(error=error), 422
    return _done("password")


@bp.post("/sessions/<uuid:session>/end")
@permission(OWN_ACCOUNT)
def end_session(session: UUID) -> Response:
    """End one of one's own sessions."""
    with begin() as conn:
        sessions.end_one(conn, signed_in().account_id, session)
    return _done("session")


@bp.post("/sessions/end-others")
@permission(OWN_ACCOUNT)
def end_other_sessions() -> Response:
    """End every session but this one."""
    who = signed_in()
    with begin() as conn:
        people.end_sessions(conn, who.account_id, but=who.session)
    return _done("session")


@bp.post("/tokens")
@permission("signed_in")
def make_token() -> str:
    """Make an API token and show it, this once."""
    who, form = signed_in(), request.form
    if who.session is None or who.viewed_as:
        raise InvalidInput("A token is made by its owner, signed in. 请先以本人身份登录。", where="token")
    days = form.get("days", "30")
    if not (days.isascii() and days.isdigit()):
        raise InvalidInput("The days are a whole number. 天数应为整数。", where="days")
    with begin() as conn:
        token = sessions.make_token(
            conn, who.account_id, days=int(days[:6]), label=form.get("label", ""), place=form.get("place") or None,
            verbs=sessions.READ_ONLY if form.get("read_only") else None,
        )  # fmt: skip
    return _page(token=token)


@bp.post("/tokens/<uuid:token>/end")
@permission(OWN_ACCOUNT)
def end_token(token: UUID) -> Response:
    """End one of one's own tokens."""
    with begin() as conn:
        sessions.end_token(conn, signed_in().account_id, token)
    return _done("token")


@bp.post("/grants/<uuid:grant>/delegate")
@permission("signed_in")
def delegate(grant: UUID) -> Response | tuple[str, int]:
    """Hand one of one's own grants to a stand-in until a time."""
    who, form = signed_in(), request.form
    try:
        until = forms.moment(form, "until", is_end=True)
        if until is None:
            raise InvalidInput("Say until when the stand-in holds it. 请填写截止时间。", where="until")
        _refuse_tokens()
        with begin() as conn:
            other = people.find(conn, forms.text(form, "to"))
            grants.delegate(conn, Actor(who.name), who.account_id, grant, other.id, until=until)
    except GridmapError as error:
        return _page(delegation_error=error), error.status
    return redirect(url_for("account.page", done="grant"), 303)


@bp.post("/grants/<uuid:grant>/end")
@permission("signed_in")
def end_delegation(grant: UUID) -> Response:
    """Take a grant back from a stand-in."""
    who = signed_in()
    _refuse_tokens()
    with begin() as conn:
        grants.end_delegation(conn, Actor(who.name), who.account_id, grant)
    return redirect(url_for("account.page", done="grant"), 303)


def _refuse_tokens() -> None:
    if signed_in().session is None:
        raise InvalidInput("A stand-in is named by the owner, signed in. 请先以本人身份登录。", where="token")


def _done(what: str) -> Response:
    who = signed_in()
    with begin() as conn:
        audit.record(conn, Actor(who.name), f"{what}_changed", "account", rows=1, detail={"account": who.name})
    return redirect(url_for("account.page", done=what), 303)


def _page(
    *, error: InvalidInput | None = None, token: str | None = None, delegation_error: GridmapError | None = None
) -> str:
    who = signed_in()
    with begin() as conn:
        return render_template(
            "account.html", who=who, error=error, token=token, done=request.args.get("done"), roles=ROLES,
            sessions=sessions.listed(conn, who.account_id, who.session),
            tokens=sessions.tokens_of(conn, who.account_id), grants=grants.grants_of(conn, who.account_id),
            account=people.find(conn, who.name), handed_on=grants.handed_on(conn, who.account_id),
            delegation_error=delegation_error, administrators=ADMINISTRATORS,
        )  # fmt: skip
