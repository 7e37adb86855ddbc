from hypothesis import given
from hypothesis import strategies as st

from gridmap.reports.classes import Range, class_of, ranges


def test_no_values_make_no_class():
    assert ranges([]) == []


def test_like_values_make_one_class():
    assert ranges([7, 7, 7]) == [Range(7, 7)]


def test_bounds_are_round_and_classes_about_equally_full():
    made = ranges(list(range(1000, 11_000, 10)))
    assert made == [Range(1000, 3000), Range(3001, 5000), Range(5001, 7000), Range(7001, 9000), Range(9001, 10_990)]


@given(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=60))
def test_every_value_lies_in_the_class_it_is_given_and_no_class_is_empty(values):
    made = ranges(values)
    assert 1 <= len(made) <= 5
    found = [class_of(value, made) for value in values]
    assert all(made[one].least <= value <= made[one].most for one, value in zip(found, values, strict=True))
    assert set(found) == set(range(len(made)))
