"""Time to answer the roll-up of a community at 1,000,000 households, over HTTP (held to 200 ms).

Run: .venv/bin/python -m bench.rollup [--households 1000000] [--save]

The district is made by our generator in a throw-away cluster. Each figure is the median over 40 places of one level of a
request to the application in this process, sign-in and row-level policies included.
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

PLACES, HELD_TO_MS = 40, 200
LEVELS = {
    "sub-district": "SELECT DISTINCT left(code, 9) FROM community",
    "community": "SELECT code FROM community",
    "grid": "SELECT code FROM neighbourhood",
    "building": "SELECT code FROM building",
    "estate": "SELECT code FROM estate",
    "party branch": "SELECT code FROM party_unit WHERE level = 'branch'",
    "party group": "SELECT code FROM party_unit WHERE level = 'group'",
}


def token_of(engine: sa.Engine) -> str:
    with db.transaction(engine, LOCAL) as conn:
        account_id = people.add(conn, LOCAL, f"bench{time.time_ns()}", None)
        grants.give(conn, LOCAL, account_id, "commander", "all")
        return sessions.make_token(conn, account_id, days=1)


def measure(engine: sa.Engine, home: str) -> list[tuple[str, float, float]]:
    app = create_app(Settings(home=home, database_url=engine.url.render_as_string(hide_password=False)))
    client, headers = app.test_client(), {"Authorization": f"Bearer {token_of(engine)}"}
    rows = []
    for level, query in LEVELS.items():
        with engine.connect() as conn:
            picked = f"SELECT code FROM ({query}) AS q (code) ORDER BY md5(code) LIMIT {PLACES}"
            codes = list(conn.scalars(sa.text(picked)))
        times = []
        for code in codes:
            for _ in range(2):  # the second look counts: the first reads from disk
                started = time.perf_counter()
                answer = client.get(f"/api/v1/places/{code}/summary", headers=headers)
                took_ms = 1000 * (time.perf_counter() - started)
            assert answer.status_code == 200, answer.get_data()
            times.append(took_ms)
        rows.append((level, statistics.median(times), max(times)))
    return rows


def report(rows: list[tuple[str, float, float]], households: int, *, save: bool) -> None:
    lines = [
        "| roll-up of one | median, ms | slowest, ms | held to |",
        "| --- | --: | --: | --: |",
        *(f"| {level} | {median:.0f} | {most:.0f} | {HELD_TO_MS if level == 'community' else '–'} |" for level, median, most in rows),
    ]  # fmt: skip
    print("\n".join(lines))
    if save:
        day, machine = datetime.date.today().isoformat(), f"{platform.machine()}, Python {platform.python_version()}"
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(f"\n## Roll-ups at {households:,} households, {day}, {machine}\n\n" + "\n".join(lines) + "\n")


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
