"""Accounts and grants as the three administrators change them: the list, resets, hand-over, stand-ins, the record."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from gridmap import audit
from gridmap.access import LOCAL, acting
from gridmap.accounts import directory, grants, passwords, people, sessions
from gridmap.accounts.grants import Held
from gridmap.accounts.tables import account, sign_in_session
from gridmap.errors import Conflict, InvalidInput, NotAllowed, NotFound
from gridmap.roles import ROLES

SYSTEM, SECURITY = (acting(role, ROLES[role].verbs, ("",)) for role in ("sys_admin", "sec_admin"))
GRID, OTHER_GRID = "990106001001001", "990106001001002"
SOON = timedelta(hours=1)


def add(conn: sa.Connection, name: str, *roles: tuple[str, str]) -> UUID:
    made = people.add(conn, LOCAL, name, None)
    for role, place in roles:
        grants.give(conn, LOCAL, made, role, place)
    return made


def seen(conn: sa.Connection, account_id: UUID, days_ago: int) -> None:
    sessions.start(conn, account_id, has_second_factor=False, address=None, agent=None)
    moment = datetime.now(UTC) - timedelta(days=days_ago)
    conn.execute(sa.update(sign_in_session).where(sign_in_session.c.account_id == account_id).values(seen_at=moment))


def made_long_ago(conn: sa.Connection, name: str) -> UUID:
    made = add(conn, name)
    conn.execute(
        sa.update(account).where(account.c.id == made).values(created_at=datetime.now(UTC) - timedelta(days=91))
    )
    return made


def told(conn: sa.Connection, action: str) -> list[dict]:
    entries = conn.execute(sa.select(audit.table.c.detail).where(audit.table.c.action == action))
    return [json.loads(entry.detail) for entry in entries]


def test_the_list_tells_who_was_last_seen_when_and_finds_by_name_and_state(conn):
    add(conn, "wang.li")
    seen(conn, add(conn, "li.ming"), 3)
    people.disable(conn, LOCAL, "wang.li")
    found, more = directory.lines(conn, SYSTEM)
    assert [(line.name, line.disabled_at is None, line.seen_at is None) for line in found] == [
        ("li.ming", True, False), ("wang.li", False, True),
    ]  # fmt: skip
    assert more is None
    assert [line.name for line in directory.lines(conn, SYSTEM, text="LI.M")[0]] == ["li.ming"]
    assert [line.name for line in directory.lines(conn, SYSTEM, state="disabled")[0]] == ["wang.li"]
    with pytest.raises(InvalidInput):
        directory.lines(conn, SYSTEM, state="asleep")


def test_the_list_comes_in_pages(conn):
    for name in ("aa", "bb", "cc"):
        add(conn, name)
    first, after = directory.lines(conn, SYSTEM, limit=2)
    rest, end = directory.lines(conn, SYSTEM, limit=2, after=after)
    assert [line.name for line in (*first, *rest)] == ["aa", "bb", "cc"]
    assert end is None


def test_accounts_nobody_used_for_ninety_days_are_marked_and_disabled_but_for_last_administrators(conn):
    made_long_ago(conn, "never.used")
    seen(conn, made_long_ago(conn, "used.lately"), 89)
    seen(conn, made_long_ago(conn, "used.once"), 91)
    sessions.make_token(conn, made_long_ago(conn, "program"), days=30)
    grants.give(conn, LOCAL, made_long_ago(conn, "the.auditor"), "auditor", "all")
    add(conn, "new")
    assert directory.count_unused(conn, SYSTEM) == 3
    marked = {line.name for line in directory.lines(conn, SYSTEM)[0] if line.is_unused}
    assert marked == {"never.used", "the.auditor", "used.once"}
    assert directory.disable_unused(conn, SYSTEM) == (["never.used", "used.once"], ["the.auditor"])
    assert {line.name for line in directory.lines(conn, SYSTEM, state="disabled")[0]} == {"never.used", "used.once"}


def test_a_made_password_meets_the_policy_and_asks_for_another_at_the_first_sign_in(conn):
    password = passwords.made("wang.li")
    passwords.check(password, "wang.li")
    made = people.add(conn, SYSTEM, "wang.li", password, must_change=True)
    token = sessions.start(conn, made, has_second_factor=False, address=None, agent=None)
    assert sessions.identify(conn, token).must_change_password
    people.set_password(conn, made, passwords.made("wang.li"))
    token = sessions.start(conn, made, has_second_factor=False, address=None, agent=None)
    assert not sessions.identify(conn, token).must_change_password


def test_a_reset_ends_sessions_and_tokens_and_holds_for_one_sign_in(conn):
    made = people.add(conn, SYSTEM, "wang.li", passwords.made("wang.li"))
    session = sessions.start(conn, made, has_second_factor=False, address=None, agent=None)
    token = sessions.make_token(conn, made, days=3)
    password = people.reset_password(conn, SYSTEM, "wang.li")
    assert sessions.identify(conn, session) is None
    assert sessions.identify_token(conn, token) is None
    stored = conn.scalar(sa.select(account.c.password_hash))
    assert passwords.matches(stored, password)
    session = sessions.start(conn, made, has_second_factor=False, address=None, agent=None)
    assert sessions.identify(conn, session).must_change_password
    assert password not in str(conn.execute(sa.select(audit.table)).all())


@pytest.mark.parametrize("change", [people.reset_password, people.drop_second_factor])
def test_a_system_administrator_cannot_open_another_kind_of_administrators_account(conn, change):
    add(conn, "colleague", ("sys_admin", "all"))
    change(conn, SYSTEM, "colleague")
    for role in ("sec_admin", "auditor"):
        add(conn, role, (role, "all"))
        with pytest.raises(NotAllowed):
            change(conn, SYSTEM, role)
        change(conn, LOCAL, role)  # on the server


@pytest.mark.parametrize("role", ["sys_admin", "sec_admin", "auditor"])
def test_the_last_administrator_of_a_kind_is_neither_disabled_nor_bereft_of_the_role(conn, role):
    add(conn, "only", (role, "all"))
    held = grants.listed(conn, SECURITY, role=role)
    with pytest.raises(Conflict):
        grants.end(conn, SECURITY, held[0].id)
    with pytest.raises(Conflict):
        people.disable(conn, SYSTEM, "only")
    add(conn, "second", (role, "all"))
    grants.end(conn, SECURITY, held[0].id)
    people.disable(conn, SYSTEM, "only")


def test_two_of_the_three_roles_never_meet_on_one_account_not_even_later(conn):
    made = add(conn, "one")
    grants.give(conn, SECURITY, made, "auditor", "all", since=datetime.now(UTC) + SOON)
    with pytest.raises(Conflict):
        grants.give(conn, SECURITY, made, "sys_admin", "all")


def test_nobody_grants_to_themself_and_nothing_goes_to_a_disabled_account(conn):
    own, worker = add(conn, SECURITY.name), add(conn, "worker", ("grid_worker", GRID))
    with pytest.raises(NotAllowed):
        grants.give(conn, SECURITY, own, "commander", "990106001001")
    with pytest.raises(NotAllowed):
        grants.hand_over(conn, SECURITY, GRID, worker, own)
    gone = add(conn, "gone")
    people.disable(conn, LOCAL, "gone")
    with pytest.raises(NotFound):
        grants.give(conn, SECURITY, gone, "commander", "990106001001")
    with pytest.raises(NotFound):
        grants.hand_over(conn, SECURITY, GRID, worker, gone)
    assert grants.current(conn, worker) == (Held("grid_worker", GRID),)


def test_a_grant_that_would_end_before_it_begins_is_refused(conn):
    now = datetime.now(UTC)
    with pytest.raises(InvalidInput):
        grants.give(conn, SECURITY, add(conn, "one"), "keeper", GRID, since=now + 2 * SOON, until=now + SOON)


def test_a_grid_is_handed_over_in_one_step_with_its_stand_ins(conn):
    one, two, stand_in = (add(conn, name) for name in ("one", "two", "stand-in"))
    given = grants.give(conn, SECURITY, one, "grid_worker", GRID)
    grants.give(conn, SECURITY, one, "grid_worker", OTHER_GRID)
    grants.delegate(conn, acting("one", (), ()), one, given, stand_in, until=datetime.now(UTC) + SOON)
    assert grants.hand_over(conn, SECURITY, GRID, one, two) == 1
    assert grants.current(conn, one) == (Held("grid_worker", OTHER_GRID),)
    assert grants.current(conn, two) == (Held("grid_worker", GRID),)
    assert grants.current(conn, stand_in) == ()
    assert told(conn, "handed_over") == [{"account": "two", "role": "grid_worker", "place": GRID, "before": "one"}]


def test_who_holds_a_grid_already_does_not_hold_it_twice_after_a_hand_over(conn):
    one, two = (add(conn, name, ("grid_worker", GRID)) for name in ("one", "two"))
    grants.hand_over(conn, SECURITY, GRID, one, two)
    assert [grant.account for grant in grants.listed(conn, SECURITY)] == ["two"]


def test_an_own_grant_is_handed_to_a_stand_in_until_a_time_and_taken_back(conn):
    one, two = add(conn, "one"), add(conn, "two")
    given = grants.give(conn, SECURITY, one, "grid_worker", GRID)
    own = acting("one", (), ())
    lent = grants.delegate(conn, own, one, given, two, until=datetime.now(UTC) + SOON)
    assert grants.current(conn, two) == (Held("grid_worker", GRID),)
    assert [(grant.account, grant.stand_in_for) for grant in grants.handed_on(conn, one)] == [("two", "one")]
    with pytest.raises(NotFound):
        grants.delegate(conn, acting("two", (), ()), two, lent, one, until=datetime.now(UTC) + SOON)  # not passed on
    with pytest.raises(NotFound):
        grants.end_delegation(conn, acting("two", (), ()), two, lent)  # not by the stand-in
    grants.end_delegation(conn, own, one, lent)
    assert grants.current(conn, two) == ()
    with pytest.raises(InvalidInput):
        grants.delegate(conn, own, one, given, one, until=datetime.now(UTC) + SOON)


def test_grants_are_listed_by_account_place_and_page(conn):
    for name in ("aa", "bb", "cc"):
        add(conn, name, ("grid_worker", GRID))
    add(conn, "dd", ("sec_admin", "all"))
    assert [grant.account for grant in grants.listed(conn, SECURITY, name="B")] == ["bb"]
    assert [grant.account for grant in grants.listed(conn, SECURITY, place="990106")] == ["aa", "bb", "cc"]
    assert [grant.account for grant in grants.listed(conn, SECURITY, place="all")] == ["dd"]
    first = grants.listed(conn, SECURITY, limit=2)
    assert [grant.account for grant in grants.listed(conn, SECURITY, after=first[-1].id)] == ["cc", "dd"]


def test_looking_with_anothers_eyes_is_on_record_from_start_to_stop(conn):
    own, other = add(conn, SECURITY.name), add(conn, "worker")
    session = sessions.hash_of(sessions.start(conn, own, has_second_factor=True, address=None, agent=None))
    assert sessions.view_as(conn, SECURITY, session, other) == "worker"
    assert sessions.view_as(conn, SECURITY, session, None) is None
    assert told(conn, "view_as") == told(conn, "view_as_ended") == [{"account": "worker"}]
    people.disable(conn, LOCAL, "worker")
    for nobody in (own, other, UUID(int=1)):
        with pytest.raises(NotFound):
            sessions.view_as(conn, SECURITY, session, nobody)
    with pytest.raises(NotAllowed):
        sessions.view_as(conn, SYSTEM, session, other)


def test_the_record_says_whose_account_and_which_grant(conn):
    made = people.add(conn, SYSTEM, "wang.li", None)
    given = grants.give(conn, SECURITY, made, "grid_worker", GRID, reason="new")
    grants.end(conn, SECURITY, given)
    people.disable(conn, SYSTEM, "wang.li")
    people.enable(conn, SYSTEM, "wang.li")
    facts = {"account": "wang.li", "role": "grid_worker", "place": GRID}
    assert told(conn, "granted") == [{**facts, "reason": "new"}]
    assert told(conn, "grant_ended") == [facts]
    for action in ("account_added", "account_disabled", "account_enabled"):
        assert told(conn, action) == [{"account": "wang.li"}]
