"""The base map: from a file, what is stored, and away with it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import click

from gridmap.cli.shared import console, migrated_engine, say

STAGES = {
    "read": "Reading 正在读取", "store": "Storing 正在入库", "generalise": "Generalising for smaller zooms 正在概化",
}  # fmt: skip
OSM = "© OpenStreetMap contributors (ODbL)"


@click.group("basemap")
def basemap_group() -> None:
    """The base map under the layers. 底图。"""


def import_basemap(
    file: Path,
    *,
    name: str | None = None,
    source: str | None = None,
    attribution: str | None = None,
    dated_on: date | None = None,
    review_number: str | None = None,
) -> None:
    """Replace the base map by that of a file and tell what is in it."""
    from gridmap.access import LOCAL
    from gridmap.basemap import storing
    from gridmap.db import transaction

    if attribution is None:
        if file.name.lower().endswith(".gpkg"):
            raise click.UsageError("Say whose data it is: --attribution. 请用 --attribution 写明数据来源与许可。")
        attribution = OSM
    about = storing.About(
        name or file.name.partition(".")[0] or file.name, source or file.name, attribution, dated_on, review_number
    )
    with migrated_engine() as engine, _stages() as tell, transaction(engine, LOCAL) as conn:
        stored = storing.store(conn, LOCAL, storing.read(file, tell), about, tell)
    figures = ", ".join(f"{count:,} {layer}" for layer, count in sorted(stored.counts.items()))
    say(f"The base map is replaced: {figures}. 底图已更新。")
    say(f"  Shown with it 署名: {about.attribution}" + (f" · 审图号 {review_number}" if review_number else ""))
    say(
        "  Back to the former one: import its file again; no base map: gridmap basemap clear. 可重新导入旧文件或清除底图。"
    )


@basemap_group.command("show")
def show() -> None:
    """Tell which base map is drawn. 查看底图。"""
    from gridmap.access import LOCAL
    from gridmap.basemap import drawing
    from gridmap.db import transaction

    with migrated_engine() as engine, transaction(engine, LOCAL) as conn:
        found = drawing.current(conn)
    if found is None:
        say("There is no base map: gridmap import basemap FILE. 尚无底图。")
        return
    number = f" · 审图号 {found.review_number}" if found.review_number else ""
    say(f"{found.name} ({found.source}): {found.credit}{number}")


@basemap_group.command("clear")
def clear() -> None:
    """Take the base map away. 清除底图。"""
    from gridmap.access import LOCAL
    from gridmap.basemap import storing
    from gridmap.db import transaction

    with migrated_engine() as engine, transaction(engine, LOCAL) as conn:
        had = storing.clear(conn, LOCAL)
    say("The base map is gone. 底图已清除。" if had else "There was no base map. 原无底图。")


@contextmanager
def _stages() -> Iterator[Callable[[str, int], None]]:
    with console.status("…") as shown:
        yield lambda stage, done: shown.update(f"{STAGES[stage]}: {done:,}")
