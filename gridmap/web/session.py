"""Who asks: the identity behind a request's cookie or token, and transactions that run as its actor."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

import sqlalchemy as sa
from flask import Flask, Response, current_app, g, request

from gridmap import db, history
from gridmap.access import Actor
from gridmap.accounts import sessions
from gridmap.accounts.sessions import Identity
from gridmap.errors import InvalidInput, NotAllowed
from gridmap.layer import Layers
from gridmap.vault import Vault

ANONYMOUS = Actor("anonymous")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_FIELD, CSRF_HEADER = "csrf", "X-CSRF-Token"
_VISIT_BYTES = 32
_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
_SKEW = timedelta(minutes=5)  # a clock may be wrong


class BadCsrf(NotAllowed):
    """A change was asked for without the proof that it comes from our own page."""

    code = "csrf"


def init(app: Flask) -> None:
    """Refuse changes that come from elsewhere; who asks is found out when somebody wants to know."""

    @app.before_request
    def _refuse_foreign_changes() -> None:
        if request.endpoint is not None and request.method not in SAFE_METHODS and not _bearer():
            _check_origin()
            _check_csrf()

    app.jinja_env.globals |= {"csrf_token": csrf_token, "identity": identity}


def _bearer() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _found() -> Identity | None:
    if (token := _bearer()) is not None:
        with db.transaction(engine(), ANONYMOUS) as conn:
            return sessions.identify_token(conn, token)
    if cookie := request.cookies.get(cookie_name()):
        with db.transaction(engine(), ANONYMOUS) as conn:
            return sessions.identify(conn, cookie)
    return None


def identity() -> Identity | None:
    """Return who is signed in, or None; asked of the database once a request, and only where it matters."""
    if "identity" not in g:
        g.identity = _found()
    return cast(Identity | None, g.identity)


def signed_in() -> Identity:
    """Return who is signed in; only behind a route that asks for it."""
    return cast(Identity, identity())


def actor() -> Actor:
    """Return who asks."""
    who = identity()
    return who.actor if who is not None else ANONYMOUS


def layers() -> Layers:
    """Return the application's layers."""
    return cast(Layers, current_app.extensions["gridmap"]["layers"])


def engine() -> sa.Engine:
    """Return the application's engine."""
    return cast(sa.Engine, current_app.extensions["gridmap"]["engine"])


def vault() -> Vault:
    """Return the application's keys."""
    return cast(Vault, current_app.extensions["gridmap"]["vault"])


@contextmanager
def begin(told: str | None = None, *, looks_back: bool = True) -> Iterator[sa.Connection]:
    """Run one transaction as the request's actor; one that reads looks back as far as the request's `as_of` says.

    `told` is the `as_of` of a read that takes a body; without `looks_back` the read itself minds the moment.
    """
    moment = None if not looks_back else as_of() if told is None else past_moment(told)
    with db.transaction(engine(), actor()) as conn:
        if moment is not None:
            history.look_back(conn, moment)
        yield conn


def as_of() -> datetime | None:
    """Return the moment a request asks about, None for now.

    Raises
    ------
    InvalidInput for what is no moment with a zone, and for the future.
    """
    written = request.args.get("as_of")
    return past_moment(written) if written and request.method in SAFE_METHODS else None


def past_moment(written: str) -> datetime:
    """Return a moment as it is written in an address or a body; InvalidInput for none, without zone, or to come."""
    moment: datetime | None
    try:
        moment = datetime.fromisoformat(written.strip().replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not _FIRST <= moment <= datetime.now(UTC) + _SKEW:
        raise InvalidInput(
            "as_of is a past moment with its zone, such as 2026-03-01T08:00:00+08:00. 时点须为过去的时间并带时区。",
            where="as_of",
        )
    return moment


def looked_at() -> str:
    """Return what an ETag says of the moment that was asked about."""
    moment = as_of()
    return "" if moment is None else f"-{moment.timestamp():.0f}"


def address() -> str:
    """Return the caller's address, as far as it can be trusted."""
    return request.remote_addr or ""


def cookie_name() -> str:
    """Return the session cookie's name: behind TLS browsers hold `__Host-` cookies to this very host."""
    return "__Host-gridmap" if request.is_secure else "gridmap_session"


def _visit_name() -> str:
    return "__Host-gridmap-visit" if request.is_secure else "gridmap_visit"


def remember(response: Response, token: str) -> Response:
    """Give the browser a session's secret."""
    response.set_cookie(cookie_name(), token, secure=request.is_secure, httponly=True, samesite="Lax", path="/")
    return response


def forget(response: Response) -> Response:
    """Take the session's secret back from the browser."""
    response.delete_cookie(cookie_name(), secure=request.is_secure, httponly=True, samesite="Lax", path="/")
    return response


def csrf_token() -> str:
    """Return what a form on this page must send back: made from the session, or from this visit before sign-in."""
    return _proof(_secret_of_visit())


def _secret_of_visit() -> str:
    """Return the session's secret, else that of the visit, which is made here and set with the answer."""
    if session := _session_cookie():
        return session
    if (visit := request.cookies.get(_visit_name())) and len(visit) == 2 * _VISIT_BYTES:
        return visit
    if "visit" not in g:
        import secrets

        from flask import after_this_request

        g.visit = secrets.token_hex(_VISIT_BYTES)
        name, is_secure = _visit_name(), request.is_secure

        @after_this_request
        def _set(response: Response) -> Response:
            response.set_cookie(name, g.visit, secure=is_secure, httponly=True, samesite="Strict", path="/")
            return response

    return cast(str, g.visit)


def _session_cookie() -> str | None:
    return request.cookies.get(cookie_name()) if identity() is not None else None


def _proof(secret: str) -> str:
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def _check_origin() -> None:
    """Refuse a change whose browser says that another site asked for it."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    is_foreign = site not in ("same-origin", "none") if site else origin not in (None, request.host_url.rstrip("/"))
    if is_foreign:
        raise BadCsrf("This change was asked for by another site. 请求来自其他网站，已拒绝。")


def _check_csrf() -> None:
    sent = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD) or ""
    secret = _session_cookie() or request.cookies.get(_visit_name()) or ""
    if not secret or not hmac.compare_digest(sent.encode(), _proof(secret).encode()):
        raise BadCsrf(
            "This page has been open for too long or was opened twice. Load it again and repeat. 页面已过期，请刷新后重试。"
        )
