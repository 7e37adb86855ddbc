"""Residents over HTTP for programs: who lives in a household, and every change of it."""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from flask import Response, request
from flask_openapi3 import APIBlueprint, Tag

from gridmap.access import within_scope
from gridmap.errors import InvalidInput, NotFound
from gridmap.hierarchy import household
from gridmap.layers.resident import corrections, doors, moves, queries, schemas
from gridmap.layers.resident.records import Done, Step
from gridmap.occupants import Key
from gridmap.web import schemas as shared
from gridmap.web.answers import json_response
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin

REFUSALS: dict[Any, Any] = {**shared.REFUSALS, "409": shared.Problem, "412": shared.Problem}
api = APIBlueprint(
    "residents", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="Residents and households")], abp_responses=REFUSALS
)


@api.get("/households/<code>/residents", responses={200: schemas.ResidentsAnswer})
@permission("household.view", "resident.view")
def list_residents(path: shared.CodePath) -> Response:
    """Who lives in a household, masked."""
    with begin() as conn:
        found = queries.residents_of(conn, actor(), _home(conn, path.code))
    return json_response({"items": [one.told() for one in found]})


@api.post("/households/<code>/residents", responses={201: schemas.DoneAnswer})
@permission("resident.edit")
def move_in(path: shared.CodePath, body: schemas.PersonBody) -> Response:
    """Enter a person into a household; `version` is the household's."""
    given, tags = _person(body)
    with begin() as conn:
        done = moves.move_in(conn, actor(), path.code, given, tags=tags or (), version=_seen(body.version))
    return _answer(done, 201)


@api.get("/residents/<code>", responses={200: schemas.PersonAnswer})
@permission("resident.view")
def show_resident(path: shared.CodePath) -> Response:
    """One resident, masked; the ETag is the version."""
    with begin() as conn:
        found = queries.find(conn, actor(), path.code)
    response = json_response(found.told())
    response.set_etag(str(found.version))
    return response


@api.patch("/residents/<code>", responses={200: schemas.DoneAnswer})
@permission("resident.edit")
def correct_resident(path: shared.CodePath, body: schemas.PersonBody) -> Response:
    """Correct a person's record; what is left out stays."""
    given, tags = _person(body)
    with begin() as conn:
        done = corrections.correct(conn, actor(), path.code, given, tags=tags, version=_needed(body.version))
    return _answer(done)


@api.post("/residents/<code>/move", responses={200: schemas.DoneAnswer})
@permission("resident.edit")
def move(path: shared.CodePath, body: schemas.MoveBody) -> Response:
    """Move a person to another household."""
    with begin() as conn:
        done = moves.move(conn, actor(), path.code, body.household, version=_needed(body.version), on=body.on)
    return _answer(done)


@api.post("/residents/<code>/move-out", responses={200: schemas.DoneAnswer})
@permission("resident.edit")
def move_out(path: shared.CodePath, body: schemas.MoveOutBody) -> Response:
    """End a person's stay."""
    with begin() as conn:
        done = moves.move_out(conn, actor(), path.code, version=_needed(body.version), on=body.on)
    return _answer(done)


@api.get("/residents/<code>/versions", responses={200: schemas.VersionsAnswer})
@permission("resident.view")
def list_versions(path: shared.CodePath) -> Response:
    """The versions of a person's record, masked, the present one first."""
    with begin() as conn:
        return json_response({"items": queries.versions(conn, actor(), path.code)})


@api.post("/residents/<code>/restore", responses={200: schemas.DoneAnswer})
@permission("resident.edit")
def restore(path: shared.CodePath, body: schemas.RestoreBody) -> Response:
    """Make a person's record what it was in an earlier version."""
    with begin() as conn:
        done = corrections.restore(conn, actor(), path.code, body.to, version=_needed(body.version))
    return _answer(done)


@api.post("/households/<code>/split", responses={201: schemas.DoneAnswer})
@permission("household.edit", "resident.edit")
def split(path: shared.CodePath, body: schemas.SplitBody) -> Response:
    """Make a household of its own for some residents of one."""
    with begin() as conn:
        done = doors.split(
            conn, actor(), path.code, unit=body.unit, room=body.room, residents=body.residents,
            version=_needed(body.version),
        )  # fmt: skip
    return _answer(done, 201)


@api.post("/households/<code>/join", responses={200: schemas.DoneAnswer})
@permission("household.edit", "resident.edit")
def join(path: shared.CodePath, body: schemas.JoinBody) -> Response:
    """Take the people of another household in, and retire it."""
    with begin() as conn:
        done = doors.join(
            conn, actor(), path.code, body.other, version=_needed(body.version), other_version=body.other_version
        )
    return _answer(done)


@api.post("/households/<code>/occupancy", responses={200: schemas.DoneAnswer})
@permission("household.edit")
def set_occupancy(path: shared.CodePath, body: schemas.OccupancyBody) -> Response:
    """Change how a household is used, with what becomes of its residents."""
    with begin() as conn:
        done = doors.set_occupancy(
            conn, actor(), path.code, body.occupancy, residents=body.residents, version=_needed(body.version)
        )
    return _answer(done)


@api.post("/households/undo", responses={200: schemas.DoneAnswer})
@permission("resident.edit")
def undo(body: schemas.UndoBody) -> Response:
    """Take an operation back: every row as it was before, all or none."""
    steps = [Step(**step.model_dump()) for step in body.steps]
    with begin() as conn:
        done = corrections.undo(conn, actor(), steps)
    return _answer(done)


def _home(conn: sa.Connection, code: str) -> Key:
    h = household.c
    query = sa.select(h.county, h.id).where(h.code == code, h.valid_to.is_(None), within_scope(household, actor()))
    row = conn.execute(query).first()
    if row is None:
        raise NotFound(f"There is no household with the code {code[:40]!r}. 没有该户。", where="code")
    return row.county, row.id


def _person(body: schemas.PersonBody) -> tuple[dict[str, Any], list[str] | None]:
    given = body.model_dump(exclude_unset=True, exclude={"tags", "version"})
    return given, body.tags


def _seen(version: int | None) -> int | None:
    """Return the version that was looked at, from If-Match or the body."""
    stated = request.if_match.as_set()
    if not stated:
        return version
    text = next(iter(stated))
    if len(stated) > 1 or not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidInput('If-Match is one version, such as "3".', where="If-Match")
    return int(text)


def _needed(version: int | None) -> int:
    seen = _seen(version)
    if seen is None:
        raise InvalidInput(
            "Say which version was looked at, by If-Match or `version`. 请注明所依据的版本。", where="version"
        )
    return seen


def _answer(done: Done, status: int = 200) -> Response:
    response = json_response({"steps": [asdict(step) for step in done.steps]})
    response.status_code = status
    return response
