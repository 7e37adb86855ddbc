"""Accounts: made, disabled, given passwords and a second factor."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pyotp
import sqlalchemy as sa
import uuid_utils.compat as uuids

from gridmap import audit, personal
from gridmap.access import Actor
from gridmap.accounts import passwords
from gridmap.accounts.tables import account, api_token, former_password, sign_in_session
from gridmap.errors import Conflict, InvalidInput, NotAllowed, NotFound
from gridmap.roles import ROLES
from gridmap.vault import Vault

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # when a password was changed that must be changed now
TOTP_CONTEXT, TOTP_STEP_S, ISSUER = "account.totp_secret", 30, "gridmap"
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}", re.ASCII)


@dataclass(frozen=True)
class Account:
    """An account as others see it."""

    id: UUID
    name: str
    is_demo: bool
    has_password: bool
    has_second_factor: bool
    password_changed_at: datetime | None
    created_at: datetime
    disabled_at: datetime | None


_SHOWN = (
    account.c.id, account.c.name, account.c.is_demo, account.c.password_hash.is_not(None),
    account.c.totp_confirmed_at.is_not(None), account.c.password_changed_at, account.c.created_at,
    account.c.disabled_at,
)  # fmt: skip


def find(conn: sa.Connection, name: str) -> Account:
    """Return the account with a name, or raise NotFound."""
    row = conn.execute(sa.select(*_SHOWN).where(account.c.name == normalised(name))).first()
    if row is None:
        raise NotFound(f"There is no account {name[:40]!r}. 没有此账号。", where="name")
    return Account(*row)


def listed(conn: sa.Connection, actor: Actor) -> list[Account]:
    """Return every account by name, for those who manage accounts or grants."""
    if not (actor.may("account.manage") or actor.may("grant.manage")):
        actor.require("account.manage")
    return [Account(*row) for row in conn.execute(sa.select(*_SHOWN).order_by(account.c.name))]


def name_of(conn: sa.Connection, account_id: UUID) -> str:
    """Return an account's name by its id."""
    return str(conn.execute(sa.select(account.c.name).where(account.c.id == account_id)).scalar_one())


def normalised(name: str) -> str:
    """Return a typed name as accounts carry it."""
    return name.strip().lower()


def add(
    conn: sa.Connection,
    actor: Actor,
    name: str,
    password: str | None,
    *,
    is_demo: bool = False,
    must_change: bool = False,
) -> UUID:
    """Make an account and return its id; without a password it signs in by a link or by OpenID Connect only.

    Parameters
    ----------
    must_change : the password is for the first sign-in only, which asks for another
    """
    actor.require("account.manage")
    name = normalised(name)
    if not NAME_PATTERN.fullmatch(name):
        raise InvalidInput(
            f"{name[:40]!r} cannot be an account's name: 2 to 40 small letters, digits, dots, hyphens and underscores. "
            "账号名须为 2 至 40 个小写字母、数字或 . - _。",
            where="name",
        )
    if password is not None:
        passwords.check(password, name)
    if conn.scalar(sa.select(account.c.id).where(account.c.name == name)):
        raise Conflict(f"There is an account {name!r} already. 账号已存在。", where="name")
    row = {"id": uuids.uuid7(), "name": name, "is_demo": is_demo, "created_by": actor.name}
    if password is not None:
        changed_at = LONG_AGO if must_change else sa.func.now()
        row |= {"password_hash": passwords.hashed(password), "password_changed_at": changed_at}
    conn.execute(sa.insert(account).values(**row))
    _note(conn, actor, "account_added", name)
    identity: UUID = row["id"]  # type: ignore[assignment]
    return identity


