"""Time of every integrity check at 1,000,000 households, as the service's role, over the whole district.

Run: .venv/bin/python -m bench.integrity [--households 1000000] [--save]
"""

import argparse
import datetime
import platform
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from bench.growth import RESULTS, district
from gridmap import db, integrity
from gridmap.access import LOCAL
from gridmap.cluster import Cluster


def measure(owner: sa.Engine) -> list[tuple[str, int, float]]:
    engine = db.service_engine(owner.url.render_as_string(hide_password=False))
    rows = []
    for check in integrity.CHECKS:
        with db.transaction(engine, LOCAL) as conn:
            started = time.perf_counter()
            found = integrity.run(conn, LOCAL, check)
            rows.append((check.name, found.count, time.perf_counter() - started))
    engine.dispose()
    return rows


def report(rows: list[tuple[str, int, float]], households: int, *, save: bool) -> None:
    lines = [
        "| check | found | s |",
        "| --- | --: | --: |",
        *(f"| {name} | {count} | {took_s:.2f} |" for name, count, took_s in rows),
        f"| all | {sum(count for _, count, _ in rows)} | {sum(took_s for *_, took_s in rows):.2f} |",
    ]
    print("\n".join(lines))
    if save:
        day, machine = datetime.date.today().isoformat(), f"{platform.machine()}, Python {platform.python_version()}"
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(f"\n## Integrity at {households:,} households, {day}, {machine}\n\n" + "\n".join(lines) + "\n")


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
                report(measure(engine), options.households, save=options.save)
        finally:
            cluster.release()


if __name__ == "__main__":
    main()
