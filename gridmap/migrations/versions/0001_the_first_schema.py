"""The first schema: the hierarchy, the layers, their former versions and the change log.

Revision ID: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The position each question in metres starts from.
GEOGRAPHY = {
    "building": "position",
    "household": "geom",
    "party_household": "geom",
    "supply_point": "geom",
    "volunteer": "geom",
}
LAYER_TABLES = (
    "community",
    "neighbourhood",
    "estate",
    "building",
    "household",
    "party_unit",
    "party_household",
    "supply_point",
    "volunteer",
    "closure_zone",
    "street",
)
# Tables without versions of their own, and the layer whose answers they change.
PARTS = {
    "building_estate": "estate",
    "household_priority": "household",
    "stock_count": "supply_point",
    "building_volunteer": "volunteer",
    "neighbourhood_party_unit": "party_unit",
    "building_party_unit": "party_unit",
}
TRANSITIONS = {
    "INSERT": "NEW TABLE AS new_rows",
    "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "OLD TABLE AS old_rows",
}

COVER = """
CREATE VIEW party_unit_cover WITH (security_invoker = true) AS
SELECT u.code, u.name, u.level, u.community, u.valid_to, c.tile_geom
FROM party_unit AS u
JOIN community AS c ON c.county = u.county AND c.id = u.community_id AND c.valid_to IS NULL
WHERE u.level = 'committee'
UNION ALL
SELECT u.code, u.name, u.level, u.community, u.valid_to, n.tile_geom
FROM party_unit AS u
JOIN neighbourhood_party_unit AS l ON l.county = u.county AND l.party_unit_id = u.id
JOIN neighbourhood AS n ON n.county = l.county AND n.id = l.neighbourhood_id AND n.valid_to IS NULL
UNION ALL
SELECT u.code, u.name, u.level, u.community, u.valid_to, b.tile_geom
FROM party_unit AS u
JOIN building_party_unit AS l ON l.county = u.county AND l.party_unit_id = u.id
JOIN building AS b ON b.county = l.county AND b.id = l.building_id AND b.valid_to IS NULL
"""

LOG_CHANGE = """
CREATE FUNCTION log_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed bigint;
BEGIN
  IF TG_OP = 'DELETE' THEN
    SELECT count(*) INTO changed FROM old_rows;
  ELSE
    SELECT count(*) INTO changed FROM new_rows;
  END IF;
  IF changed > 0 THEN
    INSERT INTO change_log (layer, rows) VALUES (TG_ARGV[0], changed);
  END IF;
  RETURN NULL;
END
$$
"""

# A change must carry the next version of the same row; the row it replaces is kept with the moment it ended.
KEEP_FORMER_VERSIONS = """
CREATE FUNCTION keep_former_versions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  target text := format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME || '_version');
  names text;
  kept bigint;
