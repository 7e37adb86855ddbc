"""What is stored although it looks wrong: each kind of doubt is one note with its number and the first few codes."""

import sqlalchemy as sa

from gridmap.exchange.following import listed
from gridmap.exchange.work import Work, covers, stored
from gridmap.tables import geography

FAR_M = 200  # a household stands no further from its building
SURELY_NEAR_DEGREES = 0.001  # at most 111 m either way, which spares most rows the measuring
OVERLAP_M = 1.0  # the depth of an overlap that is more than two drawings of one border


def refuse_impossible(work: Work) -> None:
    """Refuse households with more people in one priority group than people, where the file tells both."""
    if work.layer.name != "household" or not (work.plan.has("priority") and work.plan.has("people_count")):
        return
    rows = work.rows
    entry = sa.func.unnest(rows.c.priority).column_valued("entry")
    most = sa.select(sa.func.max(sa.cast(sa.func.split_part(entry, ":", 2), sa.Integer))).scalar_subquery()
    shown = sa.func.array_to_string(rows.c.priority, "; ")
    work.refuse(most > rows.c.people_count, "priority", "too_many_of_group", value=shown, people=rows.c.people_count)


def tell(work: Work) -> None:
    """Note what is doubtful about the rows that were stored."""
    for doubt in DOUBTS.get(work.layer.name, ()):
        doubt(work)


def _far_households(work: Work) -> None:
    rows, building = work.rows, stored("building")
    mine = sa.and_(building.c.county == rows.c.county, building.c.id == rows.c.building_id)
    beside = rows.c.geom.op("&&", is_comparison=True)(sa.func.ST_Expand(building.c.geom, SURELY_NEAR_DEGREES))
    near = sa.func.ST_DWithin(geography(building.c.geom), geography(rows.c.geom), FAR_M)
    codes = _codes(work, sa.select(rows.c.code).join_from(rows, building, mine).where(sa.not_(beside), sa.not_(near)))
    if codes:
        work.report.note(
            "household_far",
            f"{len(codes)} households stand more than {FAR_M} m from their building: {listed(codes)}.",
            f"{len(codes)} 户距其楼栋超过 {FAR_M} 米：{listed(codes)}。",
        )


def _crowded_groups(work: Work) -> None:
    rows, household, group = work.rows, stored("household"), stored("household_priority")
    mine = sa.and_(household.c.county == rows.c.county, household.c.id == rows.c.id)
    larger = sa.exists().where(
        group.c.county == household.c.county, group.c.household_id == household.c.id,
        group.c.people_count > household.c.people_count,
    )  # fmt: skip
    codes = _codes(work, sa.select(rows.c.code).join_from(rows, household, mine).where(larger))
    if codes:
        work.report.note(
            "group_crowded",
            f"{len(codes)} households have more people in a priority group than people: {listed(codes)}.",
            f"{len(codes)} 户的重点人群人数多于该户人数：{listed(codes)}。",
        )


def _elsewhere(work: Work) -> None:
    """Note buildings that stand in another community than the one of their code."""
    rows, own, other = work.rows, stored("community").alias("own"), stored("community").alias("other")
    at_home = sa.exists().where(
        own.c.code == rows.c.community, own.c.valid_to.is_(None), covers(own.c.geom, rows.c.position)
    )
    away = sa.exists().where(
        other.c.code != rows.c.community, other.c.valid_to.is_(None), covers(other.c.geom, rows.c.position)
    )
    codes = _codes(work, sa.select(rows.c.code).where(~at_home, away))
    if codes:
        work.report.note(
            "in_other_community",
            f"{len(codes)} buildings stand in another community than their code says: {listed(codes)}.",
            f"{len(codes)} 栋楼栋的位置在其代码所属社区之外的另一社区内：{listed(codes)}。",
        )


def _overlapping(work: Work) -> None:
    """Note communities of the file that overlap another by more than two drawings of one border would."""
    rows, own, other = work.rows, stored("community").alias("own"), stored("community").alias("other")
    shared = sa.func.ST_CollectionExtract(sa.func.ST_Intersection(own.c.geom, other.c.geom), 3)
    core = sa.func.ST_Buffer(geography(shared), -OVERLAP_M / 2)
    pair = sa.func.least(own.c.code, other.c.code) + " / " + sa.func.greatest(own.c.code, other.c.code)
    touching = sa.and_(
        own.c.geom.op("&&", is_comparison=True)(other.c.geom), sa.func.ST_Intersects(own.c.geom, other.c.geom)
    )
    pairs = (
        sa.select(pair)
        .select_from(rows)
        .join(own, sa.and_(own.c.county == rows.c.county, own.c.id == rows.c.id))
        .join(other, sa.and_(other.c.valid_to.is_(None), other.c.id != own.c.id, touching))
        .where(sa.not_(sa.func.ST_IsEmpty(core.op("::")(sa.literal_column("geometry")))))
        .distinct()
    )
    found = _codes(work, pairs)
    if found:
        work.report.note(
            "overlapping",
            f"{len(found)} pairs of communities overlap by more than {OVERLAP_M:g} m: {listed(found)}.",
            f"{len(found)} 对社区重叠超过 {OVERLAP_M:g} 米：{listed(found)}。",
        )


def _codes(work: Work, query: sa.Select) -> list[str]:
    return sorted(work.conn.scalars(query.where(work.good)))


DOUBTS = {"household": (_far_households, _crowded_groups), "building": (_elsewhere,), "community": (_overlapping,)}
