"""Search terms: the beginnings of names one may type, as written, in pinyin and by initials, kept by triggers.

A text can be sought inside another only by conditions that are not leak-proof, and those use no index under row-level
security; the beginning of a term is a range, which does. The readings are pypinyin's, put into a function, so that every
way of writing (import, demo, form) is served by the same code in the same transaction.

Revision ID: 0014
Revises: 0013
"""

import json

import sqlalchemy as sa
from alembic import op
from pypinyin import Style, pinyin

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SERVICE = "gridmap_service"
FIRST, LAST = 0x4E00, 0x9FFF  # the unified Han characters
# Characters of place names with two readings in use: both can be typed.
SECOND = {
    "幢": "zhuang",
    "重": "chong", "长": "zhang", "厦": "sha", "行": "hang", "乐": "yue", "朝": "zhao", "曾": "zeng", "单": "shan",
    "都": "dou", "番": "fan", "弄": "long", "宿": "xiu", "六": "lu", "圩": "xu", "涌": "chong", "埔": "bu", "堡": "pu",
    "盛": "cheng", "大": "dai", "石": "dan", "会": "kuai", "车": "ju", "阿": "e", "夏": "sha", "解": "xie", "仇": "qiu",
}  # fmt: skip
NAMED = {
    "community": "code", "neighbourhood": "community", "estate": "community", "building": "community",
    "party_unit": "community", "closure_zone": "community", "supply_point": "community", "street": "NULL",
}  # fmt: skip
POLICY = (
    "CASE WHEN community ^@ ANY (string_to_array(current_setting('gridmap.search_term_community', true), ',')) OR "
    "county::text ^@ ANY (string_to_array(current_setting('gridmap.search_term_county', true), ',')) OR "
    "(community IS NULL AND county::text ^@ ANY "
    "(string_to_array(current_setting('gridmap.search_term_outside', true), ','))) THEN true ELSE false END"
)
NORM = """
CREATE FUNCTION search_norm(written text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT regexp_replace(
    regexp_replace(lower(normalize(written, NFKC) COLLATE "C"), '\\s+', '', 'g'),
    '([0-9])(号楼|号|栋|座|楼|幢|#)', '\\1幢', 'g')
$$
"""
READING = """
CREATE FUNCTION search_reading(sign text, readings integer) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF readings = 2 THEN
    RETURN coalesce('{second}'::jsonb ->> sign, '{first}'::jsonb ->> sign, sign);
  END IF;
  RETURN coalesce('{first}'::jsonb ->> sign, sign);
END
$$
"""
# A term begins at every character but inside a number or a Latin word, and not at the unit behind a number.
TERMS = """
CREATE FUNCTION search_terms(name text) RETURNS SETOF text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  norm text := left(search_norm(name), 40);
  sign text;
  one text;
  other text;
  written text := '';
  spelt text[] := ARRAY['', '', '', ''];
BEGIN
  FOR place IN REVERSE length(norm)..1 LOOP
    sign := substr(norm, place, 1);
    one := search_reading(sign, 1);
    other := search_reading(sign, 2);
    written := sign || written;
    spelt := ARRAY[one || spelt[1], left(one, 1) || spelt[2], other || spelt[3], left(other, 1) || spelt[4]];
    IF place = 1 OR NOT (
      sign = '幢' OR sign ~ '[[:punct:]]' OR (sign ~ '[0-9]' AND substr(norm, place - 1, 1) ~ '[0-9]')
      OR (sign ~ '[a-z]' AND substr(norm, place - 1, 1) ~ '[a-z]')
    ) THEN
      RETURN NEXT written;
      RETURN QUERY SELECT DISTINCT s FROM unnest(spelt) AS s WHERE s <> written;
    END IF;
  END LOOP;
END
$$
"""
INDEX_NAMES = """
CREATE FUNCTION index_names() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  community text := TG_ARGV[0];
BEGIN
  IF TG_OP = 'UPDATE' THEN
    EXECUTE format(
      'DELETE FROM search_term AS s USING old_rows AS o JOIN new_rows AS n ON n.county = o.county AND n.id = o.id'
      ' WHERE s.layer = %1$L AND s.county = o.county AND s.thing_id = o.id'
      ' AND (o.name, o.valid_to IS NULL, o.code) IS DISTINCT FROM (n.name, n.valid_to IS NULL, n.code)', TG_TABLE_NAME);
  ELSIF TG_OP = 'DELETE' THEN
    DELETE FROM search_term AS s USING old_rows AS o
    WHERE s.layer = TG_TABLE_NAME AND s.county = o.county AND s.thing_id = o.id;
    RETURN NULL;
  END IF;
  EXECUTE format(
    'INSERT INTO search_term (county, layer, thing_id, term, community)'
    ' SELECT DISTINCT n.county, %1$L, n.id, t.term, %2$s::text FROM new_rows AS n, search_terms(n.name) AS t (term)'
    ' WHERE n.valid_to IS NULL ON CONFLICT DO NOTHING', TG_TABLE_NAME, community);
  RETURN NULL;
END
$$
"""
OWNERS = """
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION index_names() SECURITY DEFINER SET search_path TO %I, pg_temp', current_schema());
END
$$
"""
TRANSITIONS = {
    "INSERT": "NEW TABLE AS new_rows",
    "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "OLD TABLE AS old_rows",
}


