"""Party-member households 党员户, centre households 党员中心户 marked. Membership is sensitive by law."""

import sqlalchemy as sa

from gridmap.hierarchy import HOUSEHOLD_DIGITS, county_rule, digits, scope_columns
from gridmap.layer import N_, Field, Layer, Style, Symbol
from gridmap.tables import (
    code,
    dates,
    geography_index,
    keys,
    measured,
    metadata,
    parent,
    reference,
    rules,
    shape,
    spread,
    with_versions,
)

CENTRE_TITLES = {"true": N_("Centre household"), "false": N_("Party-member household")}

# Its code is its household's code.
table = with_versions(sa.Table(
    "party_household", metadata, *keys(), reference("household"), reference("party_unit", nullable=True),
    *scope_columns(building=True),
    code(),
    sa.Column("is_centre", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("member_count", sa.SmallInteger, nullable=False, server_default="1"),
    *shape("POINT"), measured(), *dates(),
    parent("household"), parent("party_unit"),
    sa.CheckConstraint("member_count BETWEEN 1 AND 50", name="member_count"),
    *rules("party_household", form=digits(HOUSEHOLD_DIGITS)), geography_index("party_household"),
    county_rule("code"), sa.CheckConstraint("left(code, 17) = building", name="code_under_building"),
    info=spread("county", scope="exact"),
))  # fmt: skip

LAYER = Layer(
    name="party_household",
    title=N_("Party-member households"),
    shows_persons=True,
    table=table,
    geometry="point",
    style=Style(
        {
            "true": Symbol(CENTRE_TITLES["true"], fill="#c8102e", icon="党"),
            "false": Symbol(CENTRE_TITLES["false"], fill="#c8102e", icon="员", outlined=True),
        },
        by="is_centre",
    ),
    tile_columns=("code", "is_centre"),
    list_columns=(
        "building",
        "community",
        "neighbourhood",
        "member_count",
        "valid_from",
    ),
    fields=(
        Field(
            "code",
            N_("Household code"),
            required=True,
            aliases=("户代码", "户编码", "代码", "household"),
        ),
        Field(
            "is_centre",
            N_("Centre household"),
            kind="boolean",
            aliases=("中心户", "党员中心户"),
            choices=CENTRE_TITLES,
        ),
        Field(
            "member_count",
            N_("Members"),
            kind="integer",
            aliases=("党员数",),
            minimum=1,
            maximum=50,
        ),
        Field(
            "party_unit",
            N_("Party unit"),
            kind="place",
            place="party_unit",
            aliases=("党组织", "党小组"),
        ),
    ),
    name_column="code",
    min_zoom=16,
    view="party_household.view",
    edit="party_household.edit",
    is_on=False,
)
