"""What a cell may look like, field by field, without a database."""

from datetime import date, datetime

import pytest

from gridmap.exchange import words
from gridmap.exchange.encodings import of_code_page, of_language_byte
from gridmap.exchange.values import BadValue, converter, escaped
from gridmap.layer import Field
from gridmap.layers import LAYERS
from gridmap.web.i18n import translated

CHOSEN = [field for layer in LAYERS.values() for field in layer.fields if field.choices]
PRIORITY = next(field for field in LAYERS["household"].fields if field.kind == "priority")
KIND = next(field for field in LAYERS["supply_point"].fields if field.column == "kind")
NUMBER = Field("n", "n", kind="integer", minimum=-9, maximum=9_999)


def value(field, cell, *, is_escaped=True):
    return converter(field, is_escaped=is_escaped)(cell)


@pytest.mark.parametrize(
    ("cell", "number"),
    [("12", 12), (" 12 ", 12), ("12.0", 12), (12.0, 12), (12, 12), ("1,234", 1234), ("-3", -3), ("", None), (None, None)],
)  # fmt: skip
def test_whole_numbers_as_people_write_them(cell, number):
    assert value(NUMBER, cell) == number


@pytest.mark.parametrize(
    "cell", ["twelve", "1.5", 1.5, "1,23", True, "1e3", "12层", "1_0", "٣", "NaN", "nan", "inf", float("inf")]
)
def test_what_is_no_whole_number(cell):
    with pytest.raises(BadValue) as bad:
        value(NUMBER, cell)
    assert bad.value.code == "not_integer"


@pytest.mark.parametrize("cell", ["１２", "1２", "－3", "１,２３４"])
def test_numbers_are_written_in_ordinary_digits(cell):
    with pytest.raises(BadValue) as bad:
        value(NUMBER, cell)
    assert bad.value.code == "digits"
    with pytest.raises(BadValue) as bad:
        value(PRIORITY, "孕产妇２")
    assert bad.value.code == "digits"


@pytest.mark.parametrize("cell", ["NaN", "nan", " NAN "])
def test_nan_is_no_name_and_no_code(cell):
    for field in (Field("name", "n", required=True), Field("code", "c")):
        with pytest.raises(BadValue) as bad:
            value(field, cell)
        assert bad.value.code == "nan"
    assert value(Field("address", "a"), "NaN") == "NaN"


def test_an_empty_cell_of_a_dataframe_is_empty():
    assert value(NUMBER, float("nan")) is None


@pytest.mark.parametrize("cell", ["是", "true", "TRUE", "1", 1, 1.0, True, "Yes", "在岗", "１"])
def test_yes(cell):
    assert value(Field("b", "b", kind="boolean"), cell) is True


@pytest.mark.parametrize("cell", ["否", "false", "0", 0, False, "无", "n"])
def test_no(cell):
    assert value(Field("b", "b", kind="boolean"), cell) is False


def test_neither_yes_nor_no():
    with pytest.raises(BadValue):
        value(Field("b", "b", kind="boolean"), "maybe")


@pytest.mark.parametrize(
    "cell",
    ["2026-03-01", "2026/3/1", "2026.3.1", "2026年3月1日", "20260301", "2026-03-01T08:00:00", "2026-03-01 08:00",
     46082, 46082.0, date(2026, 3, 1), datetime(2026, 3, 1, 8)],
)  # fmt: skip
def test_dates_as_people_and_excel_write_them(cell):
    assert value(Field("d", "d", kind="date"), cell) == date(2026, 3, 1)


@pytest.mark.parametrize("cell", ["2026-13-01", "2026-02-30", "yesterday", 3, "3/1/2026"])
def test_what_is_no_date(cell):
    with pytest.raises(BadValue):
        value(Field("d", "d", kind="date"), cell)


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("store", "store"), ("储备库", "store"), ("Reserve store", "store"), ("微型消防站", "station"), ("救援站", "station"),
        ("卫生站", "clinic"), ("固定接收点", "dropoff"), ("协议商户", "merchant"), ("公共空间", "venue"), ("CLINIC", "clinic"),
        ("医疗保健服务;综合医院;三级甲等医院", "clinic"), ("购物服务;超级市场;华联", "merchant"),
        ("科教文化服务;学校;小学", "venue"), ("体育休闲服务;运动场馆", "venue"),
    ],
)  # fmt: skip
def test_kinds_of_supply_points_in_their_many_words(cell, kind):
    assert value(KIND, cell) == kind


