"""Who lives in a household: the tables of persons under the place tree, and the counts that follow from them.

While a household has rows of residents, its people and priority groups are counted from them, in the transaction that
changes them; a household without such rows keeps the numbers that were stated for it.
"""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa

from gridmap.hierarchy import HOUSEHOLD_DIGITS, PRIORITY_TAGS, county_rule, digits, one_of, scope_columns
from gridmap.tables import (
    VERSION_SUFFIX,
    code,
    dates,
    keys,
    metadata,
    parent,
    personal,
    reference,
    rules,
    spread,
    stamps,
    with_former_rows,
    with_versions,
)

SEXES = ("female", "male")
RELATIONS = ("head", "spouse", "child", "parent", "grandparent", "grandchild", "sibling", "relative", "tenant", "other")
CARE_LEVELS = ("independent", "partly_dependent", "dependent")
BASES = ("consent", "statutory", "emergency")
FIRST_BIRTH_YEAR, LAST_BIRTH_YEAR = 1880, 2100
CODE_LETTER = "M"
NUMBER_DIGITS = 5

Key = tuple[int, UUID]  # county and id of a household

resident = with_versions(sa.Table(
    "resident", metadata, *keys(), reference("household"), *scope_columns(building=True),
    code("household"), code(),
    *personal("name", "name", nullable=False), *personal("phone", "phone"), *personal("id_number", "id_number"),
    sa.Column("birth_year", sa.SmallInteger), sa.Column("sex", sa.Text), sa.Column("relation", sa.Text),
    sa.Column("care_level", sa.Text, info={"sensitive": True}),
    sa.Column("basis", sa.Text, nullable=False, server_default="statutory"), sa.Column("consented_on", sa.Date),
    sa.Column("moved_in_on", sa.Date), sa.Column("moved_out_on", sa.Date), *dates(),
    parent("household"), one_of("sex", SEXES), one_of("relation", RELATIONS), one_of("care_level", CARE_LEVELS),
    one_of("basis", BASES),
    sa.CheckConstraint("basis <> 'consent' OR consented_on IS NOT NULL", name="consent"),
    sa.CheckConstraint(f"birth_year BETWEEN {FIRST_BIRTH_YEAR} AND {LAST_BIRTH_YEAR}", name="birth_year"),
    sa.CheckConstraint("moved_out_on >= moved_in_on", name="moves"),
    sa.CheckConstraint(f"household ~ '{digits(HOUSEHOLD_DIGITS)}'", name="household_form"),
    sa.CheckConstraint("left(household, 17) = building", name="household_under_building"),
    sa.CheckConstraint("left(building, 12) = community", name="building_under_community"),
    *rules("resident", geometry=False), county_rule("community"),
    info=spread("county", scope="exact"),
))  # fmt: skip
former_resident = metadata.tables["resident" + VERSION_SUFFIX]
sa.Index("resident_version_household_idx", former_resident.c.household_id)

# To which priority groups a person belongs: apart, because it is shown only to those who may see the groups.
resident_priority = with_former_rows(sa.Table(
    "resident_priority", metadata,
    sa.Column("county", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("resident_id", sa.Uuid, primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True), *stamps(),
    parent("resident"), one_of("tag", PRIORITY_TAGS),
    info=spread("county", part_of="resident", needs="priority"),
))  # fmt: skip


def derive(conn: sa.Connection, households: Iterable[Key]) -> None:
    """Count the people and priority groups of some households from their residents, those of none as nobody.

    Call it for households whose residents came, went or changed, after the change and in its transaction. The database
    counts as the owner of the tables (`derive_people`), so the number does not depend on what the actor may see; the
    households stay locked until the transaction ends.
    """
    wanted = sorted(set(households))
    if wanted:
        counties, ids = zip(*wanted, strict=True)
        conn.execute(sa.select(derive_people(sa.literal(list(counties), sa.ARRAY(sa.Integer)),
                                             sa.literal(list(ids), sa.ARRAY(sa.Uuid)))))  # fmt: skip


def derive_people(counties: sa.ColumnElement, ids: sa.ColumnElement) -> sa.ColumnElement[int]:
    """Return the call that counts the households of two parallel arrays; its value is how many changed."""
    return sa.func.derive_people(counties, ids, type_=sa.Integer)


def is_counted(household: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that a household's people are counted from residents, as far as the actor sees them."""
    r = resident.c
    return sa.exists().where(r.county == household.c.county, r.household_id == household.c.id, r.valid_to.is_(None))


def next_codes(conn: sa.Connection, community: str, count: int) -> list[str]:
    """Return codes for new residents of a community; numbers that were ever used are not used again.

    The advisory lock of the import of residents makes others who need a code wait for the end of the transaction.
    """
    conn.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("import resident"))))
    stem = community + CODE_LETTER
    last: int = conn.scalar(sa.select(sa.func.last_resident_number(stem))) or 0
    return [f"{stem}{last + n:0{NUMBER_DIGITS}d}" for n in range(1, count + 1)]
