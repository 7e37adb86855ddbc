"""Changes over HTTP: versions, strict GeoJSON, bounded shapes, and nothing that is not to be told."""

import itertools
import json
import math
import time
import uuid

import pytest

from gridmap import db
from gridmap.access import LOCAL
from gridmap.accounts import grants, people, sessions
from tests.conftest import app_on
from tests.exchange.making import COMMUNITY, box, house, spot

LEFT, RIGHT, LAT = 121.49, 121.53, 31.24
POINTS = "/api/v1/layers/supply_point/features"
BUILDINGS = "/api/v1/layers/building/features"
ANSWER_S = 2.0
NAMED = {"name": "东站", "kind": "store"}


def headers_of(engine, role: str, place: str) -> dict[str, str]:
    with db.transaction(engine, LOCAL) as conn:
        account_id = people.add(conn, LOCAL, f"e{uuid.uuid4().hex[:12]}", None)
        grants.give(conn, LOCAL, account_id, role, place)
        return {"Authorization": f"Bearer {sessions.make_token(conn, account_id, days=1)}"}


@pytest.fixture
def api(district):
    with app_on(district) as app:
        client, headers = app.test_client(), headers_of(district, "commander", "all")

        def ask(method, path, body=None, **more):
            sent = {**headers, **{name.replace("_", "-"): value for name, value in more.items()}}
            raw = body if isinstance(body, str) else json.dumps(body) if body is not None else None
            kind = "application/geo+json" if raw is not None else None
            return client.open(path, method=method, data=raw, headers=sent, content_type=kind)

        yield ask


def feature(geometry, **properties) -> dict:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def where(answer) -> str:
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json"), answer.get_data(as_text=True)
    return answer.json["where"]


def test_a_thing_is_made_read_changed_retired_and_restored(api):
    made = api("POST", POINTS, feature(spot(LEFT, LAT), **NAMED))
    code = made.json["id"]
    assert (made.status_code, made.headers["ETag"], made.headers["Location"]) == (201, '"v1"', f"{POINTS}/{code}")
    shown = api("GET", f"{POINTS}/{code}")
    assert (shown.headers["ETag"], shown.json["version"]) == ('"v1"', 1)
    changed = api("PATCH", f"{POINTS}/{code}", {"properties": {"name": "西站"}}, If_Match='"v1"')
    assert (changed.status_code, changed.headers["ETag"], changed.json["properties"]["name"]) == (200, '"v2"', "西站")
    assert api("DELETE", f"{POINTS}/{code}", If_Match='"v2"').json == {"code": code, "version": 3}
    assert api("GET", f"{POINTS}/{code}").status_code == 404
    back = api("POST", f"{POINTS}/{code}/restore", {"version": 1}, If_Match='"v3"')
    assert (back.status_code, back.json["properties"]["name"]) == (200, "东站")


@pytest.mark.parametrize("sent", [{}, {"If_Match": "*"}, {"If_Match": "v1"}, {"If_Match": '"1"'}, {"If_Match": '"v0"'}])
def test_a_change_that_names_no_version_is_refused(api, sent):
    code = api("POST", POINTS, feature(spot(LEFT, LAT), **NAMED)).json["id"]
    answer = api("PATCH", f"{POINTS}/{code}", {"properties": {"name": "西站"}}, **sent)
    assert (answer.status_code, answer.json["code"]) == (428, "version_needed")
    assert api("DELETE", f"{POINTS}/{code}", **sent).status_code == 428


def test_who_comes_second_is_told_what_is_stored_and_what_was_sent(api):
    code = api("POST", POINTS, feature(spot(LEFT, LAT), **NAMED)).json["id"]
    api("PATCH", f"{POINTS}/{code}", {"properties": {"name": "甲"}}, If_Match='"v1"')
    answer = api(
        "PATCH", f"{POINTS}/{code}", {"properties": {"name": "乙"}, "geometry": spot(RIGHT, LAT)}, If_Match='"v1"'
    )
    assert (answer.status_code, answer.json["code"], answer.json["version"]) == (412, "stale", 2)
    assert answer.json["stored"]["properties"]["name"] == "甲"
    assert answer.json["sent"] == {"properties": {"name": "乙"}, "geometry": spot(RIGHT, LAT)}


def test_a_phone_is_masked_in_the_form_and_in_what_a_late_change_is_told(api):
    code = api("POST", POINTS, feature(spot(LEFT, LAT), **NAMED, phone="13800138000")).json["id"]
    fields = {
        field["column"]: field for field in api("GET", f"/api/v1/layers/supply_point/form?code={code}").json["fields"]
    }
    assert (fields["phone"]["value"], fields["phone"]["personal"]) == ("138****8000", True)
    api("PATCH", f"{POINTS}/{code}", {"properties": {"phone": "13900139000"}}, If_Match='"v1"')
    late = api("PATCH", f"{POINTS}/{code}", {"properties": {"name": "乙"}}, If_Match='"v1"')
    history = api("GET", f"{POINTS}/{code}/versions")
    for answer in (late, history):
        assert "139****9000" in answer.get_data(as_text=True)
        assert "13900139000" not in answer.get_data(as_text=True)
    masked = api("PATCH", f"{POINTS}/{code}", {"properties": {"phone": "139****9000"}}, If_Match='"v2"')
    assert where(masked) == "phone"


