"""Why a row was refused, and what else a person should know about a file: sentences in English and Chinese."""

from dataclasses import dataclass

MAX_SHOWN = 80  # characters of a value that are repeated in a report


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason against one row.

    `row` is the row as a person counts it in the file: the line of a spreadsheet, its heading included, or the
    feature counted from 1.
    """

    row: int
    column: str
    value: str
    code: str
    reason_en: str
    reason_zh: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the whole file that is no refusal."""

    code: str
    en: str
    zh: str


REASONS = {
    # the row
    "too_many_cells": ("The row has more cells than the heading.", "该行的单元格多于标题行。"),
    "not_a_feature": ("This is not a GeoJSON feature.", "这不是 GeoJSON 要素。"),
    "undecodable": (
        "The text does not fit the encoding {encoding}. State the right one with --encoding.",
        "文字不符合编码 {encoding}，请用 --encoding 指明正确的编码。",
    ),
    "repeated": (
        "The same thing is also in row {other}. Keep one of the rows, or unite parts of one thing with --merge.",
        "与第 {other} 行重复。请保留一行；若为同一对象被切开的部分，请用 --merge 合并。",
    ),
    "differs": ("The value differs from row {other}, which is about the same point.", "与同一物资点的第 {other} 行不一致。"),
    "key_empty": ("The key column is empty.", "关键列为空。"),
    "out_of_scope": ("This place is outside your area.", "该位置不在您的管辖范围内。"),
    # the values
    "required": ("This is required.", "此项必填。"),
    "not_integer": ("This is not a whole number.", "不是整数。"),
    "digits": ("Write the number with the digits 0 to 9.", "请用半角数字 0-9 填写。"),
    "nan": ("NaN is no value. Leave the cell empty, or fill it in.", "NaN 不是有效内容，请留空或填写。"),
    "out_of_bounds": ("The number must lie between {minimum} and {maximum}.", "数值须在 {minimum} 至 {maximum} 之间。"),
    "not_boolean": ("Write yes or no, true or false, 1 or 0.", "请填写 是 或 否。"),
    "not_date": ("This is not a date. Write 2026-03-01.", "不是日期，请写成 2026-03-01。"),
    "in_future": ("The date lies in the future.", "日期晚于今天。"),
    "too_long": ("The text is longer than {limit} characters.", "文字超过 {limit} 个字符。"),
    "control_character": ("The text holds a control character.", "文字含有控制字符。"),
    "digits_lost": (
        "Excel keeps only 15 digits of a number. Format the column as text and enter it again.",
        "Excel 的数字只保留 15 位，请将该列设为文本格式后重新填写。",
    ),
    "not_identity": (
        "This is no identity number of 18 characters, or its check digit does not fit. Format the column as text.",
        "不是有效的 18 位身份证号（校验位不符）。请将该列设为文本格式。",
    ),
    "unknown_word": ("This word is not known here. Known: {known}.", "不认识的取值。可用：{known_zh}。"),
    "unknown_kind": (
        "The kind is missing or not known. Known: {known}. For a whole file of one kind: --set kind=….",
        "类型缺失或不认识。可用：{known_zh}。整个文件为同一类型时：--set kind=…。",
    ),
    "code_form": ("The code must have the form {form}.", "代码须符合格式 {form}。"),
    "code_digits": ("The code must have {count} digits, the first not 0.", "代码须为 {count} 位数字，首位不为 0。"),
    "unit_form": ("The stair unit must be a number of one or two digits.", "单元须为一至两位数字。"),
    "room_form": ("The room must be a number of one to four digits.", "房号须为一至四位数字。"),
    "code_parts": ("The code does not agree with building, unit and room.", "户代码与楼栋、单元、房号不一致。"),
    "too_many_of_group": (
        "More people in one priority group than in the household, which has {people}.",
        "某类重点人群人数多于该户人数 {people}。",
    ),
    # the residents
    "people_counted": (
        "This household has {people} residents on record, from whom its people are counted. Change the residents.",
        "该户已登记居民 {people} 人，人数由居民信息统计，请修改居民信息。",
    ),
    "groups_counted": (
        "The priority groups of this household are counted from its residents. Change the residents.",
        "该户的重点人群由居民信息统计，请修改居民信息。",
    ),
    "moved_since": (
        "This person's move to household {other} was recorded since. Give the person's code to move them back.",
        "此人已登记迁至户 {other}。如确需迁回，请填写居民编码。",
    ),
    "person_ambiguous": (
        "{count} persons of this name live in the household. Give the year of birth, the identity number or the code.",
        "该户有 {count} 位同名居民，请填写出生年份、身份证号或居民编码。",
    ),
    "consent_undated": ("Consent needs the day it was given.", "以同意为依据时须填写同意日期。"),
    # the geometry
    "coordinate": (
        "{cell} is not a coordinate. Write it with the digits 0 to 9.", "{cell} 不是坐标，请用半角数字填写。",
    ),
    "coordinates_incomplete": ("One of the two coordinates is missing.", "经度或纬度缺失。"),
    "geometry_missing": ("There is no geometry.", "没有图形或坐标。"),
    "geometry_unreadable": ("The geometry cannot be read.", "图形无法读取。"),
    "ring_open": (
        "The ring that begins at {place} is not closed. --repair closes it.",
        "起点为 {place} 的环没有闭合。可用 --repair 闭合。",
    ),
    "geometry_type": ("A {found} is not a {wanted}.", "此处需要{wanted_zh}，不能是{found_zh}。"),
    "not_finite": ("A coordinate is not a finite number.", "坐标不是有限数。"),
    "out_of_range": (
        "The position {place} is not on the map. Is the coordinate system {crs} right?",
        "位置 {place} 超出地图范围。坐标系 {crs} 是否正确？",
    ),
    "coordinates_swapped": (
        "The position {place} lies outside the area of {crs}; with the two numbers exchanged it lies inside. Are x"
        " (east) and y (north) swapped?",
        "位置 {place} 超出坐标系 {crs} 的适用范围，两数互换后则在范围内。x（东）与 y（北）是否颠倒？",
    ),
    "out_of_area": (
        "The position {place} (lon lat {lonlat}) lies outside the area of {crs}, or outside China. Is this the"
        " coordinate system of the file, and its zone the right one?",
        "位置 {place}（经纬度 {lonlat}）超出坐标系 {crs} 的适用范围或中国范围。坐标系及其分带是否正确？",
    ),
    "too_many_vertices": ("The shape has {count} vertices; at most {limit}.", "图形有 {count} 个顶点，最多 {limit} 个。"),
    "invalid_shape": (
        "The shape is not valid: {fault}. Mend it, or let --repair do it.",
        "图形无效：{fault}。请修正，或使用 --repair。",
    ),
    "not_repairable": ("The shape cannot be repaired: {fault}.", "图形无法修复：{fault}。"),
    # the place
    "address_unread": (
        "No building can be read from this address. Write it like 3幢2单元502.",
        "无法从地址中识别楼栋，请写成 3幢2单元502 的形式。",
    ),
    "address_unknown": ("No building fits this address. Near: {near}.", "没有与该地址相符的楼栋。相近：{near}。"),
    "address_ambiguous": (
        "{count} buildings fit this address: {near}. State the estate or the community.",
        "有 {count} 栋楼与该地址相符：{near}。请注明小区或社区。",
    ),
    "address_no_home": (
        "{building} is the building, but no household there has this unit and room. Near: {near}.",
        "已找到楼栋 {building}，但没有该单元和房号的住户。相近：{near}。",
    ),
    "address_homes": (
        "{count} households of {building} fit this address: {near}. State the stair unit.",
        "{building} 有 {count} 户与该地址相符：{near}。请注明单元。",
    ),
    "place_unknown": ("No {layer} has this code or name.", "没有该代码或名称的{layer_zh}。"),
    "place_ambiguous": (
        "{count} {layer} rows have this name. Write the code.",
        "有 {count} 个{layer_zh}同名，请填写代码。",
    ),
    "outside": ("The position lies in no stored {layer}.", "该位置不在任何已入库的{layer_zh}内。"),
    "place_needed": ("Neither a position nor a code says which {layer} it belongs to.", "没有位置或代码说明其所属的{layer_zh}。"),
    "code_not_under": ("The code does not begin with that of its {layer}, {parent}.", "代码未以其{layer_zh}代码 {parent} 开头。"),
    "other_county": (
        "This code or key belongs to a thing in county {county}; a thing cannot change its county by import.",
        "该代码或关键值属于区县 {county} 的对象，导入不能改变所属区县。",
    ),
    "county_fixed": (
        "This code or key belongs to a thing in a community of county {county}, and it has that county. If it is another"
        " thing, give it another code.",
        "该代码或关键值属于区县 {county} 某社区内的对象，其区县随社区而定。若为另一对象，请使用其他代码。",
    ),
    "county_taken": (
        "County {county} has a thing with this code or key already. Give one of the two another code.",
        "区县 {county} 已有使用该代码或关键值的对象，请为其中之一更换代码。",
    ),
    "county_bound": (
        "It is assigned to buildings of county {county}, which stay there. Add a column buildings with those of the new"
        " county, or an empty one.",
        "该对象已分配区县 {county} 的楼栋，楼栋不随之改变。请添加 buildings 列，填写新区县的楼栋或留空。",
    ),
    "key_of_other": ("This key is stored under the code {other}.", "该关键值已属于代码 {other}。"),
    "no_number_left": ("The {layer} has no free number left.", "该{layer_zh}的编号已用完。"),
    "no_county": (
        "Outside every community, and no county is known. Add a county column or --set county=310115.",
        "不在任何社区内，且不知所属区县。请添加 county 列或使用 --set county=310115。",
    ),
    "no_county_near": (
        "Outside every community, and none within {km} km, so no county can be guessed. Check the position, or add a"
        " county column or --set county=310115.",
        "不在任何社区内，且 {km} 公里内没有社区，无法推定区县。请核对位置，或添加 county 列、使用 --set county=310115。",
    ),
    "parent_needed": ("A branch or a group needs its parent unit.", "党支部、党小组须填写上级党组织。"),
    "parent_unwanted": ("A committee has no parent unit here.", "社区党委在此没有上级党组织。"),
    "parent_self": ("A unit cannot be its own parent.", "党组织不能以自身为上级。"),
    "parent_level": (
        "The parent of a {level} must be a {wanted}, and this one is a {found}.",
        "{level_zh}的上级须为{wanted_zh}，该组织为{found_zh}。",
    ),
    "level_of_parent": (
        "As a {level} it could not be the parent of {child}. Change that unit in the same file.",
        "改为{level_zh}后，不能再作 {child} 的上级。请在同一文件中一并调整。",
    ),
    "second_committee": (
        "Community {community} has one committee, and {other} is one already. To change it, use its code.",
        "社区 {community} 只能有一个社区党委，已有 {other}。如需修改，请填写其代码。",
    ),
    "second_committee_row": (
        "Community {community} has one committee, and row {other} is one too.",
        "社区 {community} 只能有一个社区党委，第 {other} 行也是。",
    ),
    # the stock
    "item_unknown": ("No item has this code or name. Near: {near}.", "没有该代码或名称的物资。相近：{near}。"),
    "stock_incomplete": (
        "An item needs its quantity and the day it was counted on.",
        "物资须同时填写数量和盘点日期。",
    ),
    "item_missing": ("A count needs the item that was counted.", "填写了数量或盘点日期，但没有物资名称。"),
}  # fmt: skip

LAYERS_ZH = {
    "community": "社区", "neighbourhood": "网格", "estate": "小区", "building": "楼栋", "household": "户", "resident": "居民",
    "party_unit": "党组织", "party_household": "党员户", "supply_point": "物资点", "volunteer": "志愿者",
}  # fmt: skip

LEVELS_ZH = {"committee": "社区党委", "branch": "党支部", "group": "党小组"}


def problem(row: int, column: str, value: object, code: str, **facts: object) -> Problem:
    """Return a problem with its two sentences filled in from `facts`.

    A fact that is the name of a layer or of a party unit's level is given in Chinese too.
    """
    for name, words in (("layer", LAYERS_ZH), ("level", LEVELS_ZH), ("wanted", LEVELS_ZH), ("found", LEVELS_ZH)):
        if name in facts:
            facts.setdefault(f"{name}_zh", words.get(str(facts[name]), facts[name]))
    en, zh = REASONS[code]
    return Problem(row, column, shown(value), code, en.format(**facts), zh.format(**facts))


def shown(value: object) -> str:
    """Return a value as a report repeats it: one line, not too long."""
    text = "" if value is None else " ".join(str(value).split())
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
