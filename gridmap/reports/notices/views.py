"""A zone's notice as a file, its order as an alert, and the zones in force as a feed for partners, over HTTP."""

import hashlib
from typing import Annotated, Literal

import orjson
from flask import Response, current_app
from flask_openapi3 import APIBlueprint, Tag
from pydantic import Field

from gridmap import audit
from gridmap.layer import N_
from gridmap.reports import surroundings
from gridmap.reports.notices import cap, feed, painting, pdf, word
from gridmap.reports.notices import ground as grounds
from gridmap.reports.notices import notice as notices
from gridmap.reports.notices import sheet as sheets
from gridmap.web import schemas
from gridmap.web.answers import revalidated, shown, with_etag
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, looked_at

api = APIBlueprint(
    "zone_notices", __name__, url_prefix="/api/v1/closure_zones", template_folder="../templates",
    abp_tags=[Tag(name="Closure zones")], abp_responses=schemas.REFUSALS,
)  # fmt: skip
PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
WRITERS = {"pdf": (pdf.of_notice, PDF), "docx": (word.of_notice, DOCX)}
Number = Annotated[int, schemas.InDigits, Field(ge=1, le=1000)]
Scale = Annotated[int, schemas.InDigits, Field(ge=100, le=5_000_000)]
WHICH = N_("Which order of the zone, counted from 1; the latest, if it is left out.")


class NoticeQuery(schemas.Dated):
    """How a notice is wanted."""

    format: Literal["pdf", "docx"] = Field("pdf", description=N_("pdf or docx."))
    version: Literal["public", "internal"] = Field(
        "public", description=N_("public: without persons, rooms and counts of homes; internal: with counts and rooms.")
    )
    paper: Literal["a4", "a3"] = Field("a4", description=N_("Paper of the map: a4 or a3."))
    scale: Scale | None = Field(
        None, description=N_("The n of 1:n; the largest that holds the zone, if it is left out.")
    )
    order: Number | None = Field(None, description=WHICH)


class OrderQuery(schemas.Dated):
    """Which order."""

    order: Number | None = Field(None, description=WHICH)


@api.get("/<code>/notice", responses={200: {"content": {PDF: {}, DOCX: {}}}})
@permission("closure_zone.view")
def notice(path: schemas.CodePath, query: NoticeQuery) -> Response:
    """The order of a zone as an official document with its map and list of buildings; each is on record."""
    painting.require_fonts()
    is_public = query.version == "public"
    with begin() as conn:
        told = notices.of_order(conn, actor(), path.code, query.order, surroundings.now(conn), public=is_public)
        view = sheets.view_of(told.area, paper=query.paper, scale=query.scale)
        ground = grounds.around(conn, actor(), view.box)
    settings = current_app.extensions["gridmap"]["settings"]
    sheet = sheets.draw(view, told, ground, review_number=settings.review_number)
    write, content_type = WRITERS[query.format]
    made = write(told, sheet)
    facts = {
        "file": f"{told.code}-{told.number}.{query.format}", "order": told.doc_no or "", "version": query.version,
        "paper": query.paper, "scale": sheet.scale, "as_of": shown(told.as_of),
    }  # fmt: skip
    with begin(looks_back=False) as conn:
        rows = len(told.buildings or ())
        audit.record(conn, actor(), "export", "zone_notice", rows=rows, detail=facts, chain=told.community or "")
    response = Response(made, content_type=content_type, headers={"Cache-Control": "no-store"})
    name = f"{told.code}-{told.number}-{query.version}.{query.format}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@api.get("/<code>/cap", responses={200: {"content": {cap.CONTENT_TYPE: {}}}})
@permission("closure_zone.view")
def alert(path: schemas.CodePath, query: OrderQuery) -> Response:
    """An order as an alert in CAP 1.2: Alert, Update or Cancel, without persons."""
    with begin() as conn:
        told = notices.of_order(conn, actor(), path.code, query.order, surroundings.now(conn), public=True)
    body = cap.of_notice(told)
    etag = f"cap-{hashlib.sha256(body).hexdigest()[:24]}"
    return revalidated(etag) or with_etag(Response(body, content_type=cap.CONTENT_TYPE), etag)


@api.get("/feed", responses={200: {"content": {schemas.GEOJSON: {}}}})
@permission("closure_zone.view")
def in_force(query: schemas.Dated) -> Response:
    """The zones in force as GeoJSON for partners, in the caller's area, without persons; ask with If-None-Match."""
    with begin() as conn:
        found, at = feed.features(conn, actor()), surroundings.now(conn)
    etag = f"zones-{hashlib.sha256(orjson.dumps(found)).hexdigest()[:24]}{looked_at()}"
    body = {"type": "FeatureCollection", "as_of": shown(at), "features": found}
    return revalidated(etag) or with_etag(Response(orjson.dumps(body), content_type=schemas.GEOJSON), etag)
