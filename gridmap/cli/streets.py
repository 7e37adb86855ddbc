"""The walkable street network: from a file or from the street layer, and what is wrong with it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from gridmap.cli.shared import console, migrated_engine, say

if TYPE_CHECKING:
    from pathlib import Path

    from gridmap.streets.storing import Stored
    from gridmap.walking.checks import Check

STAGES = {
    "ways": "Reading ways 正在读取道路", "nodes": "Reading nodes 正在读取节点",
    "street_node": "Storing nodes 正在写入节点", "street_edge": "Storing edges 正在写入路段",
}  # fmt: skip
COUNTY = click.IntRange(100_000, 999_999)


@click.group("streets")
def streets_group() -> None:
    """The streets people walk along. 步行路网。"""


@streets_group.command("build")
@click.option("--county", type=COUNTY, help="Six digits; needed if the register has several.")
def build(county: int | None) -> None:
    """Make the walkable network of the streets drawn on the map. 由街道图层生成路网。"""
    from gridmap.access import LOCAL
    from gridmap.db import transaction
    from gridmap.layers import LAYERS
    from gridmap.streets import files, storing
    from gridmap.walking import checks

    with migrated_engine() as engine, _stages() as tell, transaction(engine, LOCAL) as conn:
        chosen = county or storing.county_of(conn)
        network = files.from_layer(conn, LOCAL, LAYERS["street"].table, chosen)
        stored = storing.store(conn, LOCAL, network, county=chosen, source="street layer", progress=tell)
        _report(stored, checks.check(conn, LOCAL))


def import_streets(file: "Path", county: int | None = None) -> None:
    """Replace the walkable network by that of a file and tell what it is like."""
    from gridmap.access import LOCAL
    from gridmap.db import transaction
    from gridmap.streets import files, storing
    from gridmap.walking import checks

    with migrated_engine() as engine, _stages() as tell:
        network = files.read(file, tell)
        with transaction(engine, LOCAL) as conn:
            chosen = county or storing.county_of(conn)
            stored = storing.store(conn, LOCAL, network, county=chosen, source=file.name, progress=tell)
            _report(stored, checks.check(conn, LOCAL))


@streets_group.command("report")
def report() -> None:
    """Tell how the network hangs together and how far the buildings are from it. 检查路网。"""
    from gridmap.access import LOCAL
    from gridmap.db import transaction
    from gridmap.walking import checks

    with migrated_engine() as engine, transaction(engine, LOCAL) as conn:
        _tell_check(checks.check(conn, LOCAL))


@contextmanager
def _stages() -> Iterator[Callable[[str, int], None]]:
    with console.status("…") as shown:
        yield lambda stage, done: shown.update(f"{STAGES[stage]}: {done:,}")


def _report(stored: "Stored", found: "Check") -> None:
    say(
        f"{stored.edges:,} edges, {stored.nodes:,} nodes, {stored.length_m / 1000:,.1f} km of street 路段/节点/总长;"
        f" {stored.components:,} connected parts 连通块, {stored.share_in_main:.1%} of the length in the largest 最大块占比."
    )
    _tell_check(found)


def _tell_check(found: "Check") -> None:
    if not found.has_network:
        say("No street network is stored: distances are straight line × 1.3. 尚无路网：按直线距离×1.3估算。")
        return
    share = found.snapped / found.buildings if found.buildings else 1.0
    say(
        f"{found.snapped:,} of {found.buildings:,} buildings ({share:.1%}) stand within {found.reach_m:,.0f} m of a street"
        f" 楼栋已接入路网; the longest way to it is {found.longest_m:,.0f} m 最远接入距离."
    )
    if found.far:
        say(f"  Too far from any street 离路网过远: {', '.join(found.far)}")
