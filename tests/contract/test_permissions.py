"""The matrix role x route x place, built from the URL map: every answer is as declared, and nothing foreign exists."""

import re
import uuid
from collections import defaultdict
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from gridmap import db
from gridmap.access import LOCAL
from gridmap.accounts import grants, people, sessions
from gridmap.demo import load
from gridmap.layers import LAYERS
from gridmap.roles import ROLES
from gridmap.web import matrix
from tests.conftest import ROOT, app_on, copy_of

HOUSEHOLDS = 3200
OPEN = {"street"}  # concerns nobody in particular
LISTS = ("grid_worker", "building_head", "keeper", "commander", "planner")  # the others hold the same verbs or fewer
WIDE = {"community", "neighbourhood", "estate", "party_unit", "supply_point", "volunteer", "closure_zone"}
LEVELS = ("all", "county", "community", "grid", "building", "point")
QUERIES = {
    "features.count_features": "bbox=120,30,121,31", "features.search": "q=1", "features.places_at": "lon=120.6&lat=30.9",
    "reports.nearest_to_position": "lon=120.6&lat=30.9", "reports.volunteers_of_position": "lon=120.6&lat=30.9",
    "panels.position_panel": "lon=120.6&lat=30.9", "coverage.shares": "service=clinic", "coverage.gaps": "service=clinic",
}  # fmt: skip
NO_POINTS = {"community", "neighbourhood", "estate", "building", "party_unit", "street", "closure_zone"}


@dataclass(frozen=True)
class Thing:
    """A row of a layer with the codes of the places above it."""

    layer: str
    code: str
    county: str
    community: str | None
    neighbourhood: str | None
    building: str | None


@pytest.fixture(scope="module")
def district(cluster, migrated):
    """A district of its own with several communities."""
    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=HOUSEHOLDS, seed=3)
        yield engine


@pytest.fixture(scope="module")
def app(district):
    with app_on(district) as made:
        yield made


@pytest.fixture(scope="module")
def things(district) -> list[Thing]:
    found = []
    with district.connect() as conn:
        for layer in LAYERS.values():
            columns = layer.table.c
            own = {"community": "community", "neighbourhood": "neighbourhood", "building": "building"}
            picked = [
                columns.code if layer.name == name else columns[column] if column in columns else sa.null()
                for name, column in own.items()
            ]
            rows = conn.execute(sa.select(columns.code, columns.county, *picked).where(layer.current()))
            found += [Thing(layer.name, row[0], str(row[1]), *row[2:]) for row in rows]
    return found


@pytest.fixture(scope="module")
def places(things) -> dict[str, str]:
    """One place of each level; the grid is the one with most buildings, the building lies in it."""
    by_grid = defaultdict(list)
    for thing in things:
        if thing.layer == "building" and thing.neighbourhood:
            by_grid[thing.neighbourhood].append(thing.code)
    grid = max(by_grid, key=lambda code: (len(by_grid[code]), code))
    point = next(t.code for t in things if t.layer == "supply_point" and t.community == grid[:12])
    return {"all": "all", "county": grid[:6], "community": grid[:12], "grid": grid, "building": by_grid[grid][0],
            "point": point}  # fmt: skip


def is_visible(thing: Thing, role: str, place: str, things: list[Thing]) -> bool:
    """Say by the codes alone, without the service's own rule, whether a person is shown a thing."""
    if thing.layer in OPEN or place == "all":
        return True
    if not place.isdigit():
        here = next(t for t in things if t.layer == "supply_point" and t.code == place)
        if thing.layer == "supply_point":
            return thing.code == place
        return thing.layer in WIDE and thing.community == here.community and f"{thing.layer}.view" in OPEN_TO_KEEPERS
    if len(place) <= 12:
        code = thing.community or thing.county
        return code.startswith(place) or (
            thing.community is None and thing.layer in WIDE and len(place) > 6 and thing.county == place[:6]
        )
    if thing.layer in WIDE:
        return thing.community == place[:12] or (thing.community is None and thing.county == place[:6])
    return place in (thing.neighbourhood, thing.building)


OPEN_TO_KEEPERS = {f"{name}.view" for name in ("community", "neighbourhood", "estate", "party_unit", "closure_zone")}


def token_of(district, role: str | None, place: str) -> str | None:
    if role is None:
        return None
    with db.transaction(district, LOCAL) as conn:
        account_id = people.add(conn, LOCAL, f"m{uuid.uuid4().hex[:12]}", None)
        grants.give(conn, LOCAL, account_id, role, place)
        return sessions.make_token(conn, account_id, days=1)


