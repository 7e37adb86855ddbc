"""Certificates, and the service that answers with one: a real `gridmap serve`, asked as others would."""

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from gridmap import db, tls
from gridmap.access import LOCAL
from gridmap.accounts import people
from gridmap.accounts.tables import sign_in_session
from gridmap.cli import main
from gridmap.errors import InvalidInput
from tests.conftest import copy_of, serving

NAME, PASSWORD = "li.na", "Rain-on-9-roofs"


def self_signed(home: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["tls", "self-signed", *options], env={"GRIDMAP_HOME": str(home)})


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gridmap-test-tls-"))
    made = self_signed(folder, "--name", "Map.Example.org", "--name", "192.0.2.7")
    assert made.exit_code == 0, made.output
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def register(cluster, migrated) -> Iterator[sa.Engine]:
    with copy_of(cluster, migrated) as engine:
        with db.transaction(engine, LOCAL) as conn:
            people.add(conn, LOCAL, NAME, PASSWORD)
        yield engine


@pytest.fixture(scope="module")
def service(home: Path, register: sa.Engine) -> Iterator[str]:
    """The service over TLS, on every address, with one proxy trusted that does not exist."""
    with serving(
        register, "--host", "0.0.0.0", scheme="https",
        GRIDMAP_TLS_CERTIFICATE=str(home / "tls/certificate.pem"), GRIDMAP_TLS_KEY=str(home / "tls/key.pem"),
        GRIDMAP_TRUSTED_PROXIES="192.0.2.1",
    ) as base:  # fmt: skip
        yield base


def context_of(home: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(home / "tls/certificate.pem"))


class Visitor:
    """A browser's worth of a client: keeps cookies and sends them back."""

    def __init__(self, base: str, context: ssl.SSLContext | None = None) -> None:
        self.base, self._context, self.cookies = base, context, dict[str, str]()

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str):
        from urllib.parse import urlencode

        host, port = self.base.split("//")[1].split(":")
        connection = (
            http.client.HTTPSConnection(host, int(port), context=self._context, timeout=30)
            if self._context
            else http.client.HTTPConnection(host, int(port), timeout=30)
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, urlencode(form) if form is not None else None, sent)
            answer = connection.getresponse()
            answer.text = answer.read().decode()
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def sign_in(self, **headers: str):
        page = self.ask("GET", "/sign-in", Accept="text/html", **headers)
        csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)[1]
        return self.ask("POST", "/sign-in", {"name": NAME, "password": PASSWORD, "csrf": csrf}, **headers)


def addresses_of(engine: sa.Engine) -> list[str]:
    with engine.connect() as conn:
        return list(conn.scalars(sa.select(sign_in_session.c.address).order_by(sign_in_session.c.started_at)))


def test_a_trial_certificate_carries_the_names_and_its_key_is_its_owners_only(home: Path) -> None:
    made = tls.read(home / "tls/certificate.pem", home / "tls/key.pem")
    assert {"localhost", "127.0.0.1", "[::1]", "map.example.org", "192.0.2.7"} <= set(made.names)
    assert (home / "tls/key.pem").stat().st_mode & 0o777 == 0o600
    assert (home / "tls").stat().st_mode & 0o777 == 0o700


def test_a_trial_certificate_is_replaced_only_when_told(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "tls", tmp_path / "tls")
    before = (tmp_path / "tls/key.pem").read_bytes()
    refused = self_signed(tmp_path)
    assert (refused.exit_code, "--replace" in refused.output) == (1, True)
    assert (tmp_path / "tls/key.pem").read_bytes() == before
    assert self_signed(tmp_path, "--replace").exit_code == 0
    assert (tmp_path / "tls/key.pem").read_bytes() != before


def test_what_is_told_after_making_one_can_be_typed(tmp_path: Path) -> None:
    told = self_signed(tmp_path).output
    assert (
        f"export GRIDMAP_TLS_CERTIFICATE={tmp_path}/tls/certificate.pem GRIDMAP_TLS_KEY={tmp_path}/tls/key.pem" in told
    )
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", tmp_path / "tls/certificate.pem"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert shown.strip().rpartition("=")[2] in told


@pytest.mark.parametrize("name", ["https://map.example.org", "map.example.org:8443", "a b", "*.example.org", "-x", ""])
def test_a_name_that_is_none_makes_no_certificate(tmp_path: Path, name: str) -> None:
    refused = self_signed(tmp_path, "--name", name)
    assert (refused.exit_code, "neither a host name nor an address" in refused.output) == (1, True)
    assert not (tmp_path / "tls").exists()


def test_a_key_of_another_certificate_is_refused_in_words(home: Path, tmp_path: Path) -> None:
    self_signed(tmp_path)
    for key in (tmp_path / "tls/key.pem", tmp_path / "none.pem", home / "tls/certificate.pem"):
        with pytest.raises(InvalidInput, match="cannot be used"):
            tls.read(home / "tls/certificate.pem", key)


def test_a_key_with_a_password_is_refused_instead_of_asking(home: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked.pem"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", home / "tls/key.pem", "-out", locked, "-passout", "pass:secret"],
        check=True,
    )
    with pytest.raises(InvalidInput, match="without a password"):
        tls.read(home / "tls/certificate.pem", locked)


def test_over_tls_the_certificate_is_good_and_cookies_are_held_to_this_very_host(service, home, register) -> None:
    visitor = Visitor(service, context_of(home))  # verifies certificate and name
    answer = visitor.sign_in(Origin=service)
    assert answer.status == 303
    [session] = [cookie for cookie in answer.headers.get_all("Set-Cookie") if cookie.startswith("__Host-gridmap=")]
    assert {part.strip() for part in session.split(";")[1:]} == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
    assert visitor.ask("GET", "/account", Accept="text/html").status == 200
    assert all(name.startswith("__Host-") for name in visitor.cookies)
    assert addresses_of(register)[-1] == "127.0.0.1"


