"""The impact of a zone against a count by brute force: shapely over everything read from the demo, no index, no SQL."""

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations

import pytest
import shapely
import sqlalchemy as sa
from pyproj import Geod

from gridmap.access import LOCAL
from gridmap.db import transaction
from gridmap.hierarchy import building, household, household_priority
from gridmap.layers.closure_zone.scope import Item, Scope, worded
from gridmap.layers.supply_point import table as supply_point
from gridmap.layers.volunteer import table as volunteer
from gridmap.reports import impact
from gridmap.reports.smaller import Candidate, smallest
from tests.conftest import client_of, session_of

ZONES = 200
CGCS2000 = Geod(a=6378137.0, rf=298.257222101)
PATH = "/api/v1/closure_zones/impact"


@dataclass
class Exported:
    """Everything the count needs, as rows and shapely geometries."""

    buildings: dict = field(default_factory=dict)  # id -> (footprint, position, code)
    households: dict = field(default_factory=dict)  # id -> (position, people, building id, code)
    tags: list = field(default_factory=list)  # (household id, tag, people)
    points: dict = field(default_factory=dict)  # code -> position
    volunteers: list = field(default_factory=list)  # (position, on duty)


@pytest.fixture(scope="module")
def exported(demo) -> Exported:
    found = Exported()
    with demo.connect() as conn:
        wkb = sa.func.ST_AsBinary
        b, h, p, s, v = building.c, household.c, household_priority.c, supply_point.c, volunteer.c
        for row in conn.execute(sa.select(b.id, wkb(b.geom), wkb(b.position), b.code)):
            found.buildings[row[0]] = (*(shapely.from_wkb(bytes(part)) for part in row[1:3]), row[3])
        for row in conn.execute(sa.select(h.id, wkb(h.geom), h.people_count, h.building_id, h.code)):
            found.households[row[0]] = (shapely.from_wkb(bytes(row[1])), *row[2:])
        found.tags = [tuple(row) for row in conn.execute(sa.select(p.household_id, p.tag, p.people_count))]
        found.points = {row[0]: shapely.from_wkb(bytes(row[1])) for row in conn.execute(sa.select(s.code, wkb(s.geom)))}
        found.volunteers = [
            (shapely.from_wkb(bytes(row[0])), row[1]) for row in conn.execute(sa.select(wkb(v.geom), v.on_duty))
        ]
    return found


def zones(exported: Exported, count: int) -> list:
    """Random polygons over the district and adversarial ones: along walls, slivers, holes, points on the border."""
    dice = random.Random(5)
    shapes = [shape for shape, _, _ in exported.buildings.values()]
    homes = [row[0] for row in exported.households.values()]
    west, south, east, north = shapely.total_bounds(shapes)
    whole = shapely.box(west - 0.001, south - 0.001, east + 0.001, north + 0.001)
    made = [
        whole,
        whole.difference(shapely.box(west, south, (west + east) / 2, north)),
        shapes[0],
        shapely.box(0, 0, 1, 1),
    ]
    for shape in dice.sample(shapes, 20):
        made += [
            shape.envelope,
            shape.convex_hull.buffer(0.0002).difference(shape),
        ]  # along walls; all around but inside not
    for home in dice.sample(homes, 20):
        made.append(shapely.box(home.x, home.y, home.x + 0.0004, home.y + 0.0004))  # a home on the corner
        made.append(shapely.box(west, home.y, east, home.y + 1e-9))  # a sliver along a row of homes
    while len(made) < count:
        x, y, r = dice.uniform(west, east), dice.uniform(south, north), dice.uniform(0.0001, 0.006)
        ring = [(x + dice.uniform(-r, r), y + dice.uniform(-r, r)) for _ in range(dice.randint(3, 12))]
        hull = shapely.MultiPoint(ring).convex_hull
        hole = shapely.Point(x, y).buffer(r / 3, quad_segs=4)
        shape = hull.difference(hole) if dice.random() < 0.4 else hull
        made += [shape] if shape.area > 0 else []
    return [as_multi(shape) for shape in made[:count]]