def upgrade() -> None:
    op.create_table(
        "search_term",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("layer", sa.Text(collation="C"), nullable=False),
        sa.Column("thing_id", sa.Uuid(), nullable=False),
        sa.Column("term", sa.Text(collation="C"), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("county", "layer", "thing_id", "term", name="search_term_pkey"),
    )
    _make_functions()
    for table, community in NAMED.items():
        op.execute(
            "INSERT INTO search_term (county, layer, thing_id, term, community)"
            f" SELECT DISTINCT n.county, '{table}', n.id, t.term, n_community::text"
            f" FROM (SELECT *, {community} AS n_community FROM {table}) AS n, search_terms(n.name) AS t (term)"
            " WHERE n.valid_to IS NULL"
        )
        qualified = community if community == "NULL" else f"n.{community}"
        for event, transition in TRANSITIONS.items():
            op.execute(
                f"CREATE TRIGGER {table}_{event.lower()}_names AFTER {event} ON {table} REFERENCING {transition}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION index_names('{qualified}')"
            )
    op.create_index("search_term_term_idx", "search_term", ["layer", "term"])
    op.create_index("search_term_community_idx", "search_term", ["community", "layer", "term"])
    op.execute("ALTER TABLE search_term ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE search_term FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY search_term_owner ON search_term TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY search_term_service ON search_term TO {SERVICE} USING ({POLICY}) WITH CHECK ({POLICY})")
    op.execute(f"GRANT SELECT ON search_term TO {SERVICE}")


def _make_functions() -> None:
    signs = [chr(number) for number in range(FIRST, LAST + 1)]
    read = [pinyin(sign, style=Style.NORMAL, errors="ignore") for sign in signs]
    first = {
        sign: found[0][0].replace("ü", "v") for sign, found in zip(signs, read, strict=True) if found and found[0][0]
    }
    connection = op.get_bind()
    connection.exec_driver_sql(NORM)
    body = READING.replace("{first}", json.dumps(first, ensure_ascii=False))
    connection.exec_driver_sql(body.replace("{second}", json.dumps(SECOND, ensure_ascii=False)))
    connection.exec_driver_sql(TERMS)
    connection.exec_driver_sql(INDEX_NAMES.replace("%", "%%"))
    op.execute(OWNERS)
    for function in ("search_norm(text)", "search_reading(text, integer)", "search_terms(text)", "index_names()"):
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION search_norm(text) TO {SERVICE}")


def downgrade() -> None:
    for table in NAMED:
        for event in TRANSITIONS:
            op.execute(f"DROP TRIGGER {table}_{event.lower()}_names ON {table}")
    for function in ("index_names()", "search_terms(text)", "search_reading(text, integer)", "search_norm(text)"):
        op.execute(f"DROP FUNCTION {function}")
    op.drop_table("search_term")
