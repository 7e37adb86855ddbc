"""Communities 社区: the area of one residents' committee."""

from gridmap.hierarchy import community
from gridmap.layer import N_, Field, Layer, Style, Symbol

LAYER = Layer(
    name="community",
    title=N_("Communities"),
    table=community,
    geometry="polygon",
    style=Style(
        {"": Symbol(N_("Community"), stroke="#0b5c6b", width=2.5, dash=(8, 4))},
        label="name",
        label_zoom=12,
    ),
    tile_columns=("code", "name"),
    list_columns=("valid_from",),
    fields=(
        Field(
            "code",
            N_("Code"),
            required=True,
            aliases=("社区代码", "代码", "统计用区划代码", "community_code"),
        ),
        Field("name", N_("Name"), required=True, aliases=("名称", "社区", "社区名称")),
    ),
    min_zoom=8,
    view="community.view",
    edit="community.edit",
)
