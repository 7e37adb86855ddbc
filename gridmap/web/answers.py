"""JSON answers: one encoder, moments with their zone, and ETags."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from flask import Response, request

SHOWN_ZONE = ZoneInfo("Asia/Shanghai")


def json_response(body: Any, *, content_type: str = "application/json") -> Response:
    """Return an answer as JSON, never cached by anyone on the way."""
    return Response(
        orjson.dumps(body, default=_encode), content_type=content_type, headers={"Cache-Control": "no-store"}
    )


def shown(moment: datetime) -> str:
    """Return a moment as ISO 8601 in Asia/Shanghai."""
    return moment.astimezone(SHOWN_ZONE).isoformat(timespec="seconds")


def revalidated(etag: str) -> Response | None:
    """Return a 304 when the caller already has this revision, else None."""
    if request.if_none_match.contains(etag):
        return with_etag(Response(status=304), etag)
    return None


def with_etag(response: Response, etag: str) -> Response:
    """Let the browser keep a response but ask each time whether it still holds."""
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Cookie, Authorization"
    return response


def _encode(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return value._asdict()
    raise TypeError(f"cannot be written as JSON: {type(value).__name__}")
