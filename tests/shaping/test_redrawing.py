"""Grids and buildings merged, parted, reshaped and taken back in the register, with all that stands or lives in them."""

import json
import random

import pytest
import shapely
import sqlalchemy as sa
from geoalchemy2.shape import to_shape
from shapely import LineString

from gridmap import db
from gridmap.access import LOCAL, acting
from gridmap.editing import Edit, Refused, Stale, change, create, restore
from gridmap.errors import Conflict, InvalidInput, NotAllowed
from gridmap.layers import LAYERS
from gridmap.shaping import buildings, grids, mosaic
from gridmap.shaping.versions import VersionsNeeded
from tests.exchange.making import COMMUNITY, EAST, NORTH, SOUTH, WEST, house

FIRST, SECOND, THIRD = (f"{COMMUNITY}{n:03d}" for n in (1, 2, 3))
HALF, LAT = (WEST + EAST) / 2, (SOUTH + NORTH) / 2
ONE, TWO = f"{COMMUNITY}00001", f"{COMMUNITY}00002"
GRID, BUILDING = LAYERS["neighbourhood"], LAYERS["building"]


def make(engine, layer, properties, geometry=None):
    with db.transaction(engine, LOCAL) as conn:
        edit = Edit(properties) if geometry is None else Edit(properties, geometry)
        return create(conn, LOCAL, LAYERS[layer], edit).code


@pytest.fixture
def register(service):
    """A building on either side of the border of two grids, each with a household; a party household and a branch."""
    for number, lon in (("1", HALF - 0.001), ("2", HALF + 0.001)):
        code = make(service, "building", {"name": f"{number}幢", "units": 1}, house(lon, LAT))
        make(service, "household", {"building": code, "unit": "1", "room": "101", "people_count": 2})
    committee = make(service, "party_unit", {"name": "党委", "level": "committee", "community": COMMUNITY})
    make(
        service, "party_unit", {"name": "第二支部", "level": "branch", "parent": committee, "neighbourhoods": [SECOND]}
    )
    make(service, "party_household", {"code": f"{TWO}010101"})
    return service


def run(engine, act, *given, **named):
    with db.transaction(engine, LOCAL) as conn:
        return act(conn, LOCAL, *given, **named)


def rows(engine, layer, *columns):
    table = LAYERS[layer].table
    with db.transaction(engine, LOCAL) as conn:
        query = sa.select(*(table.c[name] for name in columns)).where(table.c.valid_to.is_(None))
        return [tuple(row) for row in conn.execute(query.order_by(table.c.code))]


def covers_of(engine) -> list[str]:
    with db.transaction(engine, LOCAL) as conn:
        return list(conn.scalars(sa.text(
            "SELECT n.code FROM neighbourhood_party_unit AS p JOIN neighbourhood AS n ON n.id = p.neighbourhood_id ORDER BY 1"
        )))  # fmt: skip


def test_when_grids_merge_buildings_households_party_households_and_covers_follow(register):
    done = run(register, grids.merge, FIRST, [SECOND], {FIRST: 1, SECOND: 1}, "合并网格")
    assert done.versions == {FIRST: 2, SECOND: 2}
    assert rows(register, "neighbourhood", "code", "name") == [(FIRST, "合并网格")]
    for layer in ("building", "household", "party_household"):
        assert {row[0] for row in rows(register, layer, "neighbourhood")} == {FIRST}
    assert covers_of(register) == [FIRST]


def test_a_merged_pair_is_taken_back_whole(register):
    before = [rows(register, layer, "code", "neighbourhood") for layer in ("building", "household", "party_household")]
    shapes = [to_shape(row[0]) for row in rows(register, "neighbourhood", "geom")]
    run(register, grids.merge, FIRST, [SECOND], {FIRST: 1, SECOND: 1})
    run(register, grids.undo, GRID, FIRST, {FIRST: 2})
    assert [
        rows(register, layer, "code", "neighbourhood") for layer in ("building", "household", "party_household")
    ] == before
    assert [to_shape(row[0]) for row in rows(register, "neighbourhood", "geom")] == shapes
    assert covers_of(register) == [SECOND]


