"""The pages a keeper and a planner begin on: the own stock points, and figures by community and grid."""

import csv
import io
from collections.abc import Iterator

from flask import Blueprint, Response, render_template
from flask_babel import gettext

from gridmap import audit
from gridmap.exchange.values import escaped
from gridmap.layer import N_
from gridmap.reports import recorded, words
from gridmap.reports.aggregates import FEW, FIGURES, Area, Group, by_community
from gridmap.reports.own_points import is_old, own_points, today_of
from gridmap.reports.surroundings import now
from gridmap.roles import MIN_CELL
from gridmap.web.answers import shown
from gridmap.web.i18n import translated
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, signed_in

bp = Blueprint("landing", __name__, template_folder="templates")
bp.context_processor(words.titles)

FIGURE_TITLES = {
    "households": N_("Households"),
    "people": N_("People"),
    "buildings": N_("Buildings"),
    "without_group": N_("Buildings without party group"),
    "supply_points": N_("Supply points"),
    "volunteers": N_("Volunteers"),
}
PERSONAL = ("households", "people")
BOM = "\N{BYTE ORDER MARK}"  # by it spreadsheets know UTF-8


@bp.get("/my-points")
@permission("supply_point.view")
def points() -> str:
    """A keeper's own supply points with what was last counted there."""
    with begin() as conn:
        as_of = now(conn)
        found = own_points(conn, actor(), signed_in().held, today_of(as_of))
    return render_template(
        "landing/points.html", points=found, as_of=as_of, today=today_of(as_of), is_old=is_old, recorded=recorded
    )


@bp.get("/overview")
@permission("household.count")
def aggregates() -> str:
    """Figures by community and grid, for planning."""
    with begin() as conn:
        as_of, groups = now(conn), by_community(conn, actor())
    return render_template(
        "landing/aggregates.html", groups=groups, as_of=as_of, titles=FIGURE_TITLES, told=told, least=MIN_CELL
    )


@bp.get("/overview.csv")
@permission("household.count")
def aggregates_file() -> Response:
    """The same table as a spreadsheet."""
    with begin() as conn:
        as_of, groups = now(conn), by_community(conn, actor())
        lines = list(_lines(groups))
        audit.record(conn, actor(), "export", "overview", rows=len(lines), detail={"format": "csv"})
    text = io.StringIO(newline="")
    text.write(BOM)
    writer = csv.writer(text)
    writer.writerow([gettext("Community"), gettext("Grid"), gettext("Name"), *map(translated, FIGURE_TITLES.values())])
    writer.writerows([[escaped(cell) for cell in line] for line in lines])
    writer.writerow([gettext("data of %(time)s", time=shown(as_of)), signed_in().name])
    response = Response(text.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="overview-{today_of(as_of)}.csv"'
    return response


def _lines(groups: list[Group]) -> Iterator[list[str]]:
    for group in groups:
        for area in (group.whole, *group.parts):
            is_whole = area is group.whole
            grid = "" if is_whole else area.code or "-"
            name = area.name or gettext("Outside every grid")
            yield [area.community, grid, name, *(told(area, figure) for figure in FIGURES)]


def told(area: Area, figure: str) -> str:
    """Return a figure as it is told: nothing for one that may not be known, `<5` or `*` for one that is hidden."""
    value = area.figures[figure]
    if value is None:
        return ""
    if figure in PERSONAL and area.hidden:
        return f"<{MIN_CELL}" if area.hidden == FEW and figure == "households" else "*"
    return str(value)