@pytest.mark.parametrize("field", CHOSEN, ids=lambda field: f"{field.column} {'/'.join(field.choices)[:30]}")
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_word_the_screen_shows_is_taken(app, field, language):
    with app.test_request_context(f"/?lang={language}"):
        shown = {word: translated(title) for word, title in field.choices.items()}
    for word, title in shown.items():
        for written in (title, title.upper(), word, *field.synonyms.get(word, ())):
            stored = {"boolean": word == "true", "priority": [f"{word}:1"], "tags": [word]}.get(field.kind, word)
            assert value(field, written) == stored, written


@pytest.mark.parametrize("field", CHOSEN, ids=lambda field: f"{field.column} {'/'.join(field.choices)[:30]}")
def test_no_word_means_two_choices_and_refusals_offer_the_words_of_the_screen(app, field):
    meant = [
        {words.folded(written) for written in (word, title, words.chinese(title), *field.synonyms.get(word, ()))}
        for word, title in field.choices.items()
    ]
    assert sum(map(len, meant)) == len(set().union(*meant))
    assert set(field.synonyms) <= set(field.choices)
    if field.kind == "boolean":
        return
    with pytest.raises(BadValue) as bad:
        value(field, "?")
    for language, offered in (("zh", bad.value.facts["known_zh"]), ("en", bad.value.facts["known"])):
        with app.test_request_context(f"/?lang={language}"):
            assert all(translated(title) in str(offered) for title in field.choices.values())


def test_fields_with_choices_are_looked_at():
    assert {field.column for field in CHOSEN} >= {"kind", "occupancy", "level", "priority", "on_duty", "is_centre"}


def test_lists_keep_their_order_and_lose_what_is_said_twice():
    listed = value(Field("l", "l", kind="words"), "急救；驾驶, 急救、 电工，\n翻译")
    assert listed == ["急救", "驾驶", "电工", "翻译"]


def test_priority_groups_are_read_in_both_languages():
    assert value(PRIORITY, "独居老人、孕产妇：2; disabled:1，残疾人3人") == [
        "disabled:3",
        "elderly_alone:1",
        "pregnant:2",
    ]
    told = "空巢独居老人2人、血液透析、基础病x3；失能, In need of care 2; elderly living alone"
    assert value(PRIORITY, told) == ["bedridden:2", "chronic:3", "dialysis:1", "elderly_alone:1"]


def test_codes_that_excel_made_numbers_are_text_again():
    code = Field("code", "code")
    assert value(code, 310115005001.0) == "310115005001"
    assert value(code, "0012") == "0012"
    with pytest.raises(BadValue) as bad:
        value(code, 3.1011500500100001e16)
    assert bad.value.code == "digits_lost"


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@x", "\tx", "＝1", "'=1", "''=1", "＠x"])
def test_formulas_are_escaped_and_come_back(text):
    made = escaped(text)
    assert made == f"'{text}"
    assert value(Field("t", "t"), made) == text


@pytest.mark.parametrize("text", ["平安里", "'平安里", "a=b", "1-2"])
def test_ordinary_text_is_not_escaped(text):
    assert escaped(text) == text
    assert value(Field("t", "t"), text) == text


def test_formats_that_do_not_escape_keep_a_quote():
    assert value(Field("t", "t"), "'=1", is_escaped=False) == "'=1"


@pytest.mark.parametrize(
    ("text", "name"),
    [("UTF-8", "utf-8"), ("936", "gb18030"), ("GBK", "gb18030"), ("65001\n", "utf-8"), ("CP936", "gb18030"), ("nonsense", None)],
)  # fmt: skip
def test_code_pages(text, name):
    found = of_code_page(text)
    assert (found.name if found else None) == name


def test_a_language_byte_that_programs_write_without_thinking_says_nothing():
    assert of_language_byte(0x4D).name == "gb18030"
    assert of_language_byte(0x57) is None
    assert of_language_byte(0x00) is None
