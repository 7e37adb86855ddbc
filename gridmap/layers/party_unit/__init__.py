"""Party units 党组织: committee, branch and building group, mirrored on community, grids and buildings."""

from collections.abc import Callable

import sqlalchemy as sa

from gridmap.hierarchy import building, community, county_rule, neighbourhood, one_of, scope_columns
from gridmap.history import register_view
from gridmap.layer import N_, Field, Layer, Style, Symbol
from gridmap.tables import (
    code,
    dates,
    keys,
    link,
    metadata,
    parent,
    personal,
    reference,
    rules,
    shape,
    spread,
    with_versions,
)

LEVELS = {
    "committee": N_("Community party committee"),
    "branch": N_("Neighbourhood party branch"),
    "group": N_("Building party group"),
}
LEVEL_SYNONYMS = {
    "committee": ("社区党总支", "党委", "党总支"),
    "branch": ("网格党支部", "党支部"),
    "group": ("党小组",),
}

table = with_versions(sa.Table(
    "party_unit", metadata, *keys(), reference("community"), reference("parent", nullable=True),
    *scope_columns(neighbourhood=False),
    code(), sa.Column("name", sa.Text, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    *personal("secretary", "name"), *personal("phone", "phone"),
    sa.Column("member_count", sa.Integer),
    *shape("POINT", nullable=True), *dates(),
    parent("community"), parent("parent", "party_unit"), one_of("level", tuple(LEVELS)),
    sa.CheckConstraint("(level = 'committee') = (parent_id IS NULL)", name="parent"),
    sa.CheckConstraint("parent_id <> id", name="not_own_parent"),
    sa.CheckConstraint("member_count >= 0", name="member_count"),
    sa.Index(
        "party_unit_committee_key", "county", "community", unique=True,
        postgresql_where=sa.text("level = 'committee' AND valid_to IS NULL"),
    ),
    *rules("party_unit"), county_rule("community"),
    info=spread("copy", scope="wide"),
))  # fmt: skip

neighbourhood_party_unit = link("neighbourhood_party_unit", "neighbourhood", "party_unit", how="copy")
building_party_unit = link("building_party_unit", "building", "party_unit", how="county")

# The places each unit covers, one row a place: the community, the grids or the buildings (a view, migration 0001).
cover = sa.table(
    "party_unit_cover", sa.column("code"), sa.column("name"), sa.column("level"), sa.column("community"),
    sa.column("valid_to"), sa.column("tile_geom"),
)  # fmt: skip


def _cover(rows: Callable[[sa.Table], sa.FromClause]) -> sa.FromClause:
    """Return what the view says, made of the rows that stand for the tables: covers as they were."""
    unit, parts = rows(table).c, []
    for place, pairs in (
        (community, None), (neighbourhood, neighbourhood_party_unit), (building, building_party_unit)
    ):  # fmt: skip
        area = rows(place).c
        columns = (unit.code, unit.name, unit.level, unit.community, unit.valid_to, area.tile_geom)
        query = sa.select(*columns).where(area.county == unit.county, area.valid_to.is_(None))
        if pairs is None:
            query = query.where(unit.level == "committee", area.id == unit.community_id)
        else:
            pair = rows(pairs).c
            query = query.where(
                pair.county == unit.county, pair.party_unit_id == unit.id, area.id == pair[f"{place.name}_id"]
            )
        parts.append(query)
    return sa.union_all(*parts).subquery("party_unit_cover")


register_view("party_unit_cover", _cover)

LAYER = Layer(
    name="party_unit",
    title=N_("Party units"),
    table=table,
    geometry="point",
    drawn=cover,
    draws_from=("community", "neighbourhood", "building"),
    style=Style(
        {
            "committee": Symbol(N_("Community party committee"), stroke="#c8102e", width=4),
            "branch": Symbol(
                N_("Neighbourhood party branch"),
                stroke="#c8102e",
                width=2.5,
                dash=(10, 4),
            ),
            "group": Symbol(
                N_("Building party group"),
                fill="rgba(200,16,46,.28)",
                stroke="#c8102e",
                width=1.5,
            ),
        },
        by="level",
        label="name",
        label_zoom=17,
    ),
    tile_columns=("code", "name", "level"),
    list_columns=("community", "member_count", "valid_from"),
    fields=(
        Field("code", N_("Code"), aliases=("代码", "编码", "party_unit_code")),
        Field("name", N_("Name"), required=True, aliases=("名称", "党组织", "党组织名称")),
        Field(
            "level",
            N_("Level"),
            required=True,
            aliases=("层级", "级别"),
            choices=LEVELS,
            synonyms=LEVEL_SYNONYMS,
        ),
        Field(
            "parent",
            N_("Parent unit"),
            kind="place",
            place="party_unit",
            aliases=("上级", "上级党组织"),
        ),
        Field(
            "community",
            N_("Community"),
            kind="place",
            place="community",
            aliases=("社区", "社区代码"),
        ),
        Field(
            "neighbourhoods",
            N_("Grids"),
            kind="words",
            place="neighbourhood",
            aliases=("覆盖网格",),
        ),
        Field(
            "buildings",
            N_("Buildings"),
            kind="words",
            place="building",
            aliases=("覆盖楼栋",),
        ),
        Field("secretary", N_("Secretary"), aliases=("书记", "组长")),
        Field("phone", N_("Phone"), aliases=("电话", "联系电话")),
        Field(
            "member_count",
            N_("Members"),
            kind="integer",
            aliases=("党员数",),
            minimum=0,
            maximum=100_000,
        ),
    ),
    min_zoom=12,
    code_letter="P",
    view="party_unit.view",
    edit="party_unit.edit",
    is_on=False,
)
