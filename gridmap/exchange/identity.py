"""Which stored thing a row is about, rows that are about the same thing, and codes for new things."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from gridmap.exchange.columns import DETAILS
from gridmap.exchange.incoming import same_column, target_column
from gridmap.exchange.work import Work
from gridmap.hierarchy import (
    BUILDING_DIGITS,
    COMMUNITY_DIGITS,
    HOUSEHOLD_DIGITS,
    NEIGHBOURHOOD_DIGITS,
)
from gridmap.tables import CODE_PATTERN, MAX_VERTICES

DIGITS = {
    "community": COMMUNITY_DIGITS,
    "neighbourhood": NEIGHBOURHOOD_DIGITS,
    "building": BUILDING_DIGITS,
    "household": HOUSEHOLD_DIGITS,
    "party_household": HOUSEHOLD_DIGITS,
}
NUMBER_DIGITS = 5  # of the running number in a generated code that has a letter
NO_COMMUNITY = "000000"
LIST_MARK = "\x1f"


def check_codes(work: Work) -> None:
    """Refuse codes that are not of the layer's form."""
    code, count = work.rows.c.code, DIGITS.get(work.layer.name)
    if count:
        wrong = code.op("!~")(f"^[1-9][0-9]{{{count - 1}}}$")
        work.refuse(wrong, "code", "code_digits", value=code, count=count)
    else:
        work.refuse(code.op("!~")(CODE_PATTERN), "code", "code_form", value=code, form="A-Z a-z 0-9 . _ -")


def match(work: Work) -> None:
    """Find the stored thing each row is about: by code where the row gives one, else by its key."""
    rows, table = work.rows, work.layer.table
    found = {"id": table.c.id, "county": table.c.county, "code": table.c.code, "is_new": False}
    unknown = sa.and_(rows.c.is_new, work.current(table))
    work.set(rows.c.county.is_not(None), stated_county=rows.c.county)
    here = table.c.county == rows.c.stated_county  # another county may have the same code
    work.set(sa.and_(unknown, here, table.c.code == rows.c.code), **found)
    work.set(sa.and_(unknown, table.c.code == rows.c.code), **found)
    work.set(sa.and_(unknown, rows.c.code.is_(None), table.c.source_key == rows.c.source_key), **found)
    work.refuse(
        sa.and_(work.current(table), table.c.source_key == rows.c.source_key, table.c.id != rows.c.id),
        "code", "key_of_other", value=rows.c.code, other=table.c.code,
    )  # fmt: skip


def group(work: Work) -> None:
    """Note in `first` and `next` which rows are about one thing: by key, or by code where there is no key."""
    rows = work.rows
    group_by(work, sa.func.coalesce(sa.literal("k") + rows.c.source_key, sa.literal("c") + rows.c.code))


def refuse_same_code(work: Work) -> None:
    """Refuse rows that turned out to be about the same thing: different keys, or one with a key and one with a code."""
    work.set(work.rows.c.first.is_not(None), first=None, next=None)
    group_by(work, work.rows.c.code)
    refuse_repeated(work)


def group_by(work: Work, identity: sa.ColumnElement) -> None:
    """Note in `first` and `next` which rows have the same value of an expression."""
    rows = work.rows
    members = (
        sa.select(
            rows.c.row,
            sa.func.count().over(partition_by=identity).label("count"),
            sa.func.min(rows.c.row).over(partition_by=identity).label("first"),
            sa.func.lead(rows.c.row).over(partition_by=identity, order_by=rows.c.row).label("next"),
        )
        .where(work.good, identity.is_not(None))
        .subquery("members")
    )
    work.set(sa.and_(rows.c.row == members.c.row, members.c.count > 1), first=members.c.first, next=members.c.next)


def refuse_repeated(work: Work) -> None:
    """Refuse all rows that are about one thing, each with the number of another of them."""
    rows = work.rows
    other = sa.case((rows.c.row == rows.c.first, rows.c.next), else_=rows.c.first)
    column = "+".join(name for name, _, _ in work.plan.keys) or ("code" if work.plan.has("code") else "name")
    value = sa.func.coalesce(rows.c.code, rows.c.source_key)
    work.refuse(rows.c.first.is_not(None), column, "repeated", value=value, other=other)


def refuse_differing(work: Work) -> None:
    """Refuse rows whose values differ from the first row about the same supply point."""
    rows, first = work.rows, work.rows.alias("first")
    details = {field.column for field in DETAILS[work.layer.name]}
    for column in work.plan.columns:
        if column.field.column not in details:
            name, shown = target_column(column), True
            if (marked := same_column(name)) in rows.c:
                name, shown = marked, False
            differs = sa.and_(first.c.row == rows.c.first, rows.c[name] != first.c[name])
            value = sa.cast(rows.c[name], sa.Text) if shown else None
            work.refuse(differs, column.heading, "differs", value=value, other=rows.c.first)
    moved = sa.and_(first.c.row == rows.c.first, sa.not_(rows.c.geom.op("=")(first.c.geom)))
    work.refuse(moved, "geometry", "differs", other=rows.c.first)


