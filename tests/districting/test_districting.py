"""Grids hang together, tile the community, cut no building, keep every household, and lie in the band."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gridmap.districting import Band, Footprint, atoms_of, cells_of, measure, random_split_quotient, reach, search
from gridmap.districting.plan import Plan
from gridmap.errors import InvalidInput

BAND = Band(300, 500)
DEGREE_M2 = 111_000 * 95_000  # a square degree at 31° N, roughly
LON, LAT = 120.6, 30.9
M = 1e-5  # degrees, about a metre
AWAY = np.array([0.02, 0.0])  # degrees


def box(x: float, y: float, width: float, height: float):
    return shapely.box(LON + x * M, LAT + y * M, LON + (x + width) * M, LAT + (y + height) * M)


def assert_sound(community, footprints, atoms, part):
    """The area of the union equals the community's, nothing overlaps, each grid is one piece, no building is cut."""
    cells = cells_of(atoms, part)
    whole = shapely.area(community)
    assert all(cell.geom_type == "Polygon" and cell.is_valid for cell in cells)
    assert sum(cell.area for cell in cells) == pytest.approx(shapely.union_all(cells).area, rel=1e-12)
    assert sum(cell.area for cell in cells) == pytest.approx(whole, rel=1e-6)
    around = community.length
    assert (
        shapely.union_all(cells).symmetric_difference(community).area < around * 2e-6 * M
    )  # two micrometres of border
    corners = {tuple(corner) for cell in cells for corner in shapely.get_coordinates(cell).tolist()}
    assert set(map(tuple, shapely.get_coordinates(community).tolist())) <= corners
    for footprint in footprints:
        inside = footprint.shape.intersection(community)
        shares = [cell.intersection(inside).area for cell in cells]
        if inside.area:
            assert max(shares) == pytest.approx(inside.area, rel=1e-6), footprint.code
    held = np.bincount(part, atoms.households)
    assert held.sum() == sum(one.households for one in footprints)
    codes = sorted(code for group in atoms.buildings for code in group)
    assert codes == sorted(one.code for one in footprints)


