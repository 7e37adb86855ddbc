"""Whether the service lives, and whether it can answer."""

import sqlalchemy as sa
from flask import Blueprint, Response

from gridmap.web.answers import json_response
from gridmap.web.permissions import public
from gridmap.web.session import begin

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@public
def healthz() -> Response:
    """The process is alive."""
    return json_response({"status": "ok"})


@bp.get("/readyz")
@public
def readyz() -> Response:
    """The database answers, PostGIS is there and the schema is known."""
    with begin() as conn:
        schema = conn.scalar(sa.text("SELECT version_num FROM alembic_version"))
        postgis = conn.scalar(sa.text("SELECT extversion FROM pg_extension WHERE extname = 'postgis'"))
    return json_response({"status": "ok", "schema": schema, "postgis": postgis})
