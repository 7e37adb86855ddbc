"""The place tree: community > neighbourhood > building > household, its codes and its tables (design.md D3).

A neighbourhood's code is its community's 12 digits + 3; a building's is the community's + 5, numbered in the community
so that redrawing grids renames nothing; a household's is its building's 17 digits + unit 2 + room 4.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from geoalchemy2 import Geometry

from gridmap.access import Actor, within_scope
from gridmap.crs import STORAGE_SRID, Position
from gridmap.tables import (
    CODE_PATTERN,
    code,
    dates,
    geography_index,
    keys,
    link,
    measured,
    metadata,
    parent,
    reference,
    rules,
    shape,
    spread,
    stamps,
    with_former_rows,
    with_versions,
)

COMMUNITY_DIGITS, NEIGHBOURHOOD_DIGITS, BUILDING_DIGITS, HOUSEHOLD_DIGITS = (
    12,
    15,
    17,
    23,
)
LEVELS = ("community", "neighbourhood", "estate", "building", "household")  # from above
NEIGHBOURHOOD_KINDS = ("general", "dedicated")
OCCUPANCIES = ("resident", "rented", "vacant", "shop", "dormitory")
PRIORITY_TAGS = (
    "elderly_alone", "child_in_difficulty", "pregnant", "dialysis", "chronic", "disabled", "bedridden", "infant",
    "low_income",
)  # fmt: skip


def one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    """Return the CHECK that a column holds one of a few words."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def digits(count: int) -> str:
    """Return the regular expression of a code of that many digits."""
    return f"^[0-9]{{{count}}}$"


def starts_with(column: str, prefix: str, length: int) -> sa.CheckConstraint:
    """Return the CHECK that a code begins with the code above it."""
    return sa.CheckConstraint(f"left({column}, {length}) = {prefix}", name=f"{column}_under_{prefix}")


def county_rule(column: str) -> sa.CheckConstraint:
    """Return the CHECK that the first six digits of a code are the row's county."""
    return sa.CheckConstraint(
        f"{column} IS NULL OR left({column}, 6) = county::text",
        name=f"{column}_in_county",
    )


def scope_columns(*, community: bool = True, neighbourhood: bool = True, building: bool = False) -> list[sa.Column]:
    """Return the codes a scoped row carries of the places above it; `community` False means it may be missing."""
    columns = [code("community", nullable=not community, index=True)]
    if neighbourhood:
        columns.append(code("neighbourhood", nullable=True, index=True))
    if building:
        columns.append(code("building", index=True))
    return columns


# Provinces, cities, counties and sub-districts: codes and names only; they sit above the tree.
division = with_former_rows(sa.Table(
    "division", metadata,
    sa.Column("code", sa.Text(collation="C"), primary_key=True),
    sa.Column("name", sa.Text, nullable=False), *stamps(),
    sa.CheckConstraint("code ~ '^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9})$'", name="code_form"),
    info=spread("copy"),
))  # fmt: skip

community = with_versions(sa.Table(
    "community", metadata, *keys(),
    code(), sa.Column("name", sa.Text, nullable=False),
    *shape("MULTIPOLYGON", nullable=True), *dates(),
    *rules("community", form=digits(COMMUNITY_DIGITS)), county_rule("code"),
    info=spread("copy", scope="wide"),
))  # fmt: skip

neighbourhood = with_versions(sa.Table(
    "neighbourhood", metadata, *keys(), reference("community"), *scope_columns(neighbourhood=False),
    code(), sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default="general"),
    *shape("MULTIPOLYGON", nullable=True), *dates(),
    parent("community"), one_of("kind", NEIGHBOURHOOD_KINDS),
    *rules("neighbourhood", form=digits(NEIGHBOURHOOD_DIGITS)),
    county_rule("code"), starts_with("code", "community", COMMUNITY_DIGITS),
    info=spread("copy", scope="wide"),
))  # fmt: skip

estate = with_versions(sa.Table(
    "estate", metadata, *keys(), reference("community"), *scope_columns(neighbourhood=False),
    code(), sa.Column("name", sa.Text, nullable=False),
    sa.Column("property_manager", sa.Text),
    *shape("MULTIPOLYGON", nullable=True), *dates(),
    parent("community"), *rules("estate", form=CODE_PATTERN), county_rule("community"),
    info=spread("copy", scope="wide"),
))  # fmt: skip

building = with_versions(sa.Table(
    "building", metadata, *keys(), reference("community"), reference("neighbourhood", nullable=True), *scope_columns(),
    code(), sa.Column("name", sa.Text, nullable=False),
    sa.Column("floors", sa.SmallInteger), sa.Column("units", sa.SmallInteger),
    *shape("MULTIPOLYGON"),
    sa.Column(
        "position", Geometry("POINT", srid=STORAGE_SRID, spatial_index=False),
        sa.Computed("ST_PointOnSurface(geom)", persisted=True),
    ),
    measured("ST_PointOnSurface(geom)"), *dates(),
    parent("community"), parent("neighbourhood"),
    sa.CheckConstraint("floors BETWEEN 1 AND 200", name="floors"),
    sa.CheckConstraint("units BETWEEN 1 AND 99", name="units"),
    sa.CheckConstraint("(neighbourhood IS NULL) = (neighbourhood_id IS NULL)", name="neighbourhood_pair"),
    *rules("building", form=digits(BUILDING_DIGITS)), geography_index("building"),
    county_rule("code"), starts_with("code", "community", COMMUNITY_DIGITS),
    starts_with("neighbourhood", "community", COMMUNITY_DIGITS),
    info=spread("county", scope="exact"),
))  # fmt: skip

