"""What a zone rests on: norms of need, protocols, legal bases as dated rows; orders and the items of a zone's scope.

Revision ID: 0015
Revises: 0014
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE norm (
  code TEXT COLLATE "C" NOT NULL,
  valid_from DATE NOT NULL,
  valid_to DATE,
  item_code TEXT,
  name TEXT NOT NULL,
  name_en TEXT NOT NULL,
  unit TEXT NOT NULL,
  unit_en TEXT NOT NULL,
  per TEXT NOT NULL,
  quantity NUMERIC NOT NULL,
  unit_quantity NUMERIC,
  source TEXT NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  changed_by TEXT DEFAULT COALESCE(current_setting('gridmap.actor', true), '') NOT NULL,
  CONSTRAINT norm_pkey PRIMARY KEY (code, valid_from),
  CONSTRAINT norm_per_check CHECK (per IN ('person', 'household')),
  CONSTRAINT norm_period_check CHECK (valid_to IS NULL OR valid_to > valid_from),
  CONSTRAINT norm_quantity_check CHECK (quantity > 0),
  CONSTRAINT norm_unit_quantity_check CHECK (unit_quantity > 0),
  CONSTRAINT norm_item_pair_check CHECK ((item_code IS NULL) = (unit_quantity IS NULL)),
  CONSTRAINT norm_item_code_fkey FOREIGN KEY(item_code) REFERENCES item (code)
);
CREATE TABLE norm_version (
  code TEXT COLLATE "C" NOT NULL,
  valid_from DATE NOT NULL,
  valid_to DATE,
  item_code TEXT,
  name TEXT NOT NULL,
  name_en TEXT NOT NULL,
  unit TEXT NOT NULL,
  unit_en TEXT NOT NULL,
  per TEXT NOT NULL,
  quantity NUMERIC NOT NULL,
  unit_quantity NUMERIC,
  source TEXT NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  changed_by TEXT NOT NULL,
  until TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_by TEXT NOT NULL,
  CONSTRAINT norm_version_pkey PRIMARY KEY (code, valid_from, changed_at, until)
);
CREATE TABLE protocol (
  code TEXT COLLATE "C" NOT NULL,
  type TEXT NOT NULL,
  valid_from DATE NOT NULL,
  valid_to DATE,
  name TEXT NOT NULL,
  name_en TEXT NOT NULL,
  levels TEXT[] NOT NULL,
  movement TEXT NOT NULL,
  movement_en TEXT NOT NULL,
  release JSONB DEFAULT '[]' NOT NULL,
  source TEXT NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  changed_by TEXT DEFAULT COALESCE(current_setting('gridmap.actor', true), '') NOT NULL,
  CONSTRAINT protocol_pkey PRIMARY KEY (code, type),
  CONSTRAINT protocol_type_check CHECK (type IN ('lockdown', 'control', 'prevention', 'high_risk', 'medium_risk', 'low_risk', 'cordon', 'evacuation')),
  CONSTRAINT protocol_period_check CHECK (valid_to IS NULL OR valid_to > valid_from),
  CONSTRAINT protocol_levels_check CHECK (levels <@ ARRAY['unit', 'building', 'estate']::text[] AND levels <> '{}')
);
CREATE TABLE protocol_version (
  code TEXT COLLATE "C" NOT NULL,
  type TEXT NOT NULL,
  valid_from DATE NOT NULL,
  valid_to DATE,
  name TEXT NOT NULL,
  name_en TEXT NOT NULL,
  levels TEXT[] NOT NULL,
  movement TEXT NOT NULL,
  movement_en TEXT NOT NULL,
  release JSONB NOT NULL,
  source TEXT NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  changed_by TEXT NOT NULL,
  until TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_by TEXT NOT NULL,
  CONSTRAINT protocol_version_pkey PRIMARY KEY (code, type, changed_at, until)
);
CREATE TABLE legal_basis (
  code TEXT COLLATE "C" NOT NULL,
  valid_from DATE NOT NULL,
  valid_to DATE,
  law TEXT NOT NULL,
  law_en TEXT NOT NULL,
  article TEXT NOT NULL,
  measure TEXT NOT NULL,
  measure_en TEXT NOT NULL,
  types TEXT[] NOT NULL,
  level TEXT NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  changed_by TEXT DEFAULT COALESCE(current_setting('gridmap.actor', true), '') NOT NULL,
  CONSTRAINT legal_basis_pkey PRIMARY KEY (code, valid_from),
  CONSTRAINT legal_basis_level_check CHECK (level IN ('community', 'street', 'county', 'city', 'province', 'state')),
  CONSTRAINT legal_basis_period_check CHECK (valid_to IS NULL OR valid_to > valid_from)
);
CREATE TABLE legal_basis_version (
  code TEXT COLLATE "C" NOT NULL,
  valid_from DATE NOT NULL,
  valid_to DATE,
  law TEXT NOT NULL,
  law_en TEXT NOT NULL,
  article TEXT NOT NULL,
  measure TEXT NOT NULL,
  measure_en TEXT NOT NULL,
  types TEXT[] NOT NULL,
  level TEXT NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  changed_by TEXT NOT NULL,
  until TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_by TEXT NOT NULL,
  CONSTRAINT legal_basis_version_pkey PRIMARY KEY (code, valid_from, changed_at, until)
);
CREATE TABLE zone_order (
  county INTEGER NOT NULL,
  id UUID NOT NULL,
  closure_zone_id UUID NOT NULL,
  zone_version INTEGER NOT NULL,
  kind TEXT NOT NULL,
  doc_no TEXT,
  issuer TEXT NOT NULL,
  issuer_level TEXT NOT NULL,
  parent_government TEXT,
  issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
  effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE,
  legal_basis TEXT,
  legal_basis_from DATE,
  scope_text TEXT NOT NULL,
  measures TEXT[] DEFAULT '{}' NOT NULL,
  reason TEXT NOT NULL,
  published TEXT,
  is_oral BOOLEAN DEFAULT 'false' NOT NULL,
  papers_due_at TIMESTAMP WITH TIME ZONE,
  changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  changed_by TEXT DEFAULT COALESCE(current_setting('gridmap.actor', true), '') NOT NULL,
  CONSTRAINT zone_order_pkey PRIMARY KEY (county, id),
  CONSTRAINT zone_order_county_closure_zone_id_fkey FOREIGN KEY(county, closure_zone_id) REFERENCES closure_zone (county, id),
  CONSTRAINT zone_order_legal_basis_legal_basis_from_fkey FOREIGN KEY(legal_basis, legal_basis_from) REFERENCES legal_basis (code, valid_from),
  CONSTRAINT zone_order_kind_check CHECK (kind IN ('impose', 'adjust', 'extend', 'release', 'revoke')),
  CONSTRAINT zone_order_issuer_level_check CHECK (issuer_level IN ('community', 'street', 'county', 'city', 'province', 'state')),
  CONSTRAINT zone_order_times_check CHECK (ends_at > effective_at),
  CONSTRAINT zone_order_papers_check CHECK (CASE WHEN is_oral THEN papers_due_at IS NOT NULL ELSE doc_no IS NOT NULL END)
);
CREATE INDEX zone_order_closure_zone_id_idx ON zone_order (closure_zone_id);
CREATE TABLE zone_order_version (
  county INTEGER NOT NULL,
  id UUID NOT NULL,
  closure_zone_id UUID NOT NULL,
  zone_version INTEGER NOT NULL,
  kind TEXT NOT NULL,
  doc_no TEXT,
  issuer TEXT NOT NULL,
  issuer_level TEXT NOT NULL,
  parent_government TEXT,
  issued_at TIMESTAMP WITH TIME ZONE NOT NULL,
  effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE,
  legal_basis TEXT,
  legal_basis_from DATE,
  scope_text TEXT NOT NULL,
  measures TEXT[] NOT NULL,
  reason TEXT NOT NULL,
  published TEXT,
  is_oral BOOLEAN NOT NULL,
  papers_due_at TIMESTAMP WITH TIME ZONE,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  changed_by TEXT NOT NULL,
  until TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_by TEXT NOT NULL,
  CONSTRAINT zone_order_version_pkey PRIMARY KEY (county, id, changed_at, until)
);
CREATE TABLE zone_item (
  county INTEGER NOT NULL,
  closure_zone_id UUID NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  level TEXT NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  changed_by TEXT DEFAULT COALESCE(current_setting('gridmap.actor', true), '') NOT NULL,
  CONSTRAINT zone_item_pkey PRIMARY KEY (county, closure_zone_id, code),
  CONSTRAINT zone_item_county_closure_zone_id_fkey FOREIGN KEY(county, closure_zone_id) REFERENCES closure_zone (county, id),
  CONSTRAINT zone_item_level_check CHECK (level IN ('household', 'unit', 'building', 'estate', 'neighbourhood'))
);
CREATE TABLE zone_item_version (
  county INTEGER NOT NULL,
  closure_zone_id UUID NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  level TEXT NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  changed_by TEXT NOT NULL,
  until TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_by TEXT NOT NULL,
  CONSTRAINT zone_item_version_pkey PRIMARY KEY (county, closure_zone_id, code, changed_at, until)
);
"""
SCOPED = ("zone_order", "zone_item")
OPEN = ("norm", "protocol", "legal_basis")
# Dated rows are corrected by adding or ending one; orders are only ever added.
RIGHTS = {
    "norm": "SELECT, INSERT, UPDATE", "protocol": "SELECT, INSERT, UPDATE", "legal_basis": "SELECT, INSERT, UPDATE",
    "zone_order": "SELECT, INSERT", "zone_item": "SELECT, INSERT, DELETE",
}  # fmt: skip
TRANSITIONS = {"INSERT": "NEW TABLE AS changed", "UPDATE": "NEW TABLE AS changed", "DELETE": "OLD TABLE AS changed"}

