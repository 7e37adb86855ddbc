"""The private cluster: made, shared, stopped, and what it says when it cannot run."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gridmap.cluster import Cluster, binaries, config, database, postmaster, trouble
from gridmap.errors import ClusterError, InvalidInput
from gridmap.settings import Settings


def empty_home() -> Iterator[Path]:
    """Give an empty home that the cluster's system user can reach (pytest's own tmp_path is closed to it)."""
    folder = Path(tempfile.mkdtemp(prefix="gridmap-test-"))
    folder.chmod(0o711)
    yield folder
    Cluster(folder).stop()
    shutil.rmtree(folder)


home = pytest.fixture(empty_home, name="home")
shared_home = pytest.fixture(empty_home, name="shared_home", scope="module")


@pytest.fixture
def cluster(shared_home: Path) -> Cluster:
    """Give a running cluster that the tests of this module share; each may stop or kill it."""
    cluster = Cluster(shared_home)
    cluster.start()
    return cluster


def ask(url: str, query: str) -> list[sa.Row[Any]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as conn:
        result = conn.execute(sa.text(query))
        return list(result) if result.returns_rows else []


def postmaster_pid(cluster: Cluster) -> int:
    process = postmaster.named_by(cluster.data)
    assert process is not None
    return process.pid


def test_a_new_cluster_is_durable_checked_and_reached_by_socket_only(home: Path) -> None:
    cluster = Cluster(home)
    url = cluster.start()
    names = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums", "log_error_verbosity", "jit")
    asked = ", ".join(f"current_setting('{name}')" for name in (*names, "listen_addresses", "server_encoding"))
    assert tuple(ask(url, f"SELECT {asked}")[0]) == ("on", "on", "on", "on", "terse", "off", "", "UTF8")
    found = {row[0] for row in ask(url, "SELECT extname FROM pg_extension")}
    assert {"postgis", "pg_trgm"} <= found
    assert cluster.socket_folder.stat().st_mode & 0o077 == 0
    assert cluster.data.stat().st_mode & 0o077 == 0


def test_the_service_owns_its_database_but_is_no_administrator(cluster: Cluster) -> None:
    query = "SELECT current_user, rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    assert tuple(ask(cluster.url, query)[0]) == ("gridmap", False, True)
    ask(cluster.url, "CREATE TABLE place (id int)")
    ask(cluster.url, "DROP TABLE place")


def test_a_running_cluster_is_reused(cluster: Cluster) -> None:
    before = postmaster_pid(cluster)
    said: list[str] = []
    assert Cluster(cluster.home).start(said.append) == cluster.url
    assert (postmaster_pid(cluster), said) == (before, [])


def test_stop_and_start_keep_what_was_committed(cluster: Cluster) -> None:
    ask(cluster.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    cluster.stop()
    assert cluster.status().state == "stopped"
    cluster.stop()
    cluster.start()
    assert ask(cluster.url, "SELECT answer FROM kept")[0][0] == 42
    ask(cluster.url, "DROP TABLE kept")


def test_two_starts_at_once_give_one_cluster(home: Path) -> None:
    found: list[str] = []
    clusters = [Cluster(home, durable=False) for _ in range(3)]
    threads = [threading.Thread(target=lambda c=c: found.append(c.start())) for c in clusters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [clusters[0].url] * 3


def test_the_last_one_out_stops_it(home: Path) -> None:
    first, second = Cluster(home, durable=False), Cluster(home, durable=False)
    first.start()
    second.start()
    first.release()
    assert second.status().state == "running"
    second.release()
    assert second.status().state == "stopped"


def test_a_cluster_started_to_stay_outlives_its_users(cluster: Cluster) -> None:
    cluster.start(stay=True)
    cluster.release()
    assert cluster.status().state == "running"


def test_it_starts_again_after_the_server_was_killed(cluster: Cluster) -> None:
    ask(cluster.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(postmaster_pid(cluster), signal.SIGKILL)
    cluster.start()
    assert ask(cluster.url, "SELECT answer FROM kept")[0][0] == 42
    ask(cluster.url, "DROP TABLE kept")


def test_a_lock_left_by_a_dead_server_does_not_stop_a_start(cluster: Cluster) -> None:
    lock = cluster.data / "postmaster.pid"
    kept, owner = lock.read_text(), lock.stat()
    cluster.stop()
    lock.write_text(kept)
    os.chown(lock, owner.st_uid, owner.st_gid)
    cluster.start()
    assert cluster.status().state == "running"


def test_a_lock_whose_number_another_program_got_is_explained_and_left_alone(cluster: Cluster) -> None:
    lock = cluster.data / "postmaster.pid"
    kept, owner = lock.read_text().splitlines(), lock.stat()
    cluster.stop()
    become = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    sleeper = subprocess.Popen(["sleep", "60"], **become)  # type: ignore[call-overload]
    try:
        lock.write_text("\n".join([str(sleeper.pid), *kept[1:]]) + "\n")
        os.chown(lock, owner.st_uid, owner.st_gid)
        with pytest.raises(ClusterError, match=r"now belongs to another program \(sleep\)"):
            cluster.start()
        cluster.stop()
        assert sleeper.poll() is None, "stop must not signal a program that merely got the number"
        assert lock.exists()
    finally:
        sleeper.kill()
        sleeper.wait()
    cluster.start()
    assert cluster.status().state == "running"


def test_a_cut_while_making_the_cluster_leaves_nothing_half_made(home: Path) -> None:
    unfinished = home / "postgres" / "data.new"
    unfinished.mkdir(parents=True)
    (home / "postgres").chmod(0o711)
    (unfinished / "PG_VERSION").write_text("15\n")
    cluster = Cluster(home, durable=False)
    cluster.start()
    assert cluster.status().state == "running"
    assert not unfinished.exists()


def test_data_of_an_unsupported_version_are_refused_with_that_version(home: Path) -> None:
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("13\n")
    if os.geteuid() == 0:
        shutil.chown(data, "gridmap", "gridmap")
    with pytest.raises(ClusterError, match="made by PostgreSQL 13"):
        Cluster(home).start()


def test_a_machine_without_postgresql_is_told_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "installed", list)
    with pytest.raises(ClusterError, match=r"PostgreSQL is not installed.*script/setup"):
        Cluster(home).start()


def test_postgresql_without_postgis_is_told_apart(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries.Binaries, "has_postgis", lambda self: False)
    with pytest.raises(ClusterError, match="PostGIS is not"):
        Cluster(home).start()


def test_a_long_or_unusual_home_gets_a_short_private_socket_folder(home: Path) -> None:
    cluster = Cluster(home / "社区 数据" / ("x" * 90), durable=False)
    try:
        url = cluster.start()
        assert ask(url, "SELECT 1")[0][0] == 1
        socket = cluster.socket_folder
        assert len(bytes(socket)) < 50
        assert socket.stat().st_mode & 0o077 == 0
    finally:
        cluster.stop()
        cluster.socket_folder.rmdir()


def test_a_socket_folder_somebody_else_made_is_refused(home: Path) -> None:
    cluster = Cluster(home / ("x" * 90), durable=False)
    cluster.socket_folder.mkdir(mode=0o777)
    try:
        with pytest.raises(ClusterError, match=r"only .* may enter"):
            cluster.start()
    finally:
        cluster.socket_folder.rmdir()


def test_a_throw_away_cluster_is_never_started_as_a_real_one_nor_the_other_way(cluster: Cluster, home: Path) -> None:
    cluster.stop()
    with pytest.raises(ClusterError, match="holds real data"):
        Cluster(cluster.home, durable=False).start()
    throw_away = Cluster(home, durable=False)
    assert ask(throw_away.start(), "SHOW fsync")[0][0] == "off"
    throw_away.stop()
    with pytest.raises(ClusterError, match="holds throw-away data"):
        Cluster(home).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands over to another user")
def test_a_home_that_the_system_user_cannot_reach_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(ClusterError, match="may not enter") as refused:
        Cluster(tmp_path / "home").start()
    assert any(str(parent) in refused.value.detail for parent in tmp_path.parents[:-2])


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("FATAL:  could not write lock file: No space left on device", "disk is full"),
        ('FATAL:  lock file "postmaster.pid" already exists', "locked by another running cluster"),
        ("FATAL:  database files are incompatible with server", "Wrong PostgreSQL version"),
        ('FATAL:  could not open file "x": Permission denied', "No permission"),
        ("FATAL:  something new", "FATAL:  something new"),
    ],
)
def test_what_postgresql_says_is_put_in_plain_words(said: str, meant: str, tmp_path: Path) -> None:
    assert meant in trouble.explained(said, home=tmp_path).detail


def test_a_database_of_ones_own_is_used_as_it_is(home: Path) -> None:
    with database(Settings(home=home, database_url="postgresql://example/own")) as urls:
        assert (urls.owner, urls.service) == ("postgresql://example/own", "postgresql://example/own")
    assert not list(home.iterdir())


def test_commands_share_the_cluster_and_stop_it_after(home: Path) -> None:
    began = time.monotonic()
    with database(Settings(home=home)) as urls:
        assert ask(urls.owner, "SELECT current_user")[0][0] == "gridmap"
        assert ask(urls.service, "SELECT current_user")[0][0] == "gridmap_service"
    assert Cluster(home).status().state == "stopped"
    assert time.monotonic() - began < 20


def test_a_cluster_listens_for_direct_logins_only_where_told_and_is_found_by_commands_that_were_not(home: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(home=home, database_listen=f"127.0.0.1:{port}")
    with database(settings) as urls:
        asked = ask(urls.owner, "SELECT current_setting('listen_addresses'), current_setting('password_encryption')")
        assert tuple(asked[0]) == ("127.0.0.1", "scram-sha-256")
        assert tuple(ask(Cluster(home).url, "SELECT current_setting('port')")[0]) == (str(port),)
        assert Cluster(home).status().state == "running"
        rules = "SELECT type, database, user_name, auth_method FROM pg_hba_file_rules ORDER BY line_number"
        admin = urls.owner.replace("//gridmap@", "//postgres@")
        assert [tuple(row) for row in ask(admin, rules)] == [
            ("local", ["all"], ["all"], "peer"),
            ("host", ["gridmap"], ["+gridmap_planner"], "scram-sha-256"),
        ]
    with database(Settings(home=home)) as urls:
        assert ask(urls.owner, "SELECT current_setting('listen_addresses')")[0][0] == ""


@pytest.mark.parametrize(
    "text", ["0.0.0.0:5433", "192.168.1.5:5433", "[::]:5433", "127.0.0.1", "127.0.0.1:80", "db:x", ""]
)
def test_a_private_database_listens_to_this_machine_only(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"127\.0\.0\.1"):
        config.listen_of(text)


def test_an_address_to_listen_on_is_read() -> None:
    assert config.listen_of("localhost:5433") == config.Listen("127.0.0.1", 5433)
    assert config.listen_of("[::1]:5433") == config.Listen("::1", 5433)
