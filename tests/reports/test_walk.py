"""A walk goes on to the nearest building that is left."""

from gridmap.reports.rounds import walk

ROW = [(120.600 + n * 0.001, 30.9) for n in range(5)]  # a street from west to east, about 95 m from door to door


def test_a_walk_along_a_street_goes_from_one_end_to_the_other():
    shuffled = [ROW[k] for k in (3, 0, 4, 1, 2)]
    assert [shuffled[k] for k in walk.order(shuffled)] == ROW


def test_a_walk_begins_where_one_stands_and_a_degree_east_is_shorter_than_one_north():
    assert walk.order(ROW, (120.604, 30.9)) == [4, 3, 2, 1, 0]
    east, north = (120.6 + 0.00110, 30.9), (120.6, 30.9 + 0.00100)  # 105 m and 111 m
    assert walk.order([north, east], (120.6, 30.9)) == [1, 0]


def test_every_position_comes_once_and_ties_go_to_the_first():
    assert walk.order([]) == []
    assert sorted(walk.order([ROW[0]] * 3 + ROW)) == list(range(8))
    assert walk.order([ROW[1], ROW[1]]) == [0, 1]
