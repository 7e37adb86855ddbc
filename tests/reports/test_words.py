"""The words of the panels."""

from gridmap.hierarchy import PRIORITY_TAGS
from gridmap.layers import LAYERS
from gridmap.layers.closure_zone import STATES
from gridmap.priority import PRIORITY_TITLES
from gridmap.reports import words


def test_every_priority_group_and_state_has_a_title():
    assert set(PRIORITY_TITLES) == set(PRIORITY_TAGS)
    assert set(words.STATE_TITLES) == set(STATES)


def test_properties_are_told_in_words(app):
    properties = {"code": "V1", "on_duty": True, "radius_m": 1500, "skills": ["电工", "护理"], "neighbourhood": None,
                  "valid_from": "2020-01-02T03:04:05+00:00"}  # fmt: skip
    with app.test_request_context("/?lang=zh"):
        assert words.described(LAYERS["volunteer"], properties) == [
            ("编码", "V1"), ("在岗", "是"), ("服务半径（米）", "1,500"), ("技能", "电工、护理"), ("登记时间", "2020年1月2日 11:04"),
        ]  # fmt: skip


def test_choices_are_told_by_their_titles(app):
    with app.test_request_context("/?lang=en"):
        assert words.described(LAYERS["household"], {"occupancy": "shop"}) == [("Occupancy", "Shop")]
        assert words.described(LAYERS["closure_zone"], {"type": "lockdown", "state": "draft"}) == [
            ("Type", "Lockdown zone"), ("State", "Draft"),
        ]  # fmt: skip


def test_every_property_of_every_layer_has_a_title(app):
    with app.test_request_context("/?lang=en"):
        for layer in LAYERS.values():
            titles = [title for title, _ in words.described(layer, dict.fromkeys(layer.public_columns, "x"))]
            assert [title for title in titles if "_" in title or title.islower()] == [], layer.name
