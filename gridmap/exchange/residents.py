"""Residents of a file: which household they live in, which stored person each is, and the counts that follow."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, insert

from gridmap import personal
from gridmap.errors import InvalidInput
from gridmap.exchange import addressed_homes, identity, places
from gridmap.exchange.following import listed
from gridmap.exchange.households import ONLY_UNIT
from gridmap.exchange.work import Work, stored
from gridmap.occupants import CODE_LETTER, NUMBER_DIGITS, derive, former_resident, is_counted, resident_priority

FETCH_ROWS = 5_000
DERIVED_AT_ONCE = 20_000


def refuse_union(work: Work, *, merge: bool) -> None:
    """Raise InvalidInput where rows about one person were to be united: two persons could become one."""
    if merge:
        raise InvalidInput("Rows of residents are not united. 居民信息不能合并行。", where="merge")


def resolve(work: Work) -> None:
    """Find the household of every row and the stored person it is about; refuse what contradicts itself."""
    identity.match(work)
    addressed_homes.read(work)
    _find_household(work)
    _refuse_moved_since(work)
    _match_by_number(work)
    _match_by_name(work)
    _refuse_twice(work)
    _refuse_impossible(work)


def number(work: Work) -> None:
    """Give every new person the next free number of the community, also of those the actor does not see."""
    rows = work.rows
    stem = rows.c.community + CODE_LETTER
    lacking = (
        sa.select(
            rows.c.row, stem.label("stem"),
            sa.func.row_number().over(partition_by=stem, order_by=rows.c.row).label("place"),
        ).where(work.good, rows.c.code.is_(None)).subquery("lacking")
    )  # fmt: skip
    stems = sa.select(lacking.c.stem).distinct().subquery("stems")
    cut = sa.func.length(stems.c.stem) + 1
    stated = (
        sa.select(sa.func.max(sa.cast(sa.func.substr(rows.c.code, cut), sa.Integer)))
        .where(rows.c.code.op("~")(sa.func.concat("^", stems.c.stem, f"[0-9]{{{NUMBER_DIGITS}}}$")))
        .scalar_subquery()
    )
    last = sa.func.greatest(sa.func.last_resident_number(stems.c.stem), sa.func.coalesce(stated, 0))
    used = sa.select(stems.c.stem, last.label("number")).cte("used").prefix_with("MATERIALIZED")
    numbered = (
        sa.select(lacking.c.row, lacking.c.stem, (used.c.number + lacking.c.place).label("number"))
        .join_from(lacking, used, used.c.stem == lacking.c.stem)
        .subquery("numbered")
    )
    full = sa.and_(rows.c.row == numbered.c.row, numbered.c.number >= 10**NUMBER_DIGITS)
    work.refuse(full, "code", "no_number_left", layer="community")
    figures = sa.func.lpad(sa.cast(numbered.c.number, sa.Text), NUMBER_DIGITS, "0")
    work.set(sa.and_(rows.c.row == numbered.c.row, rows.c.code.is_(None)), code=numbered.c.stem + figures)


def mark_other_tags(work: Work) -> None:
    """Mark stored persons whose priority groups the file changes, so that they get their next version."""
    if not work.plan.has("priority"):
        return
    work.actor.require("household.priority")
    rows, t = work.rows, resident_priority.c
    now = (
        sa.select(sa.func.array_agg(aggregate_order_by(t.tag, t.tag)))
        .where(t.county == rows.c.county, t.resident_id == rows.c.id)
        .correlate(rows)
        .scalar_subquery()
    )
    none = sa.cast(sa.literal("{}"), ARRAY(sa.Text))
    differs = sa.func.coalesce(now, none) != sa.func.coalesce(rows.c.priority, none)
    work.set(sa.and_(sa.not_(rows.c.is_new), differs), is_changed=True)


def write_tags(work: Work) -> None:
    """Make the priority groups of every person what the file says."""
    if not work.plan.has("priority"):
        return
    rows, t = work.rows, resident_priority
    each = sa.select(rows.c.county, rows.c.id, sa.func.unnest(rows.c.priority).label("tag"))
    wanted = each.where(work.good).cte("wanted")
    kept = sa.exists().where(
        wanted.c.county == t.c.county, wanted.c.id == t.c.resident_id, wanted.c.tag == t.c.tag
    )  # fmt: skip
    stale = sa.delete(t).where(rows.c.county == t.c.county, rows.c.id == t.c.resident_id, work.good, ~kept)
    work.conn.execute(stale)
    fresh = insert(t).from_select(["county", "resident_id", "tag"], sa.select(wanted))
    work.conn.execute(fresh.on_conflict_do_nothing())


def count_people(work: Work) -> None:
    """Count the households that persons of the file live in, or lived in until now."""
    rows, former = work.rows, former_resident.c
    changed = sa.and_(work.good, sa.or_(rows.c.is_new, rows.c.is_changed))
    here = sa.select(rows.c.county, rows.c.household_id).where(changed)
    before = sa.select(former.county, former.household_id).where(
        changed, former.county == rows.c.county, former.id == rows.c.id, former.until == sa.func.now()
    )
    for part in work.conn.execute(sa.union(here, before).order_by("county", "household_id")).partitions(
        DERIVED_AT_ONCE
    ):
        derive(work.conn, [(row.county, row.household_id) for row in part])


def refuse_stated_counts(work: Work) -> None:
    """Refuse households of a file whose numbers of people contradict the residents that are stored for them."""
    rows, household, p = work.rows, stored("household"), stored("household_priority").c
    same = sa.and_(household.c.county == rows.c.county, household.c.id == rows.c.id, is_counted(household))
    work.refuse(
        sa.and_(same, rows.c.people_count != household.c.people_count), "people_count", "people_counted",
        value=sa.cast(rows.c.people_count, sa.Text), people=household.c.people_count,
    )  # fmt: skip
    told = p.tag + sa.literal(":") + sa.cast(p.people_count, sa.Text)
    now = (
        sa.select(sa.func.array_agg(aggregate_order_by(told, p.tag)))
        .where(p.county == rows.c.county, p.household_id == rows.c.id)
        .correlate(rows)
        .scalar_subquery()
    )
    none = sa.cast(sa.literal("{}"), ARRAY(sa.Text))
    work.refuse(
        sa.and_(same, rows.c.priority.is_not(None), sa.func.coalesce(now, none) != rows.c.priority), "priority",
        "groups_counted", value=sa.func.array_to_string(rows.c.priority, "; "),
    )  # fmt: skip


def _find_household(work: Work) -> None:
    """Find the household: by its code (which an address was read to), by building, unit and room, else where stored."""
    rows, household = work.rows, stored("household")
    given = rows.c.given_household
    places.by_reference(work, "building", stored("building"))
    work.set(rows.c.unit.is_(None), unit=ONLY_UNIT)
    by_parts = sa.and_(given.is_(None), rows.c.building.is_not(None))
    work.refuse(sa.and_(by_parts, rows.c.room.is_(None)), "room", "required")
    work.set(by_parts, given_household=rows.c.building + rows.c.unit + rows.c.room)
    own = {"county": household.c.county, "household_id": household.c.id, "household": household.c.code}
    own |= {name: household.c[name] for name in ("building", "community", "neighbourhood")}
    same_county = sa.or_(rows.c.county.is_(None), rows.c.county == household.c.county)
    work.refuse(
        sa.and_(rows.c.county.is_not(None), household.c.code == given, work.current(household), ~same_county),
        "household", "other_county", value=rows.c.code, county=rows.c.county,
    )  # fmt: skip
    work.set(sa.and_(household.c.code == given, work.current(household), same_county), **own)
    work.refuse(
        sa.and_(given.is_not(None), rows.c.household_id.is_(None)), "household", "place_unknown",
        value=given, layer="household",
    )  # fmt: skip
    places.keep_stored(work, "household_id", also=tuple(name for name in own if name != "household_id"))
    work.refuse(rows.c.household_id.is_(None), "household", "place_needed", layer="household")


def _refuse_moved_since(work: Work) -> None:
    """Refuse rows of an older file about persons whose move was recorded after it."""
    if work.plan.keys:
        return
    rows, table = work.rows, work.layer.table
    moved = sa.and_(
        sa.not_(rows.c.is_new), rows.c.source_key.is_not(None), table.c.county == rows.c.county,
        table.c.id == rows.c.id, table.c.household_id != rows.c.household_id,
    )  # fmt: skip
    work.refuse(moved, "household", "moved_since", value=rows.c.household, other=table.c.household)


def _match_by_number(work: Work) -> None:
    rows, table = work.rows, work.layer.table
    same = sa.and_(
        rows.c.is_new, work.current(table), table.c.county == rows.c.county,
        table.c.id_number_index == rows.c.id_number_index,
    )  # fmt: skip
    work.set(same, **_found(work))


def _match_by_name(work: Work) -> None:
    """Match new rows with who lives in their household under the same name; a year of birth decides where both have one."""
    rows, table = work.rows, work.layer.table
    other_number = sa.and_(
        rows.c.id_number_index.is_not(None), table.c.id_number_index.is_not(None),
        rows.c.id_number_index != table.c.id_number_index,
    )  # fmt: skip
    pairs = sa.select(
        rows.c.row, rows.c.name, rows.c.birth_year, table.c.id, table.c.name.label("own_name"),
        table.c.birth_year.label("own_year"),
    ).where(
        work.good, rows.c.is_new, rows.c.code.is_(None), work.current(table), table.c.county == rows.c.county,
        table.c.household_id == rows.c.household_id, sa.not_(other_number.is_(True)),
    )  # fmt: skip
    found: dict[int, list[tuple[bool, UUID]]] = defaultdict(list)
    for part in work.conn.execute(pairs).partitions(FETCH_ROWS):
        for pair in part:
            if _is_same(work, pair):
                found[pair.row].append((pair.birth_year == pair.own_year, pair.id))
    certain = {row: chosen for row, some in found.items() if (chosen := _chosen(some)) is not None}
    _set_found(work, certain)
    for row in sorted(found.keys() - certain.keys()):
        work.refuse(rows.c.row == row, "name", "person_ambiguous", count=len(found[row]))


def _is_same(work: Work, pair: Any) -> bool:
    if None not in (pair.birth_year, pair.own_year) and pair.birth_year != pair.own_year:
        return False
    column = work.layer.table.c.name
    names = (personal.opened(work.conn, column, text) or "" for text in (pair.name, pair.own_name))
    first, second = (personal.normalised("name", name) for name in names)
    return first == second


def _chosen(some: list[tuple[bool, UUID]]) -> UUID | None:
    """Return the one person that fits best, None where several fit equally."""
    exact = [identity for is_exact, identity in some if is_exact]
    fitting = exact or [identity for _, identity in some]
    return fitting[0] if len(fitting) == 1 else None


def _set_found(work: Work, found: dict[int, UUID]) -> None:
    rows, table = work.rows, work.layer.table
    if not found:
        return
    numbers = sa.literal(list(found), sa.ARRAY(sa.Integer))
    ids = sa.literal(list(found.values()), sa.ARRAY(sa.Uuid))
    pairs = sa.func.unnest(numbers, ids).table_valued(sa.column("row", sa.Integer), sa.column("id", sa.Uuid))
    chosen = pairs.render_derived("chosen")
    same = sa.and_(rows.c.row == chosen.c.row, table.c.county == rows.c.county, table.c.id == chosen.c.id)
    work.set(same, **_found(work))


def _found(work: Work) -> dict[str, Any]:
    """Return what a row gets from the person it is about; a key made of the row's words does not replace theirs."""
    table = work.layer.table
    key = work.rows.c.source_key if work.plan.keys else table.c.source_key
    return {"id": table.c.id, "code": table.c.code, "is_new": False, "source_key": key}


