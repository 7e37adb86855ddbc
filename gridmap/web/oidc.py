"""Signing in through the organisation's OpenID provider: there and back, with what must come back sealed in a cookie."""

import json
from dataclasses import asdict
from time import time
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from gridmap import audit, db
from gridmap.accounts import oidc, sessions
from gridmap.accounts.oidc import Pending, Person, ProviderRefused
from gridmap.errors import GridmapError, NotFound, Unavailable
from gridmap.web.permissions import public
from gridmap.web.session import address, engine, remember, vault
from gridmap.web.sign_in import DOOR, go_to, oidc_provider, refused, wanted_page

if TYPE_CHECKING:
    from gridmap.accounts.provider import Provider

bp = Blueprint("oidc", __name__, template_folder="templates", url_prefix="/sign-in/oidc")

CONTEXT, LASTS_S = "oidc.pending", 600
_log = structlog.get_logger(__name__)


@bp.get("")
@public
def begin() -> AnyResponse:
    """Lead to the provider, and bind what it must send back to this browser."""
    provider = _provider()
    try:
        target, pending = provider.begin(_redirect_uri())
    except Unavailable as error:
        return _told(error)
    response = go_to(target)
    facts = json.dumps(asdict(pending) | {"until": int(time()) + LASTS_S, "next": wanted_page()})
    response.set_cookie(
        _cookie(), vault().seal(facts, CONTEXT), max_age=LASTS_S, secure=request.is_secure, httponly=True,
        samesite="Lax", path="/",
    )  # fmt: skip
    return response


@bp.get("/back")
@public
def back() -> AnyResponse:
    """Take what the provider sent back, and sign in the account that stands behind it."""
    provider = _provider()
    if "state" not in request.args:  # a language was chosen on the page of an earlier answer, or the address was typed
        return go_to(url_for("sign_in.page", lang=request.args.get("lang")))
    try:
        pending, wanted = _pending()
        person = provider.finish(request.args, pending, _redirect_uri())
    except (ProviderRefused, Unavailable) as error:
        return _forgotten(_told(error))
    account_id, token = _entered(person)
    if account_id is None:
        page = render_template("no_account.html", title=provider.title, name=person.name)
        return _forgotten(AnyResponse(page, 403, mimetype="text/html"))
    return _forgotten(remember(go_to(wanted or url_for("sign_in.onward")), token))


def _entered(person: Person) -> tuple[UUID | None, str]:
    """Return the account of a person and the secret of its new session; both are on record, as is a refusal."""
    with db.transaction(engine(), DOOR) as conn:
        account_id, token = oidc.account_of(conn, person.issuer, person.subject, person.name), ""
        facts: dict[str, object] = {"by": "oidc", "name": person.name}
        if account_id is not None:
            token = sessions.start(
                conn, account_id, has_second_factor=person.has_second_factor, address=address(),
                agent=request.user_agent.string,
            )  # fmt: skip
            facts |= {"account_id": str(account_id), "second_factor": person.has_second_factor}
        action = "sign_in" if account_id else "sign_in_refused"
        audit.record(conn, DOOR, action, "account", rows=int(account_id is not None), detail=facts)
    return account_id, token


def _told(error: ProviderRefused | Unavailable) -> AnyResponse:
    """Return the sign-in page with the failure; its cause goes to the log, and a refusal on record."""
    if isinstance(error, ProviderRefused):
        with db.transaction(engine(), DOOR) as conn:
            facts = {"by": "oidc", "address": address(), "reason": error.reason}
            audit.record(conn, DOOR, "sign_in_refused", "account", rows=0, detail=facts)
    else:
        _log.warning("openid provider", cause="; ".join(getattr(error, "__notes__", ())))
    return refused(error)


def _pending() -> tuple[Pending, str]:
    """Return what this browser was given when it began, and the page it wanted."""
    try:
        facts = json.loads(vault().open(request.cookies.get(_cookie(), ""), CONTEXT))
    except GridmapError as exc:
        raise ProviderRefused("nothing was begun in this browser") from exc
    if facts.pop("until") < time():
        raise ProviderRefused("took too long")
    wanted = facts.pop("next")
    return Pending(**facts), wanted


def _provider() -> "Provider":
    provider = oidc_provider()
    if provider is None:
        raise NotFound("No OpenID provider is set up. 未配置单位登录。")
    return provider


def _redirect_uri() -> str:
    return url_for("oidc.back", _external=True)


def _cookie() -> str:
    return "__Host-gridmap-oidc" if request.is_secure else "gridmap_oidc"


def _forgotten(response: AnyResponse) -> AnyResponse:
    """Take the cookie back: what was begun counts once."""
    response.delete_cookie(_cookie(), secure=request.is_secure, httponly=True, samesite="Lax", path="/")
    return response
