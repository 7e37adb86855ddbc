"""Coordinate systems: GCJ-02 and BD-09 against an outside reference, there and back, and names from outside."""

import json

import numpy as np
import pytest
from pyproj import Geod, Transformer

from gridmap import crs
from gridmap.errors import InvalidInput

WGS84 = Geod(ellps="WGS84")
OFFSETS = pytest.mark.parametrize("name", ["GCJ-02", "BD-09"])


def metres(left, right):
    return WGS84.inv(*left, *right)[2]


def in_china(count):
    dice = np.random.default_rng(20260301)
    return dice.uniform(73.5, 135.0, count), dice.uniform(18.0, 53.5, count)


@OFFSETS
def test_20000_places_in_china_come_back_to_under_a_millimetre(name):
    places = in_china(20_000)
    there = crs.from_storage(name, *places)
    assert np.median(metres(places, there)) > 300
    assert metres(places, crs.to_storage(name, *there)).max() < 0.001
    assert metres(places, crs.from_storage(name, *crs.to_storage(name, *places))).max() < 0.001


@OFFSETS
@pytest.mark.parametrize("place", [(2.35, 48.86), (151.2, -33.9), (-74.0, 40.7), (0.0, 0.0), (140.0, 35.7)])
def test_places_outside_china_are_not_moved(name, place):
    lon, lat = np.array([place[0]]), np.array([place[1]])
    for move in (crs.from_storage, crs.to_storage):
        assert [float(values[0]) for values in move(name, lon, lat)] == list(place)


def test_gcj02_is_the_published_formula():
    # a sample point that implementations of the formula publish with their code (eviltransform's tests)
    lon, lat = crs.from_storage("GCJ-02", np.array([121.5272106]), np.array([31.1774276]))
    assert (lon[0], lat[0]) == pytest.approx((121.531541859215, 31.17530398364597), abs=1e-9)


@pytest.mark.parametrize(("name", "key"), [("GCJ-02", "GCJ02"), ("BD-09", "BD09")])
def test_chinese_cities_agree_with_a_reference_from_outside(real_data, name, key):
    # The map services' own answers differ from the published formula by a steady 0.67 m (and have 7 decimals).
    cities = json.loads((real_data / "messy" / "china-cities-wgs84-gcj02-bd09.json").read_text())
    plain, moved = (np.array([city["coords"][k] for city in cities]).T for k in ("WGS84", key))
    assert len(cities) == 332
    assert metres(crs.from_storage(name, *plain), moved).max() < 0.8
    assert metres(crs.to_storage(name, *moved), plain).max() < 0.8


def test_gauss_krueger_is_east_then_north():
    lon, lat = np.array([121.5]), np.array([31.2])
    east, north = crs.from_storage("EPSG:4549", lon, lat)
    expected = Transformer.from_crs("EPSG:4490", "+proj=tmerc +lon_0=120 +x_0=500000 +ellps=GRS80", always_xy=True)
    assert (east[0], north[0]) == pytest.approx(expected.transform(121.5, 31.2), abs=0.001)
    assert east[0] < north[0]
    assert metres(crs.to_storage("EPSG:4549", east, north), (lon, lat)).max() < 0.001


def test_wgs84_is_taken_as_cgcs2000():
    lon, lat = np.array([121.123456789012]), np.array([31.2])
    for name in ("EPSG:4326", "EPSG:4490"):
        assert crs.to_storage(name, lon, lat)[0][0] == lon[0]


@pytest.mark.parametrize(
    ("written", "name"), [("gcj02", "GCJ-02"), ("GCJ-02", "GCJ-02"), (" bd09 ", "BD-09"), ("epsg:4549", "EPSG:4549")]
)
def test_names_are_read_generously(written, name):
    assert crs.system(written).name == name


@pytest.mark.parametrize("written", ["", "wgs84", "4326", "EPSG:99999", "EPSG:4978", "EPSG:5773", "+proj=longlat"])
def test_an_unusable_name_is_refused_with_what_to_write(written):
    with pytest.raises(InvalidInput) as refused:
        crs.system(written)
    assert refused.value.where == "crs"


def test_old_datums_are_known_to_be_inexact():
    assert not crs.system("EPSG:2437").is_exact  # Beijing 1954
    assert not crs.system("EPSG:4610").is_exact  # Xian 1980
    assert crs.system("EPSG:32651").is_exact
    assert crs.system("GCJ-02").is_exact


def test_nothing_is_nothing():
    empty = np.array([])
    assert len(crs.to_storage("BD-09", empty, empty)[0]) == 0
