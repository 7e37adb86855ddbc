"""Persons over HTTP: revealed one at a time, found by number or name, and who saw whom."""

from dataclasses import asdict

from flask import Blueprint, Response, render_template, request
from flask_openapi3 import APIBlueprint, Tag

from gridmap import crs, hierarchy, persons
from gridmap.errors import InvalidInput
from gridmap.persons import Seen
from gridmap.web import schemas
from gridmap.web.answers import json_response, shown
from gridmap.web.i18n import translated
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, layers

HIDE_AFTER_S = 60
MAX_CODE_CHARS = 100

api = APIBlueprint(
    "persons", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="Persons")], abp_responses=schemas.REFUSALS
)
pages = Blueprint("seen", __name__, template_folder="templates")


@api.post("/persons/<layer>/<code>/reveal", responses={200: schemas.RevealAnswer})
@permission(persons.REVEAL)
def reveal(path: schemas.FeaturePath, body: schemas.RevealBody) -> Response:
    """One person in the clear, for a reason; the look is put on record."""
    layer = layers()[path.layer]
    with begin() as conn:
        values = persons.reveal(conn, actor(), layer, path.code, reason=body.reason, task=body.task)
    fields = [{"column": one.column, "title": translated(one.title), "value": one.text} for one in values]
    return json_response({"layer": layer.name, "code": path.code, "fields": fields, "hide_after_s": HIDE_AFTER_S})


@api.post("/persons/search", responses={200: schemas.PersonsAnswer})
@permission(persons.SEARCH)
def search(body: schemas.SearchBody) -> Response:
    """The persons with a whole phone or identity number, or a text in their name, masked; the search is put on record."""
    near = None if body.lon is None or body.lat is None else crs.position(body.lon, body.lat)
    with begin() as conn:
        hits = persons.search(conn, actor(), layers().values(), body.q, near=near)
        names = hierarchy.community_names(conn, actor(), {hit.community for hit in hits.items if hit.community})
    items = []
    for hit in hits.items:
        item = asdict(hit)
        around = (item.pop("name_of"), names.get(item.pop("community") or ""))
        items.append({**item, "context": " · ".join(filter(None, around))})
    return json_response({"kind": hits.kind, "items": items, "complete": hits.complete})


@api.get("/persons/<layer>/<code>/seen", responses={200: schemas.SeenAnswer})
@permission("audit.view")
def list_seen(path: schemas.FeaturePath) -> Response:
    """Who saw the person of a row: each reveal, and each search that found it, latest first."""
    with begin() as conn:
        found = persons.seen(conn, actor(), layers()[path.layer].name, path.code)
    return json_response({"items": [asdict(one) | {"at": shown(one.at)} for one in found]})


@pages.get("/persons/seen")
@permission("audit.view")
def page() -> str:
    """Who saw a person, for an auditor who answers that person's request."""
    layer, code = _asked()
    return render_template(
        "seen.html", when=shown, layer=layer, code=code, entries=_entries(layer, code) if code else None,
        choices={one.name: one.title for one in layers().values() if persons.holds_persons(one)},
    )  # fmt: skip


@pages.get("/persons/seen.csv")
@permission("audit.view")
def as_csv() -> Response:
    """The same as a file."""
    layer, code = _asked()
    body = "\ufeff" + persons.as_csv(_entries(layer, code))
    response = Response(body, content_type="text/csv; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename=f"seen-{layer}-{code}.csv")
    return response


def _entries(layer: str, code: str) -> list[Seen]:
    with begin() as conn:
        return persons.seen(conn, actor(), layer, code)


def _asked() -> tuple[str, str]:
    code = request.args.get("code", "").strip()
    if len(code) > MAX_CODE_CHARS or not code.isprintable():
        raise InvalidInput("This is no code. 代码无效。", where="code")
    return layers()[request.args.get("layer", "volunteer")].name, code
