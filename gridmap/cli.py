"""The commands a person types; each only calls what knows."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from gridmap.cluster import Cluster, database
from gridmap.errors import GridmapError
from gridmap.settings import Settings

_console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


class PlainGroup(click.Group):
    """A group of commands whose expected failures end in one clean sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a GridmapError becomes click's own error message."""
        try:
            return super().invoke(ctx)
        except GridmapError as exc:
            raise click.ClickException(exc.detail) from exc


def say(text: str) -> None:
    """Print one line of progress."""
    _console.print(text)


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar; what is yielded is told how many of how many are done."""
    with Progress(console=_console) as shown:
        task = shown.add_task(title, total=None)
        yield lambda done, wanted: shown.update(task, completed=done, total=wanted)


def settings_with(**given: Any) -> Settings:
    """Return the settings of the environment, overridden by the options a person gave."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as exc:
        problems = "; ".join(f"GRIDMAP_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in exc.errors())
        raise click.UsageError(f"A setting is not valid. {problems}. 设置无效。") from exc


@click.group(cls=PlainGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="gridmap")
def main() -> None:
    """gridmap: the map of a grid-managed district. 网格地图。"""


@main.command()
@click.option("--host", help="Address to listen on; this machine only (127.0.0.1).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (8000).")
@click.option("--no-demo", is_flag=True, help="Leave an empty database empty.")
def serve(host: str | None, port: int | None, no_demo: bool) -> None:
    """Start the database and serve the map. 启动服务。"""
    from gridmap import serve as service  # the web server and all it needs: not for `gridmap db status`

    in_container = os.environ.get("GRIDMAP_CONTAINER") == "1"
    service.serve(settings_with(host=host, port=port), say, with_demo=not no_demo, in_container=in_container)


@main.command()
def migrate() -> None:
    """Bring the database's schema up to date. 更新数据库结构。"""
    from gridmap import db

    with database(settings_with(), say) as url:
        db.migrate(url)
    say("The schema is up to date. 数据库结构已是最新。")


@main.command()
@click.option("--households", default=12_000, show_default=True, help="About how many, 100 to 3,000,000.")
@click.option("--seed", default=1, show_default=True, help="Another number makes another district, the same each time.")
def demo(households: int, seed: int) -> None:
    """Fill an empty database with a synthetic district. 生成演示区域。"""
    from gridmap import db, demo

    with database(settings_with(), say) as url:
        db.migrate(url)
        engine = db.create_engine(url)
        try:
            with bar("Making the district 正在生成演示区域") as advance:
                stored = demo.load(engine, demo.DEMO, households=households, seed=seed, progress=advance)
        finally:
            engine.dispose()
    say(f"{stored:,} households are stored. Start the map with: gridmap serve. 已生成 {stored:,} 户。")


@main.group("db")
def db_group() -> None:
    """The private database: start, stop, status. 私有数据库。"""


def _private_cluster() -> Cluster:
    settings = settings_with()
    if not settings.is_private:
        raise click.UsageError(
            "GRIDMAP_DATABASE_URL names a server of your own; gridmap does not start or stop that one."
        )
    return Cluster(settings.home)


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
