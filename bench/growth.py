"""Database time of nearest and covering at 1,000,000 households against 10,000 (held to 1.5x).

Run: .venv/bin/python -m bench.growth [--small 10000] [--large 1000000]

Both districts are made by our generator in two databases of one throw-away cluster; questions with answers of the same
length are asked of both in turns, so that a slow moment of the machine hits both. The figure is the median of the
medians of the rounds, of the time PostgreSQL itself reports for planning and execution.
"""

import argparse
import datetime
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from gridmap import db, demo
from gridmap.access import LOCAL
from gridmap.cluster import Cluster
from gridmap.crs import Position
from gridmap.layers import LAYERS
from gridmap.layers.volunteer.queries import covering_query
from gridmap.proximity import nearest_query
from gridmap.vault import open_vault

ROUNDS, QUESTIONS = 15, 60
HELD_TO = 1.5
RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks.md"
Ask = Callable[[sa.Row], sa.Select]


def nearest(building: sa.Row) -> sa.Select:
    return nearest_query(LOCAL, LAYERS["supply_point"], Position(building.lon, building.lat), k=5)


def covering(building: sa.Row) -> sa.Select:
    return covering_query(LOCAL, Position(building.lon, building.lat), (building.county, building.id))


QUESTIONS_ASKED: dict[str, Ask] = {"nearest 5 supply points": nearest, "volunteers covering a building": covering}


@contextmanager
def district(cluster: Cluster, households: int) -> Iterator[sa.Engine]:
    name = f"bench_{households}"
    admin = sa.create_engine(cluster.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as conn:
        conn.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE gridmap"))
    url = sa.make_url(cluster.url).set(database=name).render_as_string(hide_password=False)
    vault = open_vault(Path(tempfile.mkdtemp(prefix="gridmap-bench-keys-")))
    db.migrate(url, vault=vault)
    engine = db.create_engine(url, vault=vault)
    started = time.perf_counter()
    demo.load(engine, LOCAL, households=households, seed=1)
    print(f"{households:>9,} households made and loaded in {time.perf_counter() - started:.0f} s", flush=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text("VACUUM ANALYZE"))  # else autovacuum does it in the middle of a measurement
    yield engine
    engine.dispose()


def buildings(conn: sa.Connection) -> list[sa.Row]:
    query = "SELECT county, id, ST_X(position) AS lon, ST_Y(position) AS lat FROM building ORDER BY md5(code) LIMIT 400"
    return list(conn.execute(sa.text(query)))


def matched(small: sa.Connection, large: sa.Connection, ask: Ask) -> tuple[list[sa.Row], list[sa.Row]]:
    """Return as many buildings of each district, pair by pair with answers of the same length.

    A district of 10,000 households is 1.2 km across: at its edge half the neighbours are missing, and fewer rows to
    return would look like less time to find them.
    """
    by_length: dict[int, list[sa.Row]] = {}
    for row in buildings(large):
        by_length.setdefault(len(large.execute(ask(row)).all()), []).append(row)
    pairs = []
    for row in buildings(small):
        alike = by_length.get(len(small.execute(ask(row)).all()))
        if alike:
            pairs.append((row, alike.pop()))
    print(f"{len(pairs)} pairs of buildings with answers of the same length", flush=True)
    return [pair[0] for pair in pairs[:QUESTIONS]], [pair[1] for pair in pairs[:QUESTIONS]]


def median_ms(conn: sa.Connection, ask: Ask, keys: list[sa.Row]) -> float:
    """Return the median time the database itself spends: planning and execution, without the way to Python."""
    raw = conn.connection.driver_connection
    times = []
    for key in keys:
        compiled = ask(key).compile(dialect=conn.dialect)
        explained = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {compiled}"
        plan = raw.execute(explained, compiled.construct_params()).fetchone()[0][0]
        times.append(plan["Planning Time"] + plan["Execution Time"])
    return statistics.median(times)


def measure(small: sa.Engine, large: sa.Engine) -> list[tuple[str, float, float]]:
    rows = []
    with small.connect() as one, large.connect() as other:
        for title, ask in QUESTIONS_ASKED.items():
            keys = dict(zip((id(one), id(other)), matched(one, other, ask), strict=True))
            figures: dict[int, list[float]] = {id(one): [], id(other): []}
            for _ in range(ROUNDS + 1):
                for conn in (one, other):
                    figures[id(conn)].append(median_ms(conn, ask, keys[id(conn)]))
            rows.append((title, *(statistics.median(figures[id(conn)][1:]) for conn in (one, other))))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--save", action="store_true", help="append the table to docs/benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gridmap-bench-") as home:
        Path(home).chmod(0o711)
        cluster = Cluster(Path(home), durable=False)
        cluster.start()
        try:
            with district(cluster, options.small) as small, district(cluster, options.large) as large:
                rows = measure(small, large)
        finally:
            cluster.release()
    lines = [
        f"| question | {options.small:,} households, ms | {options.large:,} households, ms | ratio | held to |",
        "| --- | --: | --: | --: | --: |",
        *(f"| {title} | {a:.3f} | {b:.3f} | {b / a:.2f} | {HELD_TO} |" for title, a, b in rows),
    ]
    print("\n".join(lines))
    if options.save:
        day, machine = datetime.date.today().isoformat(), f"{platform.machine()}, Python {platform.python_version()}"
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(f"\n## Growth of nearest and covering, {day}, {machine}\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
