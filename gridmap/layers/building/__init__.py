"""Buildings 楼栋: footprints, numbered inside their community."""

from gridmap.hierarchy import building
from gridmap.layer import N_, Field, Layer, Style, Symbol

LAYER = Layer(
    name="building",
    title=N_("Buildings"),
    table=building,
    geometry="polygon",
    style=Style(
        {"": Symbol(N_("Building"), fill="#d9d5cd", stroke="#b9b3a7", width=1)},
        label="name",
        label_zoom=17,
    ),
    tile_columns=("code", "name"),
    list_columns=("community", "neighbourhood", "floors", "units", "valid_from"),
    fields=(
        Field(
            "code",
            N_("Code"),
            aliases=("楼栋代码", "楼栋编码", "代码", "building_code"),
        ),
        Field("name", N_("Name"), aliases=("名称", "楼栋", "楼栋名称", "幢号", "楼号")),
        Field(
            "community",
            N_("Community"),
            kind="place",
            place="community",
            aliases=("社区", "社区代码"),
        ),
        Field(
            "neighbourhood",
            N_("Grid"),
            kind="place",
            place="neighbourhood",
            aliases=("网格", "网格代码"),
        ),
        Field(
            "floors",
            N_("Floors"),
            kind="integer",
            aliases=("层数", "楼层数", "floor"),
            minimum=1,
            maximum=200,
        ),
        Field(
            "units",
            N_("Stair units"),
            kind="integer",
            aliases=("单元数",),
            minimum=1,
            maximum=99,
        ),
    ),
    min_zoom=14,
    view="building.view",
    edit="building.edit",
)
