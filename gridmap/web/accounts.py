"""Accounts and grants over HTTP, for programs: the same steps as the administrators' pages."""

from dataclasses import asdict
from datetime import datetime

from flask import Response
from flask_openapi3 import APIBlueprint, Tag

from gridmap.accounts import directory, grants, passwords, people
from gridmap.accounts.directory import Line
from gridmap.accounts.grants import Grant
from gridmap.errors import InvalidInput
from gridmap.preview import preview
from gridmap.web import account_schemas as shapes
from gridmap.web import schemas
from gridmap.web.answers import json_response, shown
from gridmap.web.forms import in_range
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, layers

bp = APIBlueprint(
    "accounts",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="Accounts and grants")],
    abp_responses={**schemas.REFUSALS, "403": schemas.Problem, "409": schemas.Problem},
)
MOMENTS = ("created_at", "seen_at", "disabled_at", "valid_from", "valid_to")


@bp.get("/accounts", responses={200: shapes.AccountsAnswer})
@permission("account.manage")
def list_accounts(query: shapes.AccountsQuery) -> Response:
    """Accounts by name and state, with when each was last seen."""
    with begin() as conn:
        lines, cursor = directory.lines(
            conn, actor(), text=query.q, state=query.state, after=query.cursor, limit=query.limit
        )
    return json_response({"items": [_account(line) for line in lines], "cursor": cursor})


@bp.post("/accounts", responses={201: shapes.SecretAnswer})
@permission("account.manage")
def make_account(body: shapes.NewAccount) -> Response:
    """Make an account; its password is told this once and holds for the first sign-in."""
    name = people.normalised(body.name)
    password = passwords.made(name) if body.password is None else body.password
    with begin() as conn:
        people.add(conn, actor(), name, password, must_change=True)
    return _created({"name": name, "password": password})


@bp.post("/accounts/<name>/password", responses={200: shapes.SecretAnswer})
@permission("account.manage")
def reset_password(path: shapes.AccountPath, body: shapes.NewPassword) -> Response:
    """Give an account a password for its next sign-in; its sessions and tokens end."""
    with begin() as conn:
        password = people.reset_password(conn, actor(), path.name, body.password)
    return json_response({"name": people.normalised(path.name), "password": password})


@bp.post("/accounts/<name>/disable", responses={200: shapes.DoneAnswer})
@permission("account.manage")
def disable_account(path: shapes.AccountPath) -> Response:
    """Disable an account; its sessions and tokens end."""
    with begin() as conn:
        people.disable(conn, actor(), path.name)
    return json_response({"name": people.normalised(path.name)})


@bp.post("/accounts/<name>/enable", responses={200: shapes.DoneAnswer})
@permission("account.manage")
def enable_account(path: shapes.AccountPath) -> Response:
    """Let a disabled account sign in again."""
    with begin() as conn:
        people.enable(conn, actor(), path.name)
    return json_response({"name": people.normalised(path.name)})


@bp.delete("/accounts/<name>/second-factor", responses={200: shapes.DoneAnswer})
@permission("account.manage")
def drop_second_factor(path: shapes.AccountPath) -> Response:
    """Take an account's second factor away; the next sign-in sets up a new one."""
    with begin() as conn:
        people.drop_second_factor(conn, actor(), path.name)
    return json_response({"name": people.normalised(path.name)})


@bp.get("/grants", responses={200: shapes.GrantsAnswer})
@permission("grant.manage")
def list_grants(query: shapes.GrantsQuery) -> Response:
    """Grants in force and to come, by account, place and role."""
    with begin() as conn:
        found = grants.listed(
            conn, actor(), name=query.account, place=query.place, role=query.role, after=query.cursor,
            limit=query.limit + 1,
        )  # fmt: skip
    cursor = str(found[query.limit - 1].id) if len(found) > query.limit else None
    return json_response({"items": [_grant(grant) for grant in found[: query.limit]], "cursor": cursor})


@bp.post("/grants", responses={201: shapes.GivenAnswer})
@permission("grant.manage")
def give_grant(body: shapes.NewGrant) -> Response:
    """Grant a role over a place."""
    with begin() as conn:
        given = grants.give(
            conn, actor(), people.find(conn, body.account).id, body.role, _place(body.place),
            since=_moment(body.since, "since"), until=_moment(body.until, "until"), reason=body.reason,
        )  # fmt: skip
    return _created({"id": str(given)})


@bp.delete("/grants/<uuid:grant>", responses={200: shapes.GivenAnswer})
@permission("grant.manage")
def end_grant(path: shapes.GrantPath) -> Response:
    """End a grant now, and the stand-ins' that came from it."""
    with begin() as conn:
        grants.end(conn, actor(), path.grant)
    return json_response({"id": str(path.grant)})


@bp.post("/grants/hand-over", responses={200: shapes.HandedOverAnswer})
@permission("grant.manage")
def hand_over(body: shapes.HandOver) -> Response:
    """Move all grants over a place from one account to another in one step."""
    with begin() as conn:
        before, after = (people.find(conn, name).id for name in (body.before, body.after))
        moved = grants.hand_over(conn, actor(), body.place, before, after)
    return json_response({"moved": moved})


@bp.get("/grants/preview", responses={200: shapes.PreviewAnswer})
@permission("grant.manage")
def preview_grant(query: shapes.PreviewQuery) -> Response:
    """What somebody would see with a grant that is not given yet."""
    with begin() as conn:
        more = grants.would_hold(conn, grants.role_of(query.role), grants.place_of(query.place))
        held = grants.current(conn, people.find(conn, query.account).id) if query.account else ()
        found = preview(conn, actor(), layers(), (*held, more))
        named = grants.place_named(conn, more.place)
    return json_response({**asdict(found), "place_name": named and named.name})


def _place(text: str) -> str:
    if not text:
        raise InvalidInput("place is the code of a place, or all. 地点代码无效。", where="place")
    return text


def _moment(value: datetime | None, name: str) -> datetime | None:
    return None if value is None else in_range(value, name)


def _account(line: Line) -> dict[str, object]:
    return {name: _told(name, value) for name, value in asdict(line).items() if name not in ("id", "is_demo")}


def _grant(grant: Grant) -> dict[str, object]:
    told = {name: _told(name, value) for name, value in asdict(grant).items() if name != "delegated_from"}
    return told | {"id": str(grant.id), "place": grant.place_shown}


def _told(name: str, value: object) -> object:
    return shown(value) if name in MOMENTS and isinstance(value, datetime) else value


def _created(body: dict[str, str]) -> Response:
    response = json_response(body)
    response.status_code = 201
    return response
