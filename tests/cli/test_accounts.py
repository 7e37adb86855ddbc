"""`gridmap user`, `gridmap grant` and `gridmap token` as a person types them."""

import os
import re
import subprocess
import sys
import uuid

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from gridmap import db
from gridmap.access import LOCAL
from gridmap.accounts import oidc, passwords, people, sessions
from gridmap.accounts.tables import access_grant, account, sign_in_session
from gridmap.cli import main
from tests.conftest import KEYS, ROOT

GOOD = "Rain-on-9-roofs"
COMMUNITY, GRID = "310115001001", "310115001001001"


@pytest.fixture
def gridmap(empty_database, monkeypatch):
    """Run a command on an empty database; the result has `exit_code`, `stdout`, `stderr` and `output`."""
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", empty_database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("GRIDMAP_HOME", KEYS)
    runner = CliRunner()
    return lambda *words, typed=None: runner.invoke(main, [str(word) for word in words], input=typed)


@pytest.fixture
def done(gridmap):
    """Run a command that must succeed and return what it printed on standard output."""

    def run(*words, typed=None):
        result = gridmap(*words, typed=typed)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@pytest.fixture
def refused(gridmap):
    """Run a command that must end in one clean sentence and return it."""

    def run(*words, typed=None):
        result = gridmap(*words, typed=typed)
        assert result.exit_code == 1, result.output
        assert result.stderr.startswith("Error: ")
        assert len(result.output.strip().splitlines()) == 1
        return result.stderr

    return run


def add(done, name, *options):
    return done("user", "add", name, "--password-stdin", *options, typed=f"{GOOD}\n")


def names(engine):
    with engine.connect() as conn:
        return list(conn.scalars(sa.select(account.c.name).order_by(account.c.name)))


def grants_of(engine):
    g = access_grant.c
    with engine.connect() as conn:
        query = sa.select(account.c.name, g.role, g.place, g.valid_to).join(account, account.c.id == g.account_id)
        return [tuple(row) for row in conn.execute(query.order_by(account.c.name, g.role))]


def test_an_account_is_made_with_its_first_role_until_the_end_of_a_day(done, empty_database):
    said = add(done, "Zhang.San", "--role", "网格员", "--place", GRID, "--until", "2099-12-31")
    assert said == (f"Account zhang.san is made, grid_worker 网格员 over {GRID} until 2099-12-31. 账号已建立。\n")
    [(name, role, place, until)] = grants_of(empty_database)
    assert (name, role, place) == ("zhang.san", "grid_worker", GRID)
    assert until.isoformat() == "2099-12-31T16:00:00+00:00"  # midnight in China
    with empty_database.connect() as conn:
        assert passwords.matches(conn.scalar(sa.select(account.c.password_hash)), GOOD)


def test_an_end_may_be_a_moment_and_without_a_zone_it_is_chinas(done, empty_database):
    add(done, "one", "--role", "keeper", "--place", COMMUNITY, "--until", "2099-01-02T18:00")
    add(done, "two", "--role", "keeper", "--place", COMMUNITY, "--until", "2099-01-02T18:00+00:00")
    ends = [until.isoformat() for *_, until in grants_of(empty_database)]
    assert ends == ["2099-01-02T10:00:00+00:00", "2099-01-02T18:00:00+00:00"]


def test_the_first_administrator_needs_no_place(done, empty_database):
    add(done, "chief", "--role", "sys_admin")
    assert grants_of(empty_database) == [("chief", "sys_admin", "", None)]


def test_whoever_made_an_account_is_on_record(done, empty_database):
    add(done, "zhang", "--role", "keeper", "--place", COMMUNITY)
    entries = done("audit", "show").splitlines()
    assert [line.split(" ", 3)[3] for line in entries] == [
        "local: granted access_grant 1", "local: insert access_grant 1", "local: account_added account 1",
        "local: insert account 1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "typed", "told"),
    [
        (("--role", "king", "--place", COMMUNITY), GOOD, "There is no role 'king'. Roles: grid_worker, "),
        (("--role", "keeper", "--place", "somewhere"), GOOD, "'somewhere' is not a place"),
        (("--role", "keeper"), GOOD, "Say where the role holds"),
        (("--role", "keeper", "--place", "all", "--until", "31.12.2099"), GOOD, "is no day"),
        (("--role", "keeper", "--place", "all", "--until", "2020-01-01"), GOOD, "lies in the past"),
        ((), "short", "A password has 10 to 256 characters"),
        ((), "onlysmallletters", "A password mixes three of"),
        ((), "My-zhang-1-word", "does not contain the account's name"),
        ((), "", "A password has 10 to 256 characters"),
    ],
)
def test_what_is_wrong_with_a_new_account_is_one_sentence_and_none_is_made(
    refused, empty_database, options, typed, told
):
    assert told in refused("user", "add", "zhang", "--password-stdin", *options, typed=typed)
    assert names(empty_database) == []