def test_a_change_in_between_keeps_a_merging_from_being_taken_back_in_part(register):
    run(register, grids.merge, FIRST, [SECOND], {FIRST: 1, SECOND: 1})
    with db.transaction(register, LOCAL) as conn:
        table = BUILDING.table
        conn.execute(sa.update(table).where(table.c.code == TWO)
                     .values(name="改", version=table.c.version + 1, changed_at=sa.func.now(), changed_by="x"))  # fmt: skip
    with pytest.raises(Conflict, match=TWO):
        run(register, grids.undo, GRID, FIRST, {FIRST: 2})
    assert [code for (code,) in rows(register, "neighbourhood", "code")] == [FIRST]


def test_a_grid_is_parted_along_a_line_and_the_new_part_has_the_branch_of_the_old_one(register):
    line = LineString([(HALF + 0.01, SOUTH - 0.001), (HALF + 0.01, NORTH + 0.001)])
    done = run(register, grids.split, SECOND, {SECOND: 1}, line, "新网格")
    assert (done.code, done.new) == (SECOND, THIRD)
    assert dict(rows(register, "building", "code", "neighbourhood")) == {ONE: FIRST, TWO: THIRD}
    assert covers_of(register) == [SECOND, THIRD]
    assert [note.en for note in done.notes if note.code == "party_cover_followed"] == [
        "1 covers of party units follow."
    ]
    run(register, grids.undo, GRID, SECOND, {SECOND: 2})
    assert dict(rows(register, "household", "building", "neighbourhood")) == {ONE: FIRST, TWO: SECOND}


def test_a_reshaped_grid_takes_its_neighbour_along_once_that_one_is_named(register):
    drawn = shapely.box(WEST, SOUTH, HALF + 0.002, NORTH)
    with pytest.raises(VersionsNeeded) as asked:
        run(register, grids.reshape, FIRST, {FIRST: 1}, drawn)
    assert asked.value.facts == {"needed": {SECOND: 1}}
    run(register, grids.reshape, FIRST, {FIRST: 1, SECOND: 1}, drawn)
    assert {grid for (grid,) in rows(register, "household", "neighbourhood")} == {FIRST}


def test_who_comes_second_is_told(register):
    run(register, grids.merge, FIRST, [SECOND], {FIRST: 1, SECOND: 1})
    line = LineString([(HALF, SOUTH - 0.001), (HALF, NORTH + 0.001)])
    with pytest.raises(Stale):
        run(register, grids.split, FIRST, {FIRST: 1}, line)


def test_who_may_edit_one_grid_only_does_not_move_its_border(register):
    worker = acting("worker", {"neighbourhood.edit", "neighbourhood.view"}, (FIRST,))
    with pytest.raises(NotAllowed), db.transaction(register, worker) as conn:
        grids.merge(conn, worker, FIRST, [SECOND], {FIRST: 1, SECOND: 1})


def test_when_buildings_merge_doors_that_are_there_twice_are_counted_on(register):
    done = run(register, buildings.merge, ONE, [TWO], {ONE: 1, TWO: 1})
    assert "units_counted_on" in {note.code for note in done.notes}
    assert rows(register, "household", "code", "building", "neighbourhood") == [
        (f"{ONE}010101", ONE, FIRST), (f"{ONE}020101", ONE, FIRST),
    ]  # fmt: skip
    assert rows(register, "party_household", "code", "building", "neighbourhood") == [(f"{ONE}020101", ONE, FIRST)]
    assert rows(register, "building", "code", "units") == [(ONE, 2)]
    run(register, buildings.undo, BUILDING, ONE, {ONE: 2})
    assert rows(register, "household", "code") == [(f"{ONE}010101",), (f"{TWO}010101",)]
    assert rows(register, "building", "code", "units") == [(ONE, 1), (TWO, 1)]


