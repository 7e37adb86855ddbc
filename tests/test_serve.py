"""Starting and stopping the service."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog
from click.testing import CliRunner, Result

from gridmap import serve
from gridmap.cli import main
from gridmap.cluster import LEAKPROOF, Cluster
from gridmap.errors import Conflict, InvalidInput
from gridmap.settings import Settings
from gridmap.vault import open_vault
from tests.conftest import KEYS


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gridmap-test-"))
    folder.chmod(0o711)
    yield folder
    Cluster(folder).stop()
    shutil.rmtree(folder)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(main, arguments, env=env)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])
def test_serve_refuses_an_address_others_reach_in_the_clear(host: str, home: Path) -> None:
    result = run("serve", "--host", host, GRIDMAP_HOME=str(home))
    assert result.exit_code == 1
    assert "in the clear" in result.output
    assert "gridmap tls self-signed" in result.output
    assert not list(home.iterdir())


@pytest.mark.parametrize(("host", "address"), [("localhost", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::1", "::1")])
def test_loopback_addresses_are_taken(host: str, address: str) -> None:
    assert serve.address_of(Settings(host=host), in_container=False) == address


def test_a_host_that_is_no_address_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not an address"):
        serve.address_of(Settings(host="my machine"), in_container=False)


def opened(*, in_container: bool = False, **settings: object) -> tuple[Settings, str]:
    """Return the settings as the workers get them, and what was told."""
    told: list[str] = []
    return serve.opened(Settings(**settings), told.append, in_container=in_container), "\n".join(told)  # type: ignore[arg-type]


def test_a_container_may_listen_everywhere_and_answers_to_loopback_names_only() -> None:
    settings, told = opened(host="0.0.0.0", in_container=True)
    assert (settings.host, settings.public_names, settings.allow_plain_http, told) == ("0.0.0.0", "", True, "")


def test_plain_http_beyond_loopback_needs_the_switch_which_says_what_is_lost() -> None:
    settings, told = opened(host="0.0.0.0", public_names="map.example.org", allow_plain_http=True)
    assert settings.allow_plain_http
    for lost in ("passwords", "cookies", "locate me", "offline", "密码", "离线"):
        assert lost in told
    assert opened(allow_plain_http=True)[1] == ""  # nothing is lost on loopback


def test_behind_a_trusted_proxy_others_are_not_answered_in_the_clear() -> None:
    settings, told = opened(host="0.0.0.0", public_names="map.example.org", trusted_proxies="10.0.0.0/24")
    assert (settings.host, settings.allow_plain_http, told) == ("0.0.0.0", False, "")


def test_a_service_for_others_must_know_its_names() -> None:
    with pytest.raises(InvalidInput, match="GRIDMAP_PUBLIC_NAMES"):
        opened(host="0.0.0.0", allow_plain_http=True)
    assert opened(host="192.168.1.5", allow_plain_http=True)[0].hosts == {"192.168.1.5"}


@pytest.mark.parametrize(
    ("settings", "is_local"),
    [
        ({}, True), ({"host": "::1"}, True), ({"trusted_proxies": "127.0.0.1"}, False),
        ({"public_names": "map.example.org"}, False), ({"host": "192.168.1.5"}, False),
    ],
)  # fmt: skip
def test_links_into_the_demo_are_made_only_where_nobody_else_comes(settings: dict[str, str], is_local: bool) -> None:
    assert serve.is_for_this_machine(Settings(**settings)) is is_local  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"GRIDMAP_PUBLIC_NAMES": "https://map.example.org"}, "neither a host name nor an address"),
        ({"GRIDMAP_TRUSTED_PROXIES": "nginx"}, "GRIDMAP_TRUSTED_PROXIES"),
        ({"GRIDMAP_TLS_KEY": "key.pem"}, "belong together"),
    ],
)
def test_a_setting_of_the_door_that_cannot_be_meant_is_a_usage_error(settings: dict[str, str], told: str) -> None:
    result = run("serve", **settings)
    assert (result.exit_code, told in result.output) == (2, True), result.output


def test_a_taken_port_is_told_before_anything_is_started(taken_port: int, home: Path) -> None:
    result = run("serve", "--port", str(taken_port), GRIDMAP_HOME=str(home))
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: Port {taken_port} is taken by another program")
    assert not list(home.iterdir())


def test_a_port_shared_by_another_server_counts_as_taken() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(Conflict):
            serve.check_port("127.0.0.1", listener.getsockname()[1])


def test_a_setting_that_is_no_number_is_a_usage_error() -> None:
    result = run("serve", GRIDMAP_PORT="many")
    assert result.exit_code == 2
    assert "GRIDMAP_PORT" in result.output


def test_db_commands_leave_a_server_of_ones_own_alone() -> None:
    result = run("db", "stop", GRIDMAP_DATABASE_URL="postgresql://example/own")
    assert result.exit_code == 2
    assert "GRIDMAP_DATABASE_URL" in result.output


def test_db_start_leaves_the_database_running_until_db_stop(home: Path) -> None:
    where = {"GRIDMAP_HOME": str(home)}
    assert run("db", "status", **where).exit_code == 3
    assert run("db", "start", **where).exit_code == 0
    assert run("migrate", **where).exit_code == 0
    status = run("db", "status", **where)
    assert (status.exit_code, status.output.split(":")[0]) == (0, "running")
    assert run("db", "stop", **where).exit_code == 0
    assert run("db", "status", **where).output.startswith("stopped")


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def started(home: Path, port: int) -> tuple[subprocess.Popen[str], float]:
    """Start the service without the demo; return it and the seconds until it said where it answers."""
    began = time.monotonic()
    service = subprocess.Popen(
        [sys.executable, "-m", "gridmap", "serve", "--no-demo", "--port", str(port)],
        env=os.environ | {"GRIDMAP_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert service.stdout is not None
    said = []
    for line in service.stdout:
        said.append(line)
        if "http://" in line:
            break
    assert said[-1].startswith(f"gridmap is ready: http://127.0.0.1:{port} "), said
    assert answers(port)
    return service, time.monotonic() - began


@pytest.mark.alone
def test_sigterm_ends_service_and_cluster_cleanly_and_a_second_start_is_quick(home: Path) -> None:
    for most_s in (60, 5):
        port = free_port()
        service, took_s = started(home, port)
        service.terminate()
        said = service.communicate(timeout=30)[0]
        assert service.returncode == 0, said
        assert took_s < most_s
        assert said.rstrip().endswith("正在停止数据库")
        assert Cluster(home).status().state == "stopped"


def test_ctrl_c_reaches_the_whole_group_and_still_ends_cleanly_at_once(home: Path) -> None:
    service, _ = started(home, free_port())
    began = time.monotonic()
    os.killpg(service.pid, signal.SIGINT)
    said = service.communicate(timeout=60)[0]
    assert (service.returncode, Cluster(home).status().state) == (0, "stopped"), said
    assert time.monotonic() - began < 10, said


def test_workers_end_when_the_service_is_killed(home: Path) -> None:
    port = free_port()
    service, _ = started(home, port)
    service.kill()
    service.communicate()
    give_up = time.monotonic() + 10
    while answers(port) and time.monotonic() < give_up:
        time.sleep(0.1)
    serve.check_port("127.0.0.1", port)


def test_a_start_says_when_the_spatial_indexes_are_out_of_use_and_what_mends_it(empty_database: sa.Engine) -> None:
    url, vault = empty_database.url.render_as_string(hide_password=False), open_vault(Path(KEYS))
    admin = sa.create_engine(empty_database.url.set(username="postgres"), poolclass=sa.NullPool)

    def told() -> str:
        words: list[str] = []
        serve.prepare(url, vault, words.append, with_demo=False)
        return "\n".join(words)

    assert "LEAKPROOF" not in told()
    with admin.begin() as conn:  # as a restore leaves them
        for function in LEAKPROOF:
            conn.execute(sa.text(f"ALTER FUNCTION {function} NOT LEAKPROOF"))
    with structlog.testing.capture_logs() as logged:
        said = told()
    assert "空间索引" in said
    assert [entry["log_level"] for entry in logged] == ["warning"]
    statements = re.findall(r"ALTER FUNCTION [^;]+ LEAKPROOF;", said)
    assert len(statements) == 2
    with admin.begin() as conn:
        for statement in statements:
            conn.execute(sa.text(statement))
    assert "LEAKPROOF" not in told()
    admin.dispose()