BEGIN
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO names
  FROM pg_attribute AS a
  WHERE a.attrelid = target::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    AND a.attname <> 'until';
  IF TG_OP = 'DELETE' THEN
    EXECUTE format('INSERT INTO %s (%s, until) SELECT %s, now() FROM old_rows', target, names, names);
    RETURN NULL;
  END IF;
  EXECUTE format(
    'INSERT INTO %s (%s, until) SELECT %s, n.changed_at FROM old_rows AS o JOIN new_rows AS n'
    ' ON n.county = o.county AND n.id = o.id AND n.version = o.version + 1 AND n.changed_at >= o.changed_at',
    target, names, regexp_replace(names, '([^, ]+)', 'o.\\1', 'g'));
  GET DIAGNOSTICS kept = ROW_COUNT;
  IF kept <> (SELECT count(*) FROM old_rows) THEN
    RAISE EXCEPTION 'A change of % must carry the next version of the same row.', TG_TABLE_NAME
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END
$$
"""

# First digit by GB/T 38565-2020: 1 daily needs, 2 equipment, 3 engineering; the rest is our own numbering.
ITEM_COLUMNS = ("code", "name", "name_en", "unit", "unit_en", "group")
ITEMS = (
    ("1010101", "饮用水", "Drinking water", "瓶", "bottles", "living"),
    ("1010201", "大米", "Rice", "公斤", "kg", "living"),
    ("1010202", "食用油", "Cooking oil", "升", "litres", "living"),
    ("1010301", "蔬菜包", "Vegetable parcel", "份", "parcels", "living"),
    ("1010302", "方便食品", "Ready meals", "份", "meals", "living"),
    ("1010401", "婴儿奶粉", "Infant formula", "罐", "tins", "living"),
    ("1020101", "棉被", "Quilt", "床", "pieces", "living"),
    ("1020102", "折叠床", "Folding bed", "张", "pieces", "living"),
    ("1030101", "医用外科口罩", "Surgical masks", "只", "pieces", "medical"),
    ("1030102", "N95口罩", "N95 masks", "只", "pieces", "medical"),
    ("1030201", "84消毒液", "Disinfectant 84", "瓶", "bottles", "medical"),
    ("1030202", "免洗洗手液", "Hand sanitiser", "瓶", "bottles", "medical"),
    ("1030301", "抗原检测试剂", "Antigen test kits", "份", "kits", "medical"),
    ("1030302", "防护服", "Protective suits", "套", "suits", "medical"),
    ("1030303", "一次性手套", "Disposable gloves", "双", "pairs", "medical"),
    ("1030401", "急救包", "First-aid kit", "个", "kits", "medical"),
    ("1030402", "退热药", "Fever medicine", "盒", "boxes", "medical"),
    ("2010101", "灭火器", "Fire extinguisher", "具", "pieces", "rescue"),
    ("2010201", "手电筒", "Torch", "支", "pieces", "rescue"),
    ("2010301", "救生绳", "Rescue rope", "根", "pieces", "rescue"),
    ("2020101", "发电机", "Generator", "台", "sets", "equipment"),
    ("2020201", "抽水泵", "Water pump", "台", "sets", "equipment"),
    ("3010101", "沙袋", "Sandbags", "个", "pieces", "equipment"),
    ("3010201", "铁锹", "Shovel", "把", "pieces", "equipment"),
)


def upgrade() -> None:
    op.create_geospatial_table(
        "building_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=False),
        sa.Column("neighbourhood_id", sa.Uuid(), nullable=True),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("floors", sa.SmallInteger(), nullable=True),
        sa.Column("units", sa.SmallInteger(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "position",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_PointOnSurface(geom)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("county", "id", "version", name=op.f("building_version_pkey")),
    )
    op.create_index("building_version_code_idx", "building_version", ["code", "until"], unique=False)
    op.create_geospatial_index(
        "building_version_geom_idx",
        "building_version",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "change_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("change_log_pkey")),
        info={"spread": "copy"},
    )
    op.create_index("change_log_layer_idx", "change_log", ["layer", "id"], unique=False)
    op.create_geospatial_table(
        "closure_zone_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=True),
        sa.Column("community", sa.Text(collation="C"), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("starts_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ends_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("county", "id", "version", name=op.f("closure_zone_version_pkey")),
    )
    op.create_index("closure_zone_version_code_idx", "closure_zone_version", ["code", "until"], unique=False)
    op.create_geospatial_index(
        "closure_zone_version_geom_idx",
        "closure_zone_version",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "community",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.CheckConstraint("code ~ '^[0-9]{12}$'", name=op.f("community_code_form_check")),
        sa.CheckConstraint("NOT ST_IsEmpty(geom)", name=op.f("community_geom_not_empty_check")),
        sa.CheckConstraint("ST_IsValid(geom)", name=op.f("community_geom_valid_check")),
        sa.CheckConstraint("ST_NPoints(geom) <= 20000", name=op.f("community_geom_vertices_check")),
        sa.CheckConstraint(
            "ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85",
            name=op.f("community_geom_in_range_check"),
        ),
        sa.CheckConstraint("code IS NULL OR left(code, 6) = county::text", name=op.f("community_code_in_county_check")),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name=op.f("community_county_form_check")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("community_period_check")),
        sa.CheckConstraint("version >= 1", name=op.f("community_version_check")),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("community_pkey")),
    )
    op.create_index("community_code_idx", "community", ["code"], unique=False)
    op.create_index(
        "community_code_key", "community", ["county", "code"], unique=True, postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_geospatial_index(
        "community_geom_idx", "community", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(
        "community_source_key",
        "community",
        ["county", "source_key"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
    )
    op.create_geospatial_index(
        "community_tile_geom_idx", "community", ["tile_geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_geospatial_table(
        "community_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("county", "id", "version", name=op.f("community_version_pkey")),
    )
    op.create_index("community_version_code_idx", "community_version", ["code", "until"], unique=False)
    op.create_geospatial_index(
        "community_version_geom_idx",
        "community_version",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "division",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.CheckConstraint("code ~ '^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9})$'", name=op.f("division_code_form_check")),
        sa.PrimaryKeyConstraint("code", name=op.f("division_pkey")),
        info={"spread": "copy"},
    )
    op.create_geospatial_table(
        "estate_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("property_manager", sa.Text(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("county", "id", "version", name=op.f("estate_version_pkey")),
    )
    op.create_index("estate_version_code_idx", "estate_version", ["code", "until"], unique=False)
    op.create_geospatial_index(
        "estate_version_geom_idx", "estate_version", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_geospatial_table(
        "household_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("building_id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("floor", sa.SmallInteger(), nullable=True),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("occupancy", sa.Text(), nullable=False),
        sa.Column("people_count", sa.SmallInteger(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="POINT",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("county", "id", "version", name=op.f("household_version_pkey")),
    )
    op.create_index("household_version_code_idx", "household_version", ["code", "until"], unique=False)
    op.create_geospatial_index(
        "household_version_geom_idx",
        "household_version",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "item",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("unit_en", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.CheckConstraint("code ~ '^[0-9]{7}$'", name=op.f("item_code_form_check")),
        sa.CheckConstraint(
            "\"group\" IN ('rescue', 'medical', 'living', 'equipment')", name=op.f('item_"group"_check')
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("item_pkey")),
        sa.UniqueConstraint("name", name=op.f("item_name_key")),
        info={"spread": "copy"},
    )
    op.create_geospatial_table(
        "neighbourhood_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("county", "id", "version", name=op.f("neighbourhood_version_pkey")),
    )
    op.create_index("neighbourhood_version_code_idx", "neighbourhood_version", ["code", "until"], unique=False)
    op.create_geospatial_index(
        "neighbourhood_version_geom_idx",
        "neighbourhood_version",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "party_household_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("party_unit_id", sa.Uuid(), nullable=True),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("is_centre", sa.Boolean(), nullable=False),
        sa.Column("member_count", sa.SmallInteger(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="POINT",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("county", "id", "version", name=op.f("party_household_version_pkey")),
    )
    op.create_index("party_household_version_code_idx", "party_household_version", ["code", "until"], unique=False)
    op.create_geospatial_index(
        "party_household_version_geom_idx",
        "party_household_version",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "party_unit_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("secretary", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("member_count", sa.Integer(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="POINT",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("county", "id", "version", name=op.f("party_unit_version_pkey")),
    )
    op.create_index("party_unit_version_code_idx", "party_unit_version", ["code", "until"], unique=False)
    op.create_geospatial_index(
        "party_unit_version_geom_idx",
        "party_unit_version",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "street",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="residential", nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="LINESTRING",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="LINESTRING",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.CheckConstraint("code ~ '^[0-9A-Za-z._-]{1,64}$'", name=op.f("street_code_form_check")),
        sa.CheckConstraint("kind IN ('main', 'residential', 'path')", name=op.f("street_kind_check")),
        sa.CheckConstraint("NOT ST_IsEmpty(geom)", name=op.f("street_geom_not_empty_check")),
        sa.CheckConstraint("ST_IsValid(geom)", name=op.f("street_geom_valid_check")),
        sa.CheckConstraint("ST_NPoints(geom) <= 20000", name=op.f("street_geom_vertices_check")),
        sa.CheckConstraint(
            "ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85",
            name=op.f("street_geom_in_range_check"),
        ),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name=op.f("street_county_form_check")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("street_period_check")),
        sa.CheckConstraint("version >= 1", name=op.f("street_version_check")),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("street_pkey")),
    )
    op.create_index("street_code_idx", "street", ["code"], unique=False)
    op.create_index(
        "street_code_key", "street", ["county", "code"], unique=True, postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_geospatial_index(
        "street_geom_idx", "street", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(
        "street_source_key",
        "street",
        ["county", "source_key"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
    )
    op.create_geospatial_index(
        "street_tile_geom_idx", "street", ["tile_geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_geospatial_table(
        "street_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="LINESTRING",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="LINESTRING",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("county", "id", "version", name=op.f("street_version_pkey")),
    )
    op.create_index("street_version_code_idx", "street_version", ["code", "until"], unique=False)
    op.create_geospatial_index(
        "street_version_geom_idx", "street_version", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_geospatial_table(
        "supply_point_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=True),
        sa.Column("community", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("open_hours", sa.Text(), nullable=True),
        sa.Column("capacity", sa.Text(), nullable=True),
        sa.Column("keeper", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="POINT",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("county", "id", "version", name=op.f("supply_point_version_pkey")),
    )
    op.create_index("supply_point_version_code_idx", "supply_point_version", ["code", "until"], unique=False)
    op.create_geospatial_index(
        "supply_point_version_geom_idx",
        "supply_point_version",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "volunteer_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=True),
        sa.Column("community", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("skills", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("on_duty", sa.Boolean(), nullable=False),
        sa.Column("radius_m", sa.Integer(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="POINT",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("county", "id", "version", name=op.f("volunteer_version_pkey")),
    )
    op.create_index("volunteer_version_code_idx", "volunteer_version", ["code", "until"], unique=False)
    op.create_geospatial_index(
        "volunteer_version_geom_idx",
        "volunteer_version",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "closure_zone",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=True),
        sa.Column("community", sa.Text(collation="C"), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("order_no", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("starts_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ends_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.CheckConstraint("code ~ '^[0-9A-Za-z._-]{1,64}$'", name=op.f("closure_zone_code_form_check")),
        sa.CheckConstraint(
            "state IN ('draft', 'proposed', 'approved', 'active', 'release_proposed', 'released', 'rejected', 'revoked', 'expired')",
            name=op.f("closure_zone_state_check"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('active', 'release_proposed') OR (order_no IS NOT NULL AND issuer IS NOT NULL AND starts_at IS NOT NULL)",
            name=op.f("closure_zone_active_needs_order_check"),
        ),
        sa.CheckConstraint(
            "type IN ('lockdown', 'control', 'prevention', 'high_risk', 'medium_risk', 'low_risk', 'cordon', 'evacuation')",
            name=op.f("closure_zone_type_check"),
        ),
        sa.CheckConstraint("NOT ST_IsEmpty(geom)", name=op.f("closure_zone_geom_not_empty_check")),
        sa.CheckConstraint("ST_IsValid(geom)", name=op.f("closure_zone_geom_valid_check")),
        sa.CheckConstraint("ST_NPoints(geom) <= 20000", name=op.f("closure_zone_geom_vertices_check")),
        sa.CheckConstraint(
            "ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85",
            name=op.f("closure_zone_geom_in_range_check"),
        ),
        sa.CheckConstraint(
            "community IS NULL OR left(community, 6) = county::text",
            name=op.f("closure_zone_community_in_county_check"),
        ),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name=op.f("closure_zone_county_form_check")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("closure_zone_times_check")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("closure_zone_period_check")),
        sa.CheckConstraint("version >= 1", name=op.f("closure_zone_version_check")),
        sa.ForeignKeyConstraint(
            ["county", "community_id"],
            ["community.county", "community.id"],
            name=op.f("closure_zone_county_community_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("closure_zone_pkey")),
    )
    op.create_index("closure_zone_code_idx", "closure_zone", ["code"], unique=False)
    op.create_index(
        "closure_zone_code_key",
        "closure_zone",
        ["county", "code"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index(op.f("closure_zone_community_id_idx"), "closure_zone", ["community_id"], unique=False)
    op.create_index(op.f("closure_zone_community_idx"), "closure_zone", ["community"], unique=False)
    op.create_geospatial_index(
        "closure_zone_geom_idx", "closure_zone", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(
        "closure_zone_source_key",
        "closure_zone",
        ["county", "source_key"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
    )
    op.create_geospatial_index(
        "closure_zone_tile_geom_idx",
        "closure_zone",
        ["tile_geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "estate",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("property_manager", sa.Text(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.CheckConstraint("code ~ '^[0-9A-Za-z._-]{1,64}$'", name=op.f("estate_code_form_check")),
        sa.CheckConstraint("NOT ST_IsEmpty(geom)", name=op.f("estate_geom_not_empty_check")),
        sa.CheckConstraint("ST_IsValid(geom)", name=op.f("estate_geom_valid_check")),
        sa.CheckConstraint("ST_NPoints(geom) <= 20000", name=op.f("estate_geom_vertices_check")),
        sa.CheckConstraint(
            "ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85",
            name=op.f("estate_geom_in_range_check"),
        ),
        sa.CheckConstraint(
            "community IS NULL OR left(community, 6) = county::text", name=op.f("estate_community_in_county_check")
        ),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name=op.f("estate_county_form_check")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("estate_period_check")),
        sa.CheckConstraint("version >= 1", name=op.f("estate_version_check")),
        sa.ForeignKeyConstraint(
            ["county", "community_id"],
            ["community.county", "community.id"],
            name=op.f("estate_county_community_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("estate_pkey")),
    )
    op.create_index("estate_code_idx", "estate", ["code"], unique=False)
    op.create_index(
        "estate_code_key", "estate", ["county", "code"], unique=True, postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_index(op.f("estate_community_id_idx"), "estate", ["community_id"], unique=False)
    op.create_index(op.f("estate_community_idx"), "estate", ["community"], unique=False)
    op.create_geospatial_index(
        "estate_geom_idx", "estate", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(
        "estate_source_key",
        "estate",
        ["county", "source_key"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
    )
    op.create_geospatial_index(
        "estate_tile_geom_idx", "estate", ["tile_geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_geospatial_table(
        "neighbourhood",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="general", nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.CheckConstraint("code ~ '^[0-9]{15}$'", name=op.f("neighbourhood_code_form_check")),
        sa.CheckConstraint("kind IN ('general', 'dedicated')", name=op.f("neighbourhood_kind_check")),
        sa.CheckConstraint("NOT ST_IsEmpty(geom)", name=op.f("neighbourhood_geom_not_empty_check")),
        sa.CheckConstraint("ST_IsValid(geom)", name=op.f("neighbourhood_geom_valid_check")),
        sa.CheckConstraint("ST_NPoints(geom) <= 20000", name=op.f("neighbourhood_geom_vertices_check")),
        sa.CheckConstraint(
            "ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85",
            name=op.f("neighbourhood_geom_in_range_check"),
        ),
        sa.CheckConstraint(
            "code IS NULL OR left(code, 6) = county::text", name=op.f("neighbourhood_code_in_county_check")
        ),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name=op.f("neighbourhood_county_form_check")),
        sa.CheckConstraint("left(code, 12) = community", name=op.f("neighbourhood_code_under_community_check")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("neighbourhood_period_check")),
        sa.CheckConstraint("version >= 1", name=op.f("neighbourhood_version_check")),
        sa.ForeignKeyConstraint(
            ["county", "community_id"],
            ["community.county", "community.id"],
            name=op.f("neighbourhood_county_community_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("neighbourhood_pkey")),
    )
    op.create_index("neighbourhood_code_idx", "neighbourhood", ["code"], unique=False)
    op.create_index(
        "neighbourhood_code_key",
        "neighbourhood",
        ["county", "code"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index(op.f("neighbourhood_community_id_idx"), "neighbourhood", ["community_id"], unique=False)
    op.create_index(op.f("neighbourhood_community_idx"), "neighbourhood", ["community"], unique=False)
    op.create_geospatial_index(
        "neighbourhood_geom_idx", "neighbourhood", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(
        "neighbourhood_source_key",
        "neighbourhood",
        ["county", "source_key"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
    )
    op.create_geospatial_index(
        "neighbourhood_tile_geom_idx",
        "neighbourhood",
        ["tile_geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "party_unit",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("secretary", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("member_count", sa.Integer(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="POINT",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.CheckConstraint("(level = 'committee') = (parent_id IS NULL)", name=op.f("party_unit_parent_check")),
        sa.CheckConstraint("code ~ '^[0-9A-Za-z._-]{1,64}$'", name=op.f("party_unit_code_form_check")),
        sa.CheckConstraint("level IN ('committee', 'branch', 'group')", name=op.f("party_unit_level_check")),
        sa.CheckConstraint("NOT ST_IsEmpty(geom)", name=op.f("party_unit_geom_not_empty_check")),
        sa.CheckConstraint("ST_IsValid(geom)", name=op.f("party_unit_geom_valid_check")),
        sa.CheckConstraint("ST_NPoints(geom) <= 20000", name=op.f("party_unit_geom_vertices_check")),
        sa.CheckConstraint(
            "ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85",
            name=op.f("party_unit_geom_in_range_check"),
        ),
        sa.CheckConstraint(
            "community IS NULL OR left(community, 6) = county::text", name=op.f("party_unit_community_in_county_check")
        ),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name=op.f("party_unit_county_form_check")),
        sa.CheckConstraint("member_count >= 0", name=op.f("party_unit_member_count_check")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("party_unit_period_check")),
        sa.CheckConstraint("version >= 1", name=op.f("party_unit_version_check")),
        sa.ForeignKeyConstraint(
            ["county", "community_id"],
            ["community.county", "community.id"],
            name=op.f("party_unit_county_community_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["county", "parent_id"],
            ["party_unit.county", "party_unit.id"],
            name=op.f("party_unit_county_parent_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("party_unit_pkey")),
    )
    op.create_index("party_unit_code_idx", "party_unit", ["code"], unique=False)
    op.create_index(
        "party_unit_code_key",
        "party_unit",
        ["county", "code"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index(op.f("party_unit_community_id_idx"), "party_unit", ["community_id"], unique=False)
    op.create_index(op.f("party_unit_community_idx"), "party_unit", ["community"], unique=False)
    op.create_geospatial_index(
        "party_unit_geom_idx", "party_unit", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("party_unit_parent_id_idx"), "party_unit", ["parent_id"], unique=False)
    op.create_index(
        "party_unit_source_key",
        "party_unit",
        ["county", "source_key"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
    )
    op.create_geospatial_index(
        "party_unit_tile_geom_idx",
        "party_unit",
        ["tile_geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "supply_point",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=True),
        sa.Column("community", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("open_hours", sa.Text(), nullable=True),
        sa.Column("capacity", sa.Text(), nullable=True),
        sa.Column("keeper", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="POINT",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.CheckConstraint("code ~ '^[0-9A-Za-z._-]{1,64}$'", name=op.f("supply_point_code_form_check")),
        sa.CheckConstraint(
            "kind IN ('store', 'station', 'clinic', 'dropoff', 'merchant', 'venue')",
            name=op.f("supply_point_kind_check"),
        ),
        sa.CheckConstraint("NOT ST_IsEmpty(geom)", name=op.f("supply_point_geom_not_empty_check")),
        sa.CheckConstraint("ST_IsValid(geom)", name=op.f("supply_point_geom_valid_check")),
        sa.CheckConstraint("ST_NPoints(geom) <= 20000", name=op.f("supply_point_geom_vertices_check")),
        sa.CheckConstraint(
            "ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85",
            name=op.f("supply_point_geom_in_range_check"),
        ),
        sa.CheckConstraint(
            "community IS NULL OR left(community, 6) = county::text",
            name=op.f("supply_point_community_in_county_check"),
        ),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name=op.f("supply_point_county_form_check")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("supply_point_period_check")),
        sa.CheckConstraint("version >= 1", name=op.f("supply_point_version_check")),
        sa.ForeignKeyConstraint(
            ["county", "community_id"],
            ["community.county", "community.id"],
            name=op.f("supply_point_county_community_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("supply_point_pkey")),
    )
    op.create_index("supply_point_code_idx", "supply_point", ["code"], unique=False)
    op.create_index(
        "supply_point_code_key",
        "supply_point",
        ["county", "code"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index(op.f("supply_point_community_id_idx"), "supply_point", ["community_id"], unique=False)
    op.create_index(op.f("supply_point_community_idx"), "supply_point", ["community"], unique=False)
    op.create_geospatial_index(
        "supply_point_geom_idx", "supply_point", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("supply_point_neighbourhood_idx"), "supply_point", ["neighbourhood"], unique=False)
    op.create_index(
        "supply_point_source_key",
        "supply_point",
        ["county", "source_key"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
    )
    op.create_geospatial_index(
        "supply_point_tile_geom_idx",
        "supply_point",
        ["tile_geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "volunteer",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=True),
        sa.Column("community", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("skills", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("on_duty", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("radius_m", sa.Integer(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="POINT",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.CheckConstraint("code ~ '^[0-9A-Za-z._-]{1,64}$'", name=op.f("volunteer_code_form_check")),
        sa.CheckConstraint("NOT ST_IsEmpty(geom)", name=op.f("volunteer_geom_not_empty_check")),
        sa.CheckConstraint("ST_IsValid(geom)", name=op.f("volunteer_geom_valid_check")),
        sa.CheckConstraint("ST_NPoints(geom) <= 20000", name=op.f("volunteer_geom_vertices_check")),
        sa.CheckConstraint(
            "ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85",
            name=op.f("volunteer_geom_in_range_check"),
        ),
        sa.CheckConstraint(
            "community IS NULL OR left(community, 6) = county::text", name=op.f("volunteer_community_in_county_check")
        ),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name=op.f("volunteer_county_form_check")),
        sa.CheckConstraint("radius_m BETWEEN 0 AND 20000", name=op.f("volunteer_radius_m_check")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("volunteer_period_check")),
        sa.CheckConstraint("version >= 1", name=op.f("volunteer_version_check")),
        sa.ForeignKeyConstraint(
            ["county", "community_id"],
            ["community.county", "community.id"],
            name=op.f("volunteer_county_community_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("volunteer_pkey")),
    )
    op.create_index("volunteer_code_idx", "volunteer", ["code"], unique=False)
    op.create_index(
        "volunteer_code_key", "volunteer", ["county", "code"], unique=True, postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_index(op.f("volunteer_community_id_idx"), "volunteer", ["community_id"], unique=False)
    op.create_index(op.f("volunteer_community_idx"), "volunteer", ["community"], unique=False)
    op.create_geospatial_index(
        "volunteer_geom_idx", "volunteer", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("volunteer_neighbourhood_idx"), "volunteer", ["neighbourhood"], unique=False)
    op.create_index(
        "volunteer_source_key",
        "volunteer",
        ["county", "source_key"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
    )
    op.create_geospatial_index(
        "volunteer_tile_geom_idx", "volunteer", ["tile_geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_geospatial_table(
        "building",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("community_id", sa.Uuid(), nullable=False),
        sa.Column("neighbourhood_id", sa.Uuid(), nullable=True),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("floors", sa.SmallInteger(), nullable=True),
        sa.Column("units", sa.SmallInteger(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "position",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_PointOnSurface(geom)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.CheckConstraint("code ~ '^[0-9]{17}$'", name=op.f("building_code_form_check")),
        sa.CheckConstraint(
            "(neighbourhood IS NULL) = (neighbourhood_id IS NULL)", name=op.f("building_neighbourhood_pair_check")
        ),
        sa.CheckConstraint("NOT ST_IsEmpty(geom)", name=op.f("building_geom_not_empty_check")),
        sa.CheckConstraint("ST_IsValid(geom)", name=op.f("building_geom_valid_check")),
        sa.CheckConstraint("ST_NPoints(geom) <= 20000", name=op.f("building_geom_vertices_check")),
        sa.CheckConstraint(
            "ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85",
            name=op.f("building_geom_in_range_check"),
        ),
        sa.CheckConstraint("code IS NULL OR left(code, 6) = county::text", name=op.f("building_code_in_county_check")),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name=op.f("building_county_form_check")),
        sa.CheckConstraint("floors BETWEEN 1 AND 200", name=op.f("building_floors_check")),
        sa.CheckConstraint("left(code, 12) = community", name=op.f("building_code_under_community_check")),
        sa.CheckConstraint(
            "left(neighbourhood, 12) = community", name=op.f("building_neighbourhood_under_community_check")
        ),
        sa.CheckConstraint("units BETWEEN 1 AND 99", name=op.f("building_units_check")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("building_period_check")),
        sa.CheckConstraint("version >= 1", name=op.f("building_version_check")),
        sa.ForeignKeyConstraint(
            ["county", "community_id"],
            ["community.county", "community.id"],
            name=op.f("building_county_community_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["county", "neighbourhood_id"],
            ["neighbourhood.county", "neighbourhood.id"],
            name=op.f("building_county_neighbourhood_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("building_pkey")),
    )
    op.create_index("building_code_idx", "building", ["code"], unique=False)
    op.create_index(
        "building_code_key", "building", ["county", "code"], unique=True, postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_index(op.f("building_community_id_idx"), "building", ["community_id"], unique=False)
    op.create_index(op.f("building_community_idx"), "building", ["community"], unique=False)
    op.create_geospatial_index(
        "building_geom_idx", "building", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("building_neighbourhood_id_idx"), "building", ["neighbourhood_id"], unique=False)
    op.create_index(op.f("building_neighbourhood_idx"), "building", ["neighbourhood"], unique=False)
    op.create_index(
        "building_source_key",
        "building",
        ["county", "source_key"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
    )
    op.create_geospatial_index(
        "building_tile_geom_idx", "building", ["tile_geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_table(
        "neighbourhood_party_unit",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("neighbourhood_id", sa.Uuid(), nullable=False),
        sa.Column("party_unit_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["county", "neighbourhood_id"],
            ["neighbourhood.county", "neighbourhood.id"],
            name=op.f("neighbourhood_party_unit_county_neighbourhood_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["county", "party_unit_id"],
            ["party_unit.county", "party_unit.id"],
            name=op.f("neighbourhood_party_unit_county_party_unit_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "county", "neighbourhood_id", "party_unit_id", name=op.f("neighbourhood_party_unit_pkey")
        ),
        info={"spread": "copy"},
    )
    op.create_index(
        op.f("neighbourhood_party_unit_party_unit_id_idx"), "neighbourhood_party_unit", ["party_unit_id"], unique=False
    )
    op.create_table(
        "stock_count",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("supply_point_id", sa.Uuid(), nullable=False),
        sa.Column("item_code", sa.Text(), nullable=False),
        sa.Column("counted_on", sa.Date(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("stock_count_quantity_check")),
        sa.ForeignKeyConstraint(
            ["county", "supply_point_id"],
            ["supply_point.county", "supply_point.id"],
            name=op.f("stock_count_county_supply_point_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["item_code"], ["item.code"], name=op.f("stock_count_item_code_fkey")),
        sa.PrimaryKeyConstraint("county", "supply_point_id", "item_code", "counted_on", name=op.f("stock_count_pkey")),
        info={"spread": "copy"},
    )
    op.create_table(
        "building_estate",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("building_id", sa.Uuid(), nullable=False),
        sa.Column("estate_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["county", "building_id"],
            ["building.county", "building.id"],
            name=op.f("building_estate_county_building_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["county", "estate_id"], ["estate.county", "estate.id"], name=op.f("building_estate_county_estate_id_fkey")
        ),
        sa.PrimaryKeyConstraint("county", "building_id", "estate_id", name=op.f("building_estate_pkey")),
        info={"spread": "county"},
    )
    op.create_index(op.f("building_estate_estate_id_idx"), "building_estate", ["estate_id"], unique=False)
    op.create_table(
        "building_party_unit",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("building_id", sa.Uuid(), nullable=False),
        sa.Column("party_unit_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["county", "building_id"],
            ["building.county", "building.id"],
            name=op.f("building_party_unit_county_building_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["county", "party_unit_id"],
            ["party_unit.county", "party_unit.id"],
            name=op.f("building_party_unit_county_party_unit_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "building_id", "party_unit_id", name=op.f("building_party_unit_pkey")),
        info={"spread": "county"},
    )
    op.create_index(
        op.f("building_party_unit_party_unit_id_idx"), "building_party_unit", ["party_unit_id"], unique=False
    )
    op.create_table(
        "building_volunteer",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("building_id", sa.Uuid(), nullable=False),
        sa.Column("volunteer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["county", "building_id"],
            ["building.county", "building.id"],
            name=op.f("building_volunteer_county_building_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["county", "volunteer_id"],
            ["volunteer.county", "volunteer.id"],
            name=op.f("building_volunteer_county_volunteer_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "building_id", "volunteer_id", name=op.f("building_volunteer_pkey")),
        info={"spread": "county"},
    )
    op.create_index(op.f("building_volunteer_volunteer_id_idx"), "building_volunteer", ["volunteer_id"], unique=False)
    op.create_geospatial_table(
        "household",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("building_id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("floor", sa.SmallInteger(), nullable=True),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("occupancy", sa.Text(), server_default="resident", nullable=False),
        sa.Column("people_count", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="POINT",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.CheckConstraint("code ~ '^[0-9]{23}$'", name=op.f("household_code_form_check")),
        sa.CheckConstraint(
            "occupancy IN ('resident', 'rented', 'vacant', 'shop', 'dormitory')", name=op.f("household_occupancy_check")
        ),
        sa.CheckConstraint("room ~ '^[0-9]{4}$'", name=op.f("household_room_form_check")),
        sa.CheckConstraint("unit ~ '^[0-9]{2}$'", name=op.f("household_unit_form_check")),
        sa.CheckConstraint("NOT ST_IsEmpty(geom)", name=op.f("household_geom_not_empty_check")),
        sa.CheckConstraint("ST_IsValid(geom)", name=op.f("household_geom_valid_check")),
        sa.CheckConstraint("ST_NPoints(geom) <= 20000", name=op.f("household_geom_vertices_check")),
        sa.CheckConstraint(
            "ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85",
            name=op.f("household_geom_in_range_check"),
        ),
        sa.CheckConstraint("code = building || unit || room", name=op.f("household_code_parts_check")),
        sa.CheckConstraint("code IS NULL OR left(code, 6) = county::text", name=op.f("household_code_in_county_check")),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name=op.f("household_county_form_check")),
        sa.CheckConstraint("left(building, 12) = community", name=op.f("household_building_under_community_check")),
        sa.CheckConstraint(
            "left(neighbourhood, 12) = community", name=op.f("household_neighbourhood_under_community_check")
        ),
        sa.CheckConstraint("people_count BETWEEN 0 AND 500", name=op.f("household_people_count_check")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("household_period_check")),
        sa.CheckConstraint("version >= 1", name=op.f("household_version_check")),
        sa.ForeignKeyConstraint(
            ["county", "building_id"],
            ["building.county", "building.id"],
            name=op.f("household_county_building_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("household_pkey")),
    )
    op.create_index(op.f("household_building_id_idx"), "household", ["building_id"], unique=False)
    op.create_index(op.f("household_building_idx"), "household", ["building"], unique=False)
    op.create_index("household_code_idx", "household", ["code"], unique=False)
    op.create_index(
        "household_code_key", "household", ["county", "code"], unique=True, postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_index(op.f("household_community_idx"), "household", ["community"], unique=False)
    op.create_geospatial_index(
        "household_geom_idx", "household", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("household_neighbourhood_idx"), "household", ["neighbourhood"], unique=False)
    op.create_index(
        "household_source_key",
        "household",
        ["county", "source_key"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
    )
    op.create_geospatial_index(
        "household_tile_geom_idx", "household", ["tile_geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_table(
        "household_priority",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("people_count", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "tag IN ('elderly_alone', 'child_in_difficulty', 'pregnant', 'dialysis', 'chronic', 'disabled', 'bedridden', 'infant', 'low_income')",
            name=op.f("household_priority_tag_check"),
        ),
        sa.CheckConstraint("people_count BETWEEN 1 AND 500", name=op.f("household_priority_people_count_check")),
        sa.ForeignKeyConstraint(
            ["county", "household_id"],
            ["household.county", "household.id"],
            name=op.f("household_priority_county_household_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "household_id", "tag", name=op.f("household_priority_pkey")),
        info={"spread": "county"},
    )
    op.create_geospatial_table(
        "party_household",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("party_unit_id", sa.Uuid(), nullable=True),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("is_centre", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("member_count", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "tile_geom",
            Geometry(
                geometry_type="POINT",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            sa.Computed("ST_Transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.CheckConstraint("code ~ '^[0-9]{23}$'", name=op.f("party_household_code_form_check")),
        sa.CheckConstraint("NOT ST_IsEmpty(geom)", name=op.f("party_household_geom_not_empty_check")),
        sa.CheckConstraint("ST_IsValid(geom)", name=op.f("party_household_geom_valid_check")),
        sa.CheckConstraint("ST_NPoints(geom) <= 20000", name=op.f("party_household_geom_vertices_check")),
        sa.CheckConstraint(
            "ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85",
            name=op.f("party_household_geom_in_range_check"),
        ),
        sa.CheckConstraint(
            "code IS NULL OR left(code, 6) = county::text", name=op.f("party_household_code_in_county_check")
        ),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name=op.f("party_household_county_form_check")),
        sa.CheckConstraint("left(code, 17) = building", name=op.f("party_household_code_under_building_check")),
        sa.CheckConstraint("member_count BETWEEN 1 AND 50", name=op.f("party_household_member_count_check")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("party_household_period_check")),
        sa.CheckConstraint("version >= 1", name=op.f("party_household_version_check")),
        sa.ForeignKeyConstraint(
            ["county", "household_id"],
            ["household.county", "household.id"],
            name=op.f("party_household_county_household_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["county", "party_unit_id"],
            ["party_unit.county", "party_unit.id"],
            name=op.f("party_household_county_party_unit_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("party_household_pkey")),
    )
    op.create_index(op.f("party_household_building_idx"), "party_household", ["building"], unique=False)
    op.create_index("party_household_code_idx", "party_household", ["code"], unique=False)
    op.create_index(
        "party_household_code_key",
        "party_household",
        ["county", "code"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index(op.f("party_household_community_idx"), "party_household", ["community"], unique=False)
    op.create_geospatial_index(
        "party_household_geom_idx",
        "party_household",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(op.f("party_household_household_id_idx"), "party_household", ["household_id"], unique=False)
    op.create_index(op.f("party_household_neighbourhood_idx"), "party_household", ["neighbourhood"], unique=False)
    op.create_index(op.f("party_household_party_unit_id_idx"), "party_household", ["party_unit_id"], unique=False)
    op.create_index(
        "party_household_source_key",
        "party_household",
        ["county", "source_key"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
    )
    op.create_geospatial_index(
        "party_household_tile_geom_idx",
        "party_household",
        ["tile_geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    for table, column in GEOGRAPHY.items():
        op.execute(f"CREATE INDEX {table}_geog_idx ON {table} USING gist (({column}::geography))")
    op.execute(
        "CREATE INDEX volunteer_reach_idx ON volunteer USING gist (ST_Expand(geom,"
        " (radius_m + 1) / (110000 * cos(radians(abs(ST_Y(geom)) + 0.2))),"
        " (radius_m + 1) / 110000::double precision))"
    )
    op.execute(COVER)
    op.execute(LOG_CHANGE)
    op.execute(KEEP_FORMER_VERSIONS)
    for table in LAYER_TABLES:
        watch(table, table, versions=True)
    for table, layer in PARTS.items():
        watch(table, layer, versions=False)
    op.bulk_insert(
        sa.table("item", *(sa.column(c) for c in ITEM_COLUMNS)),
        [dict(zip(ITEM_COLUMNS, i, strict=True)) for i in ITEMS],
    )


def watch(table: str, layer: str, *, versions: bool) -> None:
    """Make a table's statements append to the change log and, for a layer, keep the rows they replace."""
    for event, transition in TRANSITIONS.items():
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()}_log AFTER {event} ON {table} REFERENCING {transition}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION log_change('{layer}')"
        )
        if versions and event != "INSERT":
            op.execute(
                f"CREATE TRIGGER {table}_{event.lower()}_versions AFTER {event} ON {table} REFERENCING {transition}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION keep_former_versions()"
            )


def downgrade() -> None:
    raise NotImplementedError("Below the first schema there is nothing: drop the database instead.")
