"""The figures of places over HTTP: JSON for programs, a table beside a map for people, and the table as a file."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_openapi3 import APIBlueprint, Tag
from werkzeug.wrappers import Response as AnyResponse

from gridmap import audit
from gridmap.errors import InvalidInput
from gridmap.layer import N_, Layer
from gridmap.priority import PRIORITY_TITLES
from gridmap.reports import areas, classes, nodes, past, rollup, spreadsheet
from gridmap.reports.nodes import Node
from gridmap.reports.rollup import Figures
from gridmap.reports.surroundings import now
from gridmap.web import forms, schemas
from gridmap.web.answers import SHOWN_ZONE, json_response, shown
from gridmap.web.i18n import language, number, translated
from gridmap.web.pages import map_parts
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, layers
from gridmap.web.texts import texts

api = APIBlueprint(
    "summary", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="Figures")], abp_responses=schemas.REFUSALS
)
pages = Blueprint("summaries", __name__, template_folder="templates", url_prefix="/summary")

PARTITION_TITLES = {
    "place": N_("Grids and buildings"),
    "estate": N_("Estates"),
    "party": N_("Party units"),
}
LEVEL_TITLES = {
    "province": N_("Province"), "city": N_("City"), "county": N_("County"), "subdistrict": N_("Sub-district"),
    "community": N_("Community"), "neighbourhood": N_("Grid"), "building": N_("Building"), "estate": N_("Estate"),
    "party_committee": N_("Community party committee"), "party_branch": N_("Neighbourhood party branch"),
    "party_group": N_("Building party group"),
}  # fmt: skip
BASIC = {"households": N_("Households"), "people": N_("People"), "buildings": N_("Buildings")}


@dataclass(frozen=True)
class Line:
    """One line of the table: a part of the place, or the rest (without a part)."""

    part: Node | None
    figures: Figures


@dataclass(frozen=True)
class Table:
    """A place, its figures, and those of its parts."""

    node: Node
    whole: Figures
    lines: list[Line]
    as_of: datetime


@api.get("/places/<code>/summary", responses={200: schemas.SummaryAnswer})
@permission("community.view")
def summarise(path: schemas.CodePath, query: schemas.MomentQuery) -> Response:
    """Buildings, households, people, priority groups and things of each layer in a place, estate or party unit."""
    past.check_moment(query.as_of)
    with begin(looks_back=False) as conn:
        node = nodes.find(conn, actor(), path.code, query.as_of)
        figures = rollup.summary(conn, actor(), layers().values(), node, query.as_of)
        moment = query.as_of or now(conn)
    place = {
        "level": node.level, "code": node.code, "name": node.name, "whole": rollup.is_whole(actor(), node),
        "suppressed": figures.suppressed,
    }  # fmt: skip
    told = asdict(figures)
    del told["suppressed"]
    return json_response({**told, "place": place, "as_of": shown(moment)})


@pages.get("")
@permission("community.view")
def page() -> str | AnyResponse:
    """The figures of a place and its parts: a table beside a map."""
    place = forms.text(request.args, "place")
    with begin(looks_back=False) as conn:
        if not place:
            begun = nodes.starts(conn, actor())
            if len(begun) == 1:
                return redirect(url_for("summaries.page", **_kept() | {"place": begun[0].code}))
            return render_template("summary.html", starts=begun, levels=LEVEL_TITLES, table=None)
        table = _table(conn, place)
        above = _above(conn, table.node)
    columns = _columns(table)
    show = request.args.get("show", "households")
    show = show if show in columns else "households"
    return render_template(
        "summary.html", table=table, above=above, columns=columns, show=show, by=_by(), kept=_kept(),
        legend=_ranges(table, show), titles=_titles(), levels=LEVEL_TITLES, partitions=_partitions(table.node),
        whole=rollup.is_whole(actor(), table.node), figure=figure, parts=map_parts("summary"),
        asked=request.args.get("as_of", ""),
        config={
            "areas": url_for("summaries.parts_areas", **_kept(), show=show), "language": language(), "layers": [], "texts": texts(),
            "link": url_for("summaries.page", **_kept(), show=show),
        },
    )  # fmt: skip


@pages.get("/areas")
@permission("community.view")
def parts_areas() -> Response:
    """The areas of a place's parts with the figure that is shown, its class, and the address of the part's own page."""
    show = request.args.get("show", "households")
    with begin(looks_back=False) as conn:
        table = _table(conn, forms.text(request.args, "place"))
        parts = [line.part for line in table.lines if line.part is not None]
        drawn = areas.shapes(conn, actor(), parts, _as_of())
    made = _ranges(table, show)
    features = []
    for line in table.lines:
        if line.part is not None and line.part.code in drawn:
            value = figure(line.figures, show)
            rank = classes.class_of(value, made) if isinstance(value, int) else None
            address = url_for("summaries.page", **{**_kept(), "place": line.part.code, "show": show, "by": "place"})
            facts = {"code": line.part.code, "name": line.part.name, "value": value, "class": rank, "href": address}
            features.append(
                {"type": "Feature", "properties": facts, "geometry": orjson.Fragment(drawn[line.part.code])}
            )
    told = {
        "title": table.node.name, "figure": _titles().get(show, show), "as_of": shown(table.as_of),
        "legend": [_range_words(one) for one in made],
    }  # fmt: skip
    return json_response({"type": "FeatureCollection", "features": features, **told}, content_type=schemas.GEOJSON)


@pages.get("/export")
@permission("community.view")
def export() -> Response:
    """The table as a spreadsheet, with the same figures and the moment they are for."""
    suffix = request.args.get("format", "xlsx")
    if suffix not in spreadsheet.WRITERS:
        raise InvalidInput("format is csv or xlsx. format 只能是 csv 或 xlsx。", where="format")
    with begin(looks_back=False) as conn:
        table = _table(conn, forms.text(request.args, "place"))
        columns = _columns(table)
        heading: list[Any] = [translated(N_("Code")), translated(N_("Name")), translated(N_("Level"))]
        rows: list[list[Any]] = [[*heading, *(_titles().get(name, name) for name in columns), translated(N_("As of"))]]
        every = [Line(table.node, table.whole), *table.lines]
        rows += [
            [*_named(line), *(figure(line.figures, name) for name in columns), shown(table.as_of)] for line in every
        ]
        facts = {"place": table.node.code, "by": _by(), "format": suffix, "as_of": shown(table.as_of)}
        audit.record(conn, actor(), "export", "summary", rows=len(every), detail=facts)
    body = spreadsheet.WRITERS[suffix](rows)
    name = f"gridmap-{table.node.code}-{table.as_of.astimezone(SHOWN_ZONE):%Y%m%d-%H%M}.{suffix}"
    return Response(
        body, content_type=spreadsheet.CONTENT_TYPES[suffix],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )  # fmt: skip


def _table(conn: sa.Connection, place: str) -> Table:
    as_of = _as_of()
    known: list[Layer] = list(layers().values())
    node = nodes.find(conn, actor(), place, as_of)
    parts = nodes.children(conn, actor(), node, _by(), as_of)
    figures, rest = rollup.table(conn, actor(), known, node, parts, as_of)
    lines = [Line(part, told) for part, told in zip(parts, figures, strict=True)]
    if rest is not None:
        lines.append(Line(None, rest))
    return Table(node, rollup.summary(conn, actor(), known, node, as_of), lines, as_of or now(conn))


def _by() -> str:
    by = request.args.get("by", "place")
    return by if by in nodes.PARTITIONS else "place"


def _as_of() -> datetime | None:
    """Return the moment a page is asked for; without a zone it is Beijing's clock."""
    moment = forms.moment(request.args, "as_of")
    past.check_moment(moment)
    return moment


