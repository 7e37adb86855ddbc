"""What has to follow a change in the same transaction: the grids of what stands in them, and who lives in a building.

Nothing is done twice: every row gets at most one new version, and the former one is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gridmap.access import Actor
from gridmap.exchange.report import ImportReport
from gridmap.exchange.store import SAME_DEGREES
from gridmap.exchange.work import Work, covers, stored
from gridmap.tables import VERSION_SUFFIX

LISTED = 5  # codes that a note names
FREE_POINTS = ("supply_point", "volunteer")  # they lie in a grid by their position alone


@dataclass
class Step:
    """A change whose consequences are drawn: in the communities that the query returns the codes of.

    `heirs` are grids that ended in this transaction, each with the grid that takes what no grid's area holds.
    """

    conn: sa.Connection
    actor: Actor
    communities: sa.Select
    heirs: Mapping[str, str | None] = field(default_factory=dict)
    report: ImportReport = field(default_factory=lambda: ImportReport("neighbourhood", Path()))

    def current(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Return the condition that a stored row is in force."""
        return table.c.valid_to.is_(None)


def follow(work: Work) -> None:
    """Bring up to date what refers to the places and positions that this import changed."""
    name = work.layer.name
    touched = sa.select(work.rows.c.community).where(work.good).distinct()
    step = Step(work.conn, work.actor, touched, report=work.report)
    if name == "community":
        _tell_outside(step)
    if name == "neighbourhood":
        follow_grids(step)
    if name in ("neighbourhood", "building"):
        _move_households(step)
    if name in ("neighbourhood", "building", "household"):
        follow_households(step)


def redrawn(step: Step) -> None:
    """Draw the consequences of grids that changed, ended or came: buildings, free points, and who lives there."""
    follow_grids(step)
    _move_households(step)
    follow_households(step)


def follow_households(step: Step) -> None:
    """Take along what stands where a household that changed in this transaction stands."""
    _move_party_households(step)
    _move_residents(step)


def listed(codes: list[str]) -> str:
    """Return the first few codes of a list as a note names them."""
    return ", ".join(codes[:LISTED]) + ("…" if len(codes) > LISTED else "")


def _next(step: Step, table: sa.Table, **values: Any) -> dict[str, Any]:
    """Return the values that make a row's next version."""
    own = {"version": table.c.version + 1, "changed_at": sa.func.now(), "changed_by": step.actor.name}
    return values | own


def _tell_outside(step: Step) -> None:
    """Note the buildings that lie outside their community; their codes begin with its code, so they keep it."""
    building, community = stored("building"), stored("community")
    outside = (
        sa.select(building.c.code)
        .join(community, sa.and_(community.c.county == building.c.county, community.c.id == building.c.community_id))
        .where(
            step.current(building), building.c.community.in_(step.communities),
            sa.not_(sa.func.ST_Covers(community.c.geom, building.c.position)),
        )
        .order_by(building.c.code)
    )  # fmt: skip
    codes = list(step.conn.scalars(outside))
    if codes:
        step.report.note(
            "buildings_outside",
            f"{len(codes)} buildings lie outside their community now and keep it, because their codes begin with its"
            f" code: {listed(codes)}.",
            f"{len(codes)} 栋楼栋现位于所属社区之外；其代码以社区代码开头，归属不变：{listed(codes)}。",
        )


def follow_grids(step: Step) -> None:
    """Give what stands in a grid that changed the grid that holds it now."""
    count = _give_grid(step, stored("building"), stored("building").c.position)
    if count:
        step.report.note(
            "grid_changed", f"{count} buildings were given another grid.", f"{count} 栋楼栋已改属其他网格。"
        )
    for name in FREE_POINTS:
        _give_grid(step, stored(name), stored(name).c.geom)