def test_the_history_tells_who_changed_what_and_where_it_stood(api):
    code = api("POST", POINTS, feature(spot(LEFT, LAT), **NAMED)).json["id"]
    api("PATCH", f"{POINTS}/{code}", {"properties": {"kind": "clinic"}}, If_Match='"v1"')
    api("PATCH", f"{POINTS}/{code}", {"geometry": spot(RIGHT, LAT)}, If_Match='"v2"')
    api("DELETE", f"{POINTS}/{code}", If_Match='"v3"')
    items = api("GET", f"{POINTS}/{code}/versions?lang=en").json["items"]
    assert [(item["version"], item["moved"], item["is_retired"]) for item in items] == [
        (4, False, True), (3, True, False), (2, False, False), (1, False, False),
    ]  # fmt: skip
    assert items[2]["changes"] == [{"column": "kind", "title": "Kind", "before": "Reserve store", "after": "Clinic"}]
    assert [item["geometry"]["coordinates"][0] for item in items] == [RIGHT, RIGHT, LEFT, LEFT]
    assert items[0]["until"] is None
    assert items[1]["until"] == items[0]["changed_at"]


RING = [[LEFT, LAT], [LEFT + 0.001, LAT], [LEFT + 0.001, LAT + 0.001], [LEFT, LAT + 0.001], [LEFT, LAT]]
HOLE_OUTSIDE = [[x + 0.01, y] for x, y in RING]


def polygon(*rings, **members):
    return {"type": "Polygon", "coordinates": list(rings), **members}


@pytest.mark.parametrize(
    ("geometry", "place"),
    [
        (polygon(RING, crs={"type": "name", "properties": {"name": "EPSG:4326"}}), "geometry.crs"),
        (polygon(RING, extra=1), "geometry.extra"),
        (None, "geometry"),
        (polygon([[*p, 1, 2] for p in RING]), "geometry.coordinates.0.0"),
        (polygon(RING, bbox=[0, 0, 1, 1]), "geometry.bbox"),
        (polygon(RING, bbox="everything"), "geometry.bbox"),
        ({"type": "GeometryCollection", "geometries": [polygon(RING)]}, "geometry.type"),
        ({"type": "Point", "coordinates": [LEFT, LAT]}, "geometry.type"),
        (polygon(RING[:-1]), "geometry.coordinates.0"),
        (polygon([RING[0], RING[1], RING[0]]), "geometry.coordinates.0"),
        (polygon(), "geometry.coordinates"),
        (polygon([]), "geometry.coordinates.0"),
        (polygon(RING, HOLE_OUTSIDE), "geometry"),
        (polygon([RING[0], RING[2], RING[1], RING[3], RING[0]]), "geometry"),
        (polygon([[LAT, LEFT], [LAT, LEFT + 1], [LAT + 1, LEFT], [LAT, LEFT]]), "geometry.coordinates.0.0"),
        (polygon([[179, 30], [-179, 30], [-179, 31], [179, 31], [179, 30]]), "geometry.coordinates"),
        (polygon([["121.49", LAT], *RING[1:]]), "geometry.coordinates.0.0.0"),
        (polygon([[True, LAT], *RING[1:]]), "geometry.coordinates.0.0.0"),
        (polygon([[None, LAT], *RING[1:]]), "geometry.coordinates.0.0.0"),
        ({"type": "Polygon"}, "geometry.coordinates"),
        ({"type": "Polygon", "coordinates": RING}, "geometry.coordinates.0.0"),
        (polygon([[-180, -85], [180, -85], [180, 85], [-180, 85], [-180, -85]]), "geometry.coordinates"),
    ],
)  # fmt: skip
def test_geometry_that_is_not_as_rfc_7946_wants_it_is_refused_at_its_place(api, geometry, place):
    assert where(api("POST", BUILDINGS, feature(geometry, name="1幢"))) == place


@pytest.mark.parametrize(
    "geometry",
    [
        polygon(RING[::-1]),
        polygon([[*p, 12.5] for p in RING]),
        polygon(RING, bbox=[LEFT, LAT, LEFT + 0.001, LAT + 0.001]),
        {"type": "MultiPolygon", "coordinates": [[RING]]},
    ],
)
def test_geometry_that_says_the_same_another_way_is_stored_in_one_form(api, geometry):
    made = api("POST", BUILDINGS, feature(geometry, name="1幢"))
    assert made.status_code == 201, made.json
    assert made.json["geometry"]["type"] == "MultiPolygon"
    (ring,) = made.json["geometry"]["coordinates"][0]
    assert all(len(position) == 2 for position in ring)
    assert sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring)) > 0  # anticlockwise outside


