"""Accounts: who may sign in, how they prove it, what they were granted where, and their sessions.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Nobody is deleted: an account is disabled, a grant ends.
RIGHTS = {
    "account": "SELECT, INSERT, UPDATE",
    "access_grant": "SELECT, INSERT, UPDATE",
    "api_token": "SELECT, INSERT, UPDATE",
    "former_password": "SELECT, INSERT",
    "sign_in_session": "SELECT, INSERT, UPDATE",
    "sign_in_link": "SELECT, INSERT, UPDATE",
    "sign_in_attempt": "SELECT, INSERT, DELETE",
}
# Names of places for those who grant but see no register: the level, name and community of any place by its code.
PLACE = """
CREATE FUNCTION place_named(in_code text) RETURNS TABLE (level text, name text, community text)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT 'division', d.name, NULL FROM division AS d WHERE d.code = in_code
  UNION ALL
  SELECT 'community', c.name, c.code FROM community AS c WHERE c.code = in_code AND c.valid_to IS NULL
  UNION ALL
  SELECT 'neighbourhood', n.name, n.community FROM neighbourhood AS n WHERE n.code = in_code AND n.valid_to IS NULL
  UNION ALL
  SELECT 'building', b.name, b.community FROM building AS b WHERE b.code = in_code AND b.valid_to IS NULL
  UNION ALL
  SELECT 'supply_point', s.name, s.community FROM supply_point AS s WHERE s.code = in_code AND s.valid_to IS NULL
$$;
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION place_named(text) SET search_path TO %I, pg_temp', current_schema());
END
$$;
REVOKE EXECUTE ON FUNCTION place_named(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION place_named(text) TO gridmap_service
"""
AUDITED = ("account", "access_grant", "api_token")
TRANSITIONS = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "NEW TABLE AS changed",
    "DELETE": "OLD TABLE AS changed",
}


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_changed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_confirmed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("totp_last_step", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("oidc_subject", sa.Text(), nullable=True),
        sa.Column("is_demo", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("disabled_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9._-]{1,39}$'", name=op.f("account_name_form_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("account_pkey")),
        sa.UniqueConstraint("name", name=op.f("account_name_key")),
        sa.UniqueConstraint("oidc_subject", name=op.f("account_oidc_subject_key")),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name_hash", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("is_good", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("sign_in_attempt_pkey")),
    )
    op.create_index("sign_in_attempt_address_idx", "sign_in_attempt", ["address", "at"], unique=False)
    op.create_index("sign_in_attempt_name_idx", "sign_in_attempt", ["name_hash", "at"], unique=False)
    op.create_table(
        "access_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(collation="C"), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("granted_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("delegated_from", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "place ~ '^([0-9]{0,12}|[0-9]{15}|[0-9]{17}|(?=.*[^0-9])[0-9A-Za-z._-]{1,64})$'",
            name=op.f("access_grant_place_form_check"),
        ),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("access_grant_period_check")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("access_grant_account_id_fkey")),
        sa.ForeignKeyConstraint(["delegated_from"], ["access_grant.id"], name=op.f("access_grant_delegated_from_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("access_grant_pkey")),
    )
    op.create_index(op.f("access_grant_account_id_idx"), "access_grant", ["account_id"], unique=False)
    op.create_table(
        "api_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("verbs", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("place", sa.Text(collation="C"), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("api_token_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("api_token_pkey")),
        sa.UniqueConstraint("token_hash", name=op.f("api_token_token_hash_key")),
    )
    op.create_index(op.f("api_token_account_id_idx"), "api_token", ["account_id"], unique=False)
    op.create_table(
        "former_password",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("former_password_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("former_password_pkey")),
    )
    op.create_index(op.f("former_password_account_id_idx"), "former_password", ["account_id"], unique=False)
    op.create_table(
        "sign_in_link",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("sign_in_link_account_id_fkey")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("sign_in_link_pkey")),
    )
    op.create_index(op.f("sign_in_link_account_id_idx"), "sign_in_link", ["account_id"], unique=False)
    op.create_table(
        "sign_in_session",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("has_second_factor", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("misses", sa.Integer(), server_default="0", nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("view_as", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("sign_in_session_account_id_fkey")),
        sa.ForeignKeyConstraint(["view_as"], ["account.id"], name=op.f("sign_in_session_view_as_fkey")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("sign_in_session_pkey")),
        sa.UniqueConstraint("id", name=op.f("sign_in_session_id_key")),
    )
    op.create_index(op.f("sign_in_session_account_id_idx"), "sign_in_session", ["account_id"], unique=False)
    op.execute(PLACE)
    for table, rights in RIGHTS.items():
        op.execute(f"GRANT {rights} ON {table} TO gridmap_service")
    for table in AUDITED:
        for event, transition in TRANSITIONS.items():
            op.execute(
                f"CREATE TRIGGER {table}_{event.lower()}_audit AFTER {event} ON {table} REFERENCING {transition}"
                " FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('')"
            )
        op.execute(
            f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    raise NotImplementedError("Going back would lose who was granted what: restore a backup instead.")
