"""Neighbourhoods 邻里, in practice grids 网格: the middle level of the hierarchy."""

from gridmap.hierarchy import neighbourhood
from gridmap.layer import N_, Field, Layer, Style, Symbol

KINDS = {"general": N_("General grid"), "dedicated": N_("Dedicated grid")}
KIND_SYNONYMS = {"general": ("一般网格", "普通网格"), "dedicated": ("专属",)}

LAYER = Layer(
    name="neighbourhood",
    title=N_("Grids"),
    table=neighbourhood,
    geometry="polygon",
    style=Style(
        {"": Symbol(N_("Grid"), stroke="#6a51a3", width=1.5, dash=(4, 3))},
        label="name",
        label_zoom=14,
    ),
    tile_columns=("code", "name", "kind"),
    list_columns=("community", "valid_from"),
    fields=(
        Field(
            "code",
            N_("Code"),
            aliases=("网格代码", "网格编码", "代码", "neighbourhood_code", "grid_code"),
        ),
        Field(
            "name",
            N_("Name"),
            required=True,
            aliases=("名称", "网格", "网格名称", "邻里"),
        ),
        Field(
            "community",
            N_("Community"),
            kind="place",
            place="community",
            aliases=("社区", "社区代码"),
        ),
        Field("kind", N_("Kind"), aliases=("类型",), choices=KINDS, synonyms=KIND_SYNONYMS),
    ),
    min_zoom=12,
    view="neighbourhood.view",
    edit="neighbourhood.edit",
)