NORM_COLUMNS = (
    "code", "valid_from", "item_code", "name", "name_en", "unit", "unit_en", "per", "quantity", "unit_quantity", "source",
)  # fmt: skip
BLE = "BLE (DE), food for an adult a day"
NORMS = (
    ("drinking_water", "2018-01-01", "1010101", "饮用水", "Drinking water", "升", "litres", "person", 2.5, 0.55,
     "Sphere: drinking 2.5-3 l; a bottle taken as 0.55 l"),
    ("cereals", "2018-01-01", "1010201", "谷物", "Cereals", "公斤", "kg", "person", 0.33, 1, BLE),
    ("vegetables", "2021-01-01", "1010301", "蔬菜", "Vegetables", "公斤", "kg", "person", 0.4, 10,
     f"{BLE}; a parcel of 10 kg (Xi'an 2021)"),
    ("fat", "2018-01-01", "1010202", "食用油", "Cooking oil", "公斤", "kg", "person", 0.033, 0.92,
     f"{BLE}; a litre weighs 0.92 kg"),
    ("masks", "2022-01-01", "1030101", "口罩", "Masks", "只", "pieces", "person", 1, 1,
     "Project default: one a person and day out"),
    ("delivery_staff", "2022-01-01", None, "配送人员", "Delivery staff", "人", "people", "household", 0.125, None,
     "1 per 8 households (Changzhou 2021: 800 for 6,725)"),
)  # fmt: skip
BASIS_COLUMNS = ("code", "valid_from", "law", "law_en", "article", "measure", "measure_en", "types", "level")
IDL, PHL, ERL = "传染病防治法", "突发公共卫生事件应对法", "突发事件应对法"
IDL_EN, PHL_EN, ERL_EN = "Infectious Diseases Law", "Public-Health Emergencies Law", "Emergency Response Law"
DISEASE = ["lockdown", "control", "prevention", "high_risk", "medium_risk", "low_risk"]
SEALED_OFF = ["lockdown", "high_risk", "cordon"]
BASES = (
    ("IDL-63", "2025-09-01", IDL, IDL_EN, "第六十三条", "限制聚集、停工停业停课、封闭场所及其他必要措施",
     "Limit gatherings, stop work, close places and other necessary measures", DISEASE, "county"),
    ("IDL-64", "2025-09-01", IDL, IDL_EN, "第六十四条", "对甲类传染病病例场所内人员实施隔离",
     "Isolate people at a place with a class-A case", SEALED_OFF, "county"),
    ("IDL-65", "2025-09-01", IDL, IDL_EN, "第六十五条", "对新发、不明原因传染病预先采取甲类措施",
     "Class-A measures in advance for a new or unexplained disease", DISEASE, "county"),
    ("IDL-66-1", "2025-09-01", IDL, IDL_EN, "第六十六条第一款", "对出入疫区的人员、物资和交通工具实施卫生检疫",
     "Health quarantine at the border of an area, after a decision of the level above", SEALED_OFF, "city"),
    ("IDL-66-2", "2025-09-01", IDL, IDL_EN, "第六十六条第二款", "封锁甲类传染病疫区",
     "Cordon off an area affected by a class-A disease", SEALED_OFF, "province"),
    ("PHL-39", "2025-11-01", PHL, PHL_EN, "第三十九条", "突发公共卫生事件应急处置措施",
     "Measures in a public-health emergency", DISEASE, "county"),
    ("ERL-73-2", "2024-11-01", ERL, ERL_EN, "第七十三条第二项", "设立警戒、疏散人员、交通管制、限制人员流动、封闭管理",
     "Cordon, evacuation, traffic control, limits of movement, closed management",
     [*DISEASE, "cordon", "evacuation"], "county"),
)  # fmt: skip
PROTOCOL_COLUMNS = (
    "code", "type", "valid_from", "valid_to", "name", "name_en", "levels", "movement", "movement_en", "release", "source",
)  # fmt: skip


