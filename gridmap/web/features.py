"""Lists, details, counts and search of any layer over HTTP, as GeoJSON."""

import time
from dataclasses import asdict
from urllib.parse import urlencode

import orjson
from flask import Response, url_for
from flask_openapi3 import APIBlueprint, Tag

from gridmap import crs, features, hierarchy, tiles
from gridmap.crs import Position
from gridmap.errors import InvalidInput
from gridmap.layer import Layer
from gridmap.search import Found
from gridmap.search import search as sought
from gridmap.web import schemas
from gridmap.web.answers import json_response, revalidated, with_etag
from gridmap.web.i18n import translated
from gridmap.web.permissions import SIGNED_IN, permission, reads_only
from gridmap.web.session import actor, begin, layers, looked_at

bp = APIBlueprint(
    "features",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="Layers and features")],
    abp_responses=schemas.REFUSALS,
)


@bp.get("/layers", responses={200: schemas.LayersAnswer})
@permission(SIGNED_IN)
def list_layers(query: schemas.LanguageQuery) -> Response:  # `i18n` reads the language
    """The layers the caller may view, in drawing order, and how each is drawn."""
    return json_response({"items": [describe(layer) for layer in layers().drawn() if actor().may(layer.view)]})


@bp.get("/layers/counts", responses={200: schemas.CountsAnswer})
@permission(SIGNED_IN)
def count_features(query: schemas.BoxQuery) -> Response:
    """How many features of each layer touch a box, counted up to 5,000."""
    box = features.parse_bbox(query.bbox)
    visible = [layer for layer in layers().drawn() if actor().may(layer.view)]
    with begin() as conn:
        return json_response({"items": features.counts(conn, actor(), visible, box)})


@bp.get("/layers/<layer>/features", responses={200: schemas.FeatureCollection})
@permission("{layer}.view")
def list_features(path: schemas.LayerPath, query: schemas.FeaturesQuery) -> Response:
    """A page of a layer's features in the order of their code; the link `next` leads to the following page."""
    layer = layers()[path.layer]
    box = features.parse_bbox(query.bbox) if query.bbox else None
    with begin() as conn:
        etag = _etag(tiles.revision(conn, actor(), [layer]), layer) + looked_at()
        if (unchanged := revalidated(etag)) is not None:
            return unchanged
        page = features.page(conn, actor(), layer, bbox=box, limit=query.limit, cursor=query.cursor)
    body = features.collection(page.features, _links(layer, query, page.cursor))
    return with_etag(Response(body, content_type=schemas.GEOJSON), etag)


@bp.get("/layers/<layer>/features/<code>", responses={200: schemas.Feature})
@permission("{layer}.view")
def show_feature(path: schemas.FeaturePath, query: schemas.Dated) -> Response:
    """One feature by its code; its ETag is the version a change is based on."""
    layer = layers()[path.layer]
    with begin() as conn:
        body = features.detail(conn, actor(), layer, path.code)
    headers = {"Cache-Control": "no-store", "ETag": f'"v{orjson.loads(body)["version"]}"'}
    return Response(body, content_type=schemas.GEOJSON, headers=headers)


@bp.get("/search", responses={200: schemas.SearchAnswer})
@permission(SIGNED_IN)
def search(query: schemas.SearchQuery) -> Response:
    """What a code, a name, its pinyin or its initials begin with the text, in every layer the caller may view."""
    return _search(query)


@bp.post("/search", responses={200: schemas.SearchAnswer})
@permission(SIGNED_IN)
@reads_only
def search_by_body(body: schemas.SearchBody) -> Response:
    """The same with what is sought in a body, where no log of addresses keeps it: people type names of persons too."""
    return _search(body)


def _search(query: schemas.SearchQuery | schemas.SearchBody) -> Response:
    near = _standing_at(query)
    with begin(query.as_of) as conn:
        found = sought(conn, actor(), list(layers().values()), query.q, near=near)
        communities = hierarchy.community_names(conn, actor(), {item.community for item in found if item.community})
        estates = hierarchy.estate_names(conn, actor(), set(map(_house_of, found)))
    around = {item: (estates.get(_house_of(item)), communities.get(item.community or "")) for item in found}
    items = [{**asdict(item), "context": " · ".join(filter(None, around[item]))} for item in found]
    for item in items:
        del item["community"]
    return json_response({"items": items})


@bp.get("/places/at", responses={200: schemas.PlacesAnswer})
@permission("community.view")
def places_at(query: schemas.PositionQuery) -> Response:
    """The county, sub-district, community and grid a position lies in; empty outside every community."""
    with begin() as conn:
        return json_response({"items": hierarchy.places_at(conn, actor(), crs.position(query.lon, query.lat))})


def _standing_at(query: schemas.SearchQuery | schemas.SearchBody) -> Position | None:
    if query.lon is not None and query.lat is not None:
        return crs.position(query.lon, query.lat)
    if query.lon is None and query.lat is None:
        return None
    missing = "lon" if query.lon is None else "lat"
    raise InvalidInput(f"lon and lat go together: {missing} is missing.", where=missing)


def _house_of(item: Found) -> str:
    """Return the building of a household that was found, else the code itself."""
    return item.code[: hierarchy.BUILDING_DIGITS] if item.layer == "household" else item.code


def _etag(revision: str, layer: Layer) -> str:
    """Return the revision, and for a layer with computed properties the second: they change without any edit."""
    return f"{revision}-{int(time.time())}" if layer.computed else revision


def describe(layer: Layer) -> dict[str, object]:
    """Return a layer as the API and the map page see it, its texts in the reader's language."""
    symbols = {key: asdict(symbol) | {"title": translated(symbol.title)} for key, symbol in layer.style.symbols.items()}
    return {
        "name": layer.name,
        "title": translated(layer.title),
        "geometry": layer.geometry or None,
        "min_zoom": layer.min_zoom,
        "cluster_zoom": layer.cluster_zoom,
        "is_live": layer.is_live,
        "is_on": layer.is_on,
        "columns": list(layer.public_columns),
        "style": {
            "by": layer.style.by, "label": layer.style.label, "label_zoom": layer.style.label_zoom, "symbols": symbols,
        },
        "links": [{"rel": "items", "href": url_for("features.list_features", layer=layer.name)}],
    }  # fmt: skip


def _links(layer: Layer, query: schemas.FeaturesQuery, cursor: str | None) -> list[dict[str, str]]:
    if cursor is None:
        return []
    values = query.model_dump(exclude_none=True) | {"cursor": cursor}
    address = url_for("features.list_features", layer=layer.name)
    return [{"rel": "next", "href": f"{address}?{urlencode(values)}", "type": schemas.GEOJSON}]