def _kept() -> dict[str, Any]:
    kept = {"place": forms.text(request.args, "place"), "by": _by(), "as_of": request.args.get("as_of", "")[:40]}
    return {name: value for name, value in kept.items() if value}


def _partitions(node: Node) -> dict[str, str]:
    """Return in which ways a place is divided, beside its children in the tree."""
    return PARTITION_TITLES if node.level == "community" else {}


def _above(conn: sa.Connection, node: Node) -> list[Node]:
    """Return the places above a place that the actor may ask about, from above."""
    lengths = (*nodes.PREFIX_DIGITS, 12)
    codes = [
        node.prefix[:length] for length in lengths if length <= len(node.prefix) and node.prefix[:length] != node.code
    ]
    begun = min((len(place) for place in actor().places_for("community.view")), default=0)
    found = []
    for code in codes:
        if len(code) >= min(begun, 12):
            found.append(nodes.find(conn, actor(), code))
    return found


def _columns(table: Table) -> list[str]:
    """Return what the table tells: the basic figures, priority groups, then things of each layer but these."""
    every = [table.whole, *(line.figures for line in table.lines)]
    tags = {tag for one in every for tag in one.priority or ()}
    things = {name for line in (table.lines or [Line(None, table.whole)]) for name in line.figures.layers}
    return [
        *BASIC, *(tag for tag in PRIORITY_TITLES if tag in tags),
        *(name for name in layers() if name in things and name not in ("household", "building")),
    ]  # fmt: skip


def _titles() -> dict[str, str]:
    """Return the titles of columns in the reader's language."""
    told = {**BASIC, **PRIORITY_TITLES, **{name: layer.title for name, layer in layers().items() if name not in BASIC}}
    return {name: translated(title) for name, title in told.items()}


def figure(figures: Figures, name: str) -> int | str | None:
    """Return one figure by the name of its column; None for what is not known."""
    if name in BASIC:
        found: int | str | None = getattr(figures, name)
        return found
    if name in PRIORITY_TITLES:
        return None if figures.priority is None else figures.priority.get(name, 0)
    return figures.layers.get(name)


def _ranges(table: Table, show: str) -> list[classes.Range]:
    values = [figure(line.figures, show) for line in table.lines if line.part is not None]
    return classes.ranges([value for value in values if isinstance(value, int)])


def _range_words(one: classes.Range) -> str:
    return number(one.least) if one.least == one.most else f"{number(one.least)} – {number(one.most)}"


def _named(line: Line) -> list[str]:
    if line.part is None:
        return ["", translated(N_("In none of them")), ""]
    return [line.part.code, line.part.name, translated(LEVEL_TITLES[line.part.level])]
