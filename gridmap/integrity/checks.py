"""The checks: each a question to the database that finds everything wrong of one kind, in the actor's scope."""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from gridmap.access import Actor
from gridmap.errors import NotFound
from gridmap.integrity import areas, duplicates, things
from gridmap.integrity.asking import Asked
from gridmap.layer import N_

LISTED = 200


@dataclass(frozen=True)
class Check:
    """One kind of fault.

    Attributes
    ----------
    query : makes the question; its columns are code, other, measure, lon, lat
    layer : whose codes it finds
    measure : what `measure` is told in: m, m2 or nothing
    repair : the name of the repair that is safe, if there is one
    is_fault : False for what is only worth a look
    """

    name: str
    title: str
    layer: str
    query: Callable[[Asked], sa.Select]
    measure: str = ""
    repair: str = ""
    is_fault: bool = True


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: its code, what it collides with, how much, and where to look."""

    code: str
    other: str | None
    measure: float | None
    lon: float | None
    lat: float | None


@dataclass(frozen=True)
class Found:
    """What a check found: how many, and the first of them by code."""

    check: Check
    count: int
    faults: list[Fault]


CHECKS = (
    Check("community_overlap", N_("Communities that overlap"), "community", areas.communities_overlapping, "m2"),
    Check("grid_outside", N_("Grids that reach out of their community"), "neighbourhood", areas.grids_outside, "m2"),
    Check("grid_overlap", N_("Grids of a community that overlap"), "neighbourhood", areas.grids_overlapping, "m2"),
    Check("grid_gap", N_("Communities that their grids do not cover"), "community", areas.gaps, "m2"),
    Check("grid_orphan", N_("Grids of a community that was retired"), "neighbourhood", things.grids_orphaned),
    Check("building_outside", N_("Buildings outside their community"), "building", things.buildings_outside),
    Check("building_code", N_("Buildings in another community than their code says"), "building", things.buildings_elsewhere),
    Check("building_grid", N_("Buildings in another grid than their own, or in none"), "building", things.buildings_in_other_grid,
          repair="assign_grid"),
    Check("building_orphan", N_("Buildings of a community that was retired"), "building", things.buildings_orphaned),
    Check("building_twice", N_("Buildings stored twice"), "building", duplicates.buildings, repair="retire_building"),
    Check("supply_point_twice", N_("Supply points stored twice"), "supply_point", duplicates.supply_points,
          repair="retire_supply_point"),
    Check("household_orphan", N_("Households of a building that was retired"), "household", things.households_orphaned),
    Check("household_far", N_("Households far from their building"), "household", things.households_far, "m",
          repair="move_household"),
    Check("building_empty", N_("Buildings without households"), "building", things.buildings_empty, is_fault=False),
)  # fmt: skip


def check_of(name: str) -> Check:
    """Return a check by its name, or raise NotFound."""
    for check in CHECKS:
        if check.name == name:
            return check
    raise NotFound(f"There is no check {name[:40]!r}.", where="check")


def run(conn: sa.Connection, actor: Actor, check: Check, *, place: str = "", limit: int = LISTED) -> Found:
    """Return what a check finds below a place (the first digits of its communities), of what the actor may see."""
    actor.require(f"{check.layer}.view")
    found = check.query(Asked(actor, place)).subquery()
    rows = conn.execute(
        sa.select(found, sa.func.count().over().label("n")).order_by(found.c.code, found.c.other).limit(limit)
    ).all()
    faults = [Fault(row.code, row.other, row.measure, row.lon, row.lat) for row in rows]
    return Found(check, rows[0].n if rows else 0, faults)
