"""The API's description: /openapi.json for programs, /api for people."""

import copy
from typing import Any, cast

from flask import Blueprint, Response, current_app, render_template
from flask_openapi3 import OpenAPI

from gridmap.web import schemas
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
    """Return the description with the media types that flask-openapi3 cannot be told (it says JSON everywhere)."""
    described = copy.deepcopy(cast(OpenAPI, current_app).api_doc)
    described["components"]["schemas"].pop("ValidationErrorModel", None)
    responses = (
        response
        for methods in described["paths"].values()
        for call in methods.values()
        for response in call["responses"].values()
    )
    for response in responses:
        body = response["content"].pop("application/json", None)
        if body is None:  # said already
            continue
        name = body["schema"]["$ref"].rpartition("/")[2]
        response["content"][schemas.SENT_AS.get(name, "application/json")] = body
    return described
