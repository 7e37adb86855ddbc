"""Vector tiles: what they carry, when they change, what they refuse."""

import gzip
import math
import tempfile
from pathlib import Path

import pyogrio
import pyogrio.raw
import pytest
import sqlalchemy as sa

from gridmap import tiles
from gridmap.access import LOCAL, acting
from gridmap.db import transaction
from gridmap.errors import NotFound
from gridmap.layers import LAYERS
from tests.conftest import app_on, client_of, session_of
from tests.factories import add_supply_point

LON, LAT = 120.6, 30.9


def address(lon: float, lat: float, z: int) -> tuple[int, int, int]:
    n = 2**z
    x = int((lon + 180) / 360 * n)
    y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)
    return z, x, y


def decoded(encoded: bytes) -> dict[str, list[dict]]:
    """Read a tile with GDAL, which has its own decoder."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tile.pbf"
        file.write_bytes(encoded)
        for name, _ in pyogrio.list_layers(f"MVT:{file}"):
            meta, _, _, columns = pyogrio.raw.read(f"MVT:{file}", layer=name, read_geometry=False)
            names = list(meta["fields"])
            rows = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
            found[name] = [{key: value for key, value in row.items() if key != "mvt_id"} for row in rows]
    return found


def test_a_tile_carries_each_layer_asked_for_with_its_columns(demo):
    with demo.connect() as conn:
        lon, lat = conn.execute(
            sa.text("SELECT ST_X(position), ST_Y(position) FROM building ORDER BY code LIMIT 1")
        ).one()
        layers = [LAYERS[name] for name in ("building", "supply_point", "household")]
        found = decoded(tiles.tile(conn, LOCAL, layers, *address(lon, lat, 17)))
    assert {"building", "household"} <= set(found)
    assert set(found["building"][0]) == {"code", "name"}
    assert set(found["household"][0]) == {"code", "occupancy", "room"}


def test_below_the_zoom_where_points_can_be_read_they_are_counted_in_clusters(conn):
    for number in range(30):
        add_supply_point(conn, f"S{number:02d}", LON + number * 1e-6, LAT)
    found = decoded(tiles.tile(conn, LOCAL, [LAYERS["supply_point"]], *address(LON, LAT, 12)))
    assert found["supply_point"] == [{"point_count": 30}]
    apart = decoded(tiles.tile(conn, LOCAL, [LAYERS["supply_point"]], *address(LON, LAT, 16)))
    assert len(apart["supply_point"]) == 30


def test_single_households_and_buildings_are_not_sent_where_they_cannot_be_read(demo):
    with demo.connect() as conn:
        for name, zoom in (("household", 16), ("building", 13), ("party_household", 15)):
            assert tiles.tile(conn, LOCAL, [LAYERS[name]], *address(LON, LAT, zoom)) == b""


def test_a_tile_shows_only_the_scope_of_the_actor(conn):
    add_supply_point(conn, "ours", LON, LAT, community="990106001001")
    add_supply_point(conn, "theirs", LON, LAT, community="990106001002")
    worker = acting("worker", frozenset({"supply_point.view"}), ("990106001001",))
    found = decoded(tiles.tile(conn, worker, [LAYERS["supply_point"]], *address(LON, LAT, 16)))
    assert [item["code"] for item in found["supply_point"]] == ["ours"]


@pytest.mark.parametrize(("z", "x", "y"), [(-1, 0, 0), (23, 0, 0), (3, 8, 0), (3, 0, 8), (3, -1, 0), (40, 2**39, 1)])
def test_an_address_outside_the_pyramid_is_not_found(z, x, y):
    with pytest.raises(NotFound):
        tiles.check_address(z, x, y)


def test_the_second_look_costs_no_tile_until_something_changes(empty_database):
    z, x, y = address(LON, LAT, 16)
    with app_on(empty_database) as app:
        _look_again_and_again(
            client_of(app, session_of(empty_database, ("commander", "all"))),
            empty_database,
            f"/tiles/supply_point,volunteer/{z}/{x}/{y}.mvt",
        )


def _look_again_and_again(client, database, path):
    first = client.get(path)
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "private, no-cache"
    second = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (second.status_code, second.data) == (304, b"")
    with transaction(database, LOCAL) as conn:
        add_supply_point(conn, "S1", LON, LAT)
    third = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert third.status_code == 200
    assert third.headers["ETag"] != first.headers["ETag"]
    assert len(third.data) > 0


def test_tiles_are_compressed_when_the_browser_can_read_that(client, demo):
    z, x, y = address(LON, LAT, 16)
    found = client.get(f"/tiles/building/{z}/{x}/{y}.mvt", headers={"Accept-Encoding": "gzip"})
    if found.headers.get("Content-Encoding") == "gzip":
        assert gzip.decompress(found.data)
    else:
        assert len(found.data) < 500


def test_personal_columns_reach_no_tile_and_no_list():
    for layer in LAYERS.values():
        personal = {column.name for column in layer.table.columns if column.info.get("personal")}
        assert not personal & set(layer.tile_columns)
        assert not personal & set(layer.public_columns)
