"""The map page: Folium's parts in our frame, and what its scripts are told."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from gridmap import hierarchy, maps, persons
from gridmap.access import Actor, view_verb, within_scope
from gridmap.basemap import drawing
from gridmap.editing import form
from gridmap.errors import NotFound
from gridmap.layer import Layer
from gridmap.web.answers import shown
from gridmap.web.features import describe
from gridmap.web.i18n import language
from gridmap.web.permissions import SIGNED_IN, permission, public
from gridmap.web.sections import has_map
from gridmap.web.session import actor, begin, csrf_token, layers, signed_in
from gridmap.web.sign_in import landing
from gridmap.web.texts import texts

bp = Blueprint("pages", __name__, template_folder="templates")

MARGIN = 0.0005  # degrees, about 50 m: one point alone is still seen among its neighbours
FOREVER = "public, max-age=31536000, immutable"
_PROJECT = Path(__file__).resolve().parents[2]
_MIME = {"css": "text/css", "js": "text/javascript"}


@bp.get("/")
@permission(SIGNED_IN)
def map_page() -> str | AnyResponse:
    """The map. Its features come as tiles and JSON, each with its own permission.

    Whoever may see nothing on it is led to the own first page.
    """
    if not has_map():
        return redirect(landing(signed_in().held, otherwise="account.page"))
    with begin() as conn:
        is_empty = hierarchy.is_empty(conn)
        bounds = None if is_empty else map_bounds(conn, actor())
        now = conn.execute(sa.select(sa.func.now())).scalar_one()
        under = lying_under(conn)
    return render_template(
        "map.html",
        parts=map_parts(),
        is_empty=is_empty,
        command=_command(),
        review_number=under.review_number,
        credits=[credit for credit in (under.credit, under.tile_credit) if credit],
        config={**map_config(bounds, shown(now)), "has_basemap": under.has_basemap, "tile_source": under.tile_source},
    )


@bp.get("/map-inline/<name>")
@public
def inline(name: str) -> Response:
    """A script or style that Folium wrote, moved out of the page; its name is made from its content."""
    content = next((found for module in maps.MODULES if (found := map_parts(module).inline.get(name))), None)
    if content is None:
        raise NotFound(f"There is no such part of the map page: {name[:80]!r}. Load the page again.")
    response = Response(content, mimetype=_MIME[name.rpartition(".")[2]])
    response.headers["Cache-Control"] = FOREVER
    return response


@dataclass(frozen=True)
class Under:
    """What lies under the layers: the service's base map and the operator's tiles, each with its credit."""

    has_basemap: bool
    credit: str | None
    review_number: str | None
    tile_source: str | None
    tile_credit: str | None


def lying_under(conn: sa.Connection) -> Under:
    """Return what lies under the layers here; the operator's review number goes before the base map's own."""
    ground, settings = drawing.current(conn), current_app.extensions["gridmap"]["settings"]
    source = settings.tile_source.get_secret_value() if settings.tile_source else None
    return Under(
        has_basemap=ground is not None,
        credit=ground.credit if ground else None,
        review_number=settings.review_number or (ground.review_number if ground else None),
        tile_source=source,
        tile_credit=settings.tile_attribution if source else None,
    )


def _command() -> str:
    """Return what a person types to call gridmap: its name if the shell finds it, else its path, from the project's folder."""
    program = Path(sys.executable).with_name("gridmap")
    if shutil.which("gridmap") == str(program):
        return "gridmap"
    return str(program.relative_to(_PROJECT) if program.is_relative_to(_PROJECT) else program)


def map_parts(module: str = "app") -> maps.MapParts:
    """Return the parts of a page with a map on which one of our JavaScript modules is started."""
    static = url_for("static", filename="app").rpartition("/")[0]
    return maps.grid_map(static, url_for("pages.inline", name="x").rpartition("/")[0], module)


def map_config(bounds: list[float] | None, now: str) -> dict[str, Any]:
    """Return what the scripts of a map are told: the layers the actor may view, texts, the first view, the clock."""
    visible = [layer for layer in layers().drawn() if actor().may(layer.view)]
    return {
        "language": language(),
        "root": request.script_root,
        "icons": url_for("static", filename="icons/icons.svg"),
        "now": now,
        "csrf": csrf_token(),
        "finds_persons": actor().may(persons.SEARCH),
        "drafts_zones": actor().may("closure_zone.draft") and actor().may("building.view"),
        "bounds": bounds,
        "layers": [drawn(layer) for layer in visible],
        "texts": texts(),
    }


def drawn(layer: Layer) -> dict[str, object]:
    """Return a layer as the API describes it, and whether tiles hold points of it or areas and lines.

    Its symbols are a list: the legend keeps their order, which a JSON object in a page does not.
    """
    told = describe(layer)
    symbols = cast(dict[str, dict[str, object]], cast(dict[str, object], told["style"])["symbols"])
    return {
        **told,
        "may_edit": form.is_editable(layer) and actor().may(layer.edit),
        "is_point": layer.geometry == "point" and layer.drawn is None,
        "signs": [{"value": value, **symbol} for value, symbol in symbols.items()],
    }


def map_bounds(conn: sa.Connection, who: Actor) -> list[float] | None:
    """Return west, south, east, north of the person's own grids, buildings or points, else of the communities in scope.

    None where nothing has an area.
    """
    for table in (hierarchy.neighbourhood, hierarchy.building, layers()["supply_point"].table, hierarchy.community):
        own = (
            within_scope(table, who)
            if table is hierarchy.community
            else table.c.code.in_(who.places_for(view_verb(table)))
        )
        extent = (
            sa.select(sa.func.ST_Extent(table.c.geom).label("box")).where(table.c.valid_to.is_(None), own).subquery()
        )
        sides = (getattr(sa.func, f"ST_{side}")(extent.c.box) for side in ("XMin", "YMin", "XMax", "YMax"))
        found = conn.execute(sa.select(*sides)).one()
        if found[0] is not None:
            west, south, east, north = found
            return [west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN]
    return None