def test_every_answer_over_tls_asks_for_tls_from_now_on(service, home) -> None:
    for path, status in (("/sign-in", 200), ("/nothing", 404), ("/static/css/form.css", 200)):
        answer = Visitor(service, context_of(home)).ask("GET", path)
        assert (answer.status, answer.headers["Strict-Transport-Security"]) == (status, "max-age=31536000")


def test_the_names_of_the_certificate_are_answered_to_and_no_others(service, home) -> None:
    visitor = Visitor(service, context_of(home))
    port = service.rpartition(":")[2]
    for host in (f"map.example.org:{port}", "MAP.example.org", "192.0.2.7", f"localhost:{port}"):
        assert visitor.ask("GET", "/healthz", Host=host).status == 200
    for host in ("evil.example", "map.example.org.evil.example", "192.0.2.8", ""):
        assert visitor.ask("GET", "/healthz", Host=host).status == 421


def test_tls_1_1_and_plain_http_get_no_answer(service, home) -> None:
    host, port = service.split("//")[1].split(":")
    context = context_of(home)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((host, int(port))) as plain, context.wrap_socket(plain, server_hostname=host) as good:
        assert good.version() == "TLSv1.2"
    old = subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert "protocol version" in old.stderr + old.stdout or "Cipher is (NONE)" in old.stdout
    with pytest.raises((http.client.HTTPException, OSError)):
        Visitor(service.replace("https", "http")).ask("GET", "/healthz")


def test_http_2_is_held_to_the_same_names(service, home) -> None:
    ask = ["curl", "-s", "--http2", "--cacert", str(home / "tls/certificate.pem"), "-w", "%{http_version} %{http_code}"]
    ask += ["-o", "/dev/null"]
    good = subprocess.run([*ask, f"{service}/healthz"], capture_output=True, text=True, check=False).stdout
    bad = subprocess.run(
        [*ask, "-H", "Host: evil.example", f"{service}/healthz"], capture_output=True, text=True, check=False
    ).stdout
    assert (good, bad) == ("2 200", "2 421")


def test_what_a_stranger_says_of_itself_does_not_count(service, home, register) -> None:
    visitor = Visitor(service, context_of(home))
    answer = visitor.sign_in(X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="http", X_Forwarded_Host="evil.example")
    assert answer.status == 303
    assert "__Host-gridmap" in visitor.cookies  # still TLS
    assert addresses_of(register)[-1] == "127.0.0.1"


@pytest.fixture(scope="module")
def proxied(register: sa.Engine) -> Iterator[str]:
    """The service on plain loopback, behind a proxy on the same machine."""
    with serving(register, GRIDMAP_TRUSTED_PROXIES="127.0.0.1", GRIDMAP_PUBLIC_NAMES="map.example.org") as base:
        yield base


FORWARDED = {
    "X_Forwarded_For": "198.51.100.1, 203.0.113.9", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "map.example.org",
}  # fmt: skip


def test_a_trusted_proxy_tells_address_scheme_and_host(proxied, register) -> None:
    visitor = Visitor(proxied)
    answer = visitor.sign_in(**FORWARDED, Origin="https://map.example.org")
    assert answer.status == 303, answer.text
    assert any("__Host-gridmap=" in cookie and "Secure" in cookie for cookie in answer.headers.get_all("Set-Cookie"))
    assert answer.headers["Strict-Transport-Security"]
    assert addresses_of(register)[-1] == "203.0.113.9"  # the last: what stands before it the client could have made up


def test_behind_a_proxy_the_origin_is_the_outer_address(proxied) -> None:
    for origin in ("http://map.example.org", "https://evil.example", proxied):
        assert Visitor(proxied).sign_in(**FORWARDED, Origin=origin).status == 403


def test_a_proxy_that_passes_on_plain_http_or_another_host_is_not_served(proxied) -> None:
    plain = Visitor(proxied).ask("GET", "/sign-in", **FORWARDED | {"X_Forwarded_Proto": "http"})
    assert (plain.status, json.loads(plain.text)["code"]) == (403, "plain_http")
    other = Visitor(proxied).ask("GET", "/sign-in", **FORWARDED | {"X_Forwarded_Host": "evil.example"})
    assert other.status == 421
    assert Visitor(proxied).ask("GET", "/healthz", X_Forwarded_For="203.0.113.9").status == 200


def own_address() -> str:
    """This machine's address that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def test_with_a_proxy_named_others_are_refused_in_the_clear_and_with_the_switch_served(register) -> None:
    address = own_address()
    for options, trusted, status in (((), "192.0.2.1", 403), (("--plain-http",), "", 200)):
        with serving(
            register, "--host", "0.0.0.0", *options, GRIDMAP_PUBLIC_NAMES=address, GRIDMAP_TRUSTED_PROXIES=trusted
        ) as base:
            direct = Visitor(base.replace("127.0.0.1", address))
            assert direct.ask("GET", "/sign-in", **FORWARDED | {"X_Forwarded_Host": address}).status == status
            assert Visitor(base).ask("GET", "/sign-in").status == 200


def test_a_person_reads_why_a_name_or_plain_http_is_not_served(proxied) -> None:
    told = {"Accept": "text/html"}
    assert "GRIDMAP_PUBLIC_NAMES" in Visitor(proxied).ask("GET", "/", Host="evil.example", **told).text
    plain = Visitor(proxied).ask("GET", "/", **told, **FORWARDED | {"X_Forwarded_Proto": "http"})
    assert "请使用 https 访问" in plain.text
