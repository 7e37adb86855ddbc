"""Households 户: one door, by unit and room of a building."""

from gridmap.hierarchy import household
from gridmap.layer import N_, Field, Layer, Style, Symbol
from gridmap.layers.household.visits import visit
from gridmap.priority import PRIORITY_SYNONYMS, PRIORITY_TITLES

__all__ = ["LAYER", "OCCUPANCY_TITLES", "visit"]

OCCUPANCY_TITLES = {
    "resident": N_("Resident"),
    "rented": N_("Rented"),
    "vacant": N_("Vacant"),
    "shop": N_("Shop"),
    "dormitory": N_("Dormitory"),
}
OCCUPANCY_SYNONYMS = {
    "resident": ("自住", "居住", "自住房"),
    "rented": ("租住", "租赁", "出租房"),
    "vacant": ("空关", "空房", "空户"),
    "shop": ("商铺", "商用", "门面", "店铺"),
    "dormitory": ("宿舍", "群租"),
}

LAYER = Layer(
    name="household",
    title=N_("Households"),
    shows_persons=True,
    table=household,
    geometry="point",
    style=Style(
        {
            "resident": Symbol(N_("Resident"), fill="#009e73"),
            "rented": Symbol(N_("Rented"), fill="#56b4e9"),
            "vacant": Symbol(N_("Vacant"), fill="#ffffff", stroke="#5b6770", outlined=True),
            "shop": Symbol(N_("Shop"), fill="#cc79a7"),
            "dormitory": Symbol(N_("Dormitory"), fill="#0072b2"),
        },
        by="occupancy",
        label="room",
        label_zoom=19,
    ),
    tile_columns=("code", "occupancy", "room"),
    list_columns=(
        "building",
        "community",
        "neighbourhood",
        "unit",
        "floor",
        "people_count",
        "valid_from",
    ),
    fields=(
        Field("code", N_("Code"), aliases=("户代码", "户编码", "代码", "household_code")),
        Field(
            "building",
            N_("Building"),
            kind="place",
            place="building",
            aliases=("楼栋", "楼栋代码", "building_code"),
        ),
        Field("unit", N_("Stair unit"), aliases=("单元",)),
        Field(
            "floor",
            N_("Floor"),
            kind="integer",
            aliases=("楼层", "层"),
            minimum=-9,
            maximum=200,
        ),
        Field("room", N_("Room"), aliases=("房号", "室", "房间", "门牌")),
        Field(
            "occupancy",
            N_("Occupancy"),
            aliases=("居住状态", "用途"),
            choices=OCCUPANCY_TITLES,
            synonyms=OCCUPANCY_SYNONYMS,
        ),
        Field(
            "people_count",
            N_("People"),
            kind="integer",
            aliases=("人数", "人口"),
            minimum=0,
            maximum=500,
        ),
        Field(
            "priority",
            N_("Priority groups"),
            kind="priority",
            aliases=("重点人群", "特殊人群", "重点类别"),
            choices=PRIORITY_TITLES,
            synonyms=PRIORITY_SYNONYMS,
        ),
    ),
    name_column="room",
    min_zoom=17,
    view="household.view",
    edit="household.edit",
    is_on=False,
)
