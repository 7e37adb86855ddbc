"""What somebody would see with some roles over some places, told in numbers before anything is granted."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from gridmap import db
from gridmap.access import Actor, scope_of, within_scope
from gridmap.accounts import grants
from gridmap.accounts.grants import Held
from gridmap.hierarchy import household
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


def preview(conn: sa.Connection, actor: Actor, layers: Layers, held: Iterable[Held]) -> Preview:
    """Return what an account with some roles over places would see.

    The numbers are counted as that account, under the same policies; the transaction is the actor's again afterwards.
    """
    actor.require("grant.manage")
    held = list(held)
    person = Actor(f"{actor.name} previewing", grants.rights_of(held))
    db.become(conn, person)
    try:
        found = tuple(_shown(conn, person, layers))
        people = _people(conn, person)
    finally:
        db.become(conn, actor)
    about_layers = {verb for layer in layers.values() for verb in (layer.view, layer.edit)}
    verbs = {verb for one in held if one.role in ROLES for verb in ROLES[one.role].verbs}
    return Preview(found, people, tuple(sorted(verbs - about_layers)))


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
