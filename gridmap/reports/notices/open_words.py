"""What of an order's words the public may read: no rooms, no numbers of persons, no names of who lives there."""

import re
from collections.abc import Iterable

import sqlalchemy as sa

from gridmap import personal
from gridmap.access import Actor, within_scope
from gridmap.hierarchy import BUILDING_DIGITS
from gridmap.occupants import resident

COUNTING = ("resident.view", "resident.count")  # whoever holds one of these may have the names struck out
LEFT_OUT = "***"
SOMEBODY = "某某"
_ROOM = re.compile(r"(?<=单元)\d{1,4}(?:[、,，]\d{1,4})*\s*(?:室|房)")
_BARE_ROOM = re.compile(r"(?<![0-9])\d{3,4}\s*(?:室|房)")
_NUMBER = re.compile(r"(?<![0-9])(?:\+?86[\s-]?)?1[3-9][0-9][\s-]?[0-9]{4}[\s-]?[0-9]{4}(?![0-9])")
_IDENTITY = re.compile(r"(?<![0-9])[1-9][0-9]{16}[0-9Xx](?![0-9])")
_LEAST_NAME = 2


def without_rooms(text: str) -> str:
    """Return words without the rooms they name (3幢2单元501室 becomes 3幢2单元), mobile and identity numbers."""
    struck = _BARE_ROOM.sub(LEFT_OUT, _ROOM.sub("", text))
    for pattern in (_IDENTITY, _NUMBER):
        struck = pattern.sub(LEFT_OUT, struck)
    parts = struck.split("、")
    return "、".join(dict.fromkeys(parts)) if len(parts) > 1 else struck


def without_names(text: str, names: Iterable[str]) -> str:
    """Return words with each of some names replaced, longer names first; the family name goes too."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, SOMEBODY)
    return text


def may_strike(actor: Actor, place: str) -> bool:
    """Return whether an actor's rights reach all residents of a place whose names are to be struck out."""
    return any(place.startswith(granted) for granted in actor.places_for(*COUNTING))


def names_in(conn: sa.Connection, actor: Actor, buildings: Iterable[str]) -> set[str]:
    """Return the names of who lives in some buildings, to strike them out of a text; none of them is shown."""
    r = resident.c
    rows = conn.scalars(
        sa.select(r.name).where(
            sa.func.left(r.building, BUILDING_DIGITS).in_(sorted(buildings)),
            r.valid_to.is_(None),
            within_scope(resident, actor, *COUNTING),
        )
    )
    opened = (personal.opened(conn, r.name, sealed) for sealed in rows)
    return {name for name in opened if name and len(name) >= _LEAST_NAME}
