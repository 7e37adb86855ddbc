"""Grids and buildings merged, parted, reshaped and taken back over HTTP; each is one transaction."""

from dataclasses import asdict, replace
from typing import Any

from flask import Response
from flask_openapi3 import APIBlueprint, Tag

from gridmap.editing import Refused, geometry
from gridmap.editing.faults import Fault
from gridmap.shaping import buildings, grids
from gridmap.shaping.grids import Redrawn
from gridmap.web import schemas
from gridmap.web import shaping_schemas as shapes
from gridmap.web.answers import json_response
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, layers

api = APIBlueprint(
    "shaping", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="Merging, parting, reshaping")],
    abp_responses={**schemas.REFUSALS, "412": schemas.StaleProblem, "428": schemas.Problem},
)  # fmt: skip
ANSWER: dict[Any, Any] = {200: shapes.RedrawnAnswer, 409: schemas.Problem}


@api.post("/layers/<layer>/features/<code>/merge", responses=ANSWER)
@permission("{layer}.view", "{layer}.edit")
def merge(path: shapes.ThingPath, body: shapes.MergeBody) -> Response:
    """Let a grid or a building take in others, which end; households, covers and links follow."""
    with begin() as conn:
        change = grids.merge if path.layer == "neighbourhood" else buildings.merge
        return _answer(change(conn, actor(), path.code, body.others, body.versions, body.name))


@api.post("/layers/<layer>/features/<code>/split", responses=ANSWER)
@permission("{layer}.view", "{layer}.edit")
def split(path: shapes.ThingPath, body: shapes.SplitBody) -> Response:
    """Part a grid or a building along a line: the larger part goes on, the other is new."""
    line = _line(body.line)
    with begin() as conn:
        if path.layer == "neighbourhood":
            return _answer(grids.split(conn, actor(), path.code, body.versions, line, body.name))
        return _answer(buildings.split(conn, actor(), path.code, body.versions, line, units=body.units, name=body.name))


@api.post("/layers/neighbourhood/features/<code>/reshape", responses=ANSWER)
@permission("neighbourhood.view", "neighbourhood.edit")
def reshape(path: shapes.GridPath, body: shapes.ReshapeBody) -> Response:
    """Give a grid another shape; its neighbours' edges move along. A 428 names the versions that are needed too."""
    drawn = geometry.taken(layers()["neighbourhood"], body.geometry)
    if drawn is None:
        raise Refused([Fault("geometry", "geometry_missing", "A shape is needed.", "缺少图形。")])
    with begin() as conn:
        return _answer(grids.reshape(conn, actor(), path.code, body.versions, drawn))


@api.post("/layers/<layer>/features/<code>/undo", responses=ANSWER)
@permission("{layer}.view", "{layer}.edit")
def undo(path: shapes.ThingPath, body: shapes.UndoBody) -> Response:
    """Take back the merging, parting or reshaping that made the present version, whole."""
    with begin() as conn:
        step = grids.undo if path.layer == "neighbourhood" else buildings.undo
        step(conn, actor(), layers()[path.layer], path.code, body.versions)
    return json_response({"code": path.code, "new": None, "versions": {}, "notes": []})


def _line(told: dict[str, Any]) -> Any:
    try:
        line = geometry.taken(layers()["street"], told)
    except Refused as refused:
        faults = [replace(fault, where=fault.where.replace("geometry", "line", 1)) for fault in refused.faults]
        raise Refused(faults) from None
    if line is None or line.geom_type != "LineString":
        raise Refused([Fault("line", "line", "This is no line.", "不是一条线。")])
    return line


def _answer(done: Redrawn) -> Response:
    notes = [asdict(note) for note in done.notes]
    return json_response({"code": done.code, "new": done.new, "versions": dict(done.versions), "notes": notes})
