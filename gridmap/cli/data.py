"""Filling the database and bringing files in and out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridmap.cli.basemap import import_basemap
from gridmap.cli.shared import bar, console, migrated_engine, say, settings_with, vault_of
from gridmap.cli.streets import COUNTY, import_streets
from gridmap.cluster import database
from gridmap.errors import GridmapError

if TYPE_CHECKING:
    from gridmap.exchange import ImportReport

SHOWN_PROBLEMS = 20
GRIDS = "neighbourhood"
STREETS = "streets"  # not a layer: the walkable network
BASEMAP = "basemap"  # not a layer: what lies under them
STAGES = {"read": "Reading 正在读取", "check": "Checking 正在检查", "write": "Storing 正在入库"}


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date. 更新数据库结构。"""
    from gridmap import db

    settings = settings_with()
    with database(settings, say) as urls:
        db.migrate(urls.owner, vault=vault_of(settings))
    say("The schema is up to date. 数据库结构已是最新。")


@click.command()
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


@click.command("import")
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
@click.option("--as-set", metavar="NAME", help="Of neighbourhood only: a new set of grids beside those in force.")
@click.option("--county", type=COUNTY, help="Of streets only: under which county they are kept, six digits.")
@click.option("--name", help="Of a base map only: what it is called.")
@click.option("--source", help="Of a base map only: where the file is from.")
@click.option("--attribution", help="Of a base map only: whose data it is and under which licence.")
@click.option("--date", "dated", type=click.DateTime(["%Y-%m-%d"]), help="Of a base map only: of which day it is.")
@click.option("--review-number", help="Of a base map only: its map review number 审图号.")
@click.pass_context
def import_(
    ctx: click.Context,
    /,
    layer: str,
    file: str,
    report: str | None,
    assign: tuple[str, ...],
    as_set: str | None,
    county: int | None,
    name: str | None,
    source: str | None,
    attribution: str | None,
    dated: datetime | None,
    review_number: str | None,
    **how: Any,
) -> None:
    """Bring a file into a layer: all of its rows, or none if one is refused. 导入文件。

    FILE is GeoJSON, Shapefile (.shp or zipped), GeoPackage, CSV or Excel (.xlsx). With `streets` as LAYER it becomes the
    walkable network, with `basemap` the base map: .osm.pbf, .osm or GeoPackage.
    """
    if as_set is not None and layer != GRIDS:
        raise click.UsageError(f"--as-set is for {GRIDS}. --as-set 仅用于网格。")
    if layer == STREETS:
        import_streets(Path(file), county)
        return
    if layer == BASEMAP:
        import_basemap(
            Path(file), name=name, source=source, attribution=attribution,
            dated_on=dated.date() if dated else None, review_number=review_number,
        )  # fmt: skip
        return
    if any((name, source, attribution, dated, review_number)):
        raise click.UsageError(
            "--name, --source, --attribution, --date and --review-number are for `basemap`. 仅用于导入底图。"
        )
    from gridmap import boundaries, exchange
    from gridmap.access import LOCAL
    from gridmap.layers import LAYERS

    if as_set is not None:
        how["instead"] = boundaries.into_set(as_set)
    chosen, values = LAYERS[layer], dict(_assignment(text) for text in assign)
    if report:
        exchange.check_target(report, file)
    with migrated_engine() as engine, _stages() as tell:
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


@click.command("export")
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
    with migrated_engine() as engine:
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
    with console.status("…") as shown:
        yield lambda stage, rows: shown.update(f"{STAGES[stage]}: {rows:,}")


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
