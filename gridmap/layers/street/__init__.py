"""Streets: the centre lines that are drawn under everything; `gridmap.streets` makes the walkable network of them."""

import sqlalchemy as sa

from gridmap.hierarchy import one_of
from gridmap.layer import N_, Field, Layer, Style, Symbol
from gridmap.streets import tables as walkable
from gridmap.tables import code, dates, keys, metadata, rules, shape, spread, with_versions

KINDS = {
    "main": N_("Main street"),
    "residential": N_("Residential street"),
    "path": N_("Path"),
}

table = with_versions(sa.Table(
    "street", metadata, *keys(),
    code(), sa.Column("name", sa.Text, nullable=False, server_default=""),
    sa.Column("kind", sa.Text, nullable=False, server_default="residential"),
    *shape("LINESTRING"), *dates(),
    one_of("kind", tuple(KINDS)), *rules("street"),
    info=spread("county"),
))  # fmt: skip

NETWORK = walkable.network  # its rows are the generations of the walkable network

LAYER = Layer(
    name="street",
    title=N_("Streets"),
    table=table,
    geometry="line",
    style=Style(
        {
            "main": Symbol(KINDS["main"], "#ffffff", "#d8d4cc", 9),
            "residential": Symbol(KINDS["residential"], "#ffffff", "#d8d4cc", 5),
            "path": Symbol(KINDS["path"], "#ffffff", "#d8d4cc", 2),
        },
        by="kind",
        label="name",
        label_zoom=15,
    ),
    tile_columns=("code", "name", "kind"),
    list_columns=("valid_from",),
    fields=(
        Field("code", N_("Code"), aliases=("代码", "编码", "street_code")),
        Field("name", N_("Name"), aliases=("名称", "道路", "道路名称")),
        Field("kind", N_("Kind"), aliases=("类型", "等级"), choices=KINDS),
    ),
    min_zoom=12,
    code_letter="R",
    view="street.view",
    edit="street.edit",
)
