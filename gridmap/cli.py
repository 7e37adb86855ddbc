"""The commands a person types; each only calls what knows."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from gridmap.cluster import Cluster, database
from gridmap.errors import GridmapError
from gridmap.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from gridmap.exchange import ImportReport
    from gridmap.vault import Vault

SHOWN_PROBLEMS = 20
STAGES = {"read": "Reading 正在读取", "check": "Checking 正在检查", "write": "Storing 正在入库"}
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


def vault_of(settings: Settings) -> "Vault":
    """Return the keys of personal data; the first time they are made, and a person is told to back them up."""
    from gridmap.vault import open_vault

    return open_vault(settings.home, say)


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

    settings = settings_with()
    with database(settings, say) as urls:
        db.migrate(urls.owner, vault=vault_of(settings))
    say("The schema is up to date. 数据库结构已是最新。")


@main.command()
@click.option("--households", default=12_000, show_default=True, help="About how many, 100 to 3,000,000.")
@click.option("--seed", default=1, show_default=True, help="Another number makes another district, the same each time.")
def demo(households: int, seed: int) -> None:
    """Fill an empty database with a synthetic district. 生成演示区域。"""
    from gridmap import db, demo

    settings = settings_with()
    vault = vault_of(settings)
    with database(settings, say) as urls:
        db.migrate(urls.owner, vault=vault)
        engine = db.create_engine(urls.owner, vault=vault)  # COPY needs the owner: a role under policies may not use it
        try:
            with bar("Making the district 正在生成演示区域") as advance:
                stored = demo.load(engine, demo.DEMO, households=households, seed=seed, progress=advance)
        finally:
            engine.dispose()
    say(f"{stored:,} households are stored. Start the map with: gridmap serve. 已生成 {stored:,} 户。")


@main.command("import")
@click.argument("layer")
@click.argument("file", type=click.Path())
@click.option("--crs", help="EPSG:4490, EPSG:4326, EPSG:4549 …, GCJ-02 or BD-09; needed if the file names none.")
@click.option("--encoding", help="Encoding of the text, such as UTF-8 or GBK; found out if not given.")
@click.option("--dry-run", is_flag=True, help="Check everything, store nothing.")
@click.option("--report", type=click.Path(dir_okay=False), help="Write an .xlsx with the rows and the reasons.")
@click.option("--key", multiple=True, metavar="COLUMN", help="Column that names a thing where there is no code.")
@click.option("--set", "assign", multiple=True, metavar="COLUMN=VALUE", help="Value of a column in every row.")
@click.option("--merge", is_flag=True, help="Unite rows with the same key (parts of one shape).")
@click.option("--repair", is_flag=True, help="Mend invalid shapes instead of refusing them.")
@click.option("--partial", is_flag=True, help="Store the good rows although others are refused.")
@click.pass_context
def import_(
    ctx: click.Context, /, layer: str, file: str, report: str | None, assign: tuple[str, ...], **how: Any
) -> None:
    """Bring a file into a layer: all of its rows, or none if one is refused. 导入文件。

    FILE is GeoJSON, Shapefile (.shp or zipped), GeoPackage, CSV or Excel (.xlsx).
    """
    from gridmap import exchange
    from gridmap.access import LOCAL
    from gridmap.layers import LAYERS

    chosen, values = LAYERS[layer], dict(_assignment(text) for text in assign)
    if report:
        exchange.check_target(report, file)
    with _migrated_engine() as engine, _stages() as tell:
        found = exchange.import_file(engine, LOCAL, chosen, file, assign=values, progress=tell, **how)
    for line in _told(found):
        say(line)
    if report:
        _write_report(found, report)
    ctx.exit(1 if found.problems else 0)


def _write_report(found: "ImportReport", target: str) -> None:
    """Write the report; if that fails now, say what became of the rows as well."""
    from gridmap import exchange

    try:
        exchange.write_report(found, target)
    except GridmapError as exc:
        stands = "The import stands 导入有效" if found.is_stored else "Nothing was stored 未入库"
        raise click.ClickException(f"{stands}, but the report could not be written 报告未写成: {exc.detail}") from exc
    say(f"Report: {target} 已写入报告。")


@main.command("export")
@click.argument("layer")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--crs", default="EPSG:4490", show_default=True, help="EPSG:xxxx, GCJ-02 or BD-09.")
@click.option("--encoding", help="Encoding of CSV and Shapefile; UTF-8 if not given.")
def export_(layer: str, file: str, crs: str, encoding: str | None) -> None:
    """Write the rows of a layer to a file. 导出文件。

    The end of FILE is the format: .geojson, .gpkg, .shp, .zip (a Shapefile), .csv or .xlsx.
    """
    from gridmap import exchange
    from gridmap.access import LOCAL
    from gridmap.layers import LAYERS

    chosen = LAYERS[layer]
    with _migrated_engine() as engine:
        found = exchange.export_file(engine, LOCAL, chosen, file, crs=crs, encoding=encoding)
    for note in found.notes:
        say(f"{note.en} {note.zh}")
    say(f"{found.rows:,} rows of {layer} in {found.crs}: {file} 已导出 {found.rows:,} 行。")


def _assignment(text: str) -> tuple[str, str]:
    column, sign, value = text.partition("=")
    if not sign or not column.strip():
        raise click.UsageError(f"--set wants COLUMN=VALUE, not {text!r}. --set 的写法是 列=值。")
    return column.strip(), value


@contextmanager
def _stages() -> Iterator[Callable[[str, int], None]]:
    """Show what an import is doing; what is yielded is told the stage and how many rows."""
    with _console.status("…") as shown:
        yield lambda stage, rows: shown.update(f"{STAGES[stage]}: {rows:,}")


@contextmanager
def _migrated_engine() -> Iterator["Engine"]:
    from gridmap import db

    settings = settings_with()
    vault = vault_of(settings)
    with database(settings, say) as urls:
        db.migrate(urls.owner, vault=vault)
        engine = db.service_engine(urls.service, vault=vault)
        try:
            yield engine
        finally:
            engine.dispose()


def _told(found: "ImportReport") -> Iterator[str]:
    """Yield what a person reads after an import: notes, the first refused rows, and the outcome last."""
    for note in found.notes:
        yield f"{note.en} {note.zh}"
    for problem in found.problems[:SHOWN_PROBLEMS]:
        place = f"row {problem.row}" + (f", {problem.column}" if problem.column else "")
        value = f" ({problem.value})" if problem.value else ""
        yield f"  {place}{value}: {problem.reason_en} {problem.reason_zh}"
    if len(found.problems) > SHOWN_PROBLEMS:
        yield f"  … and {len(found.problems) - SHOWN_PROBLEMS:,} more: --report FILE.xlsx lists all. 其余见报告。"
    outcome = "Stored 已入库" if found.is_stored else "Nothing was stored 未入库"
    yield (
        f"{outcome}: {found.read:,} rows read 读取, {found.inserted:,} new 新增, {found.updated:,} changed 更新,"
        f" {found.unchanged:,} unchanged 未变, {found.refused:,} refused 拒绝."
    )


@main.group("audit")
def audit_group() -> None:
    """Who changed what: read, verify, keep the heads. 审计。"""


@audit_group.command("show")
@click.option("--by", help="Only what this actor did.")
@click.option("--chain", help="Only the chain of this community's code; the empty text is the rest.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
def audit_show(by: str | None, chain: str | None, limit: int) -> None:
    """Print the latest entries, latest first. 查看。"""
    from gridmap import audit
    from gridmap.access import LOCAL
    from gridmap.db import transaction

    with _migrated_engine() as engine, transaction(engine, LOCAL) as conn:
        for entry in audit.entries(conn, LOCAL, by=by, chain=chain, limit=limit):
            where = f"{entry.chain or '-'}#{entry.seq}"
            say(f"{entry.at:%Y-%m-%d %H:%M:%S%z} {where} {entry.actor}: {entry.action} {entry.subject} {entry.rows}")


@audit_group.command("heads")
@click.argument("file", type=click.Path(dir_okay=False))
def audit_heads(file: str) -> None:
    """Write the last entry of each chain to FILE; keep it on another machine. 导出链尾。"""
    from gridmap import audit
    from gridmap.access import LOCAL
    from gridmap.db import transaction

    with _migrated_engine() as engine, transaction(engine, LOCAL) as conn:
        audit.write_heads(audit.heads(conn, LOCAL), file)
    say(f"Heads: {file}. Keep them where nobody of this machine can change them. 请另存他处。")


@audit_group.command("verify")
@click.option("--heads", "known", type=click.Path(exists=True, dir_okay=False), help="Heads exported earlier.")
@click.pass_context
def audit_verify(ctx: click.Context, known: str | None) -> None:
    """Check that no entry was altered, added or taken out; exit code 1 if one was. 校验。"""
    from gridmap import audit
    from gridmap.access import LOCAL
    from gridmap.db import transaction

    expected = audit.read_heads(known) if known else None
    with _migrated_engine() as engine, transaction(engine, LOCAL) as conn:
        count, faults = audit.verify(conn, LOCAL, expected)
    for fault in faults:
        say(f"Chain {fault.chain or '-'}, entry {fault.seq}: {fault.reason}. 审计链有误。")
    say(f"{count:,} entries read, {len(faults)} chains at fault. 已校验 {count:,} 条。")
    ctx.exit(1 if faults else 0)


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


from gridmap import cli_keys  # noqa: E402 - the commands there use what stands above

main.add_command(cli_keys.keys)
audit_group.add_command(cli_keys.about)