def disable(conn: sa.Connection, actor: Actor, name: str) -> None:
    """Disable an account: its sessions and tokens end now. The last administrator of a kind stays."""
    from gridmap.accounts import grants  # grants name accounts; only this step asks back

    actor.require("account.manage")
    found = find(conn, name)
    grants.refuse_last_administrator(conn, found.id)
    conn.execute(
        sa.update(account)
        .where(account.c.id == found.id, account.c.disabled_at.is_(None))
        .values(disabled_at=sa.func.now())
    )
    end_everything(conn, found.id)
    _note(conn, actor, "account_disabled", found.name)


def enable(conn: sa.Connection, actor: Actor, name: str) -> None:
    """Let a disabled account sign in again."""
    actor.require("account.manage")
    found = find(conn, name)
    conn.execute(sa.update(account).where(account.c.id == found.id).values(disabled_at=None))
    _note(conn, actor, "account_enabled", found.name)


def reset_password(conn: sa.Connection, actor: Actor, name: str, new: str | None = None) -> str:
    """Give an account a password for its next sign-in only, a new one if none is given, and return it.

    Its sessions and tokens end. Nobody but that administrator's own kind resets another administrator's.
    """
    actor.require("account.manage")
    found = find(conn, name)
    _refuse_other_administrators(conn, actor, found)
    password = passwords.made(found.name) if new is None else new
    set_password(conn, found.id, password)
    conn.execute(sa.update(account).where(account.c.id == found.id).values(password_changed_at=LONG_AGO))
    end_everything(conn, found.id)
    _note(conn, actor, "password_reset", found.name)
    return password


def set_password(conn: sa.Connection, account_id: UUID, new: str, *, keep_session: str | None = None) -> None:
    """Give an account a new password; its other sessions end. The last five passwords may not come again.

    Parameters
    ----------
    keep_session : hash of the session that made the change, which goes on
    """
    row = conn.execute(
        sa.select(account.c.name, account.c.password_hash).where(account.c.id == account_id).with_for_update()
    ).one()
    passwords.check(new, row.name)
    former = conn.scalars(
        sa.select(former_password.c.password_hash)
        .where(former_password.c.account_id == account_id)
        .order_by(former_password.c.id.desc())
        .limit(passwords.FORMER_KEPT - 1)
    ).all()
    if any(old and passwords.matches(old, new) for old in (row.password_hash, *former)):
        raise InvalidInput(
            f"The last {passwords.FORMER_KEPT} passwords cannot be used again. 不得重复使用最近 {passwords.FORMER_KEPT} 次的密码。",
            where="password",
        )
    if row.password_hash:
        conn.execute(sa.insert(former_password).values(account_id=account_id, password_hash=row.password_hash))
    conn.execute(
        sa.update(account)
        .where(account.c.id == account_id)
        .values(password_hash=passwords.hashed(new), password_changed_at=sa.func.now())
    )
    end_sessions(conn, account_id, but=keep_session)


def change_password(
    conn: sa.Connection, account_id: UUID, old: str, new: str, *, keep_session: str | None = None
) -> None:
    """Change one's own password, proving the old one."""
    current = conn.scalar(sa.select(account.c.password_hash).where(account.c.id == account_id))
    if not passwords.matches(current, old):
        raise InvalidInput("The present password is not right. 当前密码不正确。", where="old_password")
    set_password(conn, account_id, new, keep_session=keep_session)


def end_sessions(conn: sa.Connection, account_id: UUID, *, but: str | None = None) -> None:
    """End an account's sessions, all but one if named by its hash."""
    ended = sa.update(sign_in_session).where(
        sign_in_session.c.account_id == account_id, sign_in_session.c.ended_at.is_(None)
    )
    if but is not None:
        ended = ended.where(sign_in_session.c.token_hash != but)
    conn.execute(ended.values(ended_at=sa.func.now()))


def end_everything(conn: sa.Connection, account_id: UUID) -> None:
    """End an account's sessions and tokens."""
    end_sessions(conn, account_id)
    conn.execute(
        sa.update(api_token)
        .where(api_token.c.account_id == account_id, api_token.c.ended_at.is_(None))
        .values(ended_at=sa.func.now())
    )


