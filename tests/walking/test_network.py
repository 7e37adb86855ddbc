"""A network is read from a file or from drawn streets, hangs together where ways meet, and is kept by generation."""

import geopandas
import numpy as np
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from shapely.geometry import LineString

from gridmap.access import LOCAL, acting
from gridmap.db import transaction
from gridmap.errors import InvalidInput, NotAllowed
from gridmap.layers import LAYERS
from gridmap.streets import files, network, osm, storing
from gridmap.streets.tables import edge, node
from gridmap.streets.tables import network as network_table
from gridmap.walking import checks
from tests.factories import COUNTY, add_building, add_community

OSM = """<osm version="0.6">
<node id="1" lat="31.0000" lon="121.0000"/><node id="2" lat="31.0000" lon="121.0010"/>
<node id="3" lat="31.0000" lon="121.0020"/><node id="4" lat="31.0010" lon="121.0010"/>
<node id="5" lat="30.9990" lon="121.0015"/><node id="6" lat="31.0010" lon="121.0015"/>
<node id="7" lat="31.0500" lon="121.0500"/><node id="8" lat="31.0500" lon="121.0510"/>
<way id="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><tag k="highway" v="residential"/></way>
<way id="2"><nd ref="2"/><nd ref="4"/><tag k="highway" v="footway"/></way>
<way id="3"><nd ref="5"/><nd ref="6"/><tag k="highway" v="primary"/><tag k="bridge" v="yes"/></way>
<way id="4"><nd ref="3"/><nd ref="4"/><tag k="highway" v="motorway"/></way>
<way id="5"><nd ref="7"/><nd ref="8"/><nd ref="99"/><tag k="highway" v="path"/></way>
<way id="6"><nd ref="1"/><nd ref="4"/><tag k="highway" v="service"/><tag k="foot" v="no"/></way>
</osm>"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.osm"
    path.write_text(OSM)
    return path


def test_ways_meet_where_they_share_a_node_and_a_bridge_does_not(small):
    found = files.read(small)
    assert len(found.starts) == 5  # the street in two, the footway, the bridge, the stretch beyond
    assert found.components == 3
    assert sorted(np.bincount(found.component)) == [2, 2, 4]
    assert found.component[found.starts[0]] == 0
    assert 0.4 < found.share_in_main < 0.7


def test_lengths_are_metres_on_the_ellipsoid(small):
    found = files.read(small)
    assert found.lengths_m[0] == pytest.approx(95.52, abs=0.05)  # a thousandth of a degree of longitude at 31° north


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"highway": "footway"}, True),
        ({"highway": "service", "access": "private"}, True),
        ({"highway": "motorway"}, False),
        ({"highway": "trunk"}, False),
        ({"highway": "trunk", "sidewalk": "both"}, True),
        ({"highway": "trunk", "foot": "yes"}, True),
        ({"highway": "residential", "foot": "no"}, False),
        ({"highway": "residential", "access": "no"}, False),
        ({"highway": "residential", "access": "no", "foot": "yes"}, True),
        ({"waterway": "canal"}, False),
    ],
)
def test_which_ways_are_walked(tags, expected):
    assert osm.is_walkable(tags) is expected


@pytest.mark.parametrize("text", ["not xml", "<osm version='0.6'></osm>"])
def test_a_file_without_streets_is_refused_in_words(tmp_path, text):
    path = tmp_path / "bad.osm"
    path.write_text(text)
    with pytest.raises(InvalidInput):
        files.read(path)
    with pytest.raises(InvalidInput, match="no file"):
        files.read(tmp_path / "missing.osm.pbf")
    other = tmp_path / "streets.txt"
    other.write_text("x")
    with pytest.raises(InvalidInput, match="not a street file"):
        files.read(other)


def test_a_geopackage_of_lines_in_any_system_gives_the_same_network(tmp_path):
    lines = [LineString([(121, 31), (121.001, 31), (121.002, 31)]), LineString([(121.001, 31), (121.001, 31.001)])]
    closed = LineString([(121.002, 31), (121.001, 31.001)])
    frame = geopandas.GeoDataFrame(
        {"highway": ["residential", "footway", "motorway"]}, geometry=[*lines, closed], crs=4326
    ).to_crs(4549)
    frame.to_file(tmp_path / "streets.gpkg")
    found = files.read(tmp_path / "streets.gpkg")
    assert (len(found.starts), found.components) == (3, 1)
    assert found.lengths_m.sum() == pytest.approx(network.of_lines(lines).lengths_m.sum(), abs=0.02)


def test_chains_of_one_place_and_steps_on_the_spot_are_no_edges():
    with pytest.raises(InvalidInput):
        network.of_lines([LineString([(121, 31), (121, 31)])])


def test_a_new_network_ends_the_one_before_and_keeps_its_rows(conn, small):
    add_community(conn)
    stored = [
        storing.store(conn, LOCAL, files.read(small), county=storing.county_of(conn), source=name)
        for name in ("one", "two")
    ]
    assert stored[0].edges == 5
    current = conn.execute(sa.select(network_table).where(network_table.c.valid_to.is_(None))).one()
    assert (current.source, current.id) == ("two", stored[1].key[1])
    assert conn.scalar(sa.select(sa.func.count()).select_from(edge)) == 10
    assert conn.scalar(sa.select(sa.func.count()).select_from(node)) == 16


def test_only_who_may_change_streets_replaces_them(conn, small):
    with pytest.raises(NotAllowed):
        storing.store(conn, acting("x", {"street.view"}, ("",)), files.read(small), county=COUNTY, source="x")


def test_the_county_must_be_named_where_there_is_not_just_one(conn):
    with pytest.raises(InvalidInput, match="--county"):
        storing.county_of(conn)


def test_the_check_tells_which_buildings_stand_far_from_any_street(conn, tmp_path):
    community = add_community(conn)
    assert checks.check(conn, LOCAL).has_network is False
    add_building(conn, community)
    lon, lat = conn.execute(sa.text("SELECT ST_X(position), ST_Y(position) FROM building")).one()
    beside = network.of_lines([LineString([(lon - 0.001, lat + 0.0005), (lon + 0.001, lat + 0.0005)])])
    storing.store(conn, LOCAL, beside, county=COUNTY, source="x")
    found = checks.check(conn, LOCAL)
    assert (found.buildings, found.snapped, found.far) == (1, 1, ())
    assert found.longest_m == pytest.approx(55.4, abs=0.5)
    away = network.of_lines([LineString([(lon + 1, lat), (lon + 1.001, lat)])])
    storing.store(conn, LOCAL, away, county=COUNTY, source="x")
    found = checks.check(conn, LOCAL)
    assert (found.snapped, len(found.far)) == (0, 1)


def test_drawn_streets_are_joined_where_they_cross(demo):
    with transaction(demo, LOCAL) as conn:
        found = files.from_layer(conn, LOCAL, LAYERS["street"].table, 990106)
        drawn = conn.scalar(sa.text("SELECT count(*) FROM street WHERE valid_to IS NULL"))
        length = conn.scalar(sa.text("SELECT sum(ST_Length(geom::geography)) FROM street WHERE valid_to IS NULL"))
        told = checks.check(conn, LOCAL)
    assert len(found.starts) > drawn / 2
    assert found.share_in_main > 0.95
    assert found.lengths_m.sum() <= length * 1.001
    assert told.snapped == told.buildings > 0


def test_the_demo_brings_its_network(demo):
    with demo.connect() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(network_table)) == 1


def test_the_command_refuses_what_is_no_street_file(tmp_path, monkeypatch):
    from gridmap.cli import main

    monkeypatch.setenv("GRIDMAP_HOME", str(tmp_path))
    monkeypatch.setattr("gridmap.cli.streets.migrated_engine", lambda: __import__("contextlib").nullcontext())
    answer = CliRunner().invoke(main, ["import", "streets", str(tmp_path / "none.osm")])
    assert answer.exit_code == 1
    assert "There is no file" in answer.output
