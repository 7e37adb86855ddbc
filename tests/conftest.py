"""One throw-away cluster a run, migrated once; each test gets its own copy or a transaction that is rolled back."""

import atexit
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

import gridmap.layers
from gridmap import db
from gridmap.access import LOCAL
from gridmap.accounts import grants, people, sessions
from gridmap.app import create_app
from gridmap.cluster import Cluster
from gridmap.settings import Settings
from gridmap.vault import open_vault
from tests.twins import NEXT_COUNTY, NEXT_DOOR, NEXT_STREET, OWN, add_cottage, add_outsiders, add_twin

ROOT = Path(__file__).parent.parent
DEMO_HOUSEHOLDS = 1500
KEYS = tempfile.mkdtemp(prefix="gridmap-test-keys-")
atexit.register(shutil.rmtree, KEYS, ignore_errors=True)
START_S = 60
assert gridmap.layers.LAYERS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="run the long cases too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--nightly"):
        items[:] = [item for item in items if item.get_closest_marker("nightly") is None]
    for item in items:
        if "live_server" in getattr(item, "fixturenames", ()) or "page" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
        if "city" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    # not pytest's own folder: as root the cluster's user must be able to pass through every parent
    home = Path(tempfile.mkdtemp(prefix="gridmap-test-"))
    home.chmod(0o711)
    running = Cluster(home, durable=False, listen=f"127.0.0.1:{free_port()}")
    running.start()
    yield running
    running.release()
    shutil.rmtree(home, ignore_errors=True)


def url_of(cluster: Cluster, database: str) -> str:
    return sa.make_url(cluster.url).set(database=database).render_as_string(hide_password=False)


@contextmanager
def administrator(cluster: Cluster) -> Iterator[sa.Connection]:
    engine = sa.create_engine(cluster.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as conn:
        yield conn
    engine.dispose()


@contextmanager
def copy_of(cluster: Cluster, template: str) -> Iterator[sa.Engine]:
    name = f"t_{uuid.uuid4().hex[:12]}"
    with administrator(cluster) as conn:
        conn.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
    engine = db.create_engine(url_of(cluster, name), vault=open_vault(Path(KEYS)))
    try:
        yield engine
    finally:
        engine.dispose()
        with administrator(cluster) as conn:
            # not WITH (FORCE): that may not end an autovacuum worker, which a plain DROP asks to leave
            conn.execute(sa.text(f"DROP DATABASE {name}"))


@pytest.fixture(scope="session")
def migrated(cluster: Cluster) -> str:
    """The name of a migrated, empty database; nobody writes to it."""
    with administrator(cluster) as conn:
        conn.execute(sa.text("CREATE DATABASE t_migrated TEMPLATE gridmap"))
    db.migrate(url_of(cluster, "t_migrated"), vault=open_vault(Path(KEYS)))
    return "t_migrated"


@pytest.fixture
def empty_database(cluster: Cluster, migrated: str) -> Iterator[sa.Engine]:
    with copy_of(cluster, migrated) as engine:
        yield engine


@pytest.fixture(scope="session")
def first_district(cluster: Cluster, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a database with one community, 陆家嘴社区, and its two halves as grids; nobody writes to it."""
    from tests.exchange.making import COMMUNITY, EAST, NORTH, SOUTH, WEST, box, geojson, take

    folder = tmp_path_factory.mktemp("district")
    middle = (WEST + EAST) / 2
    area = box(WEST, SOUTH, EAST, NORTH)
    halves = [box(WEST, SOUTH, middle, NORTH), box(middle, SOUTH, EAST, NORTH)]
    grids = [(half, {"name": f"第{n}网格"}) for n, half in enumerate(halves, start=1)]
    with copy_of(cluster, migrated) as engine:
        take(engine, "community", geojson(folder / "c.geojson", (area, {"code": COMMUNITY, "name": "陆家嘴社区"})))
        report = take(engine, "neighbourhood", geojson(folder / "n.geojson", *grids))
        assert (report.inserted, report.refused) == (2, 0)
        engine.dispose()  # a database that somebody is connected to cannot be copied
        yield str(engine.url.database)


@pytest.fixture
def district(cluster: Cluster, first_district: str) -> Iterator[sa.Engine]:
    """One test's own copy of that database."""
    with copy_of(cluster, first_district) as engine:
        yield engine


@pytest.fixture(scope="session")
def rolled_back(cluster: Cluster, migrated: str) -> Iterator[sa.Engine]:
    with copy_of(cluster, migrated) as engine:
        yield engine


@pytest.fixture
def conn(rolled_back: sa.Engine) -> Iterator[sa.Connection]:
    """A connection to an empty, migrated database; whatever a test writes is rolled back."""
    with rolled_back.connect() as connection:
        transaction = connection.begin()
        connection.execute(sa.text("SELECT set_config('gridmap.actor', 'test', true)"))
        yield connection
        transaction.rollback()


@pytest.fixture(scope="session")
def demo(cluster: Cluster, migrated: str) -> Iterator[sa.Engine]:
    """The demo district, small; tests only read it."""
    from gridmap.demo import load

    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=DEMO_HOUSEHOLDS, seed=1)
        yield engine


@pytest.fixture(scope="session")
def twins(cluster: Cluster, migrated: str) -> Iterator[sa.Engine]:
    """Four copies of a small district on the same ground: next door, the next sub-district and the next county."""
    from gridmap.demo import load

    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=900, seed=1)
        with db.transaction(engine, LOCAL) as conn:
            for community in (NEXT_DOOR, NEXT_STREET, NEXT_COUNTY):
                add_twin(conn, community)
            for county in (990106, 990107):
                add_outsiders(conn, county)
            for community in (OWN, NEXT_DOOR, NEXT_COUNTY):
                add_cottage(conn, community, households=3)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(sa.text("ANALYZE"))
        yield engine


