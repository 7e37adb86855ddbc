"""Under row-level security the questions on the map still use their spatial index, at 200,000 points (Z7)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from gridmap import db, features, tiles
from gridmap.access import Actor
from gridmap.accounts.grants import Held, rights_of
from gridmap.crs import Position
from gridmap.layers import LAYERS
from gridmap.layers.volunteer.queries import covering
from gridmap.proximity import nearest
from gridmap.reports import surroundings
from gridmap.vault import open_vault
from tests.conftest import KEYS, Cluster, copy_of
from tests.crowd import code_of, crowd, middle_of

pytestmark = pytest.mark.slow
PLACE = 44  # a community in the middle of the hundred
ACTOR = Actor("commander", rights_of([Held("commander", code_of(PLACE))]))
LON, LAT = middle_of(PLACE)
HERE = Position(LON, LAT)


@pytest.fixture(scope="module")
def service(cluster: Cluster, migrated: str) -> Iterator[sa.Engine]:
    """The service's engine on the crowded district."""
    with copy_of(cluster, migrated) as owner:
        crowd(owner)
        engine = db.service_engine(owner.url.render_as_string(hide_password=False), vault=open_vault(Path(KEYS)))
        yield engine
        engine.dispose()


@pytest.fixture
def asked(service: sa.Engine) -> Iterator[tuple[sa.Connection, list[str]]]:
    """A transaction of the actor, and the plans of the queries asked in it."""
    plans: list[str] = []

    def explain(conn, cursor, statement, parameters, context, executemany):
        if not statement.startswith("EXPLAIN"):
            cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {statement}", parameters)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))

    with db.transaction(service, ACTOR) as conn:
        sa.event.listen(service, "before_cursor_execute", explain)
        yield conn, plans
        sa.event.remove(service, "before_cursor_execute", explain)


def assert_indexed(plans: list[str], index: str, condition: str) -> None:
    """Check that a plan of those asked walks a spatial index by a condition, and that none reads a whole table."""
    assert any(f"using {index}" in plan or f"on {index}" in plan for plan in plans), plans
    assert any(condition in plan for plan in plans), plans
    for plan in plans:
        for table in ("supply_point", "volunteer", "closure_zone"):
            assert f"Seq Scan on {table}" not in plan, plan


def test_nearest_walks_the_index(asked):
    conn, plans = asked
    assert len(nearest(conn, ACTOR, LAYERS["supply_point"], HERE, k=5)) == 5
    assert_indexed(plans, "supply_point_geog_idx", "Order By: (geog <->")
    assert_indexed(plans, "supply_point_geog_idx", "Index Cond: (geog &&")


def test_covering_reads_only_the_reach_around_a_position(asked):
    conn, plans = asked
    found = covering(conn, ACTOR, HERE)
    assert len(found) > 5
    assert_indexed(plans, "volunteer_reach_idx", "Index Cond: (reach &&")


def test_zones_at_a_position_are_found_by_the_index(asked):
    conn, plans = asked
    spot = conn.execute(sa.text("SELECT ST_X(p), ST_Y(p) FROM closure_zone, ST_Centroid(geom) AS p LIMIT 1")).one()
    plans.clear()
    assert surroundings._zones_at(conn, ACTOR, Position(*spot))
    assert_indexed(plans, "closure_zone_geom_idx", "Index Cond: (geom &&")


def test_a_page_of_features_in_a_box_is_found_by_the_index(asked):
    conn, plans = asked
    box = (LON - 0.001, LAT - 0.001, LON + 0.001, LAT + 0.001)
    assert features.page(conn, ACTOR, LAYERS["supply_point"], bbox=box, limit=100).features
    assert features.counts(conn, ACTOR, [LAYERS["supply_point"]], box)["supply_point"]["count"]
    assert len(plans) == 2
    for plan in plans:
        assert_indexed([plan], "supply_point_geom_idx", "Index Cond: (geom &&")


@pytest.mark.parametrize("z", [17, 14])
def test_a_tile_is_found_by_the_index(asked, z):
    conn, plans = asked
    x, y = conn.execute(
        sa.text(
            "SELECT floor((:lon + 180) / 360 * 2 ^ :z)::int,"
            " floor((1 - ln(tan(radians(:lat)) + 1 / cos(radians(:lat))) / pi()) / 2 * 2 ^ :z)::int"
        ),
        {"lon": LON, "lat": LAT, "z": z},
    ).one()
    plans.clear()
    assert tiles.tile(conn, ACTOR, [LAYERS["supply_point"], LAYERS["volunteer"]], z, x, y)
    for table in ("supply_point", "volunteer"):
        assert_indexed(plans, f"{table}_tile_geom_idx", "Index Cond: (tile_geom &&")


def test_without_the_mark_the_index_is_lost(asked, service):
    """The control: it is the LEAKPROOF mark that these plans stand on."""
    admin = sa.create_engine(service.url.set(username="postgres"), poolclass=sa.NullPool)
    conn, plans = asked
    box = (LON - 0.001, LAT - 0.001, LON + 0.001, LAT + 0.001)
    try:
        with admin.begin() as marked:
            marked.execute(sa.text("ALTER FUNCTION geometry_overlaps(geometry, geometry) NOT LEAKPROOF"))
        features.page(conn, ACTOR, LAYERS["supply_point"], bbox=box, limit=100)
    finally:
        with admin.begin() as marked:
            marked.execute(sa.text("ALTER FUNCTION geometry_overlaps(geometry, geometry) LEAKPROOF"))
        admin.dispose()
    assert "Index Cond: (geom &&" not in plans[0]
