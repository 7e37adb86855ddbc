"""The tables of accounts. Secrets are hashes, or sealed; nothing here can be used to sign in by who reads it."""

import sqlalchemy as sa

from gridmap.tables import code, metadata, moment, spread


def _account() -> sa.Column:
    return sa.Column("account_id", sa.Uuid, sa.ForeignKey("account.id"), nullable=False, index=True)


account = sa.Table(
    "account", metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text(collation="C"), nullable=False, unique=True),
    sa.Column("password_hash", sa.Text),
    moment("password_changed_at", nullable=True),
    sa.Column("totp_secret", sa.Text),  # sealed
    moment("totp_confirmed_at", nullable=True),
    sa.Column("totp_last_step", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("oidc_subject", sa.Text, unique=True),
    sa.Column("is_demo", sa.Boolean, nullable=False, server_default="false"),
    moment("created_at", default=True), sa.Column("created_by", sa.Text, nullable=False),
    moment("disabled_at", nullable=True),
    sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9._-]{1,39}$'", name="name_form"),
    info=spread("copy"),
)  # fmt: skip

former_password = sa.Table(
    "former_password", metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    _account(), sa.Column("password_hash", sa.Text, nullable=False), moment("at", default=True),
    info=spread("copy"),
)  # fmt: skip

access_grant = sa.Table(
    "access_grant", metadata,
    sa.Column("id", sa.Uuid, primary_key=True), _account(),
    sa.Column("role", sa.Text, nullable=False), code("place"),
    code("community", nullable=True),  # of a place whose code does not tell: a supply point
    moment("valid_from", default=True), moment("valid_to", nullable=True),
    sa.Column("granted_by", sa.Text, nullable=False), moment("granted_at", default=True),
    sa.Column("delegated_from", sa.Uuid, sa.ForeignKey("access_grant.id")),
    sa.Column("reason", sa.Text),
    sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="period"),
    sa.CheckConstraint("place ~ '^([0-9]{0,12}|[0-9]{15}|[0-9]{17}|(?=.*[^0-9])[0-9A-Za-z._-]{1,64})$'", name="place_form"),
    info=spread("copy"),
)  # fmt: skip

sign_in_session = sa.Table(
    "sign_in_session", metadata,
    sa.Column("token_hash", sa.Text, primary_key=True), _account(),
    sa.Column("id", sa.Uuid, nullable=False, unique=True),
    moment("started_at", default=True), moment("seen_at", default=True), moment("expires_at"),
    moment("ended_at", nullable=True),
    sa.Column("has_second_factor", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("misses", sa.Integer, nullable=False, server_default="0"),
    sa.Column("address", sa.Text), sa.Column("agent", sa.Text),
    sa.Column("view_as", sa.Uuid, sa.ForeignKey("account.id")),
    info=spread("copy"),
)  # fmt: skip

api_token = sa.Table(
    "api_token", metadata,
    sa.Column("id", sa.Uuid, primary_key=True), _account(),
    sa.Column("token_hash", sa.Text, nullable=False, unique=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("verbs", sa.ARRAY(sa.Text)),  # NULL: all that the account may do
    code("place", nullable=True),  # NULL: everywhere the account may
    moment("created_at", default=True), moment("expires_at"), moment("ended_at", nullable=True),
    info=spread("copy"),
)  # fmt: skip

sign_in_link = sa.Table(
    "sign_in_link", metadata,
    sa.Column("token_hash", sa.Text, primary_key=True), _account(),
    moment("created_at", default=True), moment("expires_at"), moment("used_at", nullable=True),
    info=spread("copy"),
)  # fmt: skip

# A login of the database itself, for a planner or an auditor with QGIS: which account a role of the server stands for.
database_login = sa.Table(
    "database_login", metadata,
    sa.Column("id", sa.Uuid, primary_key=True), _account(),
    code("role_name"),
    moment("created_at", default=True), sa.Column("created_by", sa.Text, nullable=False),
    moment("ended_at", nullable=True),
    sa.Index("database_login_role_key", "role_name", unique=True, postgresql_where=sa.text("ended_at IS NULL")),
    info=spread("copy"),
)  # fmt: skip

# Attempts by what was typed as a name (a keyed hash: people type passwords there) and by address, known or not.
sign_in_attempt = sa.Table(
    "sign_in_attempt", metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("name_hash", sa.Text, nullable=False), sa.Column("address", sa.Text, nullable=False),
    moment("at", default=True), sa.Column("is_good", sa.Boolean, nullable=False),
    sa.Index("sign_in_attempt_name_idx", "name_hash", "at"), sa.Index("sign_in_attempt_address_idx", "address", "at"),
    info=spread("copy"),
)  # fmt: skip
