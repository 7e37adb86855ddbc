"""Imports under way: each belongs to who uploaded its file; a worker takes what is asked, one at a time.

An import is a draft until something is asked of it (check, store or undo), then waiting, running, and in the end checked,
stored, failed, cancelled or undone. A worker that is gone leaves a running import whose pulse stops; another takes it up.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from gridmap import db
from gridmap.access import Actor, Right
from gridmap.accounts import grants, sessions
from gridmap.accounts.tables import account
from gridmap.errors import Conflict, NotAllowed, NotFound
from gridmap.intake.tables import import_job as table

PULSE = timedelta(seconds=15)  # a running import that was silent for so long has lost its worker
MAX_ATTEMPTS = 3
LISTED = 50
WORKER = Actor("import worker")
_BUSY = ("waiting", "running")
_ALLOWED = {  # what may be asked in which state
    "check": ("draft", "checked", "failed", "cancelled"),
    "store": ("checked", "draft", "failed", "cancelled"),
    "undo": ("stored",),
}


@dataclass(frozen=True)
class Job:
    """One import. `evidence` is what looking at the file found, `settings` what the person chose."""

    id: UUID
    account_id: UUID
    actor: str
    layer: str
    file_name: str
    stored_name: str
    state: str
    task: str
    evidence: dict[str, Any]
    settings: dict[str, Any]
    report: dict[str, Any] | None
    trouble: str | None
    stage: str
    rows_done: int
    is_cancelled: bool
    attempts: int
    created_at: datetime
    ended_at: datetime | None
    stored_at: datetime | None

    @property
    def is_busy(self) -> bool:
        """Return whether a worker has it or will."""
        return self.state in _BUSY


_COLUMNS = [table.c[name] for name in Job.__dataclass_fields__]


def add(
    conn: sa.Connection, account_id: UUID, actor: Actor, layer: str, job_id: UUID, file_name: str, stored_name: str,
    evidence: dict[str, Any], settings: dict[str, Any],
) -> None:  # fmt: skip
    """Keep a new import as a draft; `settings` are what the evidence proposes."""
    rights = [[None if right.verbs is None else sorted(right.verbs), list(right.places)] for right in actor.rights]
    conn.execute(
        sa.insert(table).values(
            id=job_id, account_id=account_id, actor=actor.name, rights=rights, layer=layer, file_name=file_name,
            stored_name=stored_name, evidence=evidence, settings=settings,
        )
    )  # fmt: skip


def find(conn: sa.Connection, account_id: UUID, layer: str, job_id: UUID) -> Job:
    """Return an import of one's own; another's does not exist."""
    own = sa.and_(table.c.id == job_id, table.c.account_id == account_id, table.c.layer == layer)
    row = conn.execute(sa.select(*_COLUMNS).where(own)).first()
    if row is None:
        raise NotFound("There is no such import. 没有该导入。")
    return Job(*row)


def listed(conn: sa.Connection, account_id: UUID) -> list[Job]:
    """Return the latest imports of an account, latest first."""
    query = sa.select(*_COLUMNS).where(table.c.account_id == account_id)
    return [Job(*row) for row in conn.execute(query.order_by(table.c.created_at.desc(), table.c.id).limit(LISTED))]


def settle(conn: sa.Connection, job: Job, settings: dict[str, Any]) -> None:
    """Keep what the person chose for an import that nobody works on; what was checked before counts no more."""
    if job.is_busy or job.state in ("stored", "undone"):
        raise Conflict("This import cannot be changed any more. 该导入不能再修改。")
    changed = sa.update(table).where(table.c.id == job.id).values(settings=settings)
    conn.execute(changed.values(state="draft", report=None) if settings != job.settings else changed)


def choose(conn: sa.Connection, job: Job, settings: dict[str, Any]) -> None:
    """Keep settings that do not change what was checked, such as whether refused rows may stay behind."""
    conn.execute(sa.update(table).where(table.c.id == job.id).values(settings=settings))


def ask(conn: sa.Connection, job: Job, task: str) -> None:
    """Ask for a check, for the rows to be stored, or to be taken back."""
    asked = (
        sa.update(table)
        .where(table.c.id == job.id, table.c.state.in_(_ALLOWED[task]))
        .values(
            state="waiting", task=task, asked_at=sa.func.clock_timestamp(), is_cancelled=False, attempts=0, trouble=None,
            stage="", rows_done=0, ended_at=None,
        )
    )  # fmt: skip
    if conn.execute(asked).rowcount != 1:
        raise Conflict("Something else is being done with this import, or it is over. 该导入正在处理或已结束。")


def cancel(conn: sa.Connection, job: Job) -> None:
    """Ask a worker to give up; what only waits is over at once."""
    mine = table.c.id == job.id
    waiting = sa.update(table).where(mine, table.c.state == "waiting")
    if conn.execute(waiting.values(state=_before(job.task), ended_at=sa.func.clock_timestamp())).rowcount == 0:
        conn.execute(sa.update(table).where(mine, table.c.state == "running").values(is_cancelled=True))


def _before(task: str) -> str:
    """Return the state of an import whose task was given up: rows that were stored stay stored."""
    return "stored" if task == "undo" else "cancelled"


def remove(conn: sa.Connection, job: Job) -> None:
    """Forget an import that stored nothing."""
    if job.is_busy or job.state in ("stored", "undone"):
        raise Conflict("What was stored stays on the list. 已入库的导入保留在列表中。")
    conn.execute(sa.delete(table).where(table.c.id == job.id))


# What workers do


def claim(engine: sa.Engine) -> Job | None:
    """Take the import that waits longest, or one whose worker is gone; None if there is nothing to do."""
    lost = sa.and_(table.c.state == "running", table.c.beat_at < sa.func.clock_timestamp() - PULSE)
    with db.transaction(engine, WORKER) as conn:
        next_one = (
            sa.select(table.c.id)
            .where(sa.or_(table.c.state == "waiting", lost))
            .order_by(table.c.asked_at, table.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        taken = (
            sa.update(table)
            .where(table.c.id == next_one.scalar_subquery())
            .values(state="running", beat_at=sa.func.clock_timestamp(), attempts=table.c.attempts + 1)
            .returning(*_COLUMNS)
        )
        row = conn.execute(taken).first()
    return None if row is None else Job(*row)


def beat(engine: sa.Engine, job: Job, stage: str, rows: int) -> bool:
    """Tell how far an import is and return whether to go on: not if it was cancelled or taken by another."""
    with db.transaction(engine, WORKER) as conn:
        told = (
            sa.update(table)
            .where(table.c.id == job.id, table.c.state == "running", table.c.attempts == job.attempts)
            .values(beat_at=sa.func.clock_timestamp(), stage=stage, rows_done=rows)
            .returning(table.c.is_cancelled)
        )
        return conn.scalar(told) is False


def finish(conn: sa.Connection, job: Job, state: str, **values: Any) -> None:
    """Keep what came of an import; in the transaction that stored its rows, so that neither goes without the other."""
    mine = sa.and_(table.c.id == job.id, table.c.attempts == job.attempts, table.c.state == "running")
    done = sa.update(table).where(mine).values(state=state, ended_at=sa.func.clock_timestamp(), **values)
    if conn.execute(done).rowcount != 1:
        raise Conflict("Another worker has taken this import.")


def given_up(job: Job) -> str:
    """Return the state of an import that was cancelled or failed while it ran."""
    return _before(job.task)


def actor_of(conn: sa.Connection, job: Job) -> Actor:
    """Return who an import acts as: the rights of the session that asked, as far as the account still holds them.

    Raises
    ------
    NotAllowed if the account is disabled or may not do it any more.
    """
    row = conn.execute(
        sa.select(table.c.rights).join(account).where(table.c.id == job.id, account.c.disabled_at.is_(None))
    ).first()
    now = grants.rights_of(grants.current(conn, job.account_id)) if row is not None else ()
    asked = row.rights if row is not None else []
    rights: list[Right] = []
    for verbs, places in asked:
        rights += [sessions.narrowed(right, verbs, place) for right in now for place in places]
    actor = Actor(job.actor, tuple(dict.fromkeys(right for right in rights if right.places)))
    if not actor.may(f"{job.layer}.edit"):
        raise NotAllowed("Your right to change this layer has ended. 您已无权修改该图层。")
    return actor