def _refuse_twice(work: Work) -> None:
    """Refuse rows of one file that are about one person: the same number, or name and year in one household."""
    rows = work.rows
    year = sa.func.coalesce(sa.cast(rows.c.birth_year, sa.Text), "")
    person = sa.cast(rows.c.household_id, sa.Text) + "|" + rows.c.name_same + "|" + year
    apart = sa.case((rows.c.code.is_(None), person))  # who has a code of their own is who the code says
    for told in (rows.c.id_number_index, apart):
        identity.group_by(work, told)
        identity.refuse_repeated(work)


def _refuse_impossible(work: Work) -> None:
    rows, table = work.rows, work.layer.table
    today = sa.cast(sa.func.timezone("Asia/Shanghai", sa.func.now()), sa.Date)
    for name in ("moved_in_on", "consented_on"):
        work.refuse(rows.c[name] > today, name, "in_future", value=sa.cast(rows.c[name], sa.Text))
    year = sa.extract("year", today)
    work.refuse(rows.c.birth_year > year, "birth_year", "in_future", value=sa.cast(rows.c.birth_year, sa.Text))
    was_given = sa.exists().where(
        table.c.county == rows.c.county, table.c.id == rows.c.id, table.c.consented_on.is_not(None)
    )
    lacking = sa.and_(rows.c.basis == "consent", rows.c.consented_on.is_(None), sa.not_(was_given))
    work.refuse(lacking, "consented_on", "consent_undated")


def tell_returned(work: Work) -> None:
    """Note new persons who are known to have moved out of the same household before: an older file, or a return."""
    rows, table = work.rows, work.layer.table
    left = sa.exists().where(
        table.c.county == rows.c.county, table.c.source_key == rows.c.source_key, table.c.valid_to.is_not(None)
    )
    codes = sorted(work.conn.scalars(sa.select(rows.c.code).where(work.good, rows.c.is_new, left)))
    if codes:
        work.report.note(
            "returned",
            f"{len(codes)} persons had moved out of the same household before: {listed(codes)}. Is the file an old one?",
            f"{len(codes)} 人曾从同一户迁出：{listed(codes)}。请确认文件是否为旧数据。",
        )
