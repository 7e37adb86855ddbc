"""Changes to the things of any layer over HTTP: forms, new things, changes, retirement, history and restoring."""

import re
from dataclasses import asdict
from typing import Any

import orjson
from flask import Response, request, url_for
from flask_openapi3 import Tag

from gridmap import editing, features
from gridmap.editing import Edit, Refused, VersionNeeded, form, versions
from gridmap.editing.changes import UNCHANGED, Done
from gridmap.editing.faults import Fault
from gridmap.layer import Field, Layer
from gridmap.web import schemas
from gridmap.web.answers import json_response, shown
from gridmap.web.features import bp  # a path has one description: changes are told beside reads
from gridmap.web.i18n import language, translated
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, layers

CHANGES = [Tag(name="Changes")]
_VERSION = re.compile(r'(?:W/)?"v([1-9][0-9]{0,8})(?::[a-z0-9]+)?"')  # compression writes behind a colon
_CHANGED: dict[Any, Any] = {"412": schemas.StaleProblem, "428": schemas.Problem}


@bp.get("/layers/<layer>/form", tags=CHANGES, responses={200: schemas.FormAnswer})
@permission("{layer}.view", "{layer}.edit")
def show_form(path: schemas.LayerPath, query: schemas.FormQuery) -> Response:
    """What is to be filled in for a thing of a layer: of a new one, or with `code` of a stored one with its values."""
    layer = layers()[path.layer]
    form.require_editable(layer)
    with begin() as conn:
        row = None if query.code is None else features.row(conn, actor(), layer, query.code)
        filled = form.filled(conn, layer, row)
        options = {one.field.column: form.options(conn, actor(), one.field) for one in filled if one.field.place}
    answer = {
        "layer": layer.name, "title": translated(layer.title), "code": row and row["code"], "version": row and row["version"],
        "geometry": layer.geometry if form.takes_geometry(layer) else None,
        "needs_geometry": form.takes_geometry(layer) and not layer.table.c.geom.nullable and layer.name != "household",
        "fields": [_field(layer, one, options.get(one.field.column)) for one in filled],
    }  # fmt: skip
    return json_response(answer)


@bp.post("/layers/<layer>/features", tags=CHANGES, responses={201: schemas.ChangedFeature, 409: schemas.Problem})
@permission("{layer}.view", "{layer}.edit")
def create_feature(path: schemas.LayerPath, body: schemas.NewFeature) -> Response:
    """Make a thing; its community and grid are found by its position, its code is the next free one unless told."""
    layer = layers()[path.layer]
    _check_id(body, str(body.properties.get("code", "")))
    with begin() as conn:
        done = editing.create(conn, actor(), layer, _edit(body))
        return _answer(_feature(conn, layer, done), done, 201, layer)


@bp.patch(
    "/layers/<layer>/features/<code>",
    tags=CHANGES,
    responses={200: schemas.ChangedFeature, 409: schemas.Problem, **_CHANGED},
)
@permission("{layer}.view", "{layer}.edit")
def change_feature(path: schemas.FeaturePath, body: schemas.FeatureChange) -> Response:
    """Change a thing: the properties named, the geometry if given; the rest stays. If-Match says which version."""
    layer = layers()[path.layer]
    _check_id(body, path.code)
    version = _version()
    with begin() as conn:
        done = editing.change(conn, actor(), layer, path.code, version, _edit(body))
        return _answer(_feature(conn, layer, done), done, 200, layer)


@bp.delete(
    "/layers/<layer>/features/<code>", tags=CHANGES, responses={200: schemas.Retired, 409: schemas.Problem, **_CHANGED}
)
@permission("{layer}.view", "{layer}.edit")
def retire_feature(path: schemas.FeaturePath) -> Response:
    """Take a thing out of force; its history stays, and `restore` brings it back. If-Match says which version."""
    version = _version()
    with begin() as conn:
        done = editing.retire(conn, actor(), layers()[path.layer], path.code, version)
    return json_response({"code": done.code, "version": done.version})


