"""Changing the key of personal data, beside a service that runs, interrupted, and with something in the way."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from gridmap import audit, db, personal, persons, rotation
from gridmap.access import LOCAL, acting
from gridmap.accounts import people
from gridmap.accounts.tables import account
from gridmap.cli import main
from gridmap.errors import Conflict, NotAllowed, Unavailable
from gridmap.layers import LAYERS
from gridmap.vault import Vault, add_key, open_vault
from tests.conftest import KEYS
from tests.factories import COMMUNITY, add_community, add_party_unit, add_supply_point, add_volunteer

VOLUNTEER = LAYERS["volunteer"].table
NAME, PHONE = "欧阳明日", "13800138000"


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gridmap-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def vault(home: Path) -> Vault:
    return open_vault(home)


@pytest.fixture
def register(empty_database, vault) -> Iterator[sa.Engine]:
    """A register with persons, a former version of one, and an account with a second factor, all under key 1."""
    engine = db.create_engine(empty_database.url.render_as_string(hide_password=False), vault=vault)
    with db.transaction(engine, LOCAL) as conn:
        community = add_community(conn)
        add_volunteer(conn, "V1", 120.6, 30.9, name="欧阳昨日", phone=PHONE, id_number="11010519491231002X")
        conn.execute(
            sa.update(VOLUNTEER).values(
                name=personal.seal(conn, VOLUNTEER.c.name, NAME), version=2, changed_at=sa.func.now()
            )
        )
        add_supply_point(conn, "S1", 120.6, 30.9, keeper="司马", phone=PHONE)
        add_supply_point(conn, "S2", 120.6, 30.9)
        add_party_unit(conn, community, "P1", "committee", secretary="诸葛")
        people.new_second_factor(conn, vault, people.add(conn, LOCAL, "worker", None))
    yield engine
    engine.dispose()


def sealed(engine: sa.Engine) -> list[str]:
    """Return everything that is sealed in the database."""
    with engine.connect() as conn:
        return [
            value
            for one in rotation.sealed_tables()
            for name in one.contexts
            for value in conn.scalars(sa.select(one.table.c[name]).where(one.table.c[name].is_not(None)))
        ]


def test_a_rotation_seals_everything_anew_and_removes_the_old_key(register, vault, home):
    before = sealed(register)
    assert (
        len(before) == 10
    )  # 3 of the volunteer, 3 of its former version, 2 of the point, 1 secretary, 1 second factor
    versions = sa.text("SELECT version, changed_at, changed_by, phone_index FROM volunteer")
    with register.connect() as conn:
        stood = conn.execute(versions).all()
    told = []
    done = rotation.rotate(register, vault, LOCAL, home, lambda *step: told.append(step))
    assert (done.key, done.rows, done.removed) == ("2", 5, ("1",))
    assert ("volunteer", 1, 1) in told
    assert all(value.startswith("g1.2.") for value in sealed(register))
    assert sorted(path.name for path in (home / "keys").iterdir()) == ["data-2.key", "index.key"]
    with db.transaction(register, LOCAL) as conn:
        assert conn.execute(versions).all() == stood
        assert [one.text for one in persons.reveal(conn, LOCAL, LAYERS["volunteer"], "V1", reason="核实情况")][:2] == [
            NAME, PHONE,
        ]  # fmt: skip
        assert {entry.action: entry.rows for entry in audit.entries(conn, LOCAL)}["keys_rotated"] == 0
        assert audit.verify(conn, LOCAL)[1] == []
        assert conn.scalar(sa.text("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'")) == 0


def test_a_worker_that_runs_meanwhile_opens_and_seals_with_the_new_key(register, vault, home):
    worker = open_vault(home)
    rotation.rotate(register, vault, LOCAL, home)
    with register.connect() as conn:
        value = conn.scalar(sa.select(VOLUNTEER.c.name))
        assert worker.open(value, "volunteer.name") == NAME
    idle = Vault(home / "keys")
    add_key(home)
    elsewhere = db.create_engine(register.url.render_as_string(hide_password=False), vault=idle)
    with elsewhere.connect() as conn:
        assert personal.seal(conn, VOLUNTEER.c.name, NAME).startswith("g1.3.")
    elsewhere.dispose()


def test_an_interrupted_rotation_goes_on_where_it_stopped(register, vault, home, monkeypatch):
    class Interrupted(Exception):
        pass

    def interrupt(table: str, done: int, wanted: int) -> None:
        if table == "supply_point":
            raise Interrupted

    with pytest.raises(Interrupted):
        rotation.rotate(register, vault, LOCAL, home, interrupt)
    assert {value.split(".")[1] for value in sealed(register)} == {"1", "2"}
    again = open_vault(home)
    assert again.ids == ("1", "2")
    assert rotation.rotate(register, again, LOCAL, home).removed == ("1",)
    assert {value.split(".")[1] for value in sealed(register)} == {"2"}
    with register.connect() as conn:
        assert again.open(conn.scalar(sa.select(VOLUNTEER.c.name)), "volunteer.name") == NAME


def test_rows_come_in_batches(register, vault, home, monkeypatch):
    monkeypatch.setattr(rotation, "AT_ONCE", 2)
    with db.transaction(register, LOCAL) as conn:
        for number in range(2, 7):
            add_volunteer(conn, f"V{number}", 120.6, 30.9, name=f"志愿{number}")
    told = []
    rotation.rotate(register, vault, LOCAL, home, lambda *step: told.append(step))
    assert [step for step in told if step[0] == "volunteer"] == [
        ("volunteer", 2, 6), ("volunteer", 4, 6), ("volunteer", 6, 6), ("volunteer", 6, 6),
    ]  # fmt: skip


def test_what_somebody_seals_with_the_old_key_at_the_last_moment_is_not_lost(register, vault, home):
    """A transaction that took the old key before the rotation began commits while it runs."""
    late = Vault(home / "keys")
    slow = db.create_engine(register.url.render_as_string(hide_password=False), vault=late)
    done: list[rotation.Rotated] = []
    with db.transaction(slow, LOCAL) as conn:
        keys = personal.hold(conn)
        text = keys.seal("迟到者", "volunteer.name")
        rotating = threading.Thread(target=lambda: done.append(rotation.rotate(register, vault, LOCAL, home)))
        rotating.start()
        rotating.join(2)
        assert rotating.is_alive()  # it waits for whoever seals
        row = {"code": "V9", "county": 990106, "id": "00000000-0000-0000-0000-000000000009", "changed_by": "slow"}
        conn.execute(sa.insert(VOLUNTEER).values(**row, name=text, geom="SRID=4490;POINT(120.6 30.9)"))
    rotating.join(30)
    assert done[0].removed == ("1",)
    with register.connect() as conn:
        value = conn.scalar(sa.select(VOLUNTEER.c.name).where(VOLUNTEER.c.code == "V9"))
        assert vault.open(value, "volunteer.name") == "迟到者"
    slow.dispose()


def test_no_key_is_removed_while_something_cannot_be_opened(register, vault, home):
    with db.transaction(register, LOCAL) as conn:
        conn.execute(sa.update(account).values(totp_secret="g1.1.AAAA"))
    with pytest.raises(Unavailable):
        rotation.rotate(register, vault, LOCAL, home)
    assert open_vault(home).ids == ("1", "2")


def test_one_rotation_runs_at_a_time_and_only_by_who_may(register, vault, home):
    with rotation._alone(register), pytest.raises(Conflict, match="Another rotation"):
        rotation.rotate(register, vault, LOCAL, home)
    with pytest.raises(NotAllowed):
        rotation.rotate(register, vault, acting("worker", {"person.reveal"}, ("",)), home)
    assert vault.ids == ("1",)


def test_keys_of_another_database_are_noticed(register, vault):
    with register.connect() as conn:
        assert rotation.unopened(conn, vault) == []
        lost = rotation.unopened(conn, open_vault(Path(KEYS)))
    assert "volunteer.name" in lost
    assert "account.totp_secret" in lost


def test_the_commands_say_where_the_keys_are_and_rotate_them(register, vault, home, tmp_path):
    environment = {
        "GRIDMAP_HOME": str(home),
        "GRIDMAP_DATABASE_URL": register.url.render_as_string(hide_password=False),
    }

    def run(*arguments: str):
        return CliRunner().invoke(main, arguments, env=environment)

    shown = run("keys", "show").output
    assert str(home / "keys") in shown
    assert "data-1.key" in shown
    assert "Back this folder up" in shown
    rotated = run("keys", "rotate")
    assert rotated.exit_code == 0, rotated.output
    assert "5 rows are sealed with key 2; removed keys: 1" in rotated.output
    with db.transaction(register, LOCAL) as conn:
        vault.refresh()
        persons.reveal(conn, LOCAL, LAYERS["volunteer"], "V1", reason="核实情况", task="T-7")
    told = run("audit", "about", "volunteer", "V1", "--csv", str(tmp_path / "v1.csv"))
    assert "local: reveal 核实情况 [T-7]" in told.output
    assert "核实情况" in (tmp_path / "v1.csv").read_text("utf-8-sig")
    assert run("audit", "about", "nothing", "V1").exit_code == 1
    assert COMMUNITY not in told.output


def test_the_first_start_says_where_the_keys_are(home):
    told: list[str] = []
    shutil.rmtree(home / "keys", ignore_errors=True)
    open_vault(home, told.append)
    assert str(home / "keys") in told[0]
    assert "Back this folder up" in told[0]
    open_vault(home, told.append)
    assert len(told) == 1
    assert [path.stat().st_mode & 0o777 for path in sorted((home / "keys").iterdir())] == [0o600, 0o600]
