"""Areas that fit together go on fitting together, whatever is merged, parted and reshaped.

Tolerance: what is narrower than 1 m is two drawings of one border (`mosaic.STRIP_M`); besides, the whole may gain or lose
1 m2 in all, and no two cells share 1 m2, over a district of 1.1 km2.
"""

import itertools

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString

from gridmap.errors import InvalidInput
from gridmap.shaping import mosaic

WEST, SOUTH, STEP = 121.48, 31.22, 0.004
TOLERANCE_M2 = 1.0
WHOLE = shapely.box(WEST, SOUTH, WEST + 3 * STEP, SOUTH + 2 * STEP)


def start():
    return {
        f"{row}{col}": shapely.box(
            WEST + col * STEP, SOUTH + row * STEP, WEST + (col + 1) * STEP, SOUTH + (row + 1) * STEP
        )
        for row, col in itertools.product(range(2), range(3))
    }


share = st.floats(0, 1, allow_nan=False)
step = st.tuples(st.sampled_from(["merge", "split", "reshape"]), share, share, share, share)


def at(area, x, y):
    """A position in the bounds of an area by its shares of width and height."""
    west, south, east, north = area.bounds
    return west + x * (east - west), south + y * (north - south)


def applied(cells, kind, a, b, c, d):
    codes = sorted(cells)
    code = codes[min(int(a * len(codes)), len(codes) - 1)]
    area = cells[code]
    if kind == "merge":
        other = codes[min(int(b * len(codes)), len(codes) - 1)]
        if other == code:
            return cells
        rest = {name: shape for name, shape in cells.items() if name != other}
        return {**rest, code: mosaic.merged([area, cells[other]])}
    if kind == "split":
        (west, south), (east, north) = at(area, b, -0.2), at(area, c, 1.2)
        kept, parted = mosaic.parted(area, LineString([(west, south), (east, north)]))
        name = f"{code}x"
        while name in cells:
            name += "x"
        return {**cells, code: kept, name: parted}
    moved = shapely.get_parts(area)[0]
    corners = shapely.get_coordinates(moved.exterior)[:-1]
    corners[int(b * (len(corners) - 1))] = at(area, c * 1.6 - 0.3, d * 1.6 - 0.3)
    drawn = shapely.Polygon(corners)
    return {**cells, **mosaic.reshaped(cells, code, drawn, WHOLE)} if drawn.is_valid else cells


@settings(max_examples=60, deadline=None)
@given(st.lists(step, min_size=1, max_size=8))
def test_after_any_merging_parting_and_reshaping_the_cells_cover_the_same_ground_once(steps):
    cells = start()
    for one in steps:
        try:
            cells = applied(cells, *one)
        except InvalidInput:
            continue  # refused, and nothing changed
        assert all(shape.is_valid and not shape.is_empty for shape in cells.values())
    united = shapely.union_all(list(cells.values()))
    assert mosaic.area_m2(mosaic.polygonal(shapely.symmetric_difference(united, WHOLE))) < TOLERANCE_M2
    for one, other in itertools.combinations(cells.values(), 2):
        assert mosaic.area_m2(mosaic.polygonal(shapely.intersection(one, other))) < TOLERANCE_M2
    assert mosaic.faults(cells, WHOLE) == []


def test_the_neighbour_gets_the_moved_edge():
    cells = start()
    drawn = shapely.box(WEST, SOUTH, WEST + 1.5 * STEP, SOUTH + STEP)
    changed = mosaic.reshaped(cells, "00", drawn, WHOLE)
    assert sorted(changed) == ["00", "01"]
    assert changed["01"].bounds[0] == pytest.approx(WEST + 1.5 * STEP, abs=1e-9)
    assert shapely.intersection(changed["00"], changed["01"]).length == pytest.approx(STEP, rel=1e-6)


def test_a_corner_dragged_almost_onto_another_is_that_one():
    cells = start()
    near = shapely.Polygon(
        [(WEST, SOUTH), (WEST + 2 * STEP + 2e-6, SOUTH), (WEST + STEP, SOUTH + STEP), (WEST, SOUTH + STEP)]
    )
    changed = mosaic.reshaped(cells, "00", near, WHOLE)
    assert (WEST + 2 * STEP, SOUTH) in {tuple(c) for c in shapely.get_coordinates(changed["00"]).round(9)}


def test_the_outer_border_does_not_move_with_a_grid():
    cells = start()
    small = shapely.box(WEST + 0.001, SOUTH + 0.001, WEST + STEP, SOUTH + STEP)
    with_whole = cells | mosaic.reshaped(cells, "00", small, WHOLE)
    assert mosaic.faults(with_whole, WHOLE) == []


@pytest.mark.parametrize(
    "line",
    [[(WEST - 1, SOUTH + 1), (WEST - 0.5, SOUTH + 1)], [(WEST + 0.001, SOUTH + 0.001), (WEST + 0.002, SOUTH + 0.002)]],
)
def test_a_line_that_parts_nothing_is_refused(line):
    with pytest.raises(InvalidInput) as refused:
        mosaic.parted(start()["00"], LineString(line))
    assert refused.value.where == "line"


def test_a_line_that_ends_just_before_the_border_reaches_it():
    line = LineString([(WEST + STEP / 2, SOUTH + 5e-5), (WEST + STEP / 2, SOUTH + STEP - 5e-5)])
    kept, parted = mosaic.parted(start()["00"], line)
    assert kept.area == pytest.approx(parted.area, rel=1e-6)


def test_areas_that_do_not_border_on_each_other_are_not_merged():
    cells = start()
    with pytest.raises(InvalidInput):
        mosaic.merged([cells["00"], cells["02"]])