@pytest.mark.parametrize(
    ("member", "place"),
    [({"id": "other"}, "id"), ({"id": True}, "id"), ({"id": 7}, "id"), ({"crs": {}}, "crs"), ({"bbox": [0, 0, 1, 1]}, "bbox"),
     ({"type": "FeatureCollection"}, "type"), ({"properties": None}, "properties"), ({"geometry": [1]}, "geometry")],
)  # fmt: skip
def test_a_feature_that_says_more_or_other_than_a_feature_is_refused(api, member, place):
    answer = api("POST", BUILDINGS, feature(polygon(RING), name="1幢") | member)
    assert where(answer).startswith(place)


@pytest.mark.parametrize(
    "name", ["role", "actor", "recorded_at", "version", "community", "changed_by", "valid_to", "county_id", "id"]
)
def test_what_the_service_itself_knows_is_not_taken_from_a_change(api, name):
    inside = api("POST", POINTS, feature(spot(LEFT, LAT), **NAMED, **{name: "x"}))
    assert where(inside) == name
    beside = api("POST", POINTS, feature(spot(LEFT, LAT), **NAMED) | {name: "x"})
    assert where(beside).startswith("id" if name == "id" else name)


def scribble(count: int) -> dict:
    """A line that crosses itself at almost every step."""
    ring = [[LEFT + 0.001 * math.cos(i * 2.4), LAT + 0.001 * math.sin(i * 2.4)] for i in range(count)]
    return polygon([*ring, ring[0]])


def circle(count: int, digits: int) -> dict:
    turn = 2 * math.pi / count
    ring = [
        [round(LEFT + 0.001 * math.cos(i * turn), digits), round(LAT + 0.001 * math.sin(i * turn), digits)]
        for i in range(count)
    ]
    return polygon([*ring, ring[0]])


def holes(count: int) -> dict:
    step = 1e-6
    made = []
    for i in range(count):
        x, y = LEFT + step * (2 * (i % 200) + 1), LAT + step * (2 * (i // 200) + 1)
        made.append([[x, y], [x + step, y], [x, y + step], [x, y]])
    return polygon(RING, *made)


@pytest.mark.alone
@pytest.mark.parametrize(
    "bomb",
    [scribble(200), scribble(500), scribble(19_000), circle(30_000, 9), circle(1_000_000, 5), holes(990), holes(4_900), holes(10_000),
     '{"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [NaN, 1]}}',
     '{"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [1e999, 1]}}'],
    ids=["200", "500", "19000", "circle", "huge circle", "holes", "many holes", "too many holes", "nan", "infinity"],
)  # fmt: skip
def test_a_geometry_bomb_is_answered_in_two_seconds(api, bomb):
    before = time.monotonic()
    answer = api("POST", BUILDINGS, bomb if isinstance(bomb, str) else feature(bomb, name="1幢"))
    took = time.monotonic() - before
    assert answer.status_code in (201, 413, 422), answer.get_data(as_text=True)[:300]
    assert took < ANSWER_S


def test_a_sliver_is_stored_as_it_is(api):
    sliver = polygon([[LEFT, LAT], [LEFT + 0.001, LAT], [LEFT + 0.001, LAT + 1e-9], [LEFT, LAT]])
    answer = api("POST", BUILDINGS, feature(sliver, name="1幢"))
    assert answer.status_code == 201
    assert answer.json["geometry"]["coordinates"][0][0][2][1] == pytest.approx(LAT + 1e-9, abs=1e-12)


def test_a_foreign_thing_answers_a_change_like_a_missing_one(district, api):
    made = api("POST", BUILDINGS, feature(house(RIGHT, LAT), name="1幢")).json["id"]
    with app_on(district) as app:
        worker = headers_of(district, "grid_worker", f"{COMMUNITY}001")
        for code in (made, f"{COMMUNITY}00099"):
            sent = {**worker, "If-Match": '"v1"'}
            path = f"{BUILDINGS}/{code}"
            for answer in (
                app.test_client().patch(path, json={"properties": {"name": "x"}}, headers=sent),
                app.test_client().delete(path, headers=sent),
                app.test_client().post(f"{path}/restore", json={"version": 1}, headers=sent),
                app.test_client().get(f"{path}/versions", headers=worker),
                app.test_client().get(f"/api/v1/layers/building/form?code={code}", headers=worker),
            ):
                assert (answer.status_code, answer.json["detail"].replace(code, "X")) == (
                    404, "There is no building with the code 'X'.",
                )  # fmt: skip


def test_who_may_not_edit_is_refused_before_anything_is_read(district, api):
    with app_on(district) as app:
        planner = headers_of(district, "planner", COMMUNITY)
        answer = app.test_client().post(BUILDINGS, json=feature(box(0, 0, 1, 1)), headers=planner)
        assert answer.status_code == 403
