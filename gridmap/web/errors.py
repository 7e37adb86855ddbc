"""Turns errors into responses: RFC 9457 problem details for programs, a page for people. Nobody else does."""

from collections.abc import Mapping
from typing import Any, cast

import orjson
import structlog
from flask import Flask, Response, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from gridmap.errors import GridmapError, InvalidInput
from gridmap.web.schemas import PROBLEM

_log = structlog.get_logger(__name__)
_CODES = {
    400: "bad_request",
    401: "sign_in_needed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "wrong_media_type",
}
_PROGRAM_PATHS = ("/api/", "/tiles/", "/healthz", "/readyz", "/openapi.json")
RETRY_AFTER_S = "2"
_DONE_AT = {
    "sign_in_needed": "sign_in.page",
    "second_factor_needed": "sign_in.second_factor",
    "password_expired": "account.page",
}


def init(app: Flask) -> None:
    """Register the handlers; an unexpected error stays a 500 with its traceback in the log."""

    @app.errorhandler(GridmapError)
    def _expected(error: GridmapError) -> Response:
        more = getattr(error, "facts", None) or getattr(error, "more", None)
        both = error.status == 409 and more and request.headers.get("If-Match")  # both states of a thing
        status = 412 if both else error.status
        response = _led_on(error) or respond(status, error.code, error.title, error.detail, error.where, more)
        if (wait := getattr(error, "retry_after_s", None)) is not None:
            response.headers["Retry-After"] = str(wait)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="gridmap"'
        return response

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or 500
        if status < 400:
            return cast(Response, Response.force_type(error.get_response(), request.environ))
        code = _CODES.get(status, "error")
        return respond(status, code, error.name, error.description or error.name, None)

    @app.errorhandler(Exception)
    def _bug(error: Exception) -> Response:
        _log.exception("unexpected error", path=request.path)
        return respond(
            500, "bug", "Something went wrong", "This is a fault of gridmap. It was written to the log.", None
        )


def validation_error(error: ValidationError) -> Response:
    """Answer a request whose parameters do not fit their declaration: 422 naming the first one that does not."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or None
    shown = str(first.get("input"))[:40]
    if where is None or request.method != "GET":  # a body may hold what must not be repeated
        shown = ""
    got = f" (got {shown!r})" if shown else ""
    detail = f"{first['msg']}." if where is None else f"{where}: {first['msg']}{got}."
    return respond(422, InvalidInput.code, InvalidInput.title, detail, where)


def respond(
    status: int, code: str, title: str, detail: str, where: str | None, more: Mapping[str, Any] | None = None
) -> Response:
    """Return one error in the one shape: problem details, or a page where a person's browser asks for one.

    `more` are further members of the problem, such as every fault of a form.
    """
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": RETRY_AFTER_S} if status == 503 else {})
    if _is_for_a_person():
        return Response(
            render_template("error.html", status=status, title=title, detail=detail, code=code), status, headers
        )
    problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    body = orjson.dumps(problem | ({"where": where} if where else {}) | dict(more or {}), default=str)
    return Response(body, status, headers, content_type=PROBLEM)


def _led_on(error: GridmapError) -> Response | None:
    """Lead a person who has to do something first to the page where it is done; None for programs."""
    endpoint = _DONE_AT.get(error.code)
    if endpoint is None or request.method != "GET" or not _is_for_a_person():
        return None
    wanted = request.full_path.rstrip("?")
    target = url_for(endpoint, next=wanted if wanted != "/" else None)
    return cast(Response, Response.force_type(redirect(target), request.environ))


def is_for_programs(path: str) -> bool:
    """Return whether an address is one that programs call, not people."""
    return path.startswith(_PROGRAM_PATHS)


def _is_for_a_person() -> bool:
    if is_for_programs(request.path):
        return False
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
