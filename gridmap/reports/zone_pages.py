"""Zones for people: the panel of one, and the list of all by what they are now."""

from flask import Blueprint, render_template

from gridmap import features
from gridmap.reports import situation, surroundings, zone_words
from gridmap.reports.notices.notice import INTERNAL, with_orders
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, layers

bp = Blueprint("zones", __name__, template_folder="templates")
bp.context_processor(zone_words.titles)


@bp.get("/panel/closure_zone/<code>")
@permission("closure_zone.view")
def panel(code: str) -> str:
    """The panel of a zone: what it is now, its order, what may be done next and what is due."""
    with begin() as conn:
        zone = situation.of_zone(conn, actor(), code)
        at = features.spot(conn, actor(), layers()["closure_zone"], code)
    answer = {"zone": zone, "lon": at and at.lon, "lat": at and at.lat}
    return render_template("panel/closure_zone.html", answer=answer, may_count=actor().may(INTERNAL))


@bp.get("/zones")
@permission("closure_zone.view")
def page() -> str:
    """The zones in force, coming, lapsed, being decided and over."""
    with begin() as conn:
        as_of, zones, ordered = surroundings.now(conn), situation.listed(conn, actor()), with_orders(conn, actor())
    groups = {name: [zone for zone in zones if zone["group"] == name] for name in situation.GROUPS}
    return render_template("zones.html", groups=groups, as_of=as_of, ordered=ordered)