@contextmanager
def app_on(engine: sa.Engine) -> Iterator[Flask]:
    app = create_app(Settings(home=KEYS, database_url=engine.url.render_as_string(hide_password=False)))
    yield app
    app.extensions["gridmap"]["engine"].dispose()


@pytest.fixture(scope="session")
def app(demo: sa.Engine) -> Iterator[Flask]:
    with app_on(demo) as made:
        yield made


def session_of(engine: sa.Engine, *held: tuple[str, str], name: str | None = None, factor: bool = True) -> str:
    """Make an account that holds (role, place) pairs and return the secret of a session of its own."""
    with db.transaction(engine, LOCAL) as conn:
        account_id = people.add(conn, LOCAL, name or f"u{uuid.uuid4().hex[:12]}", None)
        for role, place in held:
            grants.give(conn, LOCAL, account_id, role, place)
        return sessions.start(conn, account_id, has_second_factor=factor, address="127.0.0.1", agent="test")


def client_of(app: Flask, token: str | None) -> FlaskClient:
    """Return a client that is signed in by a session's secret, or not at all."""
    made = app.test_client()
    if token is not None:
        made.set_cookie("gridmap_session", token)
    return made


@pytest.fixture(scope="session")
def everywhere(demo: sa.Engine) -> str:
    """The session of somebody who may see and change the whole demo register."""
    return session_of(demo, ("commander", "all"))


@pytest.fixture
def client(app: Flask, everywhere: str) -> FlaskClient:
    return client_of(app, everywhere)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(engine: sa.Engine, *options: str, scheme: str = "http", **settings: str) -> Iterator[str]:
    """Run `gridmap serve` on a database, as a person does, and yield its address on loopback."""
    with running(engine, *options, scheme=scheme, **settings) as (_, base):
        yield base


@contextmanager
def running(
    engine: sa.Engine, *options: str, scheme: str = "http", **settings: str
) -> Iterator[tuple[subprocess.Popen, str]]:
    """Run `gridmap serve` on a database and yield the process and its address on loopback."""
    port = free_port()
    url = engine.url.render_as_string(hide_password=False)
    environment = os.environ | {"GRIDMAP_HOME": KEYS, "GRIDMAP_DATABASE_URL": url} | settings
    command = [sys.executable, "-m", "gridmap", "serve", "--port", str(port), "--no-demo", *options]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    base = f"{scheme}://127.0.0.1:{port}"
    unverified = ssl._create_unverified_context()
    try:
        give_up = time.monotonic() + START_S
        while True:
            try:
                urllib.request.urlopen(f"{base}/readyz", timeout=5, context=unverified).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > give_up:
                    process.kill()
                    raise RuntimeError(f"gridmap serve did not start:\n{process.communicate()[0].decode()}") from None
                time.sleep(0.1)
        yield process, base
    finally:
        process.terminate()
        process.communicate(timeout=START_S)


@pytest.fixture(scope="session")
def live_server(demo: sa.Engine) -> Iterator[str]:
    with serving(demo) as base:
        yield base


@pytest.fixture(scope="session")
def empty_server(cluster: Cluster, migrated: str) -> Iterator[tuple[str, str]]:
    """A service on an empty register: its address, and the session of a commander."""
    with copy_of(cluster, migrated) as engine, serving(engine) as base:
        yield base, session_of(engine, ("commander", "all"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
    return {
        **browser_type_launch_args,
        "executable_path": "/usr/bin/chromium",
        "args": [*quiet, "--disable-sync"],
    }


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files beside the project; in CI it must be there."""
    folder = Path(os.environ.get("GRIDMAP_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"the real test data are missing: {folder}")
        pytest.skip(f"the real test data are not on this machine: {folder}")
    return folder
