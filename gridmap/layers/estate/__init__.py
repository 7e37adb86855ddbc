"""Estates 小区: one property manager, walls and gates; they do not nest in grids."""

from gridmap.hierarchy import estate
from gridmap.layer import N_, Field, Layer, Style, Symbol

LAYER = Layer(
    name="estate",
    title=N_("Estates"),
    table=estate,
    geometry="polygon",
    style=Style(
        {"": Symbol(N_("Estate"), fill="rgba(223,234,214,.6)", stroke="#8aa37b", width=1)},
        label="name",
        label_zoom=16,
    ),
    tile_columns=("code", "name"),
    list_columns=("community", "property_manager", "valid_from"),
    fields=(
        Field("code", N_("Code"), aliases=("小区代码", "代码", "estate_code")),
        Field("name", N_("Name"), required=True, aliases=("名称", "小区", "小区名称")),
        Field(
            "community",
            N_("Community"),
            kind="place",
            place="community",
            aliases=("社区", "社区代码"),
        ),
        Field("property_manager", N_("Property manager"), aliases=("物业", "物业公司")),
    ),
    min_zoom=14,
    code_letter="E",
    view="estate.view",
    edit="estate.edit",
)
