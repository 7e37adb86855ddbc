"""The party chain: a group under a branch, a branch under a committee, one committee a community."""

import sqlalchemy as sa

from gridmap.exchange.work import Work, stored

ABOVE = {"branch": "committee", "group": "branch"}


def check(work: Work) -> None:
    """Refuse units that would break the chain.

    Levels go up one by one, so units that pass cannot form a ring. A refused row can take the ground from under
    others, so the questions are asked until no row is refused any more.
    """
    _refuse_self(work)
    _refuse_second_committees(work)
    before = -1
    while before != len(work.report.problems):
        before = len(work.report.problems)
        _refuse_orphans(work)
        _refuse_wrong_parents(work)
        _refuse_lost_children(work)


def _refuse_self(work: Work) -> None:
    rows = work.rows
    work.refuse(rows.c.parent_id == rows.c.id, "parent", "parent_self", value=rows.c.name)


def _refuse_second_committees(work: Work) -> None:
    rows, unit, other = work.rows, stored("party_unit"), work.rows.alias("other")
    mine = rows.c.level == "committee"
    taken = sa.and_(
        work.current(unit), unit.c.level == "committee", unit.c.community == rows.c.community, unit.c.id != rows.c.id
    )
    facts = {"value": rows.c.name, "community": rows.c.community}
    work.refuse(sa.and_(mine, taken), "level", "second_committee", other=unit.c.code, **facts)
    twin = (
        sa.select(rows.c.row, sa.func.min(other.c.row).label("other"))
        .where(mine, work.good, other.c.level == "committee", sa.not_(other.c.refused))
        .where(other.c.community == rows.c.community, other.c.row != rows.c.row)
        .group_by(rows.c.row)
        .subquery("twin")
    )
    where = rows.c.row == twin.c.row
    work.refuse(where, "level", "second_committee_row", other=twin.c.other, **facts)


def _refuse_orphans(work: Work) -> None:
    """Refuse units whose parent in the same file is new and was refused."""
    rows, parent = work.rows, work.rows.alias("parent")
    lost = sa.and_(parent.c.id == rows.c.parent_id, parent.c.refused, parent.c.is_new)
    work.refuse(lost, "parent", "place_unknown", value=parent.c.name, layer="party_unit")


def _refuse_wrong_parents(work: Work) -> None:
    """Refuse units whose parent is not one level up, as the parent will be after the import."""
    rows, units = work.rows, _units(work)
    wanted = sa.case(ABOVE, value=rows.c.level)
    wrong = sa.and_(units.c.id == rows.c.parent_id, units.c.level != wanted)
    facts = {"level": rows.c.level, "wanted": wanted, "found": units.c.level}
    work.refuse(wrong, "parent", "parent_level", value=units.c.name, **facts)


def _refuse_lost_children(work: Work) -> None:
    """Refuse rows that change the level of a unit under which the import leaves units of another level."""
    rows, unit, changed = work.rows, work.layer.table, _units(work)
    under = sa.and_(changed.c.parent_id == rows.c.id, sa.case(ABOVE, value=changed.c.level) != rows.c.level)
    levelled = sa.and_(sa.not_(rows.c.is_new), unit.c.county == rows.c.county, unit.c.id == rows.c.id)
    lost = sa.and_(levelled, unit.c.level != rows.c.level, under)
    work.refuse(lost, "level", "level_of_parent", value=rows.c.name, level=rows.c.level, child=changed.c.name)


def _units(work: Work) -> sa.Subquery:
    """Return id, name, level and parent of every unit in force as the import will leave it."""
    unit, told = work.layer.table, work.rows.alias("told")
    names = ("id", "name", "level", "parent_id")
    in_file = sa.exists().where(told.c.id == unit.c.id, sa.not_(told.c.refused))
    kept = sa.select(*(unit.c[name] for name in names)).where(work.current(unit), ~in_file)
    own = work.rows.alias("own")
    coming = sa.select(*(own.c[name] for name in names)).where(sa.not_(own.c.refused))
    return sa.union_all(kept, coming).subquery("units")
