"""Who may do what where. Until sign-in exists there is one actor, who sees everything from this machine only."""

from dataclasses import dataclass

import sqlalchemy as sa

from gridmap.errors import NotAllowed

EVERYWHERE = ""  # the prefix every code begins with


@dataclass(frozen=True)
class Actor:
    """Somebody who asks or changes.

    `verbs` None means every verb. `places` are codes of counties or wider areas, communities, neighbourhoods and
    buildings; an empty tuple means no place at all.
    """

    name: str
    verbs: frozenset[str] | None
    places: tuple[str, ...]

    def may(self, verb: str) -> bool:
        """Return whether the actor holds a verb such as `supply_point.view`."""
        return self.verbs is None or verb in self.verbs

    def require(self, verb: str) -> None:
        """Raise NotAllowed unless the actor holds the verb."""
        if not self.may(verb):
            raise NotAllowed(f"{self.name} may not do this: {verb}.")

    @property
    def is_everywhere(self) -> bool:
        """Return whether the actor's scope is the whole register."""
        return EVERYWHERE in self.places


LOCAL = Actor(name="local", verbs=None, places=(EVERYWHERE,))


def within_scope(table: sa.FromClause, actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition that a row lies in the actor's places.

    A place of 12 digits or fewer is compared with the row's community (a prefix is a wider area), 15 digits with its
    neighbourhood, 17 with its building. A row that carries no such code is outside.
    """
    if actor.is_everywhere:
        return sa.true()
    return sa.or_(sa.false(), *(_covers(table, place) for place in actor.places))


def _covers(table: sa.FromClause, place: str) -> sa.ColumnElement[bool]:
    level = {15: "neighbourhood", 17: "building"}.get(len(place), "community")
    column = table.c.get(level, table.c.code if table_name(table) == level else None)
    if column is None:
        return sa.false()
    return column.startswith(place, autoescape=True) if level == "community" else column == place


def table_name(table: sa.FromClause) -> str:
    """Return a table's name, or that of the table an alias stands for."""
    element = table.element if isinstance(table, sa.Alias) else table
    return str(getattr(element, "name", ""))


def mask_name(name: str | None) -> str | None:
    """Return a person's name as it is shown by default: the first character and two stars."""
    return f"{name[:1]}**" if name else None


def mask_phone(phone: str | None) -> str | None:
    """Return a phone number as it is shown by default: the first three and last four digits."""
    if not phone:
        return None
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 11 else "****"
