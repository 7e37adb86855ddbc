"""The generated district: the same for the same seed, clean in its geometry, within the numbers of the field."""

from collections import Counter
from datetime import date

import numpy as np
import pytest
import shapely

from gridmap import demo
from gridmap.errors import InvalidInput
from tests.demo.conftest import HOUSEHOLDS, District, gathered

CLEAN_M2 = 0.5  # coordinates are stored to about a centimetre: along a border of 300 m that is a strip of some dm²


def written(households: int, seed: int, **options: date) -> list[str]:
    return [repr((batch.table.name, batch.columns)) for batch in demo.generate(households, seed, **options)]


def test_the_same_seed_gives_the_same_district_to_the_byte():
    assert written(2000, 7) == written(2000, 7)


def test_another_seed_gives_another_district():
    assert written(1000, 7) != written(1000, 8)


def test_the_day_moves_counts_zones_moves_and_visits_and_nothing_else():
    here, later = written(1000, 7), written(1000, 7, day=date(2027, 5, 1))
    changed = {a.split("'")[1] for a, b in zip(here, later, strict=True) if a != b}
    assert changed == {"stock_count", "closure_zone", "zone_order", "resident", "visit"}


def test_a_larger_district_begins_with_the_smaller_one():
    small, large = gathered(9_000), gathered(12_000)
    code = small["community"]["code"][0]
    for table in ("building", "household"):
        count = small[table]["community"].count(code)
        assert small[table]["code"][:count] == large[table]["code"][:count]
        assert small[table]["geom"][:count] == large[table]["geom"][:count]


@pytest.mark.parametrize("households", [99, 3_000_001])
def test_a_number_out_of_range_is_refused(households):
    with pytest.raises(InvalidInput):
        list(demo.generate(households))


@pytest.mark.parametrize("households", [300, 1000, 1500, 2600, 6000])
def test_about_the_wanted_number_of_households_is_made(households):
    made = sum(len(batch) for batch in demo.generate(households) if batch.table.name == "household")
    assert made == pytest.approx(households, rel=0.1)


def test_a_community_has_1000_to_3000_households_and_a_grid_300_to_500(district):
    # domain.md section 2: RCL article 3 for the community; a grid at most 2,500 people
    homes = district["household"]
    communities, grids = Counter(homes["community"]), Counter(homes["neighbourhood"])
    assert sum(communities.values()) == pytest.approx(HOUSEHOLDS, rel=0.03)
    assert all(1000 <= count <= 3000 for count in communities.values())
    kinds = dict(zip(district["neighbourhood"]["code"], district["neighbourhood"]["kind"], strict=True))
    assert all(300 <= grids[code] <= 500 for code, kind in kinds.items() if kind == "general")
    people: Counter[str] = Counter()
    for grid, count in zip(homes["neighbourhood"], homes["people_count"], strict=True):
        people[grid] += count
    assert max(people.values()) <= 2500


def test_a_lived_in_household_has_about_2_6_people_and_a_vacant_one_none(district):
    homes = district["household"]
    pairs = list(zip(homes["occupancy"], homes["people_count"], strict=True))
    families = [people for occupancy, people in pairs if occupancy in ("resident", "rented")]
    assert np.mean(families) == pytest.approx(2.6, abs=0.15)
    assert min(families) == 1
    assert {people for occupancy, people in pairs if occupancy in ("vacant", "shop")} == {0}


def test_codes_nest(district):
    for table, level, digits in (("neighbourhood", "community", 12), ("building", "community", 12)):
        pairs = zip(district[table]["code"], district[table][level], strict=True)
        assert all(code[:digits] == above for code, above in pairs)
    homes = district["household"]
    parts = zip(homes["code"], homes["building"], homes["unit"], homes["room"], strict=True)
    assert all(code == building + unit + room for code, building, unit, room in parts)
    divisions = set(district["division"]["code"])
    assert {code[:9] for code in district["community"]["code"]} <= divisions
    for table in ("community", "neighbourhood", "building", "household", "street", "supply_point", "volunteer"):
        codes = district[table]["code"]
        assert len(codes) == len(set(codes))