def test_a_name_is_given_once_and_has_a_form(done, refused):
    add(done, "zhang")
    assert "There is an account 'zhang' already" in refused("user", "add", "ZHANG", "--password-stdin", typed=GOOD)
    for bad in ("张三", "a", "-zhang", "zhang san", "z" * 41):
        assert "2 to 40 small letters" in refused("user", "add", "--password-stdin", "--", bad, typed=GOOD)


def test_without_a_terminal_a_password_must_come_by_stdin(gridmap, empty_database):
    result = gridmap("user", "add", "zhang")
    assert (result.exit_code, "--password-stdin" in result.stderr) == (2, True)
    assert gridmap("user", "add", "zhang", "--place", "all", "--password-stdin", typed=GOOD).exit_code == 2
    assert names(empty_database) == []


def typed_on_a_terminal(engine, *lines):
    """Run `gridmap user add zhang` on a terminal of its own and return its exit code and all that was shown."""
    command = f"{sys.executable} -m gridmap user add zhang"
    environment = os.environ | {
        "GRIDMAP_HOME": KEYS, "GRIDMAP_DATABASE_URL": engine.url.render_as_string(hide_password=False),
    }  # fmt: skip
    process = subprocess.Popen(
        ["script", "-qec", command, "/dev/null"], env=environment, cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    shown = ""
    for line in lines:  # each only once it is asked for: what is typed ahead is thrown away
        asked = ""
        while not asked.endswith(": ") and (more := process.stdout.read(1)):
            asked += more
        shown += asked
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
    shown += process.communicate(timeout=60)[0]
    return process.returncode, shown


def test_a_password_is_asked_for_twice_and_never_shown(empty_database):
    code, shown = typed_on_a_terminal(empty_database, GOOD, GOOD)
    assert (code, names(empty_database)) == (0, ["zhang"])
    assert "Again 再输入一次: " in shown
    assert GOOD not in shown


def test_a_disabled_account_loses_its_sessions_and_comes_back_by_name_only(done, empty_database):
    add(done, "zhang", "--role", "keeper", "--place", COMMUNITY)
    with db.transaction(empty_database, LOCAL) as conn:
        session = sessions.start(conn, people.find(conn, "zhang").id, has_second_factor=False, address=None, agent=None)
    done("user", "disable", "zhang")
    assert "zhang: disabled 已停用" in done("user", "list")
    done("user", "enable", "zhang")
    assert "zhang: enabled 启用, password, keeper@310115001001" in done("user", "list")
    with db.transaction(empty_database, LOCAL) as conn:
        assert sessions.identify(conn, session) is None


def test_a_new_password_ends_the_sessions_and_must_be_new(done, refused, empty_database):
    add(done, "zhang")
    with db.transaction(empty_database, LOCAL) as conn:
        sessions.start(conn, people.find(conn, "zhang").id, has_second_factor=False, address=None, agent=None)
    assert "cannot be used again" in refused("user", "password", "zhang", "--password-stdin", typed=GOOD)
    done("user", "password", "zhang", "--password-stdin", typed="Snow-on-8-roofs")
    with empty_database.connect() as conn:
        assert passwords.matches(conn.scalar(sa.select(account.c.password_hash)), "Snow-on-8-roofs")
        assert conn.scalar(sa.select(sign_in_session.c.ended_at)) is not None
    assert "There is no account 'li'" in refused("user", "password", "li", "--password-stdin", typed=GOOD)


def test_the_last_administrator_stays(done, refused, empty_database):
    add(done, "chief", "--role", "sys_admin")
    told = "This is the last system administrator; grant the role to somebody else first."
    assert told in refused("user", "disable", "chief")
    grant = done("grant", "list", "chief").split(" ")[0]
    assert told in refused("grant", "end", grant)
    add(done, "deputy", "--role", "系统管理员")
    done("user", "disable", "chief")
    assert told in refused("user", "disable", "deputy")


def test_the_three_administrators_are_three_people(done, refused):
    add(done, "chief", "--role", "sys_admin")
    assert "three administrators are three people" in refused("grant", "chief", "--role", "auditor")


def test_a_lost_second_factor_is_taken_away(done, empty_database):
    add(done, "zhang")
    with db.transaction(empty_database, LOCAL) as conn:
        conn.execute(sa.update(account).values(totp_secret="sealed", totp_confirmed_at=sa.func.now()))
    assert "second factor" in done("user", "list")
    done("user", "drop-second-factor", "zhang")
    assert "second factor" not in done("user", "list")


def test_a_grant_is_given_by_the_plain_word_and_with_options_first(done, empty_database):
    add(done, "zhang")
    said = done(
        "grant", "zhang", "--role", "grid_worker", "--place", GRID, "--reason", "stand-in", "--until", "2099-05-01"
    )
    assert said.startswith(f"zhang is grid_worker 网格员 over {GRID} until 2099-05-01. Grant ")
    done("grant", "--role", "commander", "--place", COMMUNITY, "zhang")
    done("grant", "give", "zhang", "--role", "street", "--place", "310115001")
    listed = done("grant", "list", "zhang")
    assert re.sub(r"[0-9a-f-]{36} ", "", listed).splitlines() == [
        f"zhang: grid_worker@{GRID}, until 2099-05-01, by local (stand-in)",
        f"zhang: commander@{COMMUNITY}, open 长期, by local",
        "zhang: street@310115001, open 长期, by local",
    ]


def test_a_grant_is_refused_in_words(done, refused):
    add(done, "zhang")
    assert "There is no role 'king'" in refused("grant", "zhang", "--role", "king", "--place", COMMUNITY)
    assert "is not a place" in refused("grant", "zhang", "--role", "keeper", "--place", "31O115")
    assert "There is no account 'li'" in refused("grant", "li", "--role", "keeper", "--place", COMMUNITY)
    assert "There is no such grant" in refused("grant", "end", uuid.uuid4())


def test_a_grant_ends_and_is_listed_among_those_that_ended(done):
    add(done, "zhang", "--role", "keeper", "--place", COMMUNITY)
    done("grant", "end", done("grant", "list").split(" ")[0])
    assert done("grant", "list") == ""
    assert "zhang: keeper@310115001001, until " in done("grant", "list", "--past")


def test_a_grid_is_handed_over_in_one_step(done, refused, empty_database):
    add(done, "zhang", "--role", "grid_worker", "--place", GRID)
    add(done, "li")
    assert done("grant", "hand-over", GRID, "zhang", "li").startswith(
        f"1 grants over {GRID} have gone from zhang to li"
    )
    assert "li: grid_worker" in done("grant", "list")
    assert "zhang" not in done("grant", "list")
    assert "holds no grant over this place" in refused("grant", "hand-over", GRID, "zhang", "li")


def test_a_token_is_alone_on_standard_output_and_signs_in(gridmap, done, empty_database):
    add(done, "robot", "--role", "commander", "--place", COMMUNITY)
    result = gridmap("token", "create", "robot", "--days", "30", "--label", "nightly", "--read-only", "--place", GRID)
    assert result.exit_code == 0
    assert re.fullmatch(r"gm_[A-Za-z0-9_-]{43}\n", result.stdout)
    assert "shown this once" in result.stderr
    with db.transaction(empty_database, LOCAL) as conn:
        found = sessions.identify_token(conn, result.stdout.strip())
    assert found.actor.name == "robot (nightly)"
    assert found.actor.places_for("household.view") == (GRID,)
    assert not found.actor.may("household.edit")
    assert not found.actor.may("person.reveal")
    listed = done("token", "list", "robot")
    assert re.fullmatch(rf"[0-9a-f-]{{36}} nightly: until \d{{4}}-\d\d-\d\d, read only 只读, {GRID}\n", listed)
    done("token", "end", "robot", listed.split(" ")[0])
    assert done("token", "list", "robot") == ""
    with db.transaction(empty_database, LOCAL) as conn:
        assert sessions.identify_token(conn, result.stdout.strip()) is None


def test_a_token_lasts_a_year_at_most_and_is_of_an_account_that_holds(gridmap, done, refused):
    add(done, "robot")
    add(done, "other")
    for days in ("0", "367"):
        assert "A token lasts 1 to 366 days" in refused("token", "create", "robot", "--days", days)
    assert gridmap("token", "create", "robot").exit_code == 2
    assert "There is no account 'no'" in refused("token", "create", "no", "--days", "3")
    done("token", "create", "robot", "--days", "3")
    token = done("token", "list", "robot").split(" ")[0]
    assert "There is no such token" in refused("token", "end", "other", token)
    done("user", "disable", "robot")
    assert "is disabled" in refused("token", "create", "robot", "--days", "3")


def test_an_account_for_the_organisations_sign_in_has_no_password_and_is_awaited_once(done, refused, empty_database):
    done("user", "add", "zhang", "--role", "keeper", "--place", COMMUNITY, "--oidc-name", "San.Zhang@example.org")
    assert "zhang: enabled 启用, no password, keeper" in done("user", "list")
    add(done, "li")
    assert "Another account is awaited" in refused("user", "link", "li", "san.zhang@example.org")
    with db.transaction(empty_database, LOCAL) as conn:
        linked = oidc.account_of(conn, "https://id.example.org", "7", "san.zhang@example.org")
        assert linked == people.find(conn, "zhang").id
    assert "is linked already" in refused("user", "link", "zhang", "other")
    done("user", "unlink", "zhang")
    with db.transaction(empty_database, LOCAL) as conn:
        assert oidc.account_of(conn, "https://id.example.org", "7", "san.zhang@example.org") is None