def as_multi(shape) -> shapely.MultiPolygon:
    return shapely.MultiPolygon([part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"])


def usual_points(exported: Exported) -> dict:
    """The nearest supply point of each building by pyproj over all points, ties by code."""
    codes = sorted(exported.points)
    marks = [exported.points[code] for code in codes]
    usual = {}
    for key, (_, position, _) in exported.buildings.items():
        n = len(codes)
        away = CGCS2000.inv([position.x] * n, [position.y] * n, [m.x for m in marks], [m.y for m in marks])[2]
        usual[key] = min(zip((round(m, 6) for m in away), codes, strict=True))[1]
    return usual


def counted(exported: Exported, usual: dict, zone) -> dict:
    inside = {key for key, row in exported.households.items() if zone.covers(row[0])}
    houses = [
        shape for shape, _, _ in exported.buildings.values() if zone.intersects(shape) and not zone.touches(shape)
    ]
    tags: Counter = Counter()
    for key, tag, people in exported.tags:
        if key in inside:
            tags[tag] += people
    points = {code for code, position in exported.points.items() if zone.covers(position)}
    cut: Counter = Counter()
    for key, row in exported.households.items():
        point = usual[row[2]]
        if (point in points) != (key in inside):
            cut[point] += 1
    return {
        "buildings": len(houses), "households": len(inside), "people": sum(exported.households[key][1] for key in inside),
        "priority": dict(tags), "inside": points, "cut_off": dict(cut),
        "volunteers": sum(zone.covers(position) for position, _ in exported.volunteers),
        "on_duty": sum(duty and zone.covers(position) for position, duty in exported.volunteers),
    }  # fmt: skip


def test_the_impact_of_any_zone_is_the_count_by_brute_force(demo, exported):
    usual = usual_points(exported)
    with transaction(demo, LOCAL) as conn:
        for zone in zones(exported, ZONES):
            told = impact.of_scope(conn, LOCAL, Scope(zone), "lockdown", [])
            found = {
                **{name: told[name] for name in ("buildings", "households", "people", "priority")},
                "inside": {point["code"] for point in told["supply_points"]["inside"]},
                "cut_off": {point["code"]: point["households"] for point in told["supply_points"]["cut_off"]},
                "volunteers": told["volunteers"]["inside"], "on_duty": told["volunteers"]["on_duty"],
            }  # fmt: skip
            assert found == counted(exported, usual, zone), zone.wkt[:300]


def candidates(dice: random.Random) -> tuple[list[Candidate], list[str], dict[str, int]]:
    homes = [f"h{n:02d}" for n in range(14)]
    people = {home: dice.randint(0, 4) for home in homes}
    reasons = [f"r{n}" for n in range(dice.randint(1, 5))]
    made = [
        Candidate(
            Item("estate", f"c{n:02d}", f"c{n}", tuple(dice.sample("abcdef", dice.randint(1, 3)))),
            frozenset(dice.sample(homes, dice.randint(0, 8))),
            frozenset(dice.sample(reasons, dice.randint(0, len(reasons)))),
        )
        for n in range(dice.randint(1, 9))
    ]
    return made, reasons, people


def by_brute_force(made, reasons, people):
    best = None
    for size in range(1, len(made) + 1):
        for chosen in combinations(made, size):
            if frozenset(reasons) <= frozenset().union(*(one.reasons for one in chosen)):
                homes = frozenset().union(*(one.homes for one in chosen))
                order = (len(homes), sum(people[home] for home in homes))
                best = order if best is None else min(best, order)
    return best


def test_the_smaller_zone_is_the_smallest_of_all_unions():
    dice = random.Random(7)
    for _ in range(300):
        made, reasons, people = candidates(dice)
        found, expected = smallest(made, reasons, people), by_brute_force(made, reasons, people)
        if expected is None:
            assert found is None
        else:
            homes = frozenset().union(*(one.homes for one in found))
            assert (len(homes), sum(people[home] for home in homes)) == expected


def ask(client, **body):
    html = client.get("/account").get_data(as_text=True)
    csrf = html.partition('name="csrf" value="')[2].partition('"')[0]
    return client.post(PATH, json={"type": "lockdown"} | body, headers={"X-CSRF-Token": csrf})


@pytest.fixture
def house(exported) -> tuple[str, list[str]]:
    """The code of the building with most stair units, with the codes of its households."""
    units = {(row[2], row[3][:19]) for row in exported.households.values()}
    key = Counter(building_id for building_id, _ in units).most_common(1)[0][0]
    return exported.buildings[key][2], sorted(row[3] for row in exported.households.values() if row[2] == key)


def test_a_named_building_counts_with_its_own_households_wherever_they_are_drawn(client, exported, house):
    code, homes = house
    told = ask(client, items=[code]).json
    assert (told["buildings"], told["households"]) == (1, len(homes))
    assert told["people"] == sum(row[1] for row in exported.households.values() if row[3] in homes)


def test_a_stair_unit_counts_its_own_households_only_and_is_the_smaller_zone_of_a_home_in_it(client, house):
    code, homes = house
    unit = homes[0][:19]
    expected = sum(home.startswith(unit) for home in homes)
    assert ask(client, items=[unit]).json["households"] == expected
    smaller = ask(client, items=[code], index=[homes[0]]).json["smaller"]
    assert [item["code"] for item in smaller["items"]] == [unit]
    assert (smaller["households"], smaller["fewer"]["households"]) == (expected, len(homes) - expected)


def test_needs_and_days_of_cover_follow_norm_and_count_and_say_where_nothing_was_counted(client, exported):
    west, south, east, north = shapely.total_bounds([shape for shape, _, _ in exported.buildings.values()])
    told = ask(client, geometry=json.loads(shapely.to_geojson(shapely.box(west, south, east, north)))).json
    needs = {need["code"]: need for need in told["needs_per_day"]}
    assert needs["drinking_water"]["quantity"] == pytest.approx(told["people"] * 2.5, abs=0.06)  # Sphere, 2.5 l
    assert needs["delivery_staff"]["quantity"] == pytest.approx(told["households"] / 8, abs=0.06)
    cover = {item["code"]: item for item in told["days_of_cover"]}
    water = cover["drinking_water"]
    assert water["days"] == pytest.approx(water["stock"] / needs["drinking_water"]["quantity"], abs=0.05)
    nowhere = ask(client, geometry=json.loads(shapely.to_geojson(shapely.box(10, 10, 10.1, 10.1)))).json
    assert {item["reason"] for item in nowhere["days_of_cover"]} == {"no_stock_recorded"}
    assert all(item["days"] is None for item in nowhere["days_of_cover"])


def test_of_zones_on_one_ground_the_strictest_rules(client, exported):
    west, south, east, north = shapely.total_bounds([shape for shape, _, _ in exported.buildings.values()])
    geometry = json.loads(shapely.to_geojson(shapely.box(west, south, east, north)))
    overlaps = ask(client, type="control", geometry=geometry).json["overlaps"]
    rules = {zone["type"]: (zone["rule"], zone["wins"]) for zone in overlaps}
    assert rules["lockdown"] == ("lockdown", "other")
    assert rules["prevention"] == ("control", "this")


def test_who_may_not_know_a_number_is_not_told_it(app, demo, exported):
    west, south, east, north = shapely.total_bounds([shape for shape, _, _ in exported.buildings.values()])
    geometry = json.loads(shapely.to_geojson(shapely.box(west, south, east, north)))
    planner = ask(client_of(app, session_of(demo, ("planner", "all"))), geometry=geometry).json
    per = Counter(row[2] for row in exported.households.values())
    assert planner["households"] == sum(count for count in per.values() if count >= 5)
    assert (planner["priority"], planner["volunteers"]["centre_households"]) == (None, None)
    member = ask(client_of(app, session_of(demo, ("party_member", "all"))), geometry=geometry).json
    assert (member["households"], member["people"], member["priority"]) == (None, None, None)
    assert {item["quantity"] for item in member["needs_per_day"]} == {None}


def test_a_home_alone_is_not_told_to_who_may_not_know_small_numbers(app, demo, exported):
    home = next(iter(exported.households.values()))[0]
    client = client_of(app, session_of(demo, ("planner", "all")))
    around = [shapely.box(home.x - r, home.y - r, home.x + r, home.y + r) for r in (1e-8, 2e-6)]
    told = [ask(client, geometry=json.loads(shapely.to_geojson(shape))).json for shape in around]
    assert told[0]["households"] == told[1]["households"]  # both the whole building


@pytest.mark.parametrize("field", ["items", "index"])
def test_a_foreign_code_is_refused_like_a_missing_one(app, demo, exported, field):
    codes = sorted(row[2] for row in exported.buildings.values())
    with demo.connect() as conn:
        grids = dict(conn.execute(sa.select(building.c.code, building.c.neighbourhood)).all())
    own, foreign = codes[0], next(code for code in codes if grids[code] != grids[codes[0]])
    client = client_of(app, session_of(demo, ("grid_worker", grids[own])))
    answers = []
    for code in (foreign, "99010699900100001"):
        found = ask(client, **({"items": [own]} | {field: [code]}))
        answers.append((found.status_code, found.get_data(as_text=True).replace(code, "X")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


SQUARE = [[120, 30], [120.1, 30], [120.1, 30.1], [120, 30.1], [120, 30]]
BOMBS = {
    "a point": {"type": "Point", "coordinates": [120, 30]},
    "no type": {"coordinates": [SQUARE]},
    "a bow tie": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
    "an open ring": {"type": "Polygon", "coordinates": [SQUARE[:-1]]},
    "no ring": {"type": "Polygon", "coordinates": []},
    "no polygon": {"type": "MultiPolygon", "coordinates": []},
    "a text": {"type": "Polygon", "coordinates": [[["a", "b"], [1, 1], [2, 2], ["a", "b"]]]},
    "far away": {"type": "Polygon", "coordinates": [[[999, 0], [1, 1], [1, 0], [999, 0]]]},
    "all the world": {"type": "Polygon", "coordinates": [[[-170, -80], [170, -80], [170, 80], [-170, 80], [-170, -80]]]},
    "a flat ring": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0], [0, 0]]]},
    "too many vertices": {"type": "Polygon", "coordinates": [[[0, 0]] * 60_000]},
    "a comb that crosses itself": {
        "type": "Polygon", "coordinates": [[*([n % 2, n * 1e-4] for n in range(19_000)), [0.5, -1], [0, 0]]]
    },
    "many polygons on one another": {"type": "MultiPolygon", "coordinates": [[SQUARE]] * 3_900},
    "a hole outside": {"type": "Polygon", "coordinates": [SQUARE, [[x + 1, y] for x, y in SQUARE]]},
    "nested lists": {"type": "Polygon", "coordinates": [[[[[[[1]]]]]]]},
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_an_area_that_is_none_is_refused_by_name(client, bomb):
    found = ask(client, geometry=bomb)
    assert (found.status_code, found.json["where"]) == (422, "geometry"), found.get_data()


def test_either_an_area_or_places_are_sent(client, house):
    assert ask(client).status_code == 422
    assert ask(client, geometry=BOMBS["a point"], items=[house[0]]).status_code == 422
    assert ask(client, items=[]).status_code == 422


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([("building", "1", "1幢"), ("building", "2", "2幢"), ("building", "3", "3幢"), ("building", "7", "7幢")], "1–3、7幢"),
        ([("unit", "9" * 17 + "02", "3幢"), ("unit", "9" * 17 + "03", "3幢")], "3幢2、3单元"),
        ([("estate", "E1", "杏园"), ("building", "1", "体育馆")], "杏园、体育馆"),
        ([("household", "9" * 17 + "010203", "3幢")], "3幢1单元203室"),
    ],
)  # fmt: skip
def test_places_are_told_as_an_order_writes_them(items, words):
    assert worded([Item(*item) for item in items]) == words