def test_grids_are_numbered_from_the_north_west(district):
    middles = shapely.get_coordinates(shapely.centroid(district.shapes("neighbourhood")))
    for community in district["community"]["code"]:
        own = [k for k, above in enumerate(district["neighbourhood"]["community"]) if above == community]
        first, last = middles[own[0]], middles[own[-1]]
        assert first[1] > last[1] or first[0] < last[0]


def test_grids_tile_their_community(district):
    grids = district.shapes("neighbourhood")
    for code, area in zip(district["community"]["code"], district.shapes("community"), strict=True):
        own = grids[[above == code for above in district["neighbourhood"]["community"]]]
        assert abs(shapely.area(own).sum() - area.area) < CLEAN_M2
        assert shapely.symmetric_difference(shapely.union_all(own), area).area < CLEAN_M2
        assert all(shapely.get_num_geometries(own) == 1)


def test_communities_do_not_overlap(district):
    areas = district.shapes("community")
    a, b = shapely.STRtree(areas).query(areas, predicate="intersects")
    assert shapely.area(shapely.intersection(areas[a[a < b]], areas[b[a < b]])).max() < CLEAN_M2


def test_footprints_do_not_touch_and_lie_inside_their_estate_and_grid(district):
    buildings = district.shapes("building")
    a, b = shapely.STRtree(buildings).query(buildings, predicate="dwithin", distance=6.0)
    assert (a == b).all()  # nothing stands nearer than 6 m
    estates, grids = district.index("estate"), district.index("neighbourhood")
    own = [estates[id_] for id_ in district["building_estate"]["estate_id"]]
    assert district["building_estate"]["building_id"] == district["building"]["id"]
    assert shapely.covers(district.shapes("estate")[own], buildings).all()
    own = [grids[id_] for id_ in district["building"]["neighbourhood_id"]]
    assert shapely.covers(district.shapes("neighbourhood")[own], buildings).all()


def test_there_are_slabs_towers_and_courtyards():
    buildings = gathered(40_000)
    outlines = shapely.get_parts(buildings.shapes("building"))
    assert (shapely.get_num_interior_rings(outlines) == 1).any()
    assert max(buildings["building"]["floors"]) >= 20
    assert min(buildings["building"]["floors"]) <= 6
    assert set(buildings["household"]["occupancy"]) == {"resident", "rented", "vacant", "shop", "dormitory"}


def test_homes_lie_apart_inside_their_building(district):
    buildings = district.index("building")
    own = [buildings[id_] for id_ in district["household"]["building_id"]]
    homes = district.shapes("household")
    assert shapely.covers(district.shapes("building")[own], homes).all()
    assert len({(round(x, 1), round(y, 1)) for x, y in shapely.get_coordinates(homes)}) == len(homes)


def test_streets_are_connected_at_their_ends(district):
    leader: dict[tuple[float, float], tuple[float, float]] = {}

    def find(node: tuple[float, float]) -> tuple[float, float]:
        while leader.setdefault(node, node) != node:
            node = leader[node]
        return node

    lines = shapely.from_wkb(district["street"]["geom"])
    for line in lines:
        leader[find(line.coords[0])] = find(line.coords[-1])
    assert len({find(node) for node in list(leader)}) == 1
    assert len({line.wkt for line in lines}) == len(lines)
    assert shapely.length(district.shapes("street")).min() > 5
    assert all(
        name
        for name, kind in zip(district["street"]["name"], district["street"]["kind"], strict=True)
        if kind != "path"
    )


def test_every_seed_keeps_the_limits():
    for seed in range(2, 7):
        other = gathered(5_000, seed)
        grids = Counter(other["household"]["neighbourhood"])
        kinds = zip(other["neighbourhood"]["code"], other["neighbourhood"]["kind"], strict=True)
        assert all(300 <= grids[code] <= 500 for code, kind in kinds if kind == "general")
        assert all(1000 <= count <= 3000 for count in Counter(other["household"]["community"]).values())


def test_ids_are_version_7_and_rise(district: District):
    ids = district["household"]["id"]
    assert ids == sorted(ids)
    assert {(id_[14], id_[19] in "89ab") for id_ in ids} == {("7", True)}
