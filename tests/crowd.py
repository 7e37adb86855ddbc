"""200,000 stock points and volunteers and 20,000 zones in 100 communities, made by the database in seconds."""

import sqlalchemy as sa

from gridmap import personal
from gridmap.hierarchy import community
from gridmap.layers.closure_zone import table as closure_zone
from gridmap.layers.supply_point import table as supply_point
from gridmap.layers.volunteer import table as volunteer

COMMUNITIES, POINTS, ZONES = 100, 200_000, 20_000
COUNTY, WEST, SOUTH, SIDE = (
    990106,
    120.5,
    30.8,
    0.2,
)  # degrees: about 20 km, in ten by ten squares of one community each

_PLACED = """
SELECT n, code, id AS community_id,
  :west + :side / 10 * ((c - 1) % 10 + random()) AS lon, :south + :side / 10 * ((c - 1) / 10 + random()) AS lat
FROM generate_series(1, :count) AS n
JOIN (SELECT row_number() OVER (ORDER BY code) AS c, code, id FROM community) AS place ON c = n % :communities + 1
"""


def crowd(engine: sa.Engine) -> None:
    """Fill an empty database; triggers and foreign keys are passed over, checks and generated columns are not."""
    admin = sa.create_engine(
        engine.url.set(username="postgres"),
        poolclass=sa.NullPool,
        execution_options=dict(engine.get_execution_options()),
    )
    with admin.begin() as conn:
        conn.execute(sa.text("SET LOCAL session_replication_role = replica"))
        conn.execute(sa.text("SELECT setseed(0.5)"))
        for table, query in _rows().items():
            indexes = [index for index in table.indexes if not index.unique]
            for index in indexes:
                conn.execute(sa.text(f"DROP INDEX {index.name}"))
            known = {"west": WEST, "south": SOUTH, "side": SIDE, "communities": COMMUNITIES, "county": COUNTY}
            known["count"] = ZONES if table is closure_zone else POINTS
            known["name"] = personal.seal(conn, volunteer.c.name, "王小明")
            statement = sa.text(query)
            conn.execute(statement, {name: known[name] for name in statement.compile().params})
            for index in indexes:
                index.create(conn)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text("VACUUM ANALYZE community, supply_point, volunteer, closure_zone"))
    admin.dispose()


def code_of(number: int) -> str:
    """Return the code of a community, 0 to 99, counted from the south-west by rows."""
    return f"{COUNTY}001{number + 1:03d}"


def middle_of(number: int) -> tuple[float, float]:
    """Return the middle of a community's square, degrees."""
    return WEST + SIDE / 10 * (number % 10 + 0.5), SOUTH + SIDE / 10 * (number // 10 + 0.5)


def _rows() -> dict[sa.Table, str]:
    point = "ST_SetSRID(ST_MakePoint(lon, lat), 4490)"
    placed = "FROM (" + _PLACED + ") AS p"
    return {
        community: "INSERT INTO community (county, id, code, name, changed_by) SELECT :county, gen_random_uuid(),"
        " CAST(:county AS text) || '001' || lpad(n::text, 3, '0'), '社区' || n, 'crowd'"
        " FROM generate_series(1, :communities) AS n",
        supply_point: "INSERT INTO supply_point (county, id, community_id, community, code, name, kind, geom, changed_by)"
        f" SELECT :county, gen_random_uuid(), community_id, code, 'S' || code || '-' || n, '点' || n, 'store', {point},"
        f" 'crowd' {placed}",
        volunteer: "INSERT INTO volunteer (county, id, community_id, community, code, name, radius_m, geom, changed_by)"
        f" SELECT :county, gen_random_uuid(), community_id, code, 'V' || code || '-' || n, :name, 300, {point}, 'crowd'"
        f" {placed}",
        closure_zone: "INSERT INTO closure_zone (county, id, community_id, community, code, name, type, state, order_no,"
        " issuer, starts_at, geom, changed_by) SELECT :county, gen_random_uuid(), community_id, code, 'Z' || code || '-'"
        f" || n, '区', 'control', 'active', '1', '区', now(), ST_Multi(ST_Expand({point}, 0.0002)), 'crowd' {placed}",
    }
