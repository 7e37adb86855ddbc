"""`gridmap db-login`: logins of the database itself, for planners and auditors with QGIS."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from gridmap.cli.shared import say, settings_with
from gridmap.cluster import database

if TYPE_CHECKING:
    from sqlalchemy import Engine


@click.group("db-login")
def login_group() -> None:
    """Database logins for planners and auditors (QGIS). 数据库登录。"""


@contextmanager
def _owners_engine() -> Iterator["Engine"]:
    from gridmap import db

    with database(settings_with(), say) as urls:
        db.migrate(urls.owner)
        engine = db.create_engine(urls.owner)
        try:
            yield engine
        finally:
            engine.dispose()


@login_group.command()
@click.argument("account")
def create(account: str) -> None:
    """Give ACCOUNT a login of the database and print its password, once. 新建。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import logins
    from gridmap.db import transaction

    with _owners_engine() as engine, transaction(engine, LOCAL) as conn:
        role, password = logins.create(conn, LOCAL, account)
    say(f"Role 用户名: {role}\nPassword 密码: {password}")
    say("It is shown only now and ends after 90 days; docs/qgis.md tells how to connect. 密码仅显示一次，90 天有效。")
    if settings_with().is_private and not settings_with().database_listen:
        say("The database listens nowhere yet: set GRIDMAP_DATABASE_LISTEN=127.0.0.1:5433 and restart. 尚未开启监听。")


@login_group.command()
@click.argument("account")
def end(account: str) -> None:
    """Take the login of ACCOUNT away and end its connections. 注销。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import logins
    from gridmap.db import transaction

    with _owners_engine() as engine:
        with transaction(engine, LOCAL) as conn:
            role = logins.end(conn, LOCAL, account)
        with transaction(engine, LOCAL) as conn:
            ended = logins.disconnect(conn, role)
    say(f"{role} cannot log in any more; {ended} connections ended. 已注销。")


@login_group.command("list")
def list_() -> None:
    """Print the logins that hold. 列表。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import logins
    from gridmap.db import transaction

    with _owners_engine() as engine, transaction(engine, LOCAL) as conn:
        for login in logins.listed(conn, LOCAL):
            say(f"{login.account}: {login.role_name}, since {login.created_at:%Y-%m-%d} by {login.created_by}")
