"""Database time of nearest, covering, zones, tiles and pages under row-level security against none (held to 1.5x).

Run: .venv/bin/python -m bench.scope [--save]

The same questions of the same actor, who works in one of a hundred communities, are asked as the service's role, whom
the policies hold, and as the owner, whom they do not, of 200,000 stock points and volunteers and 20,000 zones; in
turns. The figure is the median over the positions of the best of the rounds, of the time PostgreSQL itself reports for
planning and execution: the best, because a machine that is shared only ever adds time.
"""

import argparse
import datetime
import math
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gridmap import db, features, tiles
from gridmap.access import Actor
from gridmap.accounts.grants import Held, rights_of
from gridmap.cluster import Cluster
from gridmap.crs import Position
from gridmap.layers import LAYERS
from gridmap.layers.volunteer.queries import covering
from gridmap.proximity import nearest
from gridmap.reports import surroundings
from gridmap.vault import open_vault
from tests.crowd import POINTS, SIDE, code_of, crowd, middle_of

ROUNDS, SPOTS, PLACE = 15, 20, 44
HELD_TO = 1.5
RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks.md"
Ask = Callable[[sa.Connection, Actor, Position], Any]


def box(origin: Position, half: float) -> features.Box:
    return origin.lon - half, origin.lat - half, origin.lon + half, origin.lat + half


def tile(z: int) -> Ask:
    """Return the question for the tile of a position: one layer, so that it stays below a scheduler's slice."""

    def ask(conn: sa.Connection, actor: Actor, origin: Position) -> Any:
        return tiles.tile(conn, actor, [LAYERS["supply_point"]], z, *tile_at(origin, z))

    return ask


def tile_at(origin: Position, z: int) -> tuple[int, int]:
    across = 2**z
    down = (1 - math.asinh(math.tan(math.radians(origin.lat))) / math.pi) / 2
    return int((origin.lon + 180) / 360 * across), int(down * across)


ASKED: dict[str, Ask] = {
    "nearest 5 supply points": lambda conn, actor, at: nearest(conn, actor, LAYERS["supply_point"], at, k=5),
    "volunteers covering a position": covering,
    "zones at a position": surroundings._zones_at,
    "tile z17, points one by one": tile(17),
    "tile z14, points in clusters": tile(14),
    "page of 100 features in a box of 200 m": lambda conn, actor, at: features.page(
        conn, actor, LAYERS["supply_point"], bbox=box(at, 0.001), limit=100
    ),
}


@contextmanager
def timed(engine: sa.Engine) -> Iterator[list[float]]:
    """Add up what PostgreSQL reports for each statement that is asked inside, in ms."""
    times: list[float] = []

    def explain(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters)
        plan = cursor.fetchone()[0][0]
        times.append(plan["Planning Time"] + plan["Execution Time"])

    sa.event.listen(engine, "before_cursor_execute", explain)
    yield times
    sa.event.remove(engine, "before_cursor_execute", explain)


def each_ms(engine: sa.Engine, actor: Actor, ask: Ask, spots: list[Position]) -> list[float]:
    """Return what the database reports for a question at each of some positions."""
    with db.transaction(engine, actor) as conn, timed(engine) as times:
        each = []
        for spot in spots:
            times.clear()
            ask(conn, actor, spot)
            each.append(sum(times))
    return each


def spots() -> list[Position]:
    lon, lat = middle_of(PLACE)
    step = SIDE / 10 * 0.8 / SPOTS
    return [Position(lon + step * (n - SPOTS / 2), lat + step * ((7 * n) % SPOTS - SPOTS / 2)) for n in range(SPOTS)]


def settings_ms(engine: sa.Engine, actor: Actor) -> float:
    """Return the median time one transaction takes to make the actor's settings, the way to Python included."""
    times = []
    for _ in range(200):
        with engine.begin() as conn:
            conn.execute(sa.text("SELECT 1"))
            began = time.perf_counter()
            db.become(conn, actor)
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def measure(service: sa.Engine, owner: sa.Engine, actor: Actor) -> list[tuple[str, float, float]]:
    rows = []
    for title, ask in ASKED.items():
        rounds: dict[int, list[list[float]]] = {id(service): [], id(owner): []}
        for turn in range(ROUNDS + 1):
            for engine in (service, owner) if turn % 2 else (owner, service):
                rounds[id(engine)].append(each_ms(engine, actor, ask, spots()))
        under, without = (
            statistics.median(min(at_spot) for at_spot in zip(*rounds[id(engine)][1:], strict=True))
            for engine in (service, owner)
        )
        rows.append((title, under, without))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", action="store_true", help="append the table to docs/benchmarks.md")
    options = parser.parse_args()
    actor = Actor("commander", rights_of([Held("commander", code_of(PLACE))]))
    with tempfile.TemporaryDirectory(prefix="gridmap-bench-") as home:
        Path(home).chmod(0o711)
        cluster, vault = Cluster(Path(home), durable=False), open_vault(Path(home))
        url = cluster.start()
        try:
            db.migrate(url, vault=vault)
            owner, service = db.create_engine(url, vault=vault), db.service_engine(cluster.service_url, vault=vault)
            crowd(owner)
            rows = measure(service, owner, actor)
            settings = settings_ms(service, actor)
            owner.dispose()
            service.dispose()
        finally:
            cluster.release()
    lines = [
        f"| question among {POINTS:,} points | under policies, ms | without, ms | ratio | held to |",
        "| --- | --: | --: | --: | --: |",
        *(f"| {title} | {a:.3f} | {b:.3f} | {a / b:.2f} | {HELD_TO} |" for title, a, b in rows),
        "",
        f"Making the actor's settings costs each transaction {settings:.2f} ms, the way to Python included.",
    ]
    print("\n".join(lines))
    if options.save:
        day, machine = datetime.date.today().isoformat(), f"{platform.machine()}, Python {platform.python_version()}"
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(f"\n## The cost of row-level security, {day}, {machine}\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
