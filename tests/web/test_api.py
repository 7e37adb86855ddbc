"""The API: names that programs outside rely on, pages of features, and bad input."""

import json
import urllib.parse

import pytest
import shapely
import shapely.geometry
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from gridmap import personal
from gridmap.access import LOCAL
from gridmap.crs import Position
from gridmap.db import migration_config
from gridmap.layers import LAYERS
from gridmap.search import search
from gridmap.web import permissions
from tests import factories


@pytest.fixture(scope="module")
def building(demo):
    with demo.connect() as conn:
        return conn.execute(
            sa.text("SELECT code, ST_X(position) AS lon, ST_Y(position) AS lat FROM building ORDER BY code LIMIT 1")
        ).one()


def test_the_layers_have_their_fixed_names(client):
    names = [item["name"] for item in client.get("/api/v1/layers").json["items"]]
    assert set(names) == {
        "community", "neighbourhood", "estate", "building", "household", "party_unit", "party_household", "supply_point",
        "volunteer", "closure_zone", "street",
    }  # fmt: skip


def test_nearest_of_a_building_has_the_agreed_shape(client, building):
    answer = client.get(f"/api/v1/buildings/{building.code}/nearest/supply_point?k=3&method=geodesic").json
    assert len(answer["items"]) == 3
    keys = {"code", "name", "layer", "kind", "distance_m", "method", "lon", "lat"}
    assert all(set(item) == keys for item in answer["items"])
    assert {item["method"] for item in answer["items"]} == {"geodesic"}
    assert answer["as_of"].endswith("+08:00")
    assert answer["origin"] == {"lon": building.lon, "lat": building.lat, "code": building.code}
    distances = [item["distance_m"] for item in answer["items"]]
    assert distances == sorted(distances)


def test_nearest_of_a_position_equals_that_of_a_building_standing_there(client, building):
    at = f"lon={building.lon!r}&lat={building.lat!r}"
    for method in ("walk", "geodesic"):
        by_building = client.get(f"/api/v1/buildings/{building.code}/nearest/supply_point?method={method}").json
        by_position = client.get(f"/api/v1/nearest/supply_point?{at}&method={method}").json
        assert by_building["items"] == by_position["items"]
        assert by_building["skipped"] == by_position["skipped"]
    kinds = client.get(f"/api/v1/nearest/supply_point?{at}&kind=clinic&k=50&method=geodesic").json["items"]
    assert {item["kind"] for item in kinds} == {"clinic"}


def test_volunteers_of_a_building_have_the_agreed_shape(client, building):
    items = client.get(f"/api/v1/buildings/{building.code}/volunteers").json["items"]
    assert items
    assert {"code", "name", "reason", "on_duty", "distance_m", "radius_m"} <= set(items[0])
    assert {item["reason"] for item in items} <= {"assigned", "radius"}
    assert all(item["name"].endswith("**") for item in items)
    assert [item["on_duty"] for item in items] == sorted((item["on_duty"] for item in items), reverse=True)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_pages_of_features_follow_each_other_without_gap_or_repeat(client, demo, layer):
    path, codes = f"/api/v1/layers/{layer}/features?limit=7", []
    while path and len(codes) < 40:
        page = client.get(path)
        assert page.status_code == 200
        assert page.content_type == "application/geo+json"
        assert page.json["type"] == "FeatureCollection"
        assert "crs" not in page.json
        codes += [feature["properties"]["code"] for feature in page.json["features"]]
        path = next((link["href"] for link in page.json["links"] if link["rel"] == "next"), None)
    with demo.connect() as conn:
        table = LAYERS[layer].table
        stored = conn.scalars(sa.select(table.c.code).where(table.c.valid_to.is_(None)).order_by(table.c.code)).all()
    assert codes == stored[: len(codes)]
    assert len(codes) == len(stored) or len(codes) >= 40


def test_features_in_a_box_are_those_that_touch_it(client, demo, building):
    box = (building.lon - 0.0005, building.lat - 0.0005, building.lon + 0.0005, building.lat + 0.0005)
    path = f"/api/v1/layers/building/features?limit=1000&bbox={','.join(map(repr, box))}"
    found = {feature["id"] for feature in client.get(path).json["features"]}
    every = client.get("/api/v1/layers/building/features?limit=1000").json["features"]
    expected = {f["id"] for f in every if shapely.geometry.shape(f["geometry"]).intersects(shapely.box(*box))}
    assert building.code in found
    assert found == expected


def test_a_feature_is_found_by_its_code(client, building):
    found = client.get(f"/api/v1/layers/building/features/{building.code}").json
    assert found["properties"]["code"] == building.code
    assert found["geometry"]["type"] == "MultiPolygon"