@bp.post(
    "/layers/<layer>/features/<code>/restore",
    tags=CHANGES,
    responses={200: schemas.ChangedFeature, 409: schemas.Problem, **_CHANGED},
)
@permission("{layer}.view", "{layer}.edit")
def restore_feature(path: schemas.FeaturePath, body: schemas.RestoreBody) -> Response:
    """Make a thing what it was in an earlier version, as a new version. If-Match says which version is the present one."""
    layer = layers()[path.layer]
    version = _version()
    with begin() as conn:
        done = editing.restore(conn, actor(), layer, path.code, version, body.version)
        return _answer(_feature(conn, layer, done), done, 200, layer)


@bp.get("/layers/<layer>/features/<code>/versions", tags=CHANGES, responses={200: schemas.VersionsAnswer})
@permission("{layer}.view")
def list_versions(path: schemas.FeaturePath, query: schemas.LanguageQuery) -> Response:  # `i18n` reads the language
    """Who changed what of a thing and when, newest first, with the geometry of each version."""
    layer = layers()[path.layer]
    with begin() as conn:
        found = versions.of(conn, actor(), layer, path.code)
    items = [
        {
            "version": one.number, "changed_at": shown(one.changed_at), "until": one.until and shown(one.until),
            "changed_by": one.changed_by, "source": one.source, "is_retired": one.is_retired, "moved": one.moved,
            "geometry": one.geometry, "changes": [_change(change) for change in one.changes],
        }
        for one in found
    ]  # fmt: skip
    return json_response({"items": items})


def _edit(body: schemas.NewFeature | schemas.FeatureChange) -> Edit:
    told = {
        name: value for name, value in body.properties.items() if name != "code" or isinstance(body, schemas.NewFeature)
    }
    return Edit(told, body.geometry if "geometry" in body.model_fields_set else UNCHANGED)


def _check_id(body: schemas.NewFeature | schemas.FeatureChange, code: str) -> None:
    """Refuse another name for the thing than the one it has."""
    named = {"id": body.id, "properties.code": body.properties.get("code")}
    for where, value in named.items():
        if value is not None and str(value) != code:
            raise Refused(
                [Fault(where, "other_code", f"This is not the code {code!r}.", "与代码不一致。", str(value)[:60])]
            )


def _version() -> int:
    found = _VERSION.fullmatch(request.headers.get("If-Match", "").strip())
    if found is None:
        raise VersionNeeded
    return int(found[1])


def _feature(conn: Any, layer: Layer, done: Done) -> dict[str, Any]:
    return dict(orjson.loads(features.detail(conn, actor(), layer, done.code)))


def _answer(feature: dict[str, Any], done: Done, status: int, layer: Layer) -> Response:
    feature["notes"] = [asdict(note) for note in done.notes]
    headers = {"ETag": f'"v{done.version}"', "Cache-Control": "no-store"}
    if status == 201:
        headers["Location"] = url_for("features.show_feature", layer=layer.name, code=done.code)
    return Response(orjson.dumps(feature), status, headers, content_type=schemas.GEOJSON)


def _field(layer: Layer, one: form.Filled, options: list[tuple[str, str]] | None) -> dict[str, Any]:
    found = one.field
    return {
        "column": found.column, "title": translated(found.title), "kind": found.kind, "required": found.required,
        "fixed": one.is_fixed, "personal": one.is_personal, "value": _plain(one.value), "place": found.place,
        "names": one.names, "minimum": found.minimum, "maximum": found.maximum,
        "choices": [{"value": word, "title": translated(title)} for word, title in found.choices.items()],
        "options": None if options is None else [{"code": code, "name": name} for code, name in options],
    }  # fmt: skip


def _change(change: versions.Change) -> dict[str, Any]:
    return {
        "column": change.field.column, "title": translated(change.field.title),
        "before": _said(change.field, change.before), "after": _said(change.field, change.after),
    }  # fmt: skip


def _said(found: Field, value: Any) -> Any:
    """Return a value as people read it: choices by their title, yes and no in words."""
    if isinstance(value, list):
        parts = [word.partition(":") for word in value]
        mark = "、" if language() == "zh" else ", "
        return mark.join(_titled(found, word) + (f" {rest}" if rest else "") for word, _, rest in parts) or None
    if isinstance(value, bool):
        return _titled(found, str(value).lower())
    return _titled(found, value) if isinstance(value, str) else _plain(value)


def _titled(found: Field, word: str) -> str:
    return translated(found.choices[word]) if word in found.choices else word


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool | list) else str(value)
