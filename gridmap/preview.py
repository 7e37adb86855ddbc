"""What somebody would see with some roles over some places, told in numbers before anything is granted."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from gridmap import db, hierarchy
from gridmap.access import Actor, scope_of, within_scope
from gridmap.accounts import grants
from gridmap.hierarchy import COMMUNITY_DIGITS, household
from gridmap.layer import Layers
from gridmap.roles import ROLES


@dataclass(frozen=True)
class Shown:
    """How many rows of a layer somebody would see; `is_counted` that only their number would be shown."""

    layer: str
    rows: int
    is_counted: bool
    may_edit: bool


@dataclass(frozen=True)
class Preview:
    """Layer by layer what would be shown, people behind the households (None: not shown), and the other verbs."""

    layers: tuple[Shown, ...]
    people: int | None
    verbs: tuple[str, ...]

    def rows(self, layer: str) -> int:
        """Return how many rows of a layer would be shown or counted."""
        return next((shown.rows for shown in self.layers if shown.layer == layer), 0)


def preview(conn: sa.Connection, actor: Actor, layers: Layers, roles: Iterable[tuple[str, str]]) -> Preview:
    """Return what an account with some (role, place) pairs would see.

    The numbers are counted as that account, under the same policies; the transaction is the actor's again afterwards.
    """
    actor.require("grant.manage")
    roles = list(roles)
    person = Actor(f"{actor.name} previewing", grants.rights_of(roles))
    db.become(conn, person)
    try:
        found = tuple(_shown(conn, person, layers))
        people = _people(conn, person)
    finally:
        db.become(conn, actor)
    about_layers = {verb for layer in layers.values() for verb in (layer.view, layer.edit)}
    verbs = {verb for role, _ in roles if role in ROLES for verb in ROLES[role].verbs}
    return Preview(found, people, tuple(sorted(verbs - about_layers)))


def place_name(conn: sa.Connection, actor: Actor, role: str, place: str) -> str:
    """Return the names of a place and of those above it, as the role would show them; empty if it is nowhere."""
    actor.require("grant.manage")
    person = Actor(f"{actor.name} previewing", grants.rights_of([(role, place)]))
    db.become(conn, person)
    try:
        return " › ".join(_names(conn, person, place))
    finally:
        db.become(conn, actor)


def _names(conn: sa.Connection, person: Actor, place: str) -> list[str]:
    if not place.isdigit() or len(place) < COMMUNITY_DIGITS:
        name = conn.scalar(sa.select(hierarchy.division.c.name).where(hierarchy.division.c.code == place))
        return [name] if name else []
    above = place[:COMMUNITY_DIGITS] if len(place) == hierarchy.BUILDING_DIGITS else place
    return [found.name for found in hierarchy.places_above(conn, person, above)]


def _shown(conn: sa.Connection, person: Actor, layers: Layers) -> Iterable[Shown]:
    """Yield the layers that hold places or people and that the person may view or count."""
    for layer in layers.values():
        verbs = (layer.view, layer.view.replace(".view", ".count"))
        if scope_of(layer.table) is None or not any(map(person.may, verbs)):
            continue
        count = sa.select(sa.func.count()).where(layer.current(), within_scope(layer.table, person, *verbs))
        rows = conn.scalar(count.select_from(layer.table)) or 0
        yield Shown(layer.name, rows, not person.may(layer.view), person.may(layer.edit))


def _people(conn: sa.Connection, person: Actor) -> int | None:
    verbs = ("household.view", "household.count")
    if not any(map(person.may, verbs)):
        return None
    total = sa.func.coalesce(sa.func.sum(household.c.people_count), 0)
    return conn.scalar(sa.select(total).where(household.c.valid_to.is_(None), within_scope(household, person, *verbs)))