def test_a_building_is_parted_and_the_units_named_go_with_the_new_one(register):
    make(register, "household", {"building": ONE, "unit": "2", "room": "101"})
    lon = HALF - 0.001
    line = LineString([(lon + 0.00002, LAT - 0.001), (lon + 0.00002, LAT + 0.001)])
    done = run(register, buildings.split, ONE, {ONE: 1}, line, units=["2"])
    assert done.new == f"{COMMUNITY}00003"
    assert rows(register, "household", "code") == [(f"{ONE}010101",), (f"{TWO}010101",), (f"{done.new}020101",)]
    with db.transaction(register, LOCAL) as conn:
        astray = sa.text(
            "SELECT count(*) FROM household AS h JOIN building AS b ON b.id = h.building_id"
            " WHERE h.valid_to IS NULL AND NOT ST_DWithin(h.geom, b.position, 1e-9)"
        )
        assert conn.scalar(astray) == 0
    run(register, buildings.undo, BUILDING, ONE, {ONE: 2})
    assert [code for (code,) in rows(register, "household", "code")] == [f"{ONE}010101", f"{ONE}020101", f"{TWO}010101"]


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (2, 3))])
def test_after_random_steps_every_building_and_household_stands_in_exactly_one_grid_of_a_clean_mosaic(register, seed):
    chance = random.Random(seed)
    for number in range(12):
        spot = house(chance.uniform(WEST + 0.001, EAST - 0.001), chance.uniform(SOUTH + 0.001, NORTH - 0.001))
        code = make(register, "building", {"name": f"随机{number}幢"}, spot)
        make(register, "household", {"building": code, "unit": "1", "room": "101"})
    done = sum(take_step(register, chance) for _ in range(10))
    assert done >= 3
    stored = {code: to_shape(geom) for code, geom in rows(register, "neighbourhood", "code", "geom")}
    assert mosaic.faults(stored, shapely.box(WEST, SOUTH, EAST, NORTH)) == []
    placed = rows(register, "building", "code", "neighbourhood", "position")
    for _, grid, position in placed:
        assert [code for code, area in stored.items() if area.distance(to_shape(position)) == 0].count(grid) == 1
    grid_of = {code: grid for code, grid, _ in placed}
    assert all(grid == grid_of[home] for home, grid in rows(register, "household", "building", "neighbourhood"))


def take_step(engine, chance) -> bool:
    told = dict(rows(engine, "neighbourhood", "code", "version"))
    code, other = chance.choice(list(told)), chance.choice(list(told))
    with db.transaction(engine, LOCAL) as conn:
        table = GRID.table
        area = to_shape(conn.scalar(sa.select(table.c.geom).where(table.c.code == code, table.c.valid_to.is_(None))))
    west, south, east, north = area.bounds
    lon = chance.uniform(west, east)
    try:
        kind = chance.choice(["merge", "split", "reshape"])
        if kind == "merge":
            run(engine, grids.merge, code, [other], told)
        elif kind == "split":
            run(
                engine,
                grids.split,
                code,
                told,
                LineString([(lon, south - 0.01), (chance.uniform(west, east), north + 0.01)]),
            )
        else:
            run(engine, grids.reshape, code, told, shapely.box(west, south, lon, north))
    except InvalidInput:
        return False
    return True


def test_a_border_is_not_changed_by_changing_one_grid_alone(register):
    wider = json.loads(shapely.to_geojson(shapely.box(WEST, SOUTH, HALF + 0.002, NORTH)))
    with pytest.raises(Refused) as refused:
        run(register, change, GRID, FIRST, 1, Edit({"name": "改名"}, wider))
    (fault,) = refused.value.faults
    assert fault.code == "border_shared"
    assert f"/features/{FIRST}/reshape" in fault.detail
    stored = to_shape(rows(register, "neighbourhood", "geom")[0][0])
    kept = json.loads(shapely.to_geojson(shapely.orient_polygons(stored.geoms[0].normalize())))
    assert run(register, change, GRID, FIRST, 1, Edit({"name": "改名"}, kept)).version == 2


def test_restoring_an_earlier_version_of_a_grid_leaves_its_border_and_says_so(register):
    run(register, change, GRID, FIRST, 1, Edit({"name": "改名"}))
    run(register, grids.reshape, FIRST, {FIRST: 2, SECOND: 1}, shapely.box(WEST, SOUTH, HALF + 0.002, NORTH))
    before = rows(register, "neighbourhood", "geom")
    done = run(register, restore, GRID, FIRST, 3, 1)
    assert [note.code for note in done.notes] == ["border_kept"]
    assert rows(register, "neighbourhood", "geom") == before
    assert rows(register, "neighbourhood", "name")[0] != ("改名",)


def test_a_grid_that_was_merged_away_is_not_restored_over_the_one_that_took_it_in(register):
    run(register, grids.merge, FIRST, [SECOND], {FIRST: 1, SECOND: 1})
    with pytest.raises(Conflict, match=FIRST):
        run(register, restore, GRID, SECOND, 2, 1)
