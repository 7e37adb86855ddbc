"""The base map: read from extracts, replaced as a whole, drawn in tiles of bounded size, and whose it is."""

import logging
import tempfile
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
import sqlalchemy as sa
from click.testing import CliRunner

from gridmap import hierarchy, serve
from gridmap.access import LOCAL, acting
from gridmap.basemap import drawing, storing
from gridmap.basemap.shapes import Thing
from gridmap.basemap.tables import basemap, feature
from gridmap.basemap.tags import Kind, of_area, of_line, of_point
from gridmap.cli import main
from gridmap.errors import InvalidInput, NotAllowed
from gridmap.settings import Settings
from gridmap.web.headers import content_security_policy
from tests.conftest import app_on, client_of, session_of

ABOUT = storing.About("Trial", "trial.osm", "© Somebody (licence)", review_number="GS(2026)7号")
STREET, WOOD = Kind("street", "main", 8, 18), Kind("green", "wood", None, 0)
SUBURB = Kind("label", "suburb", 11, 3)
TILE = (14, 13680, 6712)  # about 120.6, 30.9
TIANDITU = "https://t0.tianditu.gov.cn/vec_w/wmts?LAYER=vec&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk=SECRETKEY"


def some() -> list[Thing]:
    return [
        Thing(STREET, "人民路", "Renmin Road", shapely.LineString([(120.6, 30.9), (120.601, 30.901)])),
        Thing(WOOD, "大公园", None, shapely.box(120.598, 30.898, 120.602, 30.902)),
        Thing(SUBURB, "望江", "Wangjiang", shapely.Point(120.6, 30.9)),
    ]


