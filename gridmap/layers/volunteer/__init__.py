"""Volunteers 志愿者: who can help, within which radius or for which buildings, and who is on duty."""

import sqlalchemy as sa
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import ARRAY

from gridmap.crs import STORAGE_SRID
from gridmap.hierarchy import county_rule, scope_columns
from gridmap.layer import N_, Field, Layer, Style, Symbol
from gridmap.tables import (
    code,
    dates,
    geography_index,
    keys,
    link,
    measured,
    metadata,
    parent,
    personal,
    reference,
    rules,
    shape,
    spread,
    with_versions,
)

# Skills that are usual, as they are recorded, and their titles. Any other word may be recorded beside them.
SKILLS = {
    "信息登记": N_("Registration"),
    "物资配送": N_("Deliveries"),
    "护理": N_("Nursing"),
    "急救": N_("First aid"),
    "电工": N_("Electrician"),
    "管道维修": N_("Plumbing"),
    "心理疏导": N_("Counselling"),
    "外语": N_("Foreign languages"),
    "手语": N_("Sign language"),
    "驾驶": N_("Driving"),
    "烹饪": N_("Cooking"),
    "法律咨询": N_("Legal advice"),
}
DUTY_TITLES = {"true": N_("Volunteer on duty"), "false": N_("Volunteer off duty")}
MAX_RADIUS_M = 20_000
# The box in degrees around a volunteer's own radius. A degree is taken as 110 km, which is less than it is anywhere,
# and the parallel as that 0.2 degrees nearer to the pole, so the box is never too small; distances are measured after.
REACH = (
    "ST_Expand(geom,"
    " (radius_m + 1) / (110000 * cos(radians(abs(ST_Y(geom)) + 0.2))),"
    " (radius_m + 1) / 110000::double precision)"
)

table = with_versions(sa.Table(
    "volunteer", metadata, *keys(), reference("community", nullable=True), *scope_columns(community=False),
    code(), *personal("name", "name", nullable=False), *personal("phone", "phone"),
    *personal("id_number", "id_number"),
    sa.Column("skills", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("on_duty", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("radius_m", sa.Integer),
    *shape("POINT"), measured(),
    sa.Column("reach", Geometry("POLYGON", srid=STORAGE_SRID, spatial_index=False), sa.Computed(REACH, persisted=True)),
    *dates(),
    parent("community"), sa.CheckConstraint(f"radius_m BETWEEN 0 AND {MAX_RADIUS_M}", name="radius_m"),
    *rules("volunteer"), geography_index("volunteer"), county_rule("community"),
    sa.Index("volunteer_reach_idx", "reach", postgresql_using="gist"),
    info=spread("copy", scope="wide"),
))  # fmt: skip

building_volunteer = link("building_volunteer", "building", "volunteer", how="county")

LAYER = Layer(
    name="volunteer",
    title=N_("Volunteers"),
    shows_persons=True,
    table=table,
    geometry="point",
    style=Style(
        {
            "true": Symbol(DUTY_TITLES["true"], fill="#0072b2", icon="志"),
            "false": Symbol(DUTY_TITLES["false"], fill="#0072b2", icon="志", outlined=True),
        },
        by="on_duty",
    ),
    tile_columns=("code", "on_duty"),
    list_columns=("community", "neighbourhood", "radius_m", "skills", "valid_from"),
    fields=(
        Field("code", N_("Code"), aliases=("代码", "编码", "volunteer_code")),
        Field("name", N_("Full name"), required=True, aliases=("姓名", "名称")),
        Field("phone", N_("Phone"), aliases=("电话", "手机", "联系电话")),
        Field("id_number", N_("Identity number"), kind="identity", aliases=("身份证号", "身份证", "公民身份号码")),
        Field("skills", N_("Skills"), kind="words", aliases=("技能", "特长")),
        Field("on_duty", N_("On duty"), kind="boolean", aliases=("在岗", "值班"), choices=DUTY_TITLES),
        Field(
            "radius_m",
            N_("Service radius (m)"),
            kind="integer",
            aliases=("服务半径", "半径", "radius"),
            minimum=0,
            maximum=MAX_RADIUS_M,
        ),
        Field(
            "buildings",
            N_("Assigned buildings"),
            kind="words",
            place="building",
            aliases=("包楼", "负责楼栋"),
        ),
    ),
    name_column="code",
    cluster_zoom=11,
    min_zoom=16,
    code_letter="V",
    view="volunteer.view",
    edit="volunteer.edit",
)
