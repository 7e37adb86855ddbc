"""The API's description: /openapi.json for programs, /api for people."""

from typing import Any, cast

from flask import Blueprint, Response, current_app, render_template
from flask_openapi3 import OpenAPI

from gridmap.web.answers import json_response
from gridmap.web.permissions import public

bp = Blueprint("reference", __name__)


@bp.get("/openapi.json")
@public
def openapi() -> Response:
    """The OpenAPI 3.1 description."""
    return json_response(_description())


@bp.get("/api")
@public
def page() -> str:
    """The same description as a page."""
    return render_template("api.html", api=_description())


def _description() -> dict[str, Any]:
    return cast(OpenAPI, current_app._get_current_object()).api_doc  # type: ignore[attr-defined]