def _give_grid(step: Step, table: sa.Table, position: sa.ColumnElement) -> int:
    """Give things that their grid does not hold any more, or that had none, the grid that holds them now.

    A building that was put in a grid by name, although it never stood in it, stays there.
    """
    grid, former = stored("neighbourhood"), stored("neighbourhood" + VERSION_SUFFIX)
    mine = sa.and_(grid.c.county == table.c.county, grid.c.code == table.c.neighbourhood, step.current(grid))
    held = sa.exists().where(mine, covers(grid.c.geom, position))
    was_held = sa.exists().where(
        former.c.county == table.c.county, former.c.code == table.c.neighbourhood, former.c.until == sa.func.now(),
        covers(former.c.geom, position),
    )  # fmt: skip
    holder = (
        sa.select(grid.c.id, grid.c.code)
        .where(step.current(grid), grid.c.community == table.c.community, covers(grid.c.geom, position))
        .order_by(grid.c.code)
        .limit(1)
        .correlate(table)
        .lateral("holder")
    )
    wrong: sa.ColumnElement[bool] = sa.and_(~held, sa.or_(table.c.neighbourhood.is_(None), was_held))
    grid_id: sa.ColumnElement = holder.c.id
    code: sa.ColumnElement = holder.c.code
    placed: sa.ColumnElement[bool] = holder.c.id.is_not(None)
    if step.heirs:
        ended = table.c.neighbourhood.in_(step.heirs)
        heir = sa.case(dict(step.heirs), value=table.c.neighbourhood, else_=sa.null())
        code = sa.func.coalesce(holder.c.code, sa.cast(heir, sa.Text))
        same = sa.and_(grid.c.county == table.c.county, grid.c.code == code, step.current(grid))
        grid_id = sa.select(grid.c.id).where(same).correlate(table, holder).scalar_subquery()
        wrong, placed = sa.or_(wrong, ended), sa.or_(placed, ended)
    new = (
        sa.select(table.c.county, table.c.id, grid_id.label("grid_id"), code.label("code"))
        .join_from(table, holder, sa.true(), isouter=True)
        .where(step.current(table), table.c.community.in_(step.communities), wrong, placed)
        .cte("new")
    )
    values: dict[str, Any] = {"neighbourhood": new.c.code}
    if "neighbourhood_id" in table.c:
        values["neighbourhood_id"] = new.c.grid_id
    change = sa.update(table).where(table.c.county == new.c.county, table.c.id == new.c.id)
    return step.conn.execute(change.values(_next(step, table, **values))).rowcount


def _move_households(step: Step) -> None:
    """Take along the households that stood where a moved building stood, and give all of them its grid."""
    household, building = stored("household"), stored("building")
    former = stored("building" + VERSION_SUFFIX)
    changed = (
        sa.select(
            building.c.county, building.c.id, building.c.neighbourhood, building.c.position,
            former.c.position.label("old_position"),
            sa.not_(sa.func.ST_DWithin(building.c.position, former.c.position, SAME_DEGREES)).label("moved"),
        )
        .join(former, sa.and_(former.c.county == building.c.county, former.c.id == building.c.id,
                              former.c.version == building.c.version - 1))
        .where(building.c.community.in_(step.communities), former.c.until == sa.func.now())
        .cte("changed")
    )  # fmt: skip
    along = sa.and_(changed.c.moved, sa.func.ST_DWithin(household.c.geom, changed.c.old_position, SAME_DEGREES))
    lived = sa.and_(
        household.c.county == changed.c.county, household.c.building_id == changed.c.id, step.current(household)
    )
    moved = step.conn.scalar(sa.select(sa.func.count()).select_from(household).join(changed, sa.and_(lived, along)))
    grid_differs = household.c.neighbourhood.is_distinct_from(changed.c.neighbourhood)
    change = sa.update(household).where(lived, sa.or_(along, grid_differs))
    geom = sa.case((along, changed.c.position), else_=household.c.geom)
    step.conn.execute(change.values(_next(step, household, neighbourhood=changed.c.neighbourhood, geom=geom)))
    if moved:
        step.report.note(
            "households_moved",
            f"{moved} households moved with their buildings; those with a position of their own stayed.",
            f"{moved} 户已随楼栋移动；自有位置的户未动。",
        )


def _move_party_households(step: Step) -> None:
    """Put party households where their household stands now."""
    party, household = stored("party_household"), stored("household")
    differs = sa.or_(
        sa.not_(party.c.geom.op("=")(household.c.geom)),
        party.c.neighbourhood.is_distinct_from(household.c.neighbourhood),
    )
    change = sa.update(party).where(
        party.c.county == household.c.county, party.c.household_id == household.c.id, step.current(party),
        household.c.community.in_(step.communities), household.c.changed_at == sa.func.now(), differs,
    )  # fmt: skip
    values = _next(step, party, neighbourhood=household.c.neighbourhood, geom=household.c.geom)
    step.conn.execute(change.values(values))


def _move_residents(step: Step) -> None:
    """Give residents the grid of their household."""
    resident, household = stored("resident"), stored("household")
    change = sa.update(resident).where(
        resident.c.county == household.c.county, resident.c.household_id == household.c.id, step.current(resident),
        household.c.community.in_(step.communities), household.c.changed_at == sa.func.now(),
        resident.c.neighbourhood.is_distinct_from(household.c.neighbourhood),
    )  # fmt: skip
    step.conn.execute(change.values(_next(step, resident, neighbourhood=household.c.neighbourhood)))
