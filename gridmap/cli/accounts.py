"""`gridmap user` and `gridmap token`: who may sign in, and how."""

import sys
from uuid import UUID

import click

from gridmap.cli.shared import note, registering, say


@click.group("user")
def user_group() -> None:
    """Who may sign in: add, disable, list, passwords. 账号。"""


@user_group.command("add")
@click.argument("name")
@click.option("--role", help="First role, in English or Chinese; `gridmap grant` gives more.")
@click.option("--place", help="Code of the place the role holds over, or `all`.")
@click.option("--until", metavar="DATE", help="Last day of the role (2026-12-31), or a moment; open if not given.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--oidc-name", metavar="NAME", help="Sign in as NAME of the organisation (OpenID Connect), by no password."
)
def add(
    name: str, role: str | None, place: str | None, until: str | None, password_stdin: bool, oidc_name: str | None
) -> None:
    """Make an account, and give it its first role. 新建账号。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import grants, oidc, people

    if (place or until) and not role:
        raise click.UsageError("--place and --until say where and how long a --role holds. 请同时给出 --role。")
    held = grants.parsed(role, place, until) if role else None
    password = None if oidc_name else _password(from_stdin=password_stdin)
    with registering() as conn:
        account_id = people.add(conn, LOCAL, name, password)
        if oidc_name:
            oidc.await_name(conn, LOCAL, name, oidc_name)
        if held:
            grants.give(conn, LOCAL, account_id, held.role, held.place_shown, until=held.until)
    say(f"Account {people.normalised(name)} is made{f', {held}' if held else ', without any role'}. 账号已建立。")


@user_group.command("disable")
@click.argument("name")
def disable(name: str) -> None:
    """Let nobody sign in by an account; its sessions and tokens end now. 停用。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import people

    with registering() as conn:
        people.disable(conn, LOCAL, name)
    say(f"Account {people.normalised(name)} is disabled; its sessions and tokens have ended. 账号已停用。")


@user_group.command("enable")
@click.argument("name")
def enable(name: str) -> None:
    """Let a disabled account sign in again. 启用。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import people

    with registering() as conn:
        people.enable(conn, LOCAL, name)
    say(f"Account {people.normalised(name)} may sign in again. 账号已启用。")


@user_group.command("list")
def list_users() -> None:
    """Print every account, how it signs in and its roles. 列出。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import grants, people

    with registering() as conn:
        roles: dict[str, list[str]] = {}
        for grant in grants.listed(conn, LOCAL):
            roles.setdefault(grant.account, []).append(f"{grant.role}@{grant.place_shown}")
        for account in people.listed(conn, LOCAL):
            told = [
                "disabled 已停用" if account.disabled_at else "enabled 启用",
                "password" if account.has_password else "no password",
                *(["second factor"] if account.has_second_factor else []),
                " ".join(roles.get(account.name, ["no role 无角色"])),
            ]
            say(f"{account.name}: {', '.join(told)}")


@user_group.command("password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def password(name: str, password_stdin: bool) -> None:
    """Give an account a new password; its sessions end. 重设密码。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import people

    new = _password(from_stdin=password_stdin)
    with registering() as conn:
        people.reset_password(conn, LOCAL, name, new)
    say(f"Account {people.normalised(name)} has a new password; its sessions have ended. 密码已重设。")


@user_group.command("drop-second-factor")
@click.argument("name")
def drop_second_factor(name: str) -> None:
    """Take a lost second factor away; the next sign-in sets up a new one. 解除双因素认证。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import people

    with registering() as conn:
        people.drop_second_factor(conn, LOCAL, name)
    say(f"Account {people.normalised(name)} sets up a new second factor at its next sign-in. 已解除双因素认证。")


@user_group.command("link")
@click.argument("name")
@click.argument("oidc_name")
def link(name: str, oidc_name: str) -> None:
    """Let an account be taken over by who signs in as OIDC_NAME of the organisation. 关联单位账号。

    The link is made at the first sign-in through OpenID Connect and then holds for that person, whatever the name.
    """
    from gridmap.access import LOCAL
    from gridmap.accounts import oidc, people

    with registering() as conn:
        oidc.await_name(conn, LOCAL, name, oidc_name)
    say(f"Account {people.normalised(name)} waits for the first sign-in of {oidc_name}. 等待首次单位登录。")


@user_group.command("unlink")
@click.argument("name")
def unlink(name: str) -> None:
    """End an account's link to the organisation's sign-in; its sessions end. 解除关联。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import oidc, people

    with registering() as conn:
        oidc.unlink(conn, LOCAL, name)
    say(f"Account {people.normalised(name)} is not linked any more. 已解除关联。")


def _password(*, from_stdin: bool) -> str:
    """Return a password typed twice, unseen, or the first line of standard input where that was asked for."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError(
            "There is no terminal to ask for a password: use --password-stdin. 请用 --password-stdin。"
        )
    typed: str = click.prompt("Password 密码", hide_input=True, confirmation_prompt="Again 再输入一次", err=True)
    return typed


@click.group("token")
def token_group() -> None:
    """What programs sign in with: create, list, end. 接口令牌。"""


@token_group.command("create")
@click.argument("name")
@click.option("--days", required=True, type=int, help="How long it holds, 1 to 366.")
@click.option("--label", default="", help="What it is for.")
@click.option("--read-only", is_flag=True, help="Only look: no changes and no personal data.")
@click.option("--place", help="Narrow it to the code of a place.")
def create(name: str, days: int, label: str, read_only: bool, place: str | None) -> None:
    """Print a new token of an account, this once, alone on standard output. 新建令牌。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import sessions

    with registering() as conn:
        token = sessions.issue_token(
            conn, LOCAL, name, days=days, label=label, place=place, verbs=sessions.READ_ONLY if read_only else None
        )
    click.echo(token)
    note("It is shown this once. Send it as `Authorization: Bearer …`. 令牌仅显示一次，请妥善保存。")


@token_group.command("list")
@click.argument("name")
def list_tokens(name: str) -> None:
    """Print the tokens of an account that hold, without their secrets. 列出令牌。"""
    from gridmap.accounts import people, sessions

    with registering() as conn:
        for token in sessions.tokens_of(conn, people.find(conn, name).id):
            reach = "all it may 全部" if token.verbs is None else "read only 只读"
            place = f", {token.place or 'all'}" if token.place is not None else ""
            say(f"{token.id} {token.label}: until {token.expires_at:%Y-%m-%d}, {reach}{place}")


@token_group.command("end")
@click.argument("name")
@click.argument("token", metavar="ID", type=click.UUID)
def end(name: str, token: UUID) -> None:
    """End a token now. 作废令牌。"""
    from gridmap.accounts import people, sessions

    with registering() as conn:
        sessions.end_token(conn, people.find(conn, name).id, token)
    say("The token has ended. 令牌已作废。")
