"""Residents 居民: the persons of a household, why they are on record, and what care they need. Never drawn."""

from gridmap.layer import N_, Field, Layer, Style
from gridmap.occupants import CODE_LETTER, FIRST_BIRTH_YEAR, LAST_BIRTH_YEAR, resident
from gridmap.priority import PRIORITY_SYNONYMS, PRIORITY_TITLES

SEX_TITLES = {"female": N_("Female"), "male": N_("Male")}
RELATION_TITLES = {
    "head": N_("Head of the household"),
    "spouse": N_("Spouse"),
    "child": N_("Child"),
    "parent": N_("Parent"),
    "grandparent": N_("Grandparent"),
    "grandchild": N_("Grandchild"),
    "sibling": N_("Brother or sister"),
    "relative": N_("Other relative"),
    "tenant": N_("Tenant"),
    "other": N_("Other"),
}
RELATION_SYNONYMS = {
    "head": ("户主", "本人", "Head"),
    "spouse": ("妻", "夫", "妻子", "丈夫", "爱人"),
    "child": ("子", "女", "儿子", "女儿"),
    "parent": ("父", "母", "父亲", "母亲"),
    "grandparent": ("祖父", "祖母", "外祖父", "外祖母"),
    "grandchild": ("孙子", "孙女", "外孙", "外孙女"),
    "sibling": ("兄", "弟", "姐", "妹"),
    "relative": ("亲属",),
    "tenant": ("承租人", "房客"),
    "other": ("非亲属",),
}
CARE_TITLES = {
    "independent": N_("Independent"),
    "partly_dependent": N_("Partly dependent"),
    "dependent": N_("Dependent on care"),
}
CARE_SYNONYMS = {
    "independent": ("自理", "能自理", "完全自理"),
    "partly_dependent": ("半自理", "半失能", "部分自理"),
    "dependent": ("失能", "不能自理", "完全失能"),
}
BASIS_TITLES = {
    "consent": N_("Consent of the person"),
    "statutory": N_("Statutory duty"),
    "emergency": N_("Emergency response"),
}
BASIS_SYNONYMS = {
    "consent": ("本人同意", "知情同意"),
    "statutory": ("法定", "履行法定职责"),
    "emergency": ("应急", "突发事件应对"),
}

LAYER = Layer(
    name="resident",
    title=N_("Residents"),
    table=resident,
    geometry="",
    style=Style({}),
    tile_columns=(),
    list_columns=(
        "household", "building", "community", "neighbourhood", "birth_year", "sex", "relation", "basis",
        "consented_on", "moved_in_on", "valid_from",
    ),
    fields=(
        Field("code", N_("Code"), aliases=("居民编码", "人员编码", "代码", "编码", "resident_code")),
        Field("household", N_("Household"), kind="place", place="household", aliases=("户代码", "户编码", "household_code")),
        Field("building", N_("Building"), kind="place", place="building", aliases=("楼栋", "楼栋代码", "building_code")),
        Field("unit", N_("Stair unit"), kind="unit", aliases=("单元",)),
        Field("room", N_("Room"), kind="room", aliases=("房号", "室", "房间", "门牌")),
        Field("name", N_("Name"), required=True, aliases=("姓名",)),
        Field("phone", N_("Phone"), aliases=("电话", "手机", "联系电话")),
        Field("id_number", N_("Identity number"), kind="identity", aliases=("身份证号", "身份证", "公民身份号码")),
        Field(
            "birth_year", N_("Year of birth"), kind="integer", aliases=("出生年份", "出生年"),
            minimum=FIRST_BIRTH_YEAR, maximum=LAST_BIRTH_YEAR,
        ),
        Field(
            "sex", N_("Sex"), aliases=("性别",), choices=SEX_TITLES,
            synonyms={"female": ("女", "女性", "f"), "male": ("男", "男性", "m")},
        ),
        Field(
            "relation", N_("Relation"), aliases=("与户主关系", "关系"), choices=RELATION_TITLES, synonyms=RELATION_SYNONYMS
        ),
        Field(
            "priority", N_("Priority groups"), kind="tags", aliases=("重点人群", "特殊人群", "重点类别"),
            choices=PRIORITY_TITLES, synonyms=PRIORITY_SYNONYMS,
        ),
        Field(
            "care_level", N_("Care"), aliases=("自理能力", "照护等级"), choices=CARE_TITLES, synonyms=CARE_SYNONYMS
        ),
        Field("basis", N_("Legal basis"), aliases=("法律依据", "登记依据"), choices=BASIS_TITLES, synonyms=BASIS_SYNONYMS),
        Field("consented_on", N_("Consented on"), kind="date", aliases=("同意日期",)),
        Field("moved_in_on", N_("Moved in on"), kind="date", aliases=("入住日期", "迁入日期")),
    ),
    name_column="code",
    code_letter=CODE_LETTER,
    min_zoom=22,
    view="resident.view",
    edit="resident.edit",
    is_on=False,
)  # fmt: skip
