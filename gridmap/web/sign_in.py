"""Signing in and out: by name and password, a second factor, or a link that holds once."""

import io
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit
from uuid import UUID

import segno
import sqlalchemy as sa
from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from gridmap import audit, db
from gridmap.access import Actor
from gridmap.accounts import people, sessions, sign_in
from gridmap.accounts.grants import Held
from gridmap.accounts.sign_in import Proof, SignInRefused
from gridmap.errors import GridmapError
from gridmap.roles import ROLES
from gridmap.web.permissions import OWN_ACCOUNT, permission, public
from gridmap.web.session import address, begin, engine, forget, identity, remember, signed_in, vault

if TYPE_CHECKING:
    from gridmap.accounts.provider import Provider

bp = Blueprint("sign_in", __name__, template_folder="templates")

DOOR = Actor("sign-in")  # who writes until somebody is known


@bp.get("/sign-in")
@public
def page() -> AnyResponse | str:
    """The sign-in page."""
    if identity() is not None:
        return redirect(_onward())
    return _form()


@bp.post("/sign-in")
@public
def enter() -> AnyResponse | str:
    """Sign in by name and password; a second factor is asked for on the next page."""
    name, password = request.form.get("name", "")[:80], request.form.get("password", "")[:300]
    with db.transaction(engine(), DOOR) as conn:
        outcome = sign_in.attempt(conn, vault(), name, password, address())
        if isinstance(outcome, Proof):
            token = sessions.start(
                conn, outcome.account_id, has_second_factor=False, address=address(), agent=request.user_agent.string
            )
            _note_sign_in(conn, outcome.account_id, "password")
        else:
            audit.record(conn, DOOR, "sign_in_refused", "account", rows=0, detail={"address": address()})
    if isinstance(outcome, GridmapError):
        return refused(outcome)
    return remember(go_to(_onward()), token)


@bp.get("/sign-in/link/<token>")
@public
def link_page(token: str) -> str:
    """The page of a one-time link: signing in takes a tap, so that no preview of the link uses it up."""
    return render_template("sign_in_link.html", token=token[:64])


@bp.post("/sign-in/link/<token>")
@public
def enter_by_link(token: str) -> AnyResponse | str:
    """Sign in by a one-time link."""
    with db.transaction(engine(), DOOR) as conn:
        account_id = sessions.use_link(conn, token)
        if account_id is not None:
            secret = sessions.start(
                conn, account_id, has_second_factor=False, address=address(), agent=request.user_agent.string
            )
            _note_sign_in(conn, account_id, "link")
    if account_id is None:
        return refused(SignInRefused("This link was used already, or has expired. 链接已使用或已过期。"))
    return remember(go_to(url_for("sign_in.onward")), secret)


@bp.get("/begin")
@permission(OWN_ACCOUNT)
def onward() -> AnyResponse:
    """Lead to the page a role begins on, after what must be done first."""
    who = signed_in()
    if who.must_change_password:
        return redirect(url_for("account.page"))
    if who.lacks_second_factor:
        return redirect(url_for("sign_in.second_factor"))
    return redirect(landing(who.held))


def landing(held: tuple[Held, ...], *, otherwise: str = "pages.map_page") -> str:
    """Return the address of the page a person begins on: the map, unless none of the roles has it."""
    pages = {ROLES[one.role].landing for one in held if one.role in ROLES}
    for name, endpoint in LANDINGS.items():
        if name in pages and endpoint in current_app.view_functions:
            return url_for(endpoint)
    return url_for(otherwise)


LANDINGS = {
    "map": "pages.map_page", "points": "landing.points", "aggregates": "landing.aggregates",
    "grants": "administration.grants_page", "accounts": "administration.accounts_page", "audit": "trail.page",
}  # fmt: skip


@bp.get("/sign-in/second-factor")
@permission(OWN_ACCOUNT)
def second_factor() -> AnyResponse | str:
    """Ask for the six digits; an account without a second factor is shown a new one to set up."""
    return _second_factor_page()


@bp.post("/sign-in/second-factor")
@permission(OWN_ACCOUNT)
def prove() -> AnyResponse | str:
    """Take the six digits."""
    who = signed_in()
    with begin() as conn:
        is_proven = people.proves_second_factor(conn, vault(), who.account_id, request.form.get("digits", "").strip())
        if is_proven and who.session:
            sessions.confirm_second_factor(conn, who.session)
        audit.record(
            conn, Actor(who.name), "second_factor" if is_proven else "second_factor_refused", "account",
            rows=int(is_proven), detail={"account": who.name},
        )  # fmt: skip
        misses = 0 if is_proven or not who.session else sessions.note_miss(conn, who.session)
    if misses >= sessions.MAX_MISSES:
        return forget(go_to(url_for("sign_in.page")))
    if not is_proven:
        return _second_factor_page(error=True), 401  # type: ignore[return-value]
    return redirect(_onward())


@bp.post("/sign-out")
@permission(OWN_ACCOUNT)
def leave() -> AnyResponse:
    """End this session."""
    who = signed_in()
    with begin() as conn:
        if who.session:
            sessions.end(conn, who.session)
        audit.record(conn, Actor(who.name), "sign_out", "account", rows=1, detail={"account": who.name})
    response = forget(go_to(url_for("sign_in.page")))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _note_sign_in(conn: sa.Connection, account_id: UUID, by: str) -> None:
    """Put a sign-in on record under the name of who came in."""
    who = Actor(people.name_of(conn, account_id))
    db.become(conn, who)
    audit.record(conn, who, "sign_in", "account", rows=1, detail={"account": who.name, "by": by})


def _second_factor_page(*, error: bool = False) -> str:
    who = signed_in()
    with begin() as conn:
        uri = None
        if not people.has_second_factor(conn, who.account_id):
            uri = people.second_factor_address(conn, vault(), who.account_id) or people.new_second_factor(
                conn, vault(), who.account_id
            )
    return render_template(
        "second_factor.html", picture=_picture(uri) if uri else None, uri=uri, error=error, next=wanted_page()
    )


def _picture(uri: str) -> str:
    drawn = io.BytesIO()
    segno.make(uri, error="m").save(drawn, kind="svg", scale=5, border=2, xmldecl=False, nl=False, light="#fff")
    return drawn.getvalue().decode()


def _form(error: GridmapError | None = None) -> str:
    provider = oidc_provider()
    return render_template(
        "sign_in.html", error=error, next=wanted_page(), oidc_title=provider.title if provider else None
    )


def oidc_provider() -> "Provider | None":
    """Return the organisation's OpenID provider, if one is set up."""
    return cast("Provider | None", current_app.extensions["gridmap"]["provider"])


def refused(error: GridmapError) -> AnyResponse:
    """Return the sign-in page with what was wrong."""
    response = Response(_form(error), error.status)
    if (wait := getattr(error, "retry_after_s", None)) is not None:
        response.headers["Retry-After"] = str(wait)
    return response


def go_to(target: str) -> Response:
    """Return an answer that leads a browser to one of our pages, without a form's values."""
    response = redirect(target, 303)
    return Response(response.get_data(), 303, {"Location": target})


def wanted_page() -> str:
    """Return the page asked for before sign-in, if it is one of ours."""
    wanted = request.values.get("next", "")[:500]
    parts = urlsplit(wanted)
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return wanted if is_ours and "\\" not in wanted and wanted.isprintable() else ""


def _onward() -> str:
    return wanted_page() or url_for("sign_in.onward")
