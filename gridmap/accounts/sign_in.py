"""Signing in by name and password: the same work and the same answer whether a name exists or not, and lock-out.

Counters lie in the database, so they hold across processes: after five failures of a name within fifteen minutes that
name is locked for fifteen minutes, known or not; an address is slowed after twenty.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from gridmap.accounts import passwords
from gridmap.accounts.people import normalised
from gridmap.accounts.tables import account, sign_in_attempt
from gridmap.errors import GridmapError
from gridmap.vault import Vault

MAX_FAILURES, WINDOW = 5, timedelta(minutes=15)
MAX_BY_ADDRESS = 100  # an office has one address
FREE_FAILURES = 2  # after these each failure doubles the wait
UNUSED = timedelta(days=90)
NAME_CONTEXT = "sign_in_attempt.name"


class SignInRefused(GridmapError):
    """Name or password are wrong; nothing tells which."""

    code = "sign_in_refused"
    status = 401
    title = "Sign-in refused"


class TooManyAttempts(GridmapError):
    """This name or address has failed too often."""

    code = "too_many_attempts"
    status = 429
    title = "Too many attempts"

    def __init__(self, wait: timedelta) -> None:
        self.retry_after_s = max(1, int(wait.total_seconds()))
        told = f"{self.retry_after_s // 60} min" if self.retry_after_s >= 120 else f"{self.retry_after_s} s"
        super().__init__(f"Too many failed attempts. Wait {told}, then try again. 失败次数过多，请稍后再试（{told}）。")


@dataclass(frozen=True)
class Proof:
    """Whose password was proven, and whether a second factor is set up."""

    account_id: UUID
    has_second_factor: bool


def attempt(conn: sa.Connection, vault: Vault, name: str, password: str, address: str) -> Proof | GridmapError:
    """Check a name and a password, and return the proof, or the refusal to raise once the attempt is stored."""
    key = vault.index(normalised(name), NAME_CONTEXT)
    conn.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(key, 0))))
    if wait := _wait(conn, key, address):
        return TooManyAttempts(wait)
    a = account.c
    row = conn.execute(
        sa.select(a.id, a.password_hash, a.totp_confirmed_at, a.disabled_at).where(a.name == normalised(name))
    ).first()
    is_good = passwords.matches(row.password_hash if row else None, password)
    is_good = is_good and row is not None and row.disabled_at is None
    conn.execute(sa.insert(sign_in_attempt).values(name_hash=key, address=address, is_good=is_good))
    if not is_good or row is None:
        return SignInRefused("The name or the password is not right. 账号或密码不正确。")
    return Proof(row.id, row.totp_confirmed_at is not None)


def forget_old_attempts(conn: sa.Connection) -> int:
    """Take away attempts that no longer count and return how many."""
    old = sign_in_attempt.c.at < sa.func.now() - timedelta(days=2)
    return conn.execute(sa.delete(sign_in_attempt).where(old)).rowcount


def _wait(conn: sa.Connection, key: str, address: str) -> timedelta:
    """Return how long a name and an address must still wait: it doubles with each failure, then locks."""
    t, now = sign_in_attempt.c, sa.func.clock_timestamp()
    good = sa.select(sa.func.max(t.at)).where(t.name_hash == key, t.is_good).scalar_subquery()
    count, passed = conn.execute(
        sa.select(sa.func.count(), now - sa.func.max(t.at)).where(
            t.name_hash == key, sa.not_(t.is_good), t.at > sa.func.greatest(now - WINDOW, good)
        )
    ).one()
    if count >= MAX_FAILURES:
        return max(WINDOW - passed, timedelta(0))
    if count > FREE_FAILURES and passed < (delay := timedelta(seconds=2 ** (count - FREE_FAILURES))):
        return delay - passed
    by_address = sa.select(sa.func.count()).where(t.address == address, sa.not_(t.is_good), t.at > now - WINDOW)
    return WINDOW if (conn.scalar(by_address) or 0) >= MAX_BY_ADDRESS else timedelta(0)