def test_no_list_tells_a_name_or_a_phone_of_a_person(client, demo):
    with demo.connect() as conn:
        volunteer = LAYERS["volunteer"].table.c
        rows = conn.execute(sa.select(volunteer.name, volunteer.phone)).all()
        columns = (volunteer.name, volunteer.phone)
        persons = {personal.opened(conn, *pair) for row in rows for pair in zip(columns, row, strict=True)}
    for layer in ("volunteer", "supply_point", "party_unit"):
        body = client.get(f"/api/v1/layers/{layer}/features?limit=1000").get_data(as_text=True)
        assert not [person for person in persons if person and person in body]


def test_search_finds_a_place_by_part_of_its_name_and_by_the_beginning_of_its_code(client, demo, building):
    with demo.connect() as conn:
        name = conn.scalar(sa.text("SELECT name FROM supply_point ORDER BY code LIMIT 1"))
    found = client.get(f"/api/v1/search?q={urllib.parse.quote(name[1:5])}").json["items"]
    assert name in {item["name"] for item in found if item["layer"] == "supply_point"}
    found = client.get(f"/api/v1/search?q={building.code}&lon={building.lon}&lat={building.lat}").json["items"]
    assert found[0]["code"] == building.code
    assert found[0]["context"]


def test_search_tells_the_whole_code_first_then_the_hierarchy_from_above_then_the_rest(client, demo):
    with demo.connect() as conn:
        building, home = conn.execute(sa.text("SELECT building, code FROM party_household ORDER BY code LIMIT 1")).one()
    layers = [item["layer"] for item in client.get(f"/api/v1/search?q={building}").json["items"]]
    assert list(dict.fromkeys(layers)) == ["building", "household", "party_household"]
    layers = [item["layer"] for item in client.get(f"/api/v1/search?q={building[:12]}").json["items"]]
    assert list(dict.fromkeys(layers))[:4] == ["community", "neighbourhood", "building", "household"]
    assert client.get(f"/api/v1/search?q={home}").json["items"][0]["code"] == home


def test_search_tells_a_whole_name_before_nearer_things_that_carry_it(conn):
    community = factories.add_community(conn)
    factories.add_building(conn, community, 1, name="11幢", lon=120.6)
    factories.add_building(conn, community, 2, name="1幢", lon=120.61)
    near = Position(120.6, 30.9)
    found = search(conn, LOCAL, [LAYERS["building"]], "1幢", near=near, limit=1)
    assert [one.name for one in found] == ["1幢"]


@pytest.mark.parametrize("text", ["%", "_", "'; DROP TABLE building; --", "\\", "100%", "％"])
def test_search_takes_every_character_literally(client, text):
    assert client.get(f"/api/v1/search?q={urllib.parse.quote(text)}").json["items"] == []


def test_a_position_knows_the_places_it_lies_in(client, building):
    items = client.get(f"/api/v1/places/at?lon={building.lon}&lat={building.lat}").json["items"]
    assert [item["level"] for item in items] == ["county", "subdistrict", "community", "neighbourhood"]
    assert client.get("/api/v1/places/at?lon=0&lat=0").json["items"] == []


def test_counts_in_a_box_stop_at_a_bound(client):
    items = client.get("/api/v1/layers/counts?bbox=120,30,121,31").json["items"]
    assert set(items) == {layer.name for layer in LAYERS.drawn()}
    assert items["building"]["count"] > 0
    assert items["building"]["more"] is False


NEAREST = "/api/v1/nearest/supply_point"


