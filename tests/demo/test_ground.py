"""Metres on the demo's ground are metres on the earth."""

import numpy as np
import pytest
import shapely
from pyproj import Geod

from gridmap.crs import STORAGE_SRID, metric_srid
from gridmap.demo.ground import CENTRE, points_ewkb, to_degrees
from gridmap.errors import InvalidInput

CGCS2000 = Geod(a=6378137.0, rf=298.257222101)


def test_the_centre_is_where_it_says():
    assert to_degrees(np.zeros((1, 2)))[0] == pytest.approx(CENTRE, abs=1e-7)


@pytest.mark.parametrize("end", [(1000.0, 0.0), (0.0, 1000.0), (-600.0, 800.0)])
def test_a_kilometre_of_the_plan_is_a_kilometre_on_the_ellipsoid(end):
    (lon, lat), (to_lon, to_lat) = to_degrees(np.array([(0.0, 0.0), end]))
    assert CGCS2000.inv(lon, lat, to_lon, to_lat)[2] == pytest.approx(1000, abs=0.1)  # geodesic; 40 ppm and rounding


def test_points_carry_the_storage_system():
    point = shapely.from_wkb(points_ewkb(np.zeros((1, 2)))[0])
    assert shapely.get_srid(point) == STORAGE_SRID


@pytest.mark.parametrize(("lon", "srid"), [(75.0, 4534), (118.49, 4548), (118.51, 4549), (120.6, 4549), (135.0, 4554)])
def test_a_longitude_lies_in_the_zone_of_the_nearest_central_meridian(lon, srid):
    assert metric_srid(lon) == srid  # EPSG register: 4534 is CM 75E, 4549 CM 120E, 4554 CM 135E


def test_outside_the_zones_there_is_no_metric_system():
    with pytest.raises(InvalidInput):
        metric_srid(2.35)
