"""The tables of imports under way. Nothing of a file's rows is kept here, only what its headings say and counts."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from gridmap.accounts.tables import account
from gridmap.tables import metadata, moment, spread

STATES = ("draft", "waiting", "running", "checked", "stored", "failed", "cancelled", "undone")
TASKS = ("check", "store", "undo")


def _one_of(column: str, words: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


# `rights` are those of the session that asked: a worker uses no more of the account's. `stored_at` is the moment of the
# transaction that stored the rows, by which they are found again to be taken back.
import_job = sa.Table(
    "import_job", metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, sa.ForeignKey(account.c.id), nullable=False, index=True),
    sa.Column("actor", sa.Text, nullable=False), sa.Column("rights", JSONB, nullable=False),
    sa.Column("layer", sa.Text, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False), sa.Column("stored_name", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="draft"),
    sa.Column("task", sa.Text, nullable=False, server_default="check"),
    sa.Column("evidence", JSONB, nullable=False, server_default="{}"),
    sa.Column("settings", JSONB, nullable=False, server_default="{}"),
    sa.Column("report", JSONB), sa.Column("trouble", sa.Text),
    sa.Column("stage", sa.Text, nullable=False, server_default=""),
    sa.Column("rows_done", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("is_cancelled", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    moment("created_at", default=True), moment("asked_at", nullable=True), moment("beat_at", nullable=True),
    moment("ended_at", nullable=True), moment("stored_at", nullable=True),
    _one_of("state", STATES), _one_of("task", TASKS),
    sa.Index("import_job_asked_at_idx", "state", "asked_at"),
    info=spread("copy"),
)  # fmt: skip

# How somebody filled a layer's fields from a set of headings last time: `headings` is a digest of the set.
import_mapping = sa.Table(
    "import_mapping", metadata,
    sa.Column("account_id", sa.Uuid, sa.ForeignKey(account.c.id), primary_key=True),
    sa.Column("layer", sa.Text, primary_key=True), sa.Column("headings", sa.Text, primary_key=True),
    sa.Column("mapping", JSONB, nullable=False), moment("used_at", default=True),
    info=spread("copy"),
)  # fmt: skip