@pytest.mark.parametrize(
    ("path", "status", "where"),
    [
        ("/api/v1/buildings/00000000000000000/nearest/supply_point", 404, "code"),
        ("/api/v1/buildings/x'y/volunteers", 404, "code"),
        ("/api/v1/layers/nothing/features", 404, None),
        ("/api/v1/layers/building/features/nothing", 404, "code"),
        ("/api/v1/nearest/nothing?lon=1&lat=1", 404, None),
        ("/api/v1/nearest/building?lon=1&lat=1", 422, "layer"),
        ("/api/v1/nearest/party_unit?lon=1&lat=1", 422, "layer"),
        ("/nothing", 404, None),
        (f"{NEAREST}", 422, "lon"),
        (f"{NEAREST}?lon=nan&lat=1", 422, "lon"),
        (f"{NEAREST}?lon=1&lat=inf", 422, "lat"),
        (f"{NEAREST}?lon=181&lat=1", 422, "lon"),
        (f"{NEAREST}?lon=1&lat=-85.1", 422, "lat"),
        (f"{NEAREST}?lon=east&lat=1", 422, "lon"),
        (f"{NEAREST}?lon=1&lat=1&k=-1", 422, "k"),
        (f"{NEAREST}?lon=1&lat=1&k=0", 422, "k"),
        (f"{NEAREST}?lon=1&lat=1&k=1000000000", 422, "k"),
        (f"{NEAREST}?lon=1&lat=1&k=2.5", 422, "k"),
        (f"{NEAREST}?lon=1&lat=1&k=1_0", 422, "k"),
        (f"{NEAREST}?lon=1&lat=1&k=５", 422, "k"),
        (f"{NEAREST}?lon=1_0&lat=1", 422, "lon"),
        (f"{NEAREST}?lon=1&lat=１", 422, "lat"),
        ("/api/v1/layers/building/features?limit=1_0", 422, "limit"),
        ("/api/v1/layers/building/features?bbox=1_0,1,11,2", 422, "bbox"),
        (f"{NEAREST}?lon=1&lat=1&kind=shed", 422, "kind"),
        (f"{NEAREST}?lon=1&lat=1&limit=5", 422, "limit"),
        ("/api/v1/layers/building/features?limit=0", 422, "limit"),
        ("/api/v1/layers/building/features?limit=1000000000", 422, "limit"),
        ("/api/v1/layers/building/features?bbox=1,2,3", 422, "bbox"),
        ("/api/v1/layers/building/features?bbox=3,2,1,4", 422, "bbox"),
        ("/api/v1/layers/building/features?bbox=1,2,nan,4", 422, "bbox"),
        ("/api/v1/layers/building/features?cursor=%00", 422, "cursor"),
        ("/api/v1/layers/counts?bbox=x", 422, "bbox"),
        ("/api/v1/search?q=%00", 422, "q"),
        ("/api/v1/search?q=" + "x" * 61, 422, "q"),
        ("/api/v1/places/at?lon=1", 422, "lat"),
        ("/api/v1/search?q=1&lon=1", 422, "lat"),
        ("/api/v1/search?q=1&lat=1", 422, "lon"),
        ("/api/v1/layers?lang=fr", 422, "lang"),
        ("/panel/building/x%00y", 422, None),
        ("/panel/position?lon=nan&lat=1", 422, "lon"),
        ("/panel/nothing/1", 404, None),
        ("/tiles/nothing/1/0/0.mvt", 404, None),
        ("/tiles/building/40/0/0.mvt", 404, None),
        ("/tiles/building/3/8/0.mvt", 404, None),
        ("/tiles/building/-1/0/0.mvt", 404, None),
        ("/tiles/building/x/0/0.mvt", 404, None),
        ("/tiles/building,/3/0/0.mvt", 404, None),
    ],
)
def test_bad_input_is_refused_in_one_shape_that_names_the_place(client, path, status, where):
    found = client.get(path)
    assert found.status_code == status
    assert found.content_type == "application/problem+json"
    problem = json.loads(found.data)
    assert {"type", "title", "status", "detail", "code"} <= set(problem)
    assert problem["status"] == status
    assert problem["detail"]
    assert problem.get("where") == where


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_list_is_not_changed_as_a_whole(client, method):
    found = getattr(client, method)("/api/v1/layers/building/features")
    assert found.status_code == 405


def test_another_host_name_is_not_served(client):
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:8000"):
        found = client.get("/api/v1/layers/party_household/features", headers={"Host": host})
        assert (found.status_code, found.json["code"]) == (421, "wrong_host")
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_database_errors_quote_no_values(app):
    assert app.extensions["gridmap"]["engine"].hide_parameters


def test_every_route_states_a_permission(app):
    assert [r.rule for r in app.url_map.iter_rules() if permissions.declared(app, r.endpoint) is None] == []


def test_answers_match_their_description(client, building):
    from gridmap.web import schemas

    schemas.NearestAnswer.model_validate(client.get(f"/api/v1/buildings/{building.code}/nearest/supply_point").json)
    schemas.VolunteersAnswer.model_validate(client.get(f"/api/v1/buildings/{building.code}/volunteers").json)
    schemas.LayersAnswer.model_validate(client.get("/api/v1/layers").json)
    schemas.FeatureCollection.model_validate(client.get("/api/v1/layers/street/features?limit=2").json)
    schemas.CountsAnswer.model_validate(client.get("/api/v1/layers/counts?bbox=120,30,121,31").json)
    schemas.SearchAnswer.model_validate(client.get("/api/v1/search?q=1").json)


def test_health_and_readiness_answer(client):
    assert client.get("/healthz").json == {"status": "ok"}
    ready = client.get("/readyz").json
    assert ready["schema"] == ScriptDirectory.from_config(migration_config("postgresql://")).get_current_head()
    assert ready["postgis"]


def test_every_response_carries_the_protecting_headers(client):
    for path in ("/", "/healthz", "/nothing", "/api/v1/layers"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