building_estate = link("building_estate", "building", "estate", how="county")

household = with_versions(sa.Table(
    "household", metadata, *keys(), reference("building"), *scope_columns(building=True),
    code(),
    sa.Column("unit", sa.Text, nullable=False), sa.Column("floor", sa.SmallInteger),
    sa.Column("room", sa.Text, nullable=False),
    sa.Column("occupancy", sa.Text, nullable=False, server_default="resident"),
    sa.Column("people_count", sa.SmallInteger, nullable=False, server_default="0"),
    *shape("POINT"), measured(), *dates(),
    parent("building"), one_of("occupancy", OCCUPANCIES),
    sa.CheckConstraint("people_count BETWEEN 0 AND 500", name="people_count"),
    sa.CheckConstraint("unit ~ '^[0-9]{2}$'", name="unit_form"),
    sa.CheckConstraint("room ~ '^[0-9]{4}$'", name="room_form"),
    sa.CheckConstraint("code = building || unit || room", name="code_parts"),
    *rules("household", form=digits(HOUSEHOLD_DIGITS)), geography_index("household"),
    county_rule("code"), starts_with("building", "community", COMMUNITY_DIGITS),
    starts_with("neighbourhood", "community", COMMUNITY_DIGITS),
    info=spread("county", scope="exact"),
))  # fmt: skip

# How many people of a household belong to a priority group; rows of persons take over when the register comes.
household_priority = with_former_rows(sa.Table(
    "household_priority", metadata,
    sa.Column("county", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("household_id", sa.Uuid, primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("people_count", sa.SmallInteger, nullable=False), *stamps(),
    parent("household"), one_of("tag", PRIORITY_TAGS),
    sa.CheckConstraint("people_count BETWEEN 1 AND 500", name="people_count"),
    info=spread("county", part_of="household", needs="priority"),
))  # fmt: skip


def is_empty(conn: sa.Connection) -> bool:
    """Return whether no community is stored yet, so that a newcomer is offered the demo district."""
    return not conn.scalar(sa.select(sa.exists().where(community.c.valid_to.is_(None))))


@dataclass(frozen=True)
class Place:
    """A place above a position or a building: a county, a sub-district, a community or a neighbourhood."""

    level: str
    code: str
    name: str
    bbox: tuple[float, float, float, float] | None


def places_at(conn: sa.Connection, actor: Actor, origin: Position) -> list[Place]:
    """Return the places a position lies in, county first; empty outside every community of the actor's scope."""
    point = sa.func.ST_GeomFromEWKT(origin.ewkt)
    for table in (neighbourhood, community):
        code = conn.scalar(
            sa.select(table.c.code)
            .where(table.c.valid_to.is_(None), within_scope(table, actor))
            .where(table.c.geom.op("&&")(point), sa.func.ST_Intersects(table.c.geom, point))
            .order_by(table.c.code)
            .limit(1)
        )
        if code is not None:
            return places_above(conn, actor, code)
    return []


def places_above(conn: sa.Connection, actor: Actor, code: str) -> list[Place]:
    """Return the county, sub-district, community and, for a neighbourhood's code, neighbourhood of a code.

    Parameters
    ----------
    code : 12 digits of a community or 15 of a neighbourhood
    """
    levels = {6: "county", 9: "subdistrict"}
    named = conn.execute(
        sa.select(division.c.code, division.c.name)
        .where(division.c.code.in_([code[:6], code[:9]]))
        .order_by(division.c.code)
    )
    found = [Place(levels[len(row.code)], row.code, row.name, None) for row in named]
    for table, length in ((community, COMMUNITY_DIGITS), (neighbourhood, NEIGHBOURHOOD_DIGITS)):
        if len(code) >= length:
            box = sa.func.Box2D(table.c.geom)
            sides = (getattr(sa.func, f"ST_{side}")(box) for side in ("XMin", "YMin", "XMax", "YMax"))
            row = conn.execute(
                sa.select(table.c.code, table.c.name, *sides).where(
                    table.c.code == code[:length], table.c.valid_to.is_(None), within_scope(table, actor)
                )
            ).first()
            if row is not None:
                bbox = None if row[2] is None else (row[2], row[3], row[4], row[5])
                found.append(Place(str(table.name), row.code, row.name, bbox))
    return found


def community_names(conn: sa.Connection, actor: Actor, codes: set[str]) -> dict[str, str]:
    """Return the names of some communities by code."""
    c = community.c
    rows = conn.execute(
        sa.select(c.code, c.name).where(c.code.in_(codes), c.valid_to.is_(None), within_scope(community, actor))
    )
    return {row.code: row.name for row in rows}


def estate_names(conn: sa.Connection, actor: Actor, buildings: set[str]) -> dict[str, str]:
    """Return the name of the estate of some buildings, by building code; those in no estate are left out."""
    b, e, pair = building.c, estate.c, building_estate.c
    rows = conn.execute(
        sa.select(b.code, sa.func.min(e.name))
        .join(building_estate, sa.and_(pair.county == b.county, pair.building_id == b.id))
        .join(estate, sa.and_(pair.county == e.county, pair.estate_id == e.id))
        .where(b.code.in_(buildings), b.valid_to.is_(None), e.valid_to.is_(None), within_scope(building, actor))
        .group_by(b.code)
    )
    return {row[0]: row[1] for row in rows}
