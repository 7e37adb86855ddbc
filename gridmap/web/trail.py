"""The auditor's pages: the entries by who, when, what and where; the proof that none was altered; exports."""

import csv
import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson
import sqlalchemy as sa
from flask import Blueprint, Response, current_app, render_template, request

from gridmap import audit, db, heads
from gridmap.access import Actor
from gridmap.audit import Cursor, Entry, Fault, Wanted
from gridmap.errors import GridmapError, InvalidInput
from gridmap.exchange.values import escaped
from gridmap.layer import N_
from gridmap.roles import ROLES
from gridmap.web import forms
from gridmap.web.answers import SHOWN_ZONE, shown
from gridmap.web.i18n import language, translated
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, engine, layers, vault

bp = Blueprint("trail", __name__, template_folder="templates", url_prefix="/audit")

PAGE = 100
VERIFIED_FOR_S = 5.0  # one answer of a long verification; the page asks for the next by itself
STATE_CONTEXT = "audit.verify"
BOM = "\N{BYTE ORDER MARK}"  # by it spreadsheets know UTF-8
COLUMNS = ("chain", "seq", "at", "actor", "action", "subject", "rows", "digest", "detail", "hash")
ACTION_TITLES = {
    "insert": N_("added"), "update": N_("changed"), "delete": N_("deleted"), "import": N_("imported"),
    "export": N_("exported"), "reveal": N_("unmasked"), "search": N_("searched"), "verify": N_("verified"),
    "sign_in": N_("signed in"), "sign_in_refused": N_("sign-in refused"), "sign_out": N_("signed out"),
    "second_factor": N_("second factor shown"), "second_factor_refused": N_("second factor refused"),
    "account_added": N_("account added"), "account_disabled": N_("account disabled"),
    "account_enabled": N_("account enabled"), "password_reset": N_("password reset"),
    "second_factor_dropped": N_("second factor taken away"), "password_changed": N_("password changed"),
    "session_changed": N_("session ended"), "token_changed": N_("token ended"), "granted": N_("role granted"),
    "grant_ended": N_("grant ended"), "delegated": N_("handed to a stand-in"), "handed_over": N_("handed over"),
    "view_as": N_("looks as another"), "view_as_ended": N_("stopped looking as another"),
    "refused": N_("request refused"), "not_found": N_("asked for what is not there"), "key_added": N_("key added"), "keys_rotated": N_("keys rotated"),
}  # fmt: skip
FACT_TITLES = {
    "account": N_("account"), "role": N_("role"), "place": N_("place"), "since": N_("from"), "until": N_("until"),
    "reason": N_("reason"), "before": N_("before"), "path": N_("address"), "method": N_("method"), "status": N_("status"),
    "left_out": N_("left out"), "file": N_("file"), "format": N_("format"), "address": N_("address"), "by": N_("by"),
    "faults": N_("chains at fault"), "filter": N_("filter"), "code": N_("code"), "task": N_("task"), "fields": N_("fields"),
    "kind": N_("kind"), "found": N_("found"), "name": N_("name"), "key": N_("key"), "removed": N_("removed"),
}  # fmt: skip


SUBJECT_TITLES = {
    "account": N_("Accounts"), "access_grant": N_("Grants"), "api_token": N_("Tokens for programs"),
    "audit_entry": N_("Audit entries"), "audit_heads": N_("Audit heads"), "overview": N_("Overview"),
    "keys": N_("Keys"), "person": N_("Persons"), "request": N_("Requests"), "stock_count": N_("Stock counts"), "item": N_("Items"),
    "division": N_("Divisions"), "household_priority": N_("Priority groups"),
    "building_estate": N_("Buildings of estates"), "building_volunteer": N_("Assigned buildings"),
    "building_party_unit": N_("Buildings of party groups"), "neighbourhood_party_unit": N_("Grids of party branches"),
}  # fmt: skip


def _subjects() -> dict[str, str]:
    return {layer.name: layer.title for layer in layers().values()} | SUBJECT_TITLES


@bp.get("")
@permission("audit.view")
def page() -> str | tuple[str, int]:
    """The entries, latest first, and what can be asked of them."""
    error: GridmapError | None = None
    try:
        wanted, after = _wanted(), request.args.get("after")
        cursor = Cursor.parsed(after) if after else None
    except InvalidInput as refused:
        wanted, cursor, error = Wanted(), None, refused
    with begin() as conn:
        found = audit.entries(conn, actor(), wanted=wanted, after=cursor, limit=PAGE + 1)
    last = found[PAGE - 1] if len(found) > PAGE else None
    text = render_template(
        "audit/trail.html", entries=[_told(entry) for entry in found[:PAGE]], actions=ACTION_TITLES, subjects=_subjects(), asked=request.args,
        more=last and str(Cursor(last.at, last.chain, last.seq)), filters=_filters(), error=error,
    )  # fmt: skip
    return (text, error.status) if error else text