def layers_of(encoded: bytes) -> dict[str, int]:
    """Return how many features each layer of a tile has, read by GDAL."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tile.pbf"
        file.write_bytes(encoded)
        names = [str(name) for name, _ in pyogrio.list_layers(f"MVT:{file}")] if encoded else []
        return {name: len(pyogrio.raw.read(f"MVT:{file}", layer=name)[2]) for name in names}


def largest(conn: sa.Connection) -> int:
    """Return the bytes of the largest tile about the middle of the base map, over all zooms that are drawn."""
    shown = drawing.current(conn)
    west, south, east, north = conn.execute(sa.text(
        "SELECT ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b) FROM (SELECT ST_Extent(tile_geom) AS b FROM basemap_feature) AS e"
    )).one()  # fmt: skip
    half, sizes = 20037508.342789244, []
    for z in range(17):
        side = 2 * half / 2**z
        xs = range(int((west + half) / side), int((east + half) / side) + 1)
        ys = range(int((half - north) / side), int((half - south) / side) + 1)
        found = [len(drawing.tile(conn, shown, z, x, y)) for x in list(xs)[:4] for y in list(ys)[:4]]
        sizes.append(max(found))
    assert sizes[-1] > 0
    return max(sizes)


@pytest.mark.parametrize(
    ("name", "layers"),
    [("helsinki-centre", {"water", "green", "railway", "street", "label"}),
     ("singapore-bayfront", {"water", "green", "street"})],
)  # fmt: skip
def test_a_real_extract_is_drawn_at_every_zoom_in_tiles_under_300_kb(conn, real_data, name, layers):
    stored = storing.store(conn, LOCAL, storing.read(real_data / f"osm/{name}.osm.pbf"), ABOUT)
    assert layers <= set(stored.counts)
    assert largest(conn) <= drawing.MAX_BYTES


def test_a_tile_leaves_out_what_ranks_last_rather_than_grow_too_large(conn):
    dice = np.random.default_rng(1)
    paths = [
        Thing(Kind("street", "path", 14, 40), f"小路{n}", None, shapely.LineString(dice.uniform((120.591, 30.891), (120.601, 30.901), (60, 2))))
        for n in range(2_000)
    ]  # fmt: skip
    storing.store(conn, LOCAL, [*paths, *some()], ABOUT)
    encoded = drawing.tile(conn, drawing.current(conn), *TILE)
    drawn = layers_of(encoded)
    assert 150_000 < len(encoded) <= drawing.MAX_BYTES
    assert 0 < drawn["street"] < 2_000
    assert drawn["label"] == 2


def test_pieces_of_a_street_of_several_parts_are_drawn_far_out_too(conn):
    pieces = [
        Thing(STREET, "路", None, shapely.MultiLineString([[(120.6 + k / 100, 30.9), (120.61 + k / 100, 30.9)]]))
        for k in range(8)
    ]
    storing.store(conn, LOCAL, pieces, ABOUT)
    bands = dict(conn.execute(sa.select(feature.c.band, sa.func.count()).group_by(feature.c.band)).all())
    assert bands[3] == 8
    assert 1 <= bands[1] < 8


def test_a_small_green_is_drawn_near_only_and_a_large_one_is_named(conn):
    yard = Thing(WOOD, "小院", None, shapely.box(120.6, 30.9, 120.6001, 30.9001))
    storing.store(conn, LOCAL, [*some(), yard], ABOUT)
    zooms = conn.scalars(sa.select(feature.c.min_zoom).where(feature.c.layer == "green").order_by(feature.c.min_zoom))
    # 0.004 degrees are 445 m of EPSG:3857 wide and 445 / cos(30.9) = 519 m high, a square of 481 m; 6 px of a tile of
    # 512 px are 459 m at zoom 10 (40,075,017 / 512 / 2^10 * 6) and 917 m at zoom 9; the yard is below 6 px up to the last
    assert set(zooms) == {10, 15}
    named = set(conn.scalars(sa.select(feature.c.name).where(feature.c.layer == "label", feature.c.band == 3)))
    assert named >= {"大公园", "望江"}


def test_a_new_base_map_replaces_the_former_one_as_a_whole(conn):
    first = storing.store(conn, LOCAL, some(), ABOUT)
    before = drawing.revision(drawing.current(conn))
    second = storing.store(conn, LOCAL, some()[:1], ABOUT)
    assert drawing.current(conn).id == second.id != first.id
    assert drawing.revision(drawing.current(conn)) != before
    assert set(conn.scalars(sa.select(feature.c.basemap_id))) == {second.id}
    assert conn.scalar(sa.select(basemap.c.valid_to).where(basemap.c.id == first.id)) is not None


def test_a_file_without_anything_to_draw_leaves_the_former_base_map(conn):
    kept = storing.store(conn, LOCAL, some(), ABOUT)
    with pytest.raises(InvalidInput), conn.begin_nested():
        storing.store(conn, LOCAL, [], ABOUT)
    assert drawing.current(conn).id == kept.id
    assert layers_of(drawing.tile(conn, drawing.current(conn), *TILE))["street"] == 1


def test_it_can_be_taken_away(conn):
    storing.store(conn, LOCAL, some(), ABOUT)
    assert storing.clear(conn, LOCAL)
    assert drawing.current(conn) is None
    assert conn.scalar(sa.select(sa.func.count()).select_from(feature)) == 0
    assert not storing.clear(conn, LOCAL)


def test_no_role_replaces_it_and_each_change_is_audited(conn):
    with pytest.raises(NotAllowed):
        storing.store(conn, acting("w", {"street.edit"}, ("",)), some(), ABOUT)
    storing.store(conn, LOCAL, some(), ABOUT)
    subjects = set(conn.scalars(sa.text("SELECT subject FROM audit_entry")))
    assert {"basemap", "basemap_feature"} <= subjects


def test_a_geopackage_is_read_by_its_tags_and_by_the_names_of_its_layers(tmp_path):
    file = tmp_path / "own.gpkg"
    line, area = shapely.LineString([(0, 0), (1, 1)]), shapely.box(0, 0, 1, 1)
    tagged = {
        "other_tags": ['"highway"=>"primary","name:en"=>"First \\"A\\""', '"highway"=>"bus_stop"'],
        "name": ["甲", "乙"],
    }
    geopandas.GeoDataFrame(tagged, geometry=[line, line], crs=4326).to_file(file, layer="lines")
    geopandas.GeoDataFrame({"name": ["湖"]}, geometry=[area], crs=4326).to_file(file, layer="water")
    geopandas.GeoDataFrame({"name": ["x"]}, geometry=[area], crs=4326).to_file(file, layer="something")
    found = [(thing.kind.layer, thing.kind.kind, thing.name, thing.name_en) for thing in storing.read(file)]
    assert sorted(found, key=str) == [("street", "main", "甲", 'First "A"'), ("water", "water", "湖", None)]


@pytest.mark.parametrize("name", ["x.osm.pbf", "x.gpkg", "x.txt", "missing.osm"])
def test_a_file_that_is_no_map_is_refused_in_plain_words(tmp_path, name):
    if name != "missing.osm":
        (tmp_path / name).write_bytes(b"no map")
    with pytest.raises(InvalidInput, match=name):
        list(storing.read(tmp_path / name))


def test_tags_say_layer_and_zoom():
    assert of_line({"highway": "motorway"}).min_zoom < of_line({"highway": "residential"}).min_zoom
    assert of_line({"railway": "subway", "tunnel": "yes"}).kind == "tunnel"
    assert of_line({"waterway": "stream", "tunnel": "culvert"}) is None
    assert of_line({"highway": "proposed"}) is None
    assert of_area({"natural": "water"}).layer == "water"
    assert of_area({"building": "yes"}) is None
    assert of_point({"place": "city"}).rank < of_point({"place": "hamlet"}).rank


def test_tiles_are_the_same_for_everyone_who_is_signed_in_and_cost_nothing_a_second_time(app, demo, client):
    address = "/tiles/basemap/13/6840/3356.mvt"
    assert client_of(app, None).get(address).status_code == 401
    first = client.get(address)
    narrow = client_of(app, session_of(demo, ("auditor", "all"))).get(address)
    assert first.data == narrow.data
    assert {"water", "railway"} <= set(layers_of(first.data))
    assert client.get(address, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert client.get("/tiles/basemap/3/8/0.mvt").status_code == 404


def test_nothing_of_the_demos_base_map_crosses_a_building(demo):
    with demo.connect() as conn:
        query = sa.select(sa.func.ST_AsBinary(hierarchy.building.c.tile_geom)).where(
            hierarchy.building.c.valid_to.is_(None)
        )
        buildings = shapely.from_wkb([bytes(one) for one in conn.scalars(query)])
        drawn = sa.select(feature.c.layer, sa.func.ST_AsBinary(feature.c.tile_geom)).where(
            feature.c.layer.in_(["water", "green", "railway"]), feature.c.band == 3
        )
        found = conn.execute(drawn).all()
    tree = shapely.STRtree(buildings)
    assert {layer for layer, _ in found} == {"water", "green", "railway"}
    assert [layer for layer, shape in found if len(tree.query(shapely.from_wkb(bytes(shape)), "intersects"))] == []


def test_the_page_says_whose_base_map_it_is_and_its_review_number(empty_database):
    with empty_database.begin() as conn:
        conn.execute(sa.text("SELECT set_config('gridmap.actor', 'test', true)"))
        storing.store(conn, LOCAL, some(), ABOUT)
    with app_on(empty_database) as app:
        html = client_of(app, session_of(empty_database, ("commander", "all"))).get("/?lang=zh").get_data(as_text=True)
    assert "© Somebody (licence)" in html
    assert "审图号 GS(2026)7号" in html


# The operator's tiles of another host


def test_without_the_setting_no_other_host_is_named():
    assert Settings().tile_origin == ""
    assert "http" not in content_security_policy()


def test_the_policy_names_exactly_the_one_host_and_for_pictures_only():
    origin = Settings(tile_source=TIANDITU, tile_attribution="天地图").tile_origin
    assert origin == "https://t0.tianditu.gov.cn"
    usual, wider = content_security_policy().split("; "), content_security_policy(origin).split("; ")
    assert [part for part in wider if part not in usual] == [f"img-src 'self' data: blob: {origin}"]


@pytest.mark.parametrize(
    "address",
    ["http://tiles.example.org/{z}/{x}/{y}.png?k=SECRETKEY", "https://*.example.org/{z}/{x}/{y}?k=SECRETKEY",
     "https://{s}.example.org/{z}/{x}/{y}?k=SECRETKEY", "https://a.example.org; script-src */{z}/{x}/{y}?k=SECRETKEY",
     "https://u:SECRETKEY@example.org/{z}/{x}/{y}", "https://example.org/{z}/{x}?k=SECRETKEY",
     TIANDITU.replace("vec_w", "vec_c")],
)  # fmt: skip
def test_an_address_that_would_open_more_is_refused_without_telling_its_key(address, monkeypatch):
    monkeypatch.setenv("GRIDMAP_TILE_SOURCE", address)
    monkeypatch.setenv("GRIDMAP_TILE_ATTRIBUTION", "x")
    told = CliRunner().invoke(main, ["basemap", "show"])
    assert told.exit_code == 2
    assert "GRIDMAP_TILE_SOURCE" in told.output
    assert "SECRETKEY" not in told.output


def test_the_warning_at_start_names_the_host_and_not_the_key(caplog):
    caplog.set_level(logging.DEBUG)
    settings = Settings(tile_source=TIANDITU, tile_attribution="天地图")
    assert "t0.tianditu.gov.cn" in serve.elsewhere(settings.tile_origin)
    assert "SECRETKEY" not in serve.elsewhere(settings.tile_origin) + repr(settings) + caplog.text
