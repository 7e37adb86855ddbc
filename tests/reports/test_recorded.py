"""Free text of the register in the reader's language: opening hours, capacity, skills."""

import re

import pytest

from gridmap.layers.volunteer import SKILLS
from gridmap.reports import recorded

CHINESE = re.compile(r"[\u3400-\u9fff]")


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [("24/7", "全天 24 小时", "day and night"),
     ("Mo-Su 08:00-20:00", "每天 08:00–20:00", "every day 08:00–20:00"),
     ("Mo-Sa 08:00-17:00", "周一至周六 08:00–17:00", "Mon to Sat 08:00–17:00"),
     ("Mo-We,Fr 08:00-11:30, 14:00-17:00; Su 09:00-12:00",
      "周一至周三、周五 08:00–11:30、14:00–17:00；周日 09:00–12:00",
      "Mon to Wed, Fri 08:00–11:30, 14:00–17:00; Sun 09:00–12:00")],
)  # fmt: skip
def test_opening_hours_are_told_in_words(app, text, zh, en):
    for language, expected in (("zh", zh), ("en", en)):
        with app.test_request_context(f"/?lang={language}"):
            assert recorded.opening_hours(text) == expected


@pytest.mark.parametrize(
    ("text", "zh", "en"), [("1200 人", "1,200 人", "1,200 people"), ("75 m²", "75 平方米", "75 m²")]
)
def test_a_capacity_is_told_with_its_unit(app, text, zh, en):
    for language, expected in (("zh", zh), ("en", en)):
        with app.test_request_context(f"/?lang={language}"):
            assert recorded.capacity(text) == expected


def test_usual_skills_have_a_title_in_both_languages(app):
    with app.test_request_context("/?lang=zh"):
        assert recorded.skills(SKILLS) == "、".join(SKILLS)
    with app.test_request_context("/?lang=en"):
        assert recorded.skills(["护理", "手语"]) == "Nursing, Sign language"
        assert not CHINESE.search(recorded.skills(SKILLS))


def test_what_is_not_understood_stays_as_it_is_written(app):
    for language in ("zh", "en"):
        with app.test_request_context(f"/?lang={language}"):
            for hours in ("工作日 8-17", "Mo-Fr 08:00-17:00; PH off", "sunrise-sunset", ""):
                assert recorded.opening_hours(hours) == hours
            assert recorded.capacity("两间") == "两间"
            assert recorded.skills(["茶艺"]) == "茶艺"


@pytest.mark.parametrize("layer", ["supply_point", "volunteer"])
def test_the_english_panel_tells_them_in_english_and_the_chinese_one_in_chinese(client, layer):
    for feature in client.get(f"/api/v1/layers/{layer}/features?limit=40").json["features"]:
        values = feature["properties"]
        path = f"/panel/{layer}/{values['code']}"
        english, chinese = (client.get(f"{path}?lang={language}").get_data(as_text=True) for language in ("en", "zh"))
        for word in values.get("skills", ()):
            assert word not in english
            assert word in chinese
        assert not re.search(r"\d 人", english), path
        assert not re.search("Mo-S|24/7", english + chinese), path