@bp.get("/entries.csv")
@permission("audit.view")
def entries_file() -> Response:
    """The entries that fit the filter, as a spreadsheet; that it was taken is on record."""
    wanted = _wanted()
    with begin() as conn:
        now = conn.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        wanted = replace(wanted, until=min(wanted.until or now, now))  # not the entry of this very export
        audit.record(
            conn,
            actor(),
            "export",
            "audit_entry",
            rows=audit.count(conn, actor(), wanted),
            detail={"filter": _filters()},
        )
    response = Response(_csv(engine(), actor(), wanted), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="audit-{shown(now)[:10]}.csv"'
    return response


@bp.get("/heads.json")
@permission("audit.view")
def heads_file() -> Response:
    """The last entry of each chain, to be kept on another machine."""
    with begin() as conn:
        found = audit.heads(conn, actor())
        now = conn.execute(sa.select(sa.func.now())).scalar_one()
        audit.record(conn, actor(), "export", "audit_heads", rows=len(found), detail={})
    body = orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    response = Response(body, content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="heads-{shown(now)[:10]}.json"'
    return response


@bp.post("/verify")
@permission("audit.view")
def verify() -> str:
    """Verify the chains for some seconds and show how far that came; the page goes on from there until all are read."""
    state = _state(request.form.get("state", ""))
    give_up = time.monotonic() + VERIFIED_FOR_S
    with begin() as conn:
        part = audit.verify_part(conn, actor(), state.reached, stop=lambda: time.monotonic() > give_up)
        faults = {fault.chain: fault for fault in (*part.faults, *state.faults)}  # the first of each chain stays
        count, total, kept = state.count + part.count, audit.count(conn, actor()), None
        if part.reached is None:
            kept, _ = heads.of_this(conn, current_app.extensions["gridmap"]["settings"].home)
            for fault in audit.gone(conn, actor(), kept.heads if kept else {}):
                faults.setdefault(fault.chain, fault)
            audit.record(conn, actor(), "verify", "audit_entry", rows=count, detail={"faults": len(faults)})
    found = sorted(faults.values(), key=lambda fault: fault.chain)
    following = None if part.reached is None else _sealed(State(part.reached, count, tuple(found)))
    return render_template(
        "audit/verify.html",
        count=count,
        total=max(total, count),
        following=following,
        kept=kept,
        faults=[(fault, _reason(fault)) for fault in found],
    )


@dataclass(frozen=True)
class State:
    """How far a verification has come: the last entry read, how many were, and the faults found."""

    reached: tuple[str, int] | None = None
    count: int = 0
    faults: tuple[Fault, ...] = ()


def _sealed(state: State) -> str:
    facts = [state.reached, state.count, [[fault.chain, fault.seq, fault.reason] for fault in state.faults]]
    text = json.dumps(facts, ensure_ascii=False)
    return f"{vault().index(text, STATE_CONTEXT)}:{text}"


def _state(sealed: str) -> State:
    """Return the state a page sends back; nobody but the service can have made it."""
    if not sealed:
        return State()
    seal, _, text = sealed.partition(":")
    if seal != vault().index(text, STATE_CONTEXT):
        raise InvalidInput(
            "The verification cannot go on from here: begin again. 校验状态无效，请重新开始。", where="state"
        )
    reached, count, faults = json.loads(text)
    return State((reached[0], reached[1]), count, tuple(Fault(*fault) for fault in faults))


def _csv(on: sa.Engine, who: Actor, wanted: Wanted) -> Iterator[str]:
    """Yield the lines of a spreadsheet, a few thousand at a time."""
    with db.transaction(on, who) as conn:
        text = io.StringIO(newline="")
        text.write(BOM)
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for number, entry in enumerate(audit.each(conn, who, wanted), 1):
            told = {**vars(entry), "at": shown(entry.at)}
            writer.writerow([escaped("" if told[name] is None else str(told[name])) for name in COLUMNS])
            if number % audit.FETCHED_AT_ONCE == 0:
                yield text.getvalue()
                text.seek(0)
                text.truncate()
        yield text.getvalue()


def _wanted() -> Wanted:
    asked = request.args
    place = forms.text(asked, "in")
    if place and place != audit.NOWHERE and not (place.isascii() and place.isdigit()):
        raise InvalidInput(
            "Where: the first digits of a community's code, or - for what has none. 请填写社区代码开头的数字，无社区的填 -。",
            where="in",
        )
    return Wanted(
        by=forms.text(asked, "by") or None, action=forms.text(asked, "action") or None,
        subject=forms.text(asked, "subject") or None, place=place or None,
        since=forms.moment(asked, "since"), until=forms.moment(asked, "until", is_end=True),
    )  # fmt: skip


def _filters() -> dict[str, str]:
    """Return the filters that are set, as they stand in the address."""
    names = ("by", "since", "until", "action", "subject", "in")
    return {name: request.args[name].strip()[: forms.MAX_CHARS] for name in names if request.args.get(name, "").strip()}


def _told(entry: Entry) -> dict[str, Any]:
    """Return an entry with its facts in words."""
    try:
        facts = json.loads(entry.detail) if entry.detail else {}
    except ValueError:  # whatever it is, the auditor reads it
        facts = {"": entry.detail}
    if not isinstance(facts, dict):
        facts = {"": facts}
    named = [
        (translated(FACT_TITLES[name]) if name in FACT_TITLES else name, _worded(value))
        for name, value in facts.items()
    ]
    return {"entry": entry, "facts": named, "at": f"{entry.at.astimezone(SHOWN_ZONE):%Y-%m-%d %H:%M:%S}"}


def _reason(fault: Fault) -> str:
    """Return why a chain is at fault in the reader's language."""
    if fault.reason.endswith("is missing"):
        return translated(N_("The entry before it is missing."))
    if "exported head" in fault.reason:
        return translated(N_("The head that was kept is not in the chain: it was cut off or written anew."))
    return translated(N_("It was altered, or the one before it."))


def _worded(value: object) -> str:
    if isinstance(value, str) and value in ROLES:
        return ROLES[value].title_zh if language() == "zh" else ROLES[value].title
    if isinstance(value, dict):
        return ", ".join(f"{name}={_worded(part)}" for name, part in value.items())
    return ", ".join(map(_worded, value)) if isinstance(value, list) else str(value)
