"""Addresses as they are written, and the parts that people mean by them."""

import pytest

from gridmap.addresses import Address, number_of, parsed, sign_of

MEANT = {
    "3幢2单元502": ("3", "2", None, "502", ""),
    "３幢２单元５０２": ("3", "2", None, "502", ""),
    "3栋2单元502室": ("3", "2", None, "502", ""),
    "3座 2单元 502 户": ("3", "2", None, "502", ""),
    "3号楼2单元502房": ("3", "2", None, "502", ""),
    "3#2单元502": ("3", "2", None, "502", ""),
    "3-2-502": ("3", "2", None, "502", ""),
    "3—2—502": ("3", "2", None, "502", ""),
    "3-502": ("3", None, None, "502", ""),
    "3幢无502": ("3", None, None, "502", ""),
    "3幢无单元502": ("3", None, None, "502", ""),
    "3幢502": ("3", None, None, "502", ""),
    "三幢二单元五零二": ("3", "2", None, "502", ""),
    "十二栋一单元三零二室": ("12", "1", None, "302", ""),
    "朝阳坊12号楼502室": ("12", None, None, "502", "朝阳坊"),
    "幸福路88弄7号301": ("7", None, None, "301", "幸福路88弄"),
    "幸福路88号3幢2单元502": ("3", "2", None, "502", "幸福路88号"),
    "芳草苑A座1203": ("A", None, None, "1203", "芳草苑"),
    "芳草苑3A幢1单元101": ("3A", "1", None, "101", "芳草苑"),
    "3幢2单元5楼502": ("3", "2", "5", "502", ""),
    "3幢5层502号": ("3", None, "5", "502", ""),
    "长堤社区北塘苑第003幢01单元0502": ("3", "1", None, "502", "长堤社区北塘苑第"),
    "7号楼": ("7", None, None, None, ""),
    "12号502号": ("12", None, None, "502", ""),
}


@pytest.mark.parametrize("text", MEANT)
def test_an_address_has_the_parts_people_mean(text):
    assert parsed(text) == Address(*MEANT[text])


def test_a_place_in_pinyin_is_no_part_of_the_number():
    assert parsed("fangcaoyuan3幢2单元502") == Address("3", "2", None, "502", "fangcaoyuan")
    assert parsed("A3幢502") == Address("A3", None, None, "502", "")


@pytest.mark.parametrize("text", ["", "无", "无无无", "老村委会旁", "幸福路", "502", "   "])
def test_a_text_without_a_building_has_no_parts(text):
    assert parsed(text) is None


@pytest.mark.parametrize(("name", "sign"), [
    ("12幢", ("12", "")), ("朝阳坊12号楼", ("12", "朝阳坊")), ("１２栋", ("12", "")), ("十二座", ("12", "")), ("楼栋00012", ("12", "楼栋")),
    ("B座", ("B", "")), ("物业用房", ("物业用房", "")), ("12", ("12", "")), ("3楼", ("3", "")),
])  # fmt: skip
def test_variants_of_a_buildings_name_have_one_sign(name, sign):
    assert sign_of(name) == sign


@pytest.mark.parametrize(
    ("written", "number"),
    [("302", 302), ("三零二", 302), ("十", 10), ("二十一", 21), ("一百零三", 103), ("两", 2), ("x", None), ("", None)],
)
def test_chinese_numerals_are_numbers(written, number):
    assert number_of(written) == number
