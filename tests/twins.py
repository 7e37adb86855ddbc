"""Communities that are copies of the demo's, on the very same ground: what a person must not see lies where they look."""

import sqlalchemy as sa

from gridmap.layers.supply_point import table as supply_point
from gridmap.tables import metadata
from tests.factories import add_building, add_household, add_supply_point, add_volunteer, add_zone, square

OWN, NEXT_DOOR, NEXT_STREET, NEXT_COUNTY = "990106001001", "990106001002", "990106002001", "990107001001"
_CODES = ("code", "community", "neighbourhood", "building", "household")
TWIN = "twin"
_OPEN = ("street", "item", "division", "street_network", "street_node", "street_edge")


def add_twin(conn: sa.Connection, community: str) -> None:
    """Copy every current row of the demo's community to another code; ids differ, positions do not."""
    for table in metadata.sorted_tables:
        if (
            "county" in table.c
            and "versions_of" not in table.info
            and not table.info.get("derived")
            and not table.info.get("is_journal")
            and table.name not in _OPEN
        ):
            values = {column.name: _copied(column, community) for column in table.columns if column.computed is None}
            if "source_key" in values:
                values["source_key"] = sa.null()
            first = sa.select(*values.values()).where(table.c.changed_by != TWIN)
            conn.execute(table.insert().from_select(list(values), first))


def _copied(column: sa.Column, community: str) -> sa.ColumnElement:
    if column.name == "county":
        return sa.literal(int(community[:6]))
    if column.name == "changed_by":
        return sa.literal(TWIN)
    if isinstance(column.type, sa.Uuid):
        return sa.cast(sa.func.md5(sa.cast(column, sa.Text) + community), sa.Uuid)
    if column.name in _CODES:
        swapped = sa.func.replace(column, OWN, community)
        return sa.case((column.contains(OWN), swapped), else_=column + f"-{community}")
    return column


def add_outsiders(conn: sa.Connection, county: int) -> None:
    """Add a stock point, a volunteer and a zone of a county that lie in no community."""
    where = conn.execute(
        sa.select(sa.func.ST_X(supply_point.c.geom), sa.func.ST_Y(supply_point.c.geom)).order_by(supply_point.c.code)
    ).first()
    assert where is not None
    lon, lat = where
    add_supply_point(conn, f"OUT-{county}", lon, lat, county=county)
    add_volunteer(conn, f"OUTV-{county}", lon, lat, county=county, radius_m=500)
    add_zone(conn, f"OUTZ-{county}", square(lon, lat, 0.002), county=county)


def add_cottage(conn: sa.Connection, community: str, households: int, number: int = 90001) -> str:
    """Add a building with a few households next to the first one, in its grid, and return its code."""
    first = conn.execute(
        sa.text(
            "SELECT *, ST_X(position) AS lon, ST_Y(position) AS lat FROM building WHERE community = :c ORDER BY code"
        ),
        {"c": community},
    ).first()
    assert first is not None
    building = add_building(
        conn, first.community_id, lon=first.lon, lat=first.lat, county=first.county, community=community,
        code=f"{community}{number}", neighbourhood=first.neighbourhood, neighbourhood_id=first.neighbourhood_id,
    )  # fmt: skip
    for room in range(households):
        add_household(
            conn, building, room=f"{room + 101:04d}", county=first.county, community=community, building=f"{community}{number}",
            neighbourhood=first.neighbourhood, code=f"{community}{number}01{room + 101:04d}",
        )  # fmt: skip
    return f"{community}{number}"
