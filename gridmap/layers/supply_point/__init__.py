"""Supply points 物资点: where emergency goods are kept, and what was last counted there."""

import sqlalchemy as sa

from gridmap.hierarchy import county_rule, one_of, scope_columns
from gridmap.layer import N_, Field, Layer, Style, Symbol
from gridmap.layers.supply_point.norm import norm
from gridmap.tables import (
    code,
    dates,
    geography_index,
    keys,
    measured,
    metadata,
    parent,
    personal,
    reference,
    rules,
    shape,
    spread,
    stamps,
    with_former_rows,
    with_versions,
)

KINDS = {
    "store": N_("Reserve store"),
    "station": N_("Rescue station"),
    "clinic": N_("Clinic"),
    "dropoff": N_("Drop-off point"),
    "merchant": N_("Agreement merchant"),
    "venue": N_("Public space"),
}
KIND_SYNONYMS = {
    "store": ("物资储备库", "仓库"),
    "station": ("微型消防站", "消防站"),
    "clinic": ("卫生服务站", "诊所"),
    "dropoff": ("接收点", "投放点"),
    "merchant": ("商户",),
    "venue": ("场馆",),
}
__all__ = ["KINDS", "KIND_SYNONYMS", "LAYER", "item", "norm", "stock_count", "table"]
ITEM_GROUPS = ("rescue", "medical", "living", "equipment")

table = with_versions(sa.Table(
    "supply_point", metadata, *keys(), reference("community", nullable=True),
    *scope_columns(community=False),
    code(), sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("address", sa.Text), sa.Column("open_hours", sa.Text), sa.Column("capacity", sa.Text),
    *personal("keeper", "name"), *personal("phone", "phone"),
    *shape("POINT"), measured(), *dates(),
    parent("community"), one_of("kind", tuple(KINDS)),
    *rules("supply_point"), geography_index("supply_point"), county_rule("community"),
    info=spread("copy", scope="wide"),
))  # fmt: skip

item = with_former_rows(sa.Table(
    "item", metadata,
    sa.Column("code", sa.Text(collation="C"), primary_key=True),
    sa.Column("name", sa.Text, nullable=False), sa.Column("name_en", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False), sa.Column("unit_en", sa.Text, nullable=False),
    sa.Column("group", sa.Text, nullable=False), *stamps(),
    sa.CheckConstraint("code ~ '^[0-9]{7}$'", name="code_form"), one_of('"group"', ITEM_GROUPS),
    sa.UniqueConstraint("name"),
    info=spread("copy"),
))  # fmt: skip

# What was counted on a day. A later day stands beside an earlier one, a recount of the same day replaces the number and
# keeps the former one; the ledger takes over when it comes.
stock_count = with_former_rows(sa.Table(
    "stock_count", metadata,
    sa.Column("county", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("supply_point_id", sa.Uuid, primary_key=True),
    sa.Column("item_code", sa.Text, sa.ForeignKey("item.code"), primary_key=True),
    sa.Column("counted_on", sa.Date, primary_key=True),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False), *stamps(),
    parent("supply_point"), sa.CheckConstraint("quantity >= 0", name="quantity"),
    info=spread("copy", part_of="supply_point"),
))  # fmt: skip

LAYER = Layer(
    name="supply_point",
    title=N_("Supply points"),
    table=table,
    geometry="point",
    style=Style(
        {"": Symbol(N_("Supply point"), fill="#d55e00", icon="物")},
        label="name",
        label_zoom=17,
    ),
    tile_columns=("code", "name", "kind"),
    list_columns=(
        "community",
        "neighbourhood",
        "address",
        "open_hours",
        "capacity",
        "valid_from",
    ),
    fields=(
        Field("code", N_("Code"), aliases=("代码", "编码", "supply_point_code")),
        Field("name", N_("Name"), required=True, aliases=("名称", "物资点", "物资点名称")),
        Field(
            "kind",
            N_("Kind"),
            required=True,
            aliases=("类型", "类别", "type"),
            choices=KINDS,
            synonyms=KIND_SYNONYMS,
        ),
        Field("address", N_("Address"), aliases=("地址",)),
        Field("open_hours", N_("Opening hours"), aliases=("开放时间", "营业时间")),
        Field("capacity", N_("Capacity"), aliases=("容量",)),
        Field("keeper", N_("Keeper"), aliases=("库管员", "负责人", "联系人")),
        Field("phone", N_("Phone"), aliases=("电话", "联系电话")),
    ),
    cluster_zoom=10,
    min_zoom=15,
    code_letter="S",
    view="supply_point.view",
    edit="supply_point.edit",
)
