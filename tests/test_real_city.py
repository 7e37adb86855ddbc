"""A real city, imported: nearest and covering equal a brute-force calculation on the same data."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from pyproj import Geod

from gridmap.access import LOCAL
from gridmap.crs import position
from gridmap.db import transaction
from gridmap.exchange import import_file
from gridmap.layers import LAYERS
from gridmap.layers.volunteer.queries import covering
from gridmap.proximity import nearest
from tests.conftest import app_on, client_of, copy_of, session_of
from tests.factories import insert, point

CGCS2000 = Geod(a=6378137.0, rf=298.257222101)
COMMUNITY = "310115005001"
MILLIMETRE = 0.001


@pytest.fixture(scope="module")
def city(cluster, migrated, real_data, tmp_path_factory):
    """Lujiazui: one community drawn around its buildings, the buildings, Shanghai's medical points as supply points."""
    folder = tmp_path_factory.mktemp("city")
    buildings = real_data / "osm" / "shanghai-lujiazui-buildings.geojson"
    with copy_of(cluster, migrated) as engine:
        around = _box_around(buildings, folder / "community.geojson")
        assert import_file(engine, LOCAL, LAYERS["community"], around, crs="EPSG:4326").refused == 0
        taken = import_file(
            engine, LOCAL, LAYERS["building"], buildings, crs="EPSG:4326", key=("id",), merge=True, partial=True
        )
        assert taken.inserted > 1000
        points = real_data / "poi" / "shanghai-medical-poi.csv"
        import_file(engine, LOCAL, LAYERS["supply_point"], points, crs="EPSG:4326", partial=True)
        _add_volunteers(engine)
        yield engine


def _box_around(buildings: Path, target: Path) -> Path:
    features = json.loads(buildings.read_text())["features"]
    flat = np.concatenate([_coordinates(f["geometry"]["coordinates"]) for f in features if f["geometry"]])
    (w, s), (e, n) = flat.min(axis=0) - 0.001, flat.max(axis=0) + 0.001
    ring = [[w, s], [e, s], [e, n], [w, n], [w, s]]
    feature = {
        "type": "Feature", "properties": {"code": COMMUNITY, "name": "陆家嘴社区"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }  # fmt: skip
    target.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return target


def _coordinates(nested) -> np.ndarray:
    if isinstance(nested[0], int | float):
        return np.array([nested[:2]])
    return np.concatenate([_coordinates(part) for part in nested])


def _add_volunteers(engine: sa.Engine) -> None:
    with transaction(engine, LOCAL) as conn:
        places = conn.execute(
            sa.text("SELECT id, ST_X(position), ST_Y(position) FROM building ORDER BY code LIMIT 400")
        ).all()
        for number, (building_id, lon, lat) in enumerate(places[::10]):
            volunteer_id = insert(
                conn, LAYERS["volunteer"].table, county=310115, code=f"V{number:03d}", name="李明",
                geom=point(lon + 0.0007, lat - 0.0003), radius_m=150 + 20 * number if number % 3 else None,
                on_duty=bool(number % 2),
            )  # fmt: skip
            if number % 4 == 0:
                conn.execute(
                    sa.text(
                        "INSERT INTO building_volunteer (county, building_id, volunteer_id) VALUES (310115, :b, :v)"
                    ),
                    {"b": building_id, "v": volunteer_id},
                )


def _positions(conn: sa.Connection, table: str, column: str) -> list[sa.Row]:
    return list(
        conn.execute(
            sa.text(
                f"SELECT code, ST_X({column}) AS lon, ST_Y({column}) AS lat, id, county FROM {table}"
                " WHERE valid_to IS NULL ORDER BY code"
            )
        )
    )


def test_nearest_supply_points_of_every_building_equal_brute_force_to_a_millimetre(city):
    with city.connect() as conn:
        points = _positions(conn, "supply_point", "geom")
        buildings = _positions(conn, "building", "position")
        assert len(points) > 7000
        lons, lats = np.array([p.lon for p in points]), np.array([p.lat for p in points])
        for building in buildings:
            found = nearest(conn, LOCAL, LAYERS["supply_point"], position(building.lon, building.lat), k=5)
            expected = _brute_force(building, points, lons, lats, 5)
            assert [item.code for item in found] == [code for _, code in expected], building.code
            for item, (metres, _) in zip(found, expected, strict=True):
                assert abs(item.distance_m - metres) < MILLIMETRE


def _brute_force(building: sa.Row, points: list[sa.Row], lons: np.ndarray, lats: np.ndarray, k: int):
    """Every point is measured; a generous planar bound first spares the geodesic of those kilometres away."""
    rough = np.hypot((lons - building.lon) * math.cos(math.radians(building.lat)), lats - building.lat)
    near = np.flatnonzero(rough <= np.partition(rough, k)[k] * 1.1)
    _, _, metres = CGCS2000.inv(
        np.full(len(near), building.lon), np.full(len(near), building.lat), lons[near], lats[near]
    )
    # equal to the micrometre counts as a tie: two methods differ by less, and a tie goes by code
    ranked = sorted((round(float(m), 6), points[i].code) for m, i in zip(metres, near, strict=True))
    return ranked[:k]


def test_volunteers_covering_every_building_equal_a_brute_force_loop(city):
    with city.connect() as conn:
        volunteers = conn.execute(sa.text("SELECT code, ST_X(geom), ST_Y(geom), radius_m, id FROM volunteer")).all()
        links = {
            tuple(row) for row in conn.execute(sa.text("SELECT building_id, volunteer_id FROM building_volunteer"))
        }
        reasons = set()
        for building in _positions(conn, "building", "position"):
            expected = {}
            for code, lon, lat, radius_m, identity in volunteers:
                if (building.id, identity) in links:
                    expected[code] = "assigned"
                elif radius_m is not None and CGCS2000.inv(building.lon, building.lat, lon, lat)[2] <= radius_m:
                    expected[code] = "radius"
            found = covering(conn, LOCAL, position(building.lon, building.lat), building=(building.county, building.id))
            assert {item.code: item.reason for item in found} == expected
            reasons |= set(expected.values())
        assert reasons == {"assigned", "radius"}


def test_the_panel_of_an_imported_building_answers(city):
    with app_on(city) as app, city.connect() as conn:
        client = client_of(app, session_of(city, ("commander", "all")))
        for code in conn.scalars(sa.text("SELECT code FROM building ORDER BY md5(code) LIMIT 5")):
            page = client.get(f"/panel/building/{code}?lang=en")
            assert page.status_code == 200
            assert "陆家嘴社区" in page.get_data(as_text=True)
