"""What has to follow a change in the same transaction: the grids of what stands in them, and who lives in a building.

Nothing is done twice: every row gets at most one new version, and the former one is kept.
"""

from typing import Any

import sqlalchemy as sa

from gridmap.exchange.store import SAME_DEGREES
from gridmap.exchange.work import Work, covers, stored
from gridmap.tables import VERSION_SUFFIX

LISTED = 5  # codes that a note names
FREE_POINTS = ("supply_point", "volunteer")  # they lie in a grid by their position alone


def follow(work: Work) -> None:
    """Bring up to date what refers to the places and positions that this import changed."""
    name = work.layer.name
    if name == "community":
        _tell_outside(work)
    if name == "neighbourhood":
        _follow_grids(work)
    if name in ("neighbourhood", "building"):
        _move_households(work)
    if name in ("neighbourhood", "building", "household"):
        _move_party_households(work)
        _move_residents(work)


def listed(codes: list[str]) -> str:
    """Return the first few codes of a list as a note names them."""
    return ", ".join(codes[:LISTED]) + ("…" if len(codes) > LISTED else "")


def _touched(work: Work) -> sa.Select:
    """Return the codes of the communities that rows of the file belong to."""
    return sa.select(work.rows.c.community).where(work.good).distinct()


def _next(work: Work, table: sa.Table, **values: Any) -> dict[str, Any]:
    """Return the values that make a row's next version."""
    step = {"version": table.c.version + 1, "changed_at": sa.func.now(), "changed_by": work.actor.name}
    return values | step


def _tell_outside(work: Work) -> None:
    """Note the buildings that lie outside their community; their codes begin with its code, so they keep it."""
    building, community = stored("building"), stored("community")
    outside = (
        sa.select(building.c.code)
        .join(community, sa.and_(community.c.county == building.c.county, community.c.id == building.c.community_id))
        .where(
            work.current(building), building.c.community.in_(_touched(work)),
            sa.not_(sa.func.ST_Covers(community.c.geom, building.c.position)),
        )
        .order_by(building.c.code)
    )  # fmt: skip
    codes = list(work.conn.scalars(outside))
    if codes:
        work.report.note(
            "buildings_outside",
            f"{len(codes)} buildings lie outside their community now and keep it, because their codes begin with its"
            f" code: {listed(codes)}.",
            f"{len(codes)} 栋楼栋现位于所属社区之外；其代码以社区代码开头，归属不变：{listed(codes)}。",
        )


def _follow_grids(work: Work) -> None:
    count = _give_grid(work, stored("building"), stored("building").c.position)
    if count:
        work.report.note(
            "grid_changed", f"{count} buildings were given another grid.", f"{count} 栋楼栋已改属其他网格。"
        )
    for name in FREE_POINTS:
        _give_grid(work, stored(name), stored(name).c.geom)


def _give_grid(work: Work, table: sa.Table, position: sa.ColumnElement) -> int:
    """Give things that their grid does not hold any more, or that had none, the grid that holds them now.

    A building that was put in a grid by name, although it never stood in it, stays there.
    """
    grid, former = stored("neighbourhood"), stored("neighbourhood" + VERSION_SUFFIX)
    mine = sa.and_(grid.c.county == table.c.county, grid.c.code == table.c.neighbourhood, work.current(grid))
    held = sa.exists().where(mine, covers(grid.c.geom, position))
    was_held = sa.exists().where(
        former.c.county == table.c.county, former.c.code == table.c.neighbourhood, former.c.until == sa.func.now(),
        covers(former.c.geom, position),
    )  # fmt: skip
    holder = (
        sa.select(grid.c.id, grid.c.code)
        .where(work.current(grid), grid.c.community == table.c.community, covers(grid.c.geom, position))
        .order_by(grid.c.code)
        .limit(1)
        .correlate(table)
        .lateral("holder")
    )
    wrong = sa.and_(~held, sa.or_(table.c.neighbourhood.is_(None), was_held))
    new = (
        sa.select(table.c.county, table.c.id, holder.c.id.label("grid_id"), holder.c.code)
        .join_from(table, holder, sa.true())
        .where(work.current(table), table.c.community.in_(_touched(work)), wrong)
        .cte("new")
    )
    values: dict[str, Any] = {"neighbourhood": new.c.code}
    if "neighbourhood_id" in table.c:
        values["neighbourhood_id"] = new.c.grid_id
    change = sa.update(table).where(table.c.county == new.c.county, table.c.id == new.c.id)
    return work.conn.execute(change.values(_next(work, table, **values))).rowcount


def _move_households(work: Work) -> None:
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
        .where(building.c.community.in_(_touched(work)), former.c.until == sa.func.now())
        .cte("changed")
    )  # fmt: skip
    along = sa.and_(changed.c.moved, sa.func.ST_DWithin(household.c.geom, changed.c.old_position, SAME_DEGREES))
    lived = sa.and_(
        household.c.county == changed.c.county, household.c.building_id == changed.c.id, work.current(household)
    )
    moved = work.conn.scalar(sa.select(sa.func.count()).select_from(household).join(changed, sa.and_(lived, along)))
    grid_differs = household.c.neighbourhood.is_distinct_from(changed.c.neighbourhood)
    change = sa.update(household).where(lived, sa.or_(along, grid_differs))
    geom = sa.case((along, changed.c.position), else_=household.c.geom)
    work.conn.execute(change.values(_next(work, household, neighbourhood=changed.c.neighbourhood, geom=geom)))
    if moved:
        work.report.note(
            "households_moved",
            f"{moved} households moved with their buildings; those with a position of their own stayed.",
            f"{moved} 户已随楼栋移动；自有位置的户未动。",
        )


def _move_party_households(work: Work) -> None:
    """Put party households where their household stands now."""
    party, household = stored("party_household"), stored("household")
    differs = sa.or_(
        sa.not_(party.c.geom.op("=")(household.c.geom)),
        party.c.neighbourhood.is_distinct_from(household.c.neighbourhood),
    )
    change = sa.update(party).where(
        party.c.county == household.c.county, party.c.household_id == household.c.id, work.current(party),
        household.c.community.in_(_touched(work)), household.c.changed_at == sa.func.now(), differs,
    )  # fmt: skip
    values = _next(work, party, neighbourhood=household.c.neighbourhood, geom=household.c.geom)
    work.conn.execute(change.values(values))


def _move_residents(work: Work) -> None:
    """Give residents the grid of their household."""
    resident, household = stored("resident"), stored("household")
    change = sa.update(resident).where(
        resident.c.county == household.c.county, resident.c.household_id == household.c.id, work.current(resident),
        household.c.community.in_(_touched(work)), household.c.changed_at == sa.func.now(),
        resident.c.neighbourhood.is_distinct_from(household.c.neighbourhood),
    )  # fmt: skip
    work.conn.execute(change.values(_next(work, resident, neighbourhood=household.c.neighbourhood)))
