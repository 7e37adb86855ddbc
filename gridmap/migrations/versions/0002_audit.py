"""Audit: every changed statement leaves an entry in a hash chain, one chain a community and one for the rest.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# How the chain of a row is found: the column that holds a community's code, or none.
CHAINS = {
    "community": "code", "neighbourhood": "community", "estate": "community", "building": "community",
    "household": "community", "party_unit": "community", "party_household": "community", "supply_point": "community",
    "volunteer": "community", "closure_zone": "community", "street": "", "division": "", "item": "",
    "building_estate": "", "building_volunteer": "", "building_party_unit": "", "neighbourhood_party_unit": "",
    "household_priority": "", "stock_count": "",
}  # fmt: skip
TRANSITIONS = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "NEW TABLE AS changed",
    "DELETE": "OLD TABLE AS changed",
}

# The digest of a statement is the hash of the hashes of its rows as text, in the order of those hashes; the hash of an
# entry covers all its columns and the hash before it. `audit.py` works the same out in Python.
APPEND = """
CREATE FUNCTION append_audit(
  in_chain text, in_action text, in_subject text, in_rows bigint, in_digest text, in_detail text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  who text := nullif(current_setting('gridmap.actor', true), '');
  moment timestamptz := clock_timestamp();
  last record;
  number bigint;
  before text;
BEGIN
  IF who IS NULL THEN
    RAISE EXCEPTION 'A change needs an actor: set gridmap.actor in the transaction.' USING ERRCODE = '42501';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('audit ' || in_chain, 0));
  SELECT a.seq, a.hash INTO last FROM audit_entry AS a WHERE a.chain = in_chain ORDER BY a.seq DESC LIMIT 1;
  number := coalesce(last.seq, 0) + 1;
  before := coalesce(last.hash, '');
  INSERT INTO audit_entry (chain, seq, at, actor, action, subject, rows, digest, detail, hash)
  VALUES (in_chain, number, moment, who, in_action, in_subject, in_rows, in_digest, in_detail,
    encode(sha256(convert_to(jsonb_build_array(
      in_chain, number, to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), who, in_action, in_subject,
      in_rows, in_digest, in_detail, before)::text, 'UTF8')), 'hex'));
END
$$
"""

AUDIT = """
CREATE FUNCTION audit_statement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  part record;
  chain text := CASE WHEN TG_ARGV[0] = '' THEN '''''' ELSE 'coalesce(c.' || quote_ident(TG_ARGV[0]) || ', '''')' END;
BEGIN
  FOR part IN EXECUTE format(
    'SELECT d.chain, count(*) AS rows, encode(sha256(string_agg(d.hash, ''''::bytea ORDER BY d.hash)), ''hex'') AS digest'
    ' FROM (SELECT %s AS chain, sha256(convert_to(c::text, ''UTF8'')) AS hash FROM changed AS c) AS d'
    ' GROUP BY d.chain ORDER BY d.chain', chain)
  LOOP
    PERFORM append_audit(part.chain, lower(TG_OP), TG_TABLE_NAME::text, part.rows, part.digest, NULL);
  END LOOP;
  RETURN NULL;
END
$$
"""

REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: its rows are kept.', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("chain", sa.Text(collation="C"), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("audit_entry_seq_check")),
        sa.PrimaryKeyConstraint("chain", "seq", name=op.f("audit_entry_pkey")),
    )
    op.create_index("audit_entry_at_idx", "audit_entry", ["at"], unique=False)
    for function in (APPEND, AUDIT, REFUSE):
        op.execute(function)
    for table, chain in CHAINS.items():
        for event, transition in TRANSITIONS.items():
            op.execute(
                f"CREATE TRIGGER {table}_{event.lower()}_audit AFTER {event} ON {table} REFERENCING {transition}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('{chain}')"
            )
        op.execute(
            f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER audit_entry_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    raise NotImplementedError("An audit that can be taken away is none: restore a backup instead.")