def new_second_factor(conn: sa.Connection, vault: Vault, account_id: UUID) -> str:
    """Give an account a new, unconfirmed TOTP secret and return its otpauth:// address for an authenticator."""
    secret = pyotp.random_base32()
    name = conn.scalar(
        sa.update(account)
        .where(account.c.id == account_id, account.c.totp_confirmed_at.is_(None))
        .values(totp_secret=personal.hold(conn, vault).seal(secret, TOTP_CONTEXT))
        .returning(account.c.name)
    )
    if name is None:
        raise Conflict("There is a second factor already; an administrator can take it away. 已绑定双因素认证。")
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def drop_second_factor(conn: sa.Connection, actor: Actor, name: str) -> None:
    """Take an account's second factor away, for a lost device; the next sign-in sets up a new one."""
    actor.require("account.manage")
    found = find(conn, name)
    _refuse_other_administrators(conn, actor, found)
    conn.execute(
        sa.update(account)
        .where(account.c.id == found.id)
        .values(totp_secret=None, totp_confirmed_at=None, totp_last_step=0)
    )
    end_everything(conn, found.id)
    _note(conn, actor, "second_factor_dropped", found.name)


def _refuse_other_administrators(conn: sa.Connection, actor: Actor, found: Account) -> None:
    """Refuse to open the account of an administrator of another kind: who holds two such accounts is two of the three."""
    from gridmap.accounts import grants  # grants name accounts; only this step asks back

    for role in grants.administrator_roles(conn, found.id):
        if not all(map(actor.may, ROLES[role].verbs)):
            raise NotAllowed(
                "The password and the second factor of another kind of administrator are reset on the server only "
                "(gridmap user). 其他管理员的密码和双因素认证只能在服务器上重置。",
                where="name",
            )


def _note(conn: sa.Connection, actor: Actor, action: str, name: str) -> None:
    audit.record(conn, actor, action, "account", rows=1, detail={"account": name})


def has_second_factor(conn: sa.Connection, account_id: UUID) -> bool:
    """Return whether an account's second factor is set up and confirmed."""
    return bool(conn.scalar(sa.select(account.c.totp_confirmed_at.is_not(None)).where(account.c.id == account_id)))


def second_factor_address(conn: sa.Connection, vault: Vault, account_id: UUID) -> str | None:
    """Return the otpauth:// address of a secret that is not confirmed yet, or None."""
    row = conn.execute(
        sa.select(account.c.name, account.c.totp_secret).where(
            account.c.id == account_id, account.c.totp_confirmed_at.is_(None)
        )
    ).first()
    if row is None or row.totp_secret is None:
        return None
    secret = vault.open(row.totp_secret, TOTP_CONTEXT)
    return pyotp.TOTP(secret).provisioning_uri(name=row.name, issuer_name=ISSUER)


def proves_second_factor(conn: sa.Connection, vault: Vault, account_id: UUID, digits: str) -> bool:
    """Return whether six digits are those of now or of half a minute before or after, never used before."""
    row = conn.execute(
        sa.select(account.c.totp_secret, account.c.totp_last_step).where(account.c.id == account_id).with_for_update()
    ).one()
    now = conn.scalar(sa.select(sa.func.extract("epoch", sa.func.clock_timestamp())))
    if row.totp_secret is None or not (digits.isascii() and digits.isdigit() and len(digits) == 6):
        return False
    secret, here = vault.open(row.totp_secret, TOTP_CONTEXT), int(now or 0) // TOTP_STEP_S
    for step in (here - 1, here, here + 1):
        if step > row.totp_last_step and pyotp.utils.strings_equal(pyotp.TOTP(secret).at(step * TOTP_STEP_S), digits):
            confirmed = sa.func.coalesce(account.c.totp_confirmed_at, sa.func.now())
            conn.execute(
                sa.update(account)
                .where(account.c.id == account_id)
                .values(totp_last_step=step, totp_confirmed_at=confirmed)
            )
            return True
    return False
