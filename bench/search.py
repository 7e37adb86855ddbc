"""Time of the first results of a search at 1,000,000 households, over HTTP (held to 100 ms).

Run: .venv/bin/python -m bench.search [--households 1000000] [--save]

The district is made by our generator in a throw-away cluster. Each figure is the median of 21 requests to the application
in this process by a commander of the whole district and by one of a community, sign-in and row-level policies included.
"""

import argparse
import datetime
import platform
import statistics
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from bench.growth import RESULTS, district
from gridmap import db
from gridmap.access import LOCAL
from gridmap.accounts import grants, people, sessions
from gridmap.app import create_app
from gridmap.cluster import Cluster
from gridmap.settings import Settings

REQUESTS, HELD_TO_MS = 21, 100
TEXTS = (
    "f",
    "fc",
    "fcy",
    "芳草",
    "3幢",
    "芳草苑3幢",
    "fangcaoyuan",
    "第1网格",
    "990106001001",
    "99010600100100001",
    "3幢2单元502",
    "3-502",
    "芳草苑3幢2单元502",
    "nothing",
)


def token_of(engine: sa.Engine, place: str) -> str:
    with db.transaction(engine, LOCAL) as conn:
        account_id = people.add(conn, LOCAL, f"bench{time.time_ns()}", None)
        grants.give(conn, LOCAL, account_id, "commander", place)
        return sessions.make_token(conn, account_id, days=1)


def measure(engine: sa.Engine, home: str) -> list[tuple[str, float, float]]:
    app = create_app(Settings(home=home, database_url=engine.url.render_as_string(hide_password=False)))
    client = app.test_client()
    with engine.connect() as conn:
        place = conn.scalar(sa.text("SELECT min(code) FROM community"))
        lon, lat = conn.execute(sa.text("SELECT ST_X(position), ST_Y(position) FROM building LIMIT 1")).one()
    headers = [{"Authorization": f"Bearer {token_of(engine, one)}"} for one in ("all", place)]
    rows = []
    for text in TEXTS:
        times: list[list[float]] = [[], []]
        for _ in range(REQUESTS):
            for own, header in zip(times, headers, strict=True):
                started = time.perf_counter()
                answer = client.get("/api/v1/search", query_string={"q": text, "lon": lon, "lat": lat}, headers=header)
                own.append(1000 * (time.perf_counter() - started))
                assert answer.status_code == 200, answer.get_data()
        rows.append((text, *map(statistics.median, times)))
    return rows


def report(rows: list[tuple[str, float, float]], households: int, *, save: bool) -> None:
    lines = [
        "| typed | whole district, ms | one community, ms | held to |",
        "| --- | --: | --: | --: |",
        *(f"| {text} | {whole:.0f} | {part:.0f} | {HELD_TO_MS} |" for text, whole, part in rows),
    ]
    print("\n".join(lines))
    if save:
        day, machine = datetime.date.today().isoformat(), f"{platform.machine()}, Python {platform.python_version()}"
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(f"\n## Search at {households:,} households, {day}, {machine}\n\n" + "\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=1_000_000)
    parser.add_argument("--save", action="store_true", help="append the table to docs/benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gridmap-bench-") as home:
        Path(home).chmod(0o711)
        cluster = Cluster(Path(home), durable=False)
        cluster.start()
        try:
            with district(cluster, options.households) as engine:
                report(measure(engine, home), options.households, save=options.save)
        finally:
            cluster.release()


if __name__ == "__main__":
    main()
