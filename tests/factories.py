"""Small rows with defaults, for tests that need a few things in a database."""

import uuid
from typing import Any

import sqlalchemy as sa

from gridmap import hierarchy, personal
from gridmap.layers.closure_zone import table as closure_zone
from gridmap.layers.party_household import table as party_household
from gridmap.layers.party_unit import table as party_unit
from gridmap.layers.supply_point import table as supply_point
from gridmap.layers.volunteer import building_volunteer
from gridmap.layers.volunteer import table as volunteer
from gridmap.occupants import resident

COUNTY = 990106
COMMUNITY = "990106001001"


def square(lon: float, lat: float, half: float = 0.0001) -> str:
    """Return a square around a position as EWKT, EPSG:4490; `half` is half its side in degrees."""
    w, e, s, n = lon - half, lon + half, lat - half, lat + half
    return f"SRID=4490;MULTIPOLYGON((({w} {s},{e} {s},{e} {n},{w} {n},{w} {s})))"


def point(lon: float, lat: float) -> str:
    return f"SRID=4490;POINT({lon!r} {lat!r})"


def insert(conn: sa.Connection, table: sa.Table, **values: Any) -> uuid.UUID:
    row = {"county": COUNTY, "id": uuid.uuid4(), "changed_by": "test"} | values
    conn.execute(table.insert().values(**personal.sealed_values(conn, table, row)))
    identity: uuid.UUID = row["id"]
    return identity


def add_community(conn: sa.Connection, code: str = COMMUNITY, **values: Any) -> uuid.UUID:
    return insert(
        conn, hierarchy.community, **{"code": code, "name": "测试社区", "geom": square(120.6, 30.9, 0.05)} | values
    )


def add_neighbourhood(conn: sa.Connection, community_id: uuid.UUID, number: str = "001", **values: Any) -> uuid.UUID:
    row = {"code": COMMUNITY + number, "name": "第1网格", "community": COMMUNITY, "community_id": community_id}
    return insert(conn, hierarchy.neighbourhood, **row | {"geom": square(120.6, 30.9, 0.04)} | values)


def add_building(
    conn: sa.Connection,
    community_id: uuid.UUID,
    number: int = 1,
    *,
    lon: float = 120.6,
    lat: float = 30.9,
    **values: Any,
) -> uuid.UUID:
    row = {
        "code": f"{COMMUNITY}{number:05d}",
        "name": f"{number}幢",
        "community": COMMUNITY,
        "community_id": community_id,
    }
    return insert(conn, hierarchy.building, **row | {"geom": square(lon, lat)} | values)


def add_household(
    conn: sa.Connection, building_id: uuid.UUID, *, unit: str = "01", room: str = "0101", number: int = 1, **values: Any
) -> uuid.UUID:
    building = f"{COMMUNITY}{number:05d}"
    row = {
        "code": building + unit + room, "building": building, "building_id": building_id, "community": COMMUNITY,
        "unit": unit, "room": room, "people_count": 2, "geom": point(120.6, 30.9),
    }  # fmt: skip
    return insert(conn, hierarchy.household, **row | values)


def add_supply_point(conn: sa.Connection, code: str, lon: float, lat: float, **values: Any) -> uuid.UUID:
    row = {"code": code, "name": f"物资点{code}", "kind": "store", "geom": point(lon, lat)}
    return insert(conn, supply_point, **row | values)


def add_volunteer(conn: sa.Connection, code: str, lon: float, lat: float, **values: Any) -> uuid.UUID:
    return insert(conn, volunteer, **{"code": code, "name": "王小明", "geom": point(lon, lat)} | values)


def assign(conn: sa.Connection, volunteer_id: uuid.UUID, building_id: uuid.UUID) -> None:
    conn.execute(building_volunteer.insert().values(county=COUNTY, building_id=building_id, volunteer_id=volunteer_id))


def add_party_household(conn: sa.Connection, household_id: uuid.UUID, code: str, **values: Any) -> uuid.UUID:
    row = {"code": code, "household_id": household_id, "building": code[:17], "community": code[:12]}
    return insert(conn, party_household, **row | {"geom": point(120.6, 30.9)} | values)


def add_party_unit(conn: sa.Connection, community_id: uuid.UUID, code: str, level: str, **values: Any) -> uuid.UUID:
    row = {"code": code, "name": f"党组织{code}", "level": level, "community": COMMUNITY, "community_id": community_id}
    return insert(conn, party_unit, **row | values)


def add_zone(conn: sa.Connection, code: str, geom: str, **values: Any) -> uuid.UUID:
    row = {
        "code": code,
        "name": "测试封控区",
        "type": "lockdown",
        "state": "active",
        "order_no": "第1号",
        "issuer": "区政府",
    }
    return insert(conn, closure_zone, **row | {"starts_at": sa.func.now(), "geom": geom} | values)


def add_resident(conn: sa.Connection, household_id: uuid.UUID, household: str, number: int, **values: Any) -> uuid.UUID:
    """Add a resident as a loader does; the household's counts are left as they are."""
    row = {
        "code": f"{COMMUNITY}M{number:05d}", "household_id": household_id, "household": household,
        "building": household[:17], "community": household[:12], "name": "王小明",
    }  # fmt: skip
    return insert(conn, resident, **row | values)
