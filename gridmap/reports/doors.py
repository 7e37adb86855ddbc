"""The households of a building as its doors: unit by unit, floor by floor."""

from itertools import groupby
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.hierarchy import household


def of_building(conn: sa.Connection, actor: Actor, key: tuple[int, UUID]) -> list[dict[str, Any]] | None:
    """Return the units of a building with their floors, lowest first, and each floor's households.

    None for who may not see households; those outside the actor's scope are left out.
    """
    if not actor.may("household.view"):
        return None
    h = household.c
    rows = conn.execute(
        sa.select(h.code, h.unit, h.floor, h.room, h.people_count.label("people"), h.occupancy)
        .where(h.county == key[0], h.building_id == key[1], h.valid_to.is_(None), within_scope(household, actor))
        .order_by(h.unit, h.floor.nulls_last(), h.room, h.code)
    ).mappings()
    units = []
    for unit, of_unit in groupby(rows, key=lambda row: row["unit"]):
        floors = [
            {"floor": floor, "doors": [dict(row) for row in on_floor]}
            for floor, on_floor in groupby(of_unit, key=lambda row: row["floor"])
        ]
        people = sum(door["people"] for one in floors for door in one["doors"])
        units.append({"unit": unit, "floors": floors, "people": people})
    return units