def unite(work: Work) -> int:
    """Make one row, the first, of the rows about one thing and return how many rows went into another.

    Polygons are united; of every other column the first value counts.
    """
    rows = work.rows
    names = [target_column(column) for column in work.plan.columns]
    names += [beside for name in names for beside in (f"{name}_index", same_column(name)) if beside in rows.c]
    names += ["source_key", *(["geom"] if work.layer.geometry == "point" else [])]
    chosen = [_first_value(rows, name).label(name) for name in dict.fromkeys(names)]
    if work.layer.geometry == "polygon":
        chosen.append(sa.func.ST_Multi(sa.func.ST_ForcePolygonCCW(sa.func.ST_Union(rows.c.geom))).label("geom"))
    united = (
        sa.select(rows.c.first, *chosen)
        .where(work.good, rows.c.first.is_not(None))
        .group_by(rows.c.first)
        .subquery("united")
    )
    values = {column.name: column for column in united.c if column.name != "first"}
    work.set(rows.c.row == united.c.first, **values)
    gone = work.conn.execute(sa.delete(rows).where(work.good, rows.c.first != rows.c.row)).rowcount
    _check_united(work)
    return gone


def _first_value(rows: sa.Table, name: str) -> sa.ColumnElement:
    column = rows.c[name]
    value = column if not isinstance(column.type, ARRAY) else sa.func.array_to_string(column, LIST_MARK)
    gathered = sa.func.array_agg(aggregate_order_by(value, rows.c.row), type_=ARRAY(value.type))
    first = sa.type_coerce(gathered.filter(column.is_not(None)), ARRAY(value.type))[1]
    return sa.func.string_to_array(first, LIST_MARK) if isinstance(column.type, ARRAY) else first


def _check_united(work: Work) -> None:
    geom, merged = work.rows.c.geom, work.rows.c.first.is_not(None)
    fault = sa.func.ST_IsValidReason(geom)
    work.refuse(sa.and_(merged, sa.not_(sa.func.ST_IsValid(geom))), "geometry", "not_repairable", fault=fault)
    count = sa.func.ST_NPoints(geom)
    work.refuse(sa.and_(merged, count > MAX_VERTICES), "geometry", "too_many_vertices", count=count, limit=MAX_VERTICES)


def number(work: Work) -> None:
    """Give every new thing without a code the next free one in its community, in the order of the file.

    A number that was ever used is not used again, be it by a retired thing or by one outside the actor's area: the
    database's own `last_number` sees all of them.
    """
    rows, letter = work.rows, work.layer.code_letter
    places = NUMBER_DIGITS if letter else DIGITS[work.layer.name] - COMMUNITY_DIGITS
    cut = COMMUNITY_DIGITS + len(letter)
    form = f"^[0-9]{{{COMMUNITY_DIGITS}}}{letter}[0-9]{{{places}}}$"
    outside = sa.cast(rows.c.county, sa.Text) + NO_COMMUNITY
    stem = sa.func.coalesce(rows.c.community, outside) + letter
    lacking = (
        sa.select(
            rows.c.row, stem.label("stem"),
            sa.func.row_number().over(partition_by=stem, order_by=rows.c.row).label("place"),
        ).where(work.good, rows.c.code.is_(None)).subquery("lacking")
    )  # fmt: skip
    stems = sa.select(lacking.c.stem).distinct().subquery("stems")
    taken = sa.union_all(
        sa.select(
            stems.c.stem, sa.func.last_number(work.layer.name, stems.c.stem, places, type_=sa.Integer).label("number")
        ),
        sa.select(sa.func.left(rows.c.code, cut), sa.cast(sa.func.substr(rows.c.code, cut + 1), sa.Integer)).where(
            rows.c.code.op("~")(form)
        ),
    ).subquery("taken")
    used = sa.select(taken.c.stem, sa.func.max(taken.c.number).label("number")).group_by(taken.c.stem).subquery("used")
    numbered = (
        sa.select(lacking.c.row, lacking.c.stem, (sa.func.coalesce(used.c.number, 0) + lacking.c.place).label("number"))
        .select_from(lacking.outerjoin(used, used.c.stem == lacking.c.stem))
        .subquery("numbered")
    )
    full = sa.and_(rows.c.row == numbered.c.row, numbered.c.number >= 10**places)
    work.refuse(full, "code", "no_number_left", layer="community")
    digits = sa.func.lpad(sa.cast(numbered.c.number, sa.Text), places, "0")
    work.set(sa.and_(rows.c.row == numbered.c.row, rows.c.code.is_(None)), code=numbered.c.stem + digits)
