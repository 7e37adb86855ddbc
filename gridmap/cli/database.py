"""`gridmap db`: the private cluster."""

import click

from gridmap.cli.shared import say, settings_with
from gridmap.cluster import Cluster


@click.group("db")
def db_group() -> None:
    """The private database: start, stop, status. 私有数据库。"""


def _private_cluster() -> Cluster:
    settings = settings_with()
    if not settings.is_private:
        raise click.UsageError(
            "GRIDMAP_DATABASE_URL names a server of your own; gridmap does not start or stop that one."
        )
    return Cluster(settings.home, listen=settings.database_listen)


@db_group.command()
def start() -> None:
    """Start the database and leave it running. 启动并保持运行。"""
    say(_private_cluster().start(say, stay=True))


@db_group.command()
def stop() -> None:
    """Stop the database cleanly. 停止。"""
    _private_cluster().stop(say)
    say("The database is stopped. 数据库已停止。")


@db_group.command()
@click.pass_context
def status(ctx: click.Context) -> None:
    """Tell what the database is doing; exit code 0 when it runs, else 3. 状态。"""
    found = _private_cluster().status()
    say(f"{found.state}: {found.data}")
    if found.version:
        say(f"PostgreSQL {found.version}" + (f", process {found.pid}" if found.pid else ""))
    say(found.url)
    ctx.exit(0 if found.state == "running" else 3)