def test_every_route_is_in_the_printed_matrix(app):
    printed = (ROOT / "docs" / "permissions.md").read_text()
    assert printed == matrix.as_markdown(app, LAYERS), "run: gridmap permissions"


def filled(line: matrix.Line) -> str | None:
    """Return an address of a route that names nothing of the register, None for static files."""
    if line.endpoint == "static":
        return None
    path = line.path.replace("<layers>", line.layer or "x").replace("<layer>", line.layer or "building")
    path = re.sub(r"<uuid:\w+>", str(uuid.UUID(int=1)), path)
    path = re.sub(r"<int:\w+>", "1", path)
    path = re.sub(r"<int:z>/<int:x>/<int:y>", "16/54700/26800", path)
    return re.sub(r"<[^>]+>", "nothing", path)


@pytest.mark.parametrize("role", [None, *ROLES])
def test_a_route_answers_a_role_as_declared(app, district, places, role):
    client, token = app.test_client(), token_of(district, role, places["community"])
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    held = (role,) if role else ()
    tried = 0
    for line in matrix.lines(app, LAYERS):
        path = filled(line)
        if path is None:
            continue
        query = QUERIES.get(line.endpoint, "")
        answer = client.open(f"{path}?{query}" if query else path, method=line.method, headers=headers)
        said = (role, line.method, path, answer.status_code, answer.get_data()[:300].decode(errors="replace"))
        assert answer.status_code < 500, said
        if line.allows(*held):
            assert answer.status_code != 403 or "csrf" in said[-1], said
            assert answer.status_code != 401 or line.endpoint.startswith(("sign_in.", "account.")), said
        elif role is None:
            refused = answer.status_code == 401 or (line.method != "GET" and answer.status_code == 403)
            assert refused, said
        else:
            assert answer.status_code == 403, said
        tried += 1
    assert tried > 60


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("role", ROLES)
def test_what_lies_outside_the_places_granted_does_not_exist(app, district, things, places, role, level):
    place = places[level]
    client, headers = app.test_client(), {"Authorization": f"Bearer {token_of(district, role, place)}"}
    by_layer = defaultdict(list)
    for thing in things:
        by_layer[thing.layer].append(thing)
    for name, rows in by_layer.items():
        may = f"{name}.view" in ROLES[role].verbs
        seen = [thing for thing in rows if is_visible(thing, role, place, things)]
        unseen = [thing for thing in rows if not is_visible(thing, role, place, things)]
        for thing in [*seen[:1], *unseen[-1:], Thing(name, "missing-1", "", None, None, None)]:
            expected = 403 if not may else 200 if thing in seen else 404
            panels = [f"/panel/{name}/{thing.code}"] if role in LISTS else []
            for path in (f"/api/v1/layers/{name}/features/{thing.code}", *panels):
                answer = client.get(path, headers=headers)
                assert answer.status_code == expected, (
                    role,
                    place,
                    path,
                    answer.get_data()[:300].decode(errors="replace"),
                )
        if may and role in LISTS:
            listed = listed_codes(client, headers, name)
            assert listed == {thing.code for thing in seen}, (role, place, name)


def listed_codes(client, headers, layer) -> set[str]:
    codes, path = set(), f"/api/v1/layers/{layer}/features?limit=1000"
    while path:
        page = client.get(path, headers=headers).get_json()
        codes |= {feature["properties"]["code"] for feature in page["features"]}
        path = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    return codes


def test_a_foreign_building_answers_word_for_word_like_a_missing_one(app, district, things, places):
    foreign = next(t.code for t in things if t.layer == "building" and t.community != places["community"])
    missing = "99010699900100001"
    headers = {"Authorization": f"Bearer {token_of(district, 'grid_worker', places['grid'])}"}
    client = app.test_client()
    for path in ("/api/v1/layers/building/features/{}", "/api/v1/buildings/{}/nearest/supply_point",
                 "/api/v1/buildings/{}/volunteers", "/panel/building/{}"):  # fmt: skip
        one, other = (client.get(path.format(code), headers=headers) for code in (foreign, missing))
        assert one.status_code == other.status_code == 404
        assert one.get_data(as_text=True).replace(foreign, "X") == other.get_data(as_text=True).replace(missing, "X")
