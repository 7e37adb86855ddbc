"""Whether the service lives, and whether it can answer."""

import sqlalchemy as sa
from flask import Response
from flask_openapi3 import APIBlueprint, Tag

from gridmap import db
from gridmap.web import schemas
from gridmap.web.answers import json_response
from gridmap.web.permissions import public
from gridmap.web.session import ANONYMOUS, engine

bp = APIBlueprint("health", __name__, abp_tags=[Tag(name="Health")], abp_responses={422: schemas.Problem})


@bp.get("/healthz", responses={200: schemas.Health})
@public
def healthz() -> Response:
    """The process is alive."""
    return json_response({"status": "ok"})


@bp.get("/readyz", responses={200: schemas.Readiness, 503: schemas.Problem})
@public
def readyz() -> Response:
    """The database answers, PostGIS is there and the schema is known."""
    with db.transaction(engine(), ANONYMOUS) as conn:
        schema = conn.scalar(sa.text("SELECT version_num FROM alembic_version"))
        postgis = conn.scalar(sa.text("SELECT extversion FROM pg_extension WHERE extname = 'postgis'"))
    return json_response({"status": "ok", "schema": schema, "postgis": postgis})