def _days(days: int, zh: str, en: str) -> dict[str, object]:
    return {"kind": "days", "days": days, "text": zh, "text_en": en}


def _fact(zh: str, en: str) -> dict[str, object]:
    return {"kind": "fact", "text": zh, "text_en": en}


PLAN = ("plan-2021", "社区防控方案（2021，三区）", "Community plan of 2021 (three zones)", "2021-01-01", "2023-01-08")
NINTH = ("edition-9", "防控方案第九版", "Ninth edition", "2022-06-28", "2022-11-11")
TWENTY = ("measures-20", "二十条优化措施", "Twenty measures", "2022-11-11", "2023-01-08")
GENERIC = ("generic", "一般应急", "Other hazards", "2023-01-08", None)
THREE = [
    _days(14, "14天无新增感染者", "14 days without a new case"),
    _fact(
        "最后一名密接者末次暴露超过14天且检测阴性",
        "The last close contact was exposed over 14 days ago and tested negative",
    ),
    _fact("解封前2天内完成一轮全员检测且均为阴性", "One full round of tests within the 2 days before, all negative"),
]
ALL_RELEASED = [_fact("本县区封控区、管控区全部解除", "All lockdown and control zones of the county are released")]
SEVEN = [
    _days(7, "7天无新增感染者", "7 days without a new case"),
    _fact("第7天全员检测均为阴性", "A full round on day 7, all negative"),
]
BY_ORDER = [_fact("发布机关作出解除决定", "The body that decided decides on release")]
STAY_HOME = ("足不出户、服务上门", "Stay at home, services to the door")
STAY_IN = ("人不出区、错峰取物", "Stay inside the zone, staggered pick-up")
NO_CROWD = ("强化防护、严禁聚集", "Personal protection, no gatherings")
PERMIT = ("凭证出入", "Entry by permit")
LEAVE = ("全部撤离", "Everybody leaves")
ANY = ["unit", "building", "estate"]
PROTOCOLS = (
    (PLAN, "lockdown", ["building", "estate"], STAY_HOME, THREE), (PLAN, "control", ["estate"], STAY_IN, THREE),
    (PLAN, "prevention", ["estate"], NO_CROWD, ALL_RELEASED),
    (NINTH, "high_risk", ["estate"], STAY_HOME, SEVEN), (NINTH, "medium_risk", ["estate"], STAY_IN, SEVEN),
    (NINTH, "low_risk", ["estate"], NO_CROWD, ALL_RELEASED),
    (TWENTY, "high_risk", ["unit", "building"], STAY_HOME, [_days(5, "5天无新增感染者", "5 days without a new case")]),
    (TWENTY, "low_risk", ["estate"], NO_CROWD, ALL_RELEASED),
    *((GENERIC, kind, ANY, STAY_HOME, BY_ORDER) for kind in ("lockdown", "high_risk")),
    *((GENERIC, kind, ANY, STAY_IN, BY_ORDER) for kind in ("control", "medium_risk")),
    *((GENERIC, kind, ["estate"], NO_CROWD, BY_ORDER) for kind in ("prevention", "low_risk")),
    (GENERIC, "cordon", ANY, PERMIT, BY_ORDER), (GENERIC, "evacuation", ANY, LEAVE, BY_ORDER),
)  # fmt: skip


