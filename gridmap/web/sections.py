"""The parts of the service a person may use, for the bars that lead from page to page."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, current_app

from gridmap.access import COMMUNITY_DIGITS
from gridmap.accounts.sessions import Identity
from gridmap.errors import GridmapError
from gridmap.layer import N_
from gridmap.roles import ROLES
from gridmap.web.session import actor, identity, layers


@dataclass(frozen=True)
class Section:
    """One part: the endpoint of its first page, its title, its icon, and who is led there."""

    endpoint: str
    title: str
    icon: str
    leads: Callable[[Identity], bool]


def has_map() -> bool:
    """Return whether the actor may view any layer at all."""
    return any(actor().may(layer.view) for layer in layers().drawn())


def _begins_on(page: str) -> Callable[[Identity], bool]:
    return lambda who: any(ROLES[one.role].landing == page for one in who.held if one.role in ROLES)


def _has_whole_communities(_: Identity) -> bool:
    return any(len(place) <= COMMUNITY_DIGITS and (place.isdigit() or not place) for place in _counted_places())


def _counted_places() -> tuple[str, ...]:
    return actor().places_for("household.count")


def _may_site() -> bool:
    return actor().may("building.view") and actor().may("supply_point.view")


def _may_import() -> bool:
    return any(layer.fields and actor().may(layer.edit) for layer in layers().values())


def _may(verb: str) -> Callable[[Identity], bool]:
    return lambda _: actor().may(verb)


SECTIONS = (
    Section("pages.map_page", N_("Map"), "map", lambda _: has_map()),
    Section("rounds.page", N_("Round"), "people", _may("household.visit")),
    Section("zones.page", N_("Zones"), "zone", _may("closure_zone.draft")),
    Section("landing.points", N_("My points"), "box", _begins_on("points")),
    Section("landing.aggregates", N_("Overview"), "table", _has_whole_communities),
    Section("summaries.page", N_("Figures"), "table", lambda _: bool(_counted_places())),
    Section("boundaries.page", N_("Boundaries"), "layers", _may("neighbourhood.propose")),
    Section("integrity.page", N_("Integrity"), "alert", _may("building.edit")),
    Section(
        "coverages.page", N_("Coverage"), "table", lambda _: bool(_counted_places()) and actor().may("building.view")
    ),
    Section("sitings.page", N_("Siting"), "table", lambda _: bool(_counted_places()) and _may_site()),
    Section(
        "grid_pages.page",
        N_("Build grids"),
        "table",
        lambda _: _has_whole_communities(_) and actor().may("building.view"),
    ),
    Section("imports.start_page", N_("Import"), "import", lambda _: _may_import()),
    Section("exports.page", N_("Export"), "export", lambda _: has_map()),
    Section("administration.accounts_page", N_("Accounts"), "people", _may("account.manage")),
    Section("administration.grants_page", N_("Grants"), "key", _may("grant.manage")),
    Section("trail.page", N_("Audit"), "journal", _may("audit.view")),
    Section("account.page", N_("Account"), "person", lambda _: True),
)


def init(app: Flask) -> None:
    """Give templates the sections, and whose view they show."""
    app.jinja_env.globals |= {"sections": sections, "viewed_as": viewed_as}


def viewed_as() -> str | None:
    """Return whose view this is; None where that cannot be found out, so that error pages need no database."""
    try:
        who = identity()
    except GridmapError:
        return None
    return who.viewed_as if who is not None else None


def sections() -> list[Section]:
    """Return the parts that whoever asks may use; none for somebody who is not signed in."""
    who = identity()
    if who is None:
        return []
    return [part for part in SECTIONS if part.endpoint in current_app.view_functions and part.leads(who)]
