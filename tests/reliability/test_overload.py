"""What happens when there is too much to do, when the database goes away, and when the service is told to stop."""

import shutil
import signal
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from gridmap import db
from gridmap.access import LOCAL
from gridmap.app import create_app
from gridmap.cluster import Cluster
from gridmap.demo import load
from gridmap.settings import Settings
from gridmap.web.permissions import public
from gridmap.web.session import begin
from tests.conftest import KEYS, client_of, running, session_of

CLIENTS, CONNECTIONS, QUERY_S, PATIENCE_S = 50, 5, 0.5, 1


def test_fifty_clients_on_five_connections_get_an_answer_or_a_clear_wait_and_it_recovers(demo, everywhere):
    url = demo.url.render_as_string(hide_password=False)
    app = create_app(Settings(home=KEYS, database_url=url, threads=CONNECTIONS))
    app.extensions["gridmap"]["engine"].dispose()
    app.extensions["gridmap"]["engine"] = sa.create_engine(
        db.service_engine(url).url, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=PATIENCE_S,
        connect_args={"options": f"-c role={db.SERVICE_ROLE}"},
    )  # fmt: skip

    @app.get("/slow")
    @public
    def slow() -> str:
        with begin() as conn:
            conn.execute(sa.select(sa.func.pg_sleep(QUERY_S)))
        return "done"

    def ask(_: int) -> tuple[int, str | None]:
        answer = app.test_client().get("/slow")
        return answer.status_code, answer.headers.get("Retry-After")

    with ThreadPoolExecutor(CLIENTS) as threads:
        asked = [threads.submit(ask, number) for number in range(CLIENTS)]
        time.sleep(QUERY_S)
        begun = time.monotonic()
        assert app.test_client().get("/healthz").status_code == 200
        assert time.monotonic() - begun < QUERY_S
        answers = [future.result() for future in asked]
    assert {status for status, _ in answers} == {200, 503}
    assert all(wait for status, wait in answers if status == 503)
    assert client_of(app, everywhere).get("/api/v1/layers").status_code == 200
    app.extensions["gridmap"]["engine"].dispose()


@pytest.fixture
def own_cluster():
    home = Path(tempfile.mkdtemp(prefix="gridmap-test-"))
    home.chmod(0o711)
    cluster = Cluster(home, durable=False)
    cluster.start()
    yield cluster
    cluster.stop()
    shutil.rmtree(home)


def test_while_the_database_is_down_there_is_a_clear_503_and_afterwards_no_restart_is_needed(own_cluster):
    db.migrate(own_cluster.url)
    engine = db.create_engine(own_cluster.url)
    token = session_of(engine, ("planner", "all"))
    engine.dispose()
    app = create_app(Settings(home=KEYS, database_url=own_cluster.service_url))
    client = client_of(app, token)
    assert client.get("/api/v1/layers").status_code == 200
    own_cluster.stop()
    for path in ("/api/v1/layers", "/readyz", "/tiles/building/16/54700/26800.mvt"):
        answer = client.get(path)
        assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")
        assert answer.headers["Retry-After"]
    page = client.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 503
    assert str(own_cluster.home) not in page.get_data(as_text=True)
    assert client.get("/healthz").status_code == 200
    own_cluster.start()
    assert client.get("/api/v1/layers").status_code == 200
    app.extensions["gridmap"]["engine"].dispose()


def test_told_to_stop_under_load_the_service_finishes_every_answer_it_began(demo, everywhere):
    broken, complete, stop = [], [], threading.Event()

    def keep_asking(base: str) -> None:
        while not stop.is_set():
            asked = urllib.request.Request(f"{base}/api/v1/layers/building/features?limit=500")
            asked.add_header("Cookie", f"gridmap_session={everywhere}")
            try:
                with urllib.request.urlopen(asked, timeout=20) as answer:
                    body, promised = answer.read(), answer.headers.get("Content-Length")
                    complete.append(len(body))
                    if promised is not None and int(promised) != len(body):
                        broken.append("cut short")
            except urllib.error.HTTPError as error:
                broken.append(f"{error.code}")
            except urllib.error.URLError:
                return  # the door is closed: a new request was not begun
            except OSError as error:
                broken.append(f"half an answer: {error}")

    with running(demo) as (process, base):
        threads = [threading.Thread(target=keep_asking, args=(base,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=40) == 0
        stop.set()
        for thread in threads:
            thread.join(timeout=30)
    assert len(complete) > 20
    assert set(complete) == {complete[0]}
    assert broken == []


def test_many_changes_at_once_leave_a_whole_audit(cluster, migrated):
    from gridmap import audit
    from tests.conftest import copy_of

    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=300, seed=2)

        def change(number: int) -> None:
            with db.transaction(engine, LOCAL) as conn:
                audit.record(conn, LOCAL, "try", "building", rows=number, detail={"number": number})

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(change, range(80)))
        with db.transaction(engine, LOCAL) as conn:
            count, faults = audit.verify(conn, LOCAL)
    assert faults == []
    assert count >= 80