def upgrade() -> None:
    op.execute(TABLES)
    op.execute("SELECT set_config('gridmap.actor', 'migration', true)")
    for columns, table, rows in (
        (NORM_COLUMNS, "norm", NORMS), (BASIS_COLUMNS, "legal_basis", BASES), (PROTOCOL_COLUMNS, "protocol", _protocols())
    ):  # fmt: skip
        _fill(table, columns, rows)
    for table in (*OPEN, *SCOPED):
        _watch(table)
        op.execute(f"GRANT {RIGHTS[table]} ON {table} TO gridmap_service")
        op.execute(f"GRANT SELECT ON {table}_version TO gridmap_service")
    for table in SCOPED:
        for name in (table, f"{table}_version"):
            _scope(name)


def _protocols() -> list[tuple[object, ...]]:
    return [
        (code, kind, since, until, zh, en, levels, *movement, json.dumps(release, ensure_ascii=False), zh)
        for (code, zh, en, since, until), kind, levels, movement, release in PROTOCOLS
    ]


def _fill(table: str, columns: tuple[str, ...], rows: object) -> None:
    values = ", ".join(f"CAST(:{name} AS jsonb)" if name == "release" else f":{name}" for name in columns)
    insert = sa.text(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})")
    for row in rows:  # type: ignore[attr-defined]
        op.get_bind().execute(insert, dict(zip(columns, row, strict=True)))


def _watch(table: str) -> None:
    op.execute(f"CREATE TRIGGER {table}_stamp BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION stamp_change()")
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()}_versions AFTER {event} ON {table}"
            " REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_former_rows()"
        )
    for event, transition in TRANSITIONS.items():
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()}_audit AFTER {event} ON {table} REFERENCING {transition}"
            " FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('')"
        )
    op.execute(
        f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _scope(name: str) -> None:
    shown = f"EXISTS (SELECT FROM closure_zone AS o WHERE o.county = {name}.county AND o.id = {name}.closure_zone_id)"
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {name}_owner ON {name} TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY {name}_service ON {name} TO gridmap_service USING ({shown}) WITH CHECK ({shown})")


def downgrade() -> None:
    raise NotImplementedError("Orders are kept for good: restore a backup instead.")