def real(real_data, *bounds):
    """Buildings of a part of Lujiazui with made-up households: storeys from height, 110 m2 a home, some are offices."""
    found: dict[str, list] = {}
    heights: dict[str, float] = {}
    for feature in json.loads((real_data / "osm/shanghai-lujiazui-buildings.geojson").read_text())["features"]:
        shape, facts = shapely.geometry.shape(feature["geometry"]), feature["properties"]
        if shape.geom_type in ("Polygon", "MultiPolygon"):
            found.setdefault(str(facts["id"]), []).append(shape.buffer(0))
            heights[str(facts["id"])] = facts.get("height") or 12.0
    area, rng = shapely.box(*bounds), np.random.default_rng(3)
    footprints = []
    for code in sorted(found):
        shape = shapely.union_all(found[code])
        if area.contains(shape.point_on_surface()):
            homes = shape.area * DEGREE_M2 * max(heights[code] // 3, 1) / 110 * rng.choice([0.0, 0.6, 1.0])
            footprints.append(Footprint(code, int(min(homes, 200)), shape))
    roads = json.loads((real_data / "osm/shanghai-lujiazui-roads.geojson").read_text())["features"]
    lines = [shapely.geometry.shape(road["geometry"]) for road in roads]
    return area, footprints, [line for line in lines if line.intersects(area)]


@pytest.mark.parametrize(
    "bounds", [(121.505, 31.228, 121.518, 31.238), (121.487, 31.228, 121.492, 31.234)], ids=["towers", "lanes"]
)
def test_real_buildings_become_grids_of_300_to_500_households_along_streets(real_data, bounds):
    area, footprints, streets = real(real_data, *bounds)
    atoms = atoms_of(area, footprints, streets)
    part = search(atoms, BAND, seed=7)
    assert_sound(area, footprints, atoms, part)
    found = measure(atoms, BAND, part)
    assert len(found.households) >= 4
    assert found.in_band >= 0.95
    assert found.mean_quotient > 1.3 * random_split_quotient(atoms, BAND, seed=7)
    assert found.street_share is not None
    assert found.street_share > 0.5
    without = atoms_of(area, footprints)
    assert measure(without, BAND, search(without, BAND, seed=7)).street_share == 0


def rows(across: int, along: int, households: int = 24):
    """Rows of blocks of 40 x 12 m, 25 m apart from north to south, with a street after every second row."""
    footprints = [
        Footprint(f"{i * along + j:03d}", households, box(60 * i + 10, 37 * j + 12, 40, 12))
        for i in range(across)
        for j in range(along)
    ]
    community = box(0, 0, 60 * across, 37 * along)
    streets = [
        shapely.LineString([(LON - 5 * M, LAT + 74 * n * M), (LON + (60 * across + 5) * M, LAT + 74 * n * M)])
        for n in range(1, along // 2 + 1)
    ]
    return community, footprints, streets


def test_the_same_seed_gives_the_same_plan_and_another_may_not():
    atoms = atoms_of(*rows(8, 10))
    first, again = search(atoms, BAND, seed=5), search(atoms, BAND, seed=5)
    assert first.tolist() == again.tolist()
    assert measure(atoms, BAND, first).in_band == 1


def test_regular_blocks_make_the_grids_one_would_draw():
    community, footprints, streets = rows(8, 8, households=25)  # 1,600 households: four grids of 400
    atoms = atoms_of(community, footprints, streets)
    found = measure(atoms, BAND, search(atoms, BAND))
    assert found.households == (400, 400, 400, 400)
    # halves of each 480 x 148 m strip of four rows: 240 x 148 m have 4 pi a / p2 = 0.742
    assert found.mean_quotient > 0.70


@st.composite
def towns(draw):
    """Buildings on a lattice, moved, grown until some touch or overlap, with or without homes, some across the border."""
    across, along = draw(st.integers(2, 6)), draw(st.integers(2, 6))
    footprints = []
    for i in range(across):
        for j in range(along):
            if draw(st.booleans()) or (i, j) == (0, 0):
                x, y = 50 * i + draw(st.integers(-20, 20)), 40 * j + draw(st.integers(-20, 20))
                shape = box(x + 10, y + 10, draw(st.integers(8, 50)), draw(st.integers(8, 40)))
                footprints.append(Footprint(f"{i}{j}", draw(st.sampled_from([0, 3, 40, 90, 300])), shape))
    community = box(0, 0, 50 * across, 40 * along)
    corner = st.tuples(st.integers(-10, 50 * across + 10), st.integers(-10, 40 * along + 10))
    streets = [
        shapely.LineString([(LON + x * M, LAT + y * M) for x, y in ends])
        for ends in draw(st.lists(st.tuples(corner, corner), max_size=5))
        if ends[0] != ends[1]
    ]
    return community, footprints, streets


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(towns(), st.integers(0, 3))
def test_whatever_lies_in_a_community_is_parted_soundly(town, seed):
    community, footprints, streets = town
    atoms = atoms_of(community, footprints, streets)
    part = search(atoms, Band(60, 100), seed=seed)
    assert_sound(community, footprints, atoms, part)


def test_a_community_of_two_areas_gets_no_grid_that_reaches_across():
    one, homes, _ = rows(4, 8)
    away = shapely.transform(one, lambda xy: xy + AWAY)
    others = [Footprint(f"b{f.code}", f.households, shapely.transform(f.shape, lambda xy: xy + AWAY)) for f in homes]
    community = shapely.union(one, away)
    atoms = atoms_of(community, homes + others)
    part = search(atoms, BAND)
    assert_sound(community, homes + others, atoms, part)
    assert int(part.max()) + 1 == 4


@pytest.mark.parametrize(
    ("households", "count", "is_possible"),
    [(0, 1, False), (250, 1, False), (300, 1, True), (550, 2, False), (590, 2, False), (600, 2, True), (2400, 6, True)],
)
def test_the_number_of_grids_follows_from_the_households(households, count, is_possible):
    found = reach(households, BAND)
    assert (found.count, found.is_possible) == (count, is_possible)


def test_a_building_above_the_band_makes_it_impossible_and_is_still_not_cut():
    community, footprints, streets = rows(6, 6)
    footprints[0] = Footprint(footprints[0].code, 900, footprints[0].shape)
    atoms = atoms_of(community, footprints, streets)
    part = search(atoms, BAND)
    assert_sound(community, footprints, atoms, part)
    assert reach(1740, BAND, too_large=1).is_possible is False


def test_moving_atoms_keeps_the_sums_that_a_fresh_count_gives():
    atoms = atoms_of(*rows(6, 8))
    plan = Plan(atoms, BAND, search(atoms, BAND).tolist(), 400.0)
    rng = np.random.default_rng(1)
    moved = 0
    for atom in rng.permutation(len(plan.part)).tolist():
        beside = sorted({plan.part[other] for other, _, _ in plan.links[atom]} - {plan.part[atom]})
        if beside and plan.hangs_together_without(atom):
            plan.move(atom, beside[0])
            moved += 1
    assert moved > 3
    for number, members in plan.members.items():
        assert plan.sums[number] == pytest.approx(plan.summed(members), abs=1e-6)
        assert shapely.union_all(atoms.shapes[sorted(members)]).geom_type == "Polygon"


def test_what_cannot_be_parted_is_refused():
    community, footprints, _ = rows(2, 2)
    with pytest.raises(InvalidInput):
        atoms_of(community, [])
    with pytest.raises(InvalidInput):
        atoms_of(shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), footprints)
