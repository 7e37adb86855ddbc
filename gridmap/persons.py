"""Persons of the register: shown masked, revealed one at a time with a reason, found by number or name, and the log of
who saw whom. Whatever opens a person to somebody is put on record in the same transaction, or does not happen.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from gridmap import audit, personal
from gridmap.access import Actor, within_scope
from gridmap.crs import Position
from gridmap.errors import InvalidInput, NotFound, Unavailable
from gridmap.layer import Layer
from gridmap.tables import GEOGRAPHY

REVEAL, SEARCH = "person.reveal", "person.search"
LEAST_REASON, MOST_REASON = 4, 200
MAX_OPENED = 2_000  # rows whose names one search opens
MAX_FOUND = 20
LEAST_NAME = 2  # characters of a name: one would list everybody of a family name
LEAST_DIGITS = 7
SUBJECT = "person"  # of the audit entries of searches; a reveal's subject is the layer
MAX_SEEN = 10_000
HEADINGS = ("at", "actor", "action", "reason", "task", "fields", "kind", "chain", "entry")
STRUCK = "***"
_LONG_NUMBER = re.compile(r"\+?[0-9][0-9\s-]{5,}[0-9Xx]")
_WRITTEN_PHONE = re.compile(r"[0-9+()\-\s]+")


@dataclass(frozen=True)
class Value:
    """One personal value: its column, its title as a message id, and the text."""

    column: str
    title: str
    text: str


@dataclass(frozen=True)
class Card:
    """A person as who sees the row sees it, masked, and whether this actor may see more."""

    layer: str
    code: str
    values: tuple[Value, ...]
    may_reveal: bool


@dataclass(frozen=True)
class Hit:
    """A person that was found, masked; `name_of` is the name of what the person keeps or leads, if it has one."""

    layer: str
    code: str
    name: str
    phone: str | None
    name_of: str | None
    community: str | None
    lon: float | None
    lat: float | None


@dataclass(frozen=True)
class Hits:
    """What a search found by `kind` (phone, id_number, name); not `complete` where a bound was met."""

    kind: str
    items: tuple[Hit, ...]
    complete: bool


@dataclass(frozen=True)
class Seen:
    """One entry of a person's log: who saw the person, when, how and why."""

    at: datetime
    actor: str
    action: str
    reason: str
    task: str
    fields: tuple[str, ...]
    kind: str
    chain: str
    entry: int


def card(conn: sa.Connection, actor: Actor, layer: Layer, code: str) -> Card | None:
    """Return the person of a current row masked; None where the layer has none, or the actor does not see the row."""
    actor.require(layer.view)
    columns = personal.columns(layer.table)
    if not columns:
        return None
    may_reveal = within_scope(layer.table, actor, REVEAL).label("may_reveal")
    row = conn.execute(
        sa.select(*columns, may_reveal).where(_is(layer, code), within_scope(layer.table, actor))
    ).first()
    if row is None:
        return None
    shown = ((column, personal.masked(conn, column, row._mapping[column.name])) for column in columns)
    values = tuple(Value(column.name, title_of(layer, column.name), text) for column, text in shown if text)
    return Card(layer.name, code, values, bool(values) and bool(row.may_reveal))


def reveal(
    conn: sa.Connection, actor: Actor, layer: Layer, code: str, *, reason: str, task: str = ""
) -> tuple[Value, ...]:
    """Return the personal values of one current row in the clear, and put it on record in its community's chain.

    Parameters
    ----------
    reason : 4 to 200 characters; what of the person is written in it is struck out of the record
    task : what the reason belongs to, such as an incident's number

    Raises
    ------
    NotAllowed without `person.reveal` or the layer's view verb; NotFound for a row outside the scope of either, as for
    one that is not there; Unavailable if it cannot be put on record.
    """
    actor.require(REVEAL)
    actor.require(layer.view)
    reason, task = reason.strip(), task.strip()
    if not LEAST_REASON <= len(reason) <= MOST_REASON or len(task) > MOST_REASON:
        raise InvalidInput(
            f"Say why in {LEAST_REASON} to {MOST_REASON} characters. 请填写 {LEAST_REASON} 至 {MOST_REASON} 字的事由。",
            where="reason",
        )
    columns = personal.columns(layer.table)
    community = layer.table.c.get("community", sa.null()).label("community")
    where = (_is(layer, code), within_scope(layer.table, actor), within_scope(layer.table, actor, REVEAL))
    row = conn.execute(sa.select(*columns, community).where(*where)).first() if columns else None
    if row is None:
        raise NotFound(f"There is no {layer.name} with the code {code[:40]!r}.", where="code")
    texts = ((column.name, personal.opened(conn, column, row._mapping[column.name])) for column in columns)
    values = tuple(Value(name, title_of(layer, name), text) for name, text in texts if text)
    detail = {"code": code, "reason": _struck(reason, values), "task": _struck(task, values)}
    detail |= {"fields": [value.column for value in values]}  # type: ignore[dict-item]
    _record(conn, actor, "reveal", layer.name, row.community or "", 1, detail)
    return values


def search(
    conn: sa.Connection, actor: Actor, layers: Iterable[Layer], text: str, *, near: Position | None = None
) -> Hits:
    """Return the persons with a whole phone or identity number, or with a text in their name, masked.

    Parameters
    ----------
    text : what decides the kind of search is its form
    near : names are opened nearest first from here where there is a position, else in the order of the code

    Notes
    -----
    Numbers are found by their index. Names are opened, at most 2,000 rows of the actor's own scope. What was typed is
    not put on record; its kind, the count and the codes that were found are, in the chain of each community.
    """
    actor.require(SEARCH)
    kind = kind_of(text)
    visible = [layer for layer in layers if actor.may(layer.view)]
    if kind == "name":
        found, complete = _by_name(conn, actor, visible, text.strip(), near)
    else:
        found = [row for layer in visible for row in _by_number(conn, actor, layer, kind, text)]
        complete = len(found) <= MAX_FOUND
    hits = tuple(_hit(conn, layer, row) for layer, row in found[:MAX_FOUND])
    _record_search(conn, actor, kind, hits)
    return Hits(kind, hits, complete)


def kind_of(text: str) -> str:
    """Return what a text is searched as: phone, id_number or name; InvalidInput where it is none of them."""
    if personal.IDENTITY.fullmatch(personal.normalised("id_number", text)):
        return "id_number"
    if _WRITTEN_PHONE.fullmatch(text.strip()) and len(personal.normalised("phone", text)) >= LEAST_DIGITS:
        return "phone"
    if len(text.strip()) >= LEAST_NAME and not re.search(r"[0-9]", text):
        return "name"
    raise InvalidInput(
        "Type a whole phone or identity number, or at least two characters of a name. "
        "请输入完整的电话或身份证号，或至少两个字的姓名。",
        where="q",
    )


def seen(conn: sa.Connection, actor: Actor, layer: str, code: str) -> list[Seen]:
    """Return who saw the person of a row, latest first: each reveal, and each search that found it."""
    actor.require("audit.view")
    c = audit.table.c
    detail = sa.cast(c.detail, JSONB)
    revealed = sa.and_(c.action == "reveal", c.subject == layer, detail["code"].astext == code)
    found = sa.and_(c.action == "search", c.subject == SUBJECT, detail["found"].contains([f"{layer}/{code}"]))
    rows = conn.execute(
        sa.select(c.at, c.actor, c.action, c.detail, c.chain, c.seq)
        .where(c.action.in_(("reveal", "search")), sa.or_(revealed, found))
        .order_by(c.at.desc(), c.chain, c.seq.desc())
        .limit(MAX_SEEN)
    )
    return [_seen(row) for row in rows]


def as_csv(entries: Iterable[Seen]) -> str:
    """Return a person's log as CSV, for the person who asks for it."""
    from gridmap.exchange.values import escaped

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    for one in entries:
        told = (one.actor, one.action, one.reason, one.task, " ".join(one.fields), one.kind, one.chain)
        writer.writerow([one.at.isoformat(timespec="seconds"), *map(escaped, told), one.entry])
    return text.getvalue()


def holds_persons(layer: Layer) -> bool:
    """Return whether the rows of a layer carry personal values."""
    return bool(personal.columns(layer.table))


def title_of(layer: Layer, column: str) -> str:
    """Return the title of a column people fill in, as a message id."""
    return next((field.title for field in layer.fields if field.column == column), column)


def _is(layer: Layer, code: str) -> sa.ColumnElement[bool]:
    return sa.and_(layer.table.c.code == code, layer.current())


def _struck(told: str, values: Sequence[Value]) -> str:
    """Return a text without what it repeats of a person: an audit entry is kept for years and read by others."""
    numbers = {form for value in values for form in _forms(value.text)}
    told = _LONG_NUMBER.sub(lambda run: STRUCK if numbers & _forms(run[0]) else run[0], told)
    for text in sorted((value.text for value in values), key=len, reverse=True):
        told = told.replace(text, STRUCK)
    return told


def _forms(text: str) -> set[str]:
    return {personal.normalised(kind, text) for kind in ("phone", "id_number")}


def _record(
    conn: sa.Connection, actor: Actor, action: str, subject: str, chain: str, rows: int, detail: dict[str, Any]
) -> None:
    try:
        audit.record(conn, actor, action, subject, rows=rows, detail=detail, chain=chain)
    except DBAPIError as exc:
        raise Unavailable(
            "Nothing of a person is shown while the audit cannot be written. 审计无法写入，暂不提供个人信息。"
        ) from exc


def _record_search(conn: sa.Connection, actor: Actor, kind: str, hits: Sequence[Hit]) -> None:
    by_chain: dict[str, list[str]] = {}
    for hit in hits:
        by_chain.setdefault(hit.community or "", []).append(f"{hit.layer}/{hit.code}")
    for chain, found in sorted(by_chain.items()) or [("", [])]:
        _record(conn, actor, "search", SUBJECT, chain, len(found), {"kind": kind, "found": sorted(found)})


def _rows(actor: Actor, layer: Layer) -> sa.Select:
    """Select what a search shows of the rows where an actor may both see the layer and search persons."""
    table, columns = layer.table, personal.columns(layer.table)
    is_named = "name" in table.c and not table.c.name.info.get("personal")
    community = table.c.get("community", sa.null())
    lon, lat = (func(table.c.geom) if layer.is_drawn else sa.null() for func in (sa.func.ST_X, sa.func.ST_Y))
    return sa.select(
        table.c.code, *columns, (table.c.name if is_named else sa.null()).label("name_of"),
        community.label("community"), lon.label("lon"), lat.label("lat"),
    ).where(layer.current(), within_scope(table, actor), within_scope(table, actor, SEARCH))  # fmt: skip


def _by_number(
    conn: sa.Connection, actor: Actor, layer: Layer, kind: str, text: str
) -> Iterator[tuple[Layer, sa.Row[Any]]]:
    columns = [column for column in personal.columns(layer.table) if personal.kind_of(column) == kind]
    if not columns:
        return
    wanted = personal.index_of(personal.vault_of(conn), columns[0], text)
    same = (layer.table.c[f"{column.name}_index"] == wanted for column in columns)
    query = _rows(actor, layer).where(sa.or_(*same)).order_by(layer.table.c.code).limit(MAX_FOUND + 1)
    for row in conn.execute(query):
        yield layer, row


def _by_name(
    conn: sa.Connection, actor: Actor, layers: Sequence[Layer], text: str, near: Position | None
) -> tuple[list[tuple[Layer, sa.Row[Any]]], bool]:
    """Return the rows whose person has a text in the name, and whether every row in scope was looked at."""
    found: list[tuple[Layer, sa.Row[Any]]] = []
    left, wanted = MAX_OPENED, text.casefold()
    for layer in layers:
        names = [column for column in personal.columns(layer.table) if personal.kind_of(column) == "name"]
        if not names:
            continue
        some = sa.or_(*(column.is_not(None) for column in names))
        query = _rows(actor, layer).where(some).order_by(*_order(layer, near)).limit(left + 1)
        rows = conn.execute(query).all()
        for row in rows[:left]:
            opened = (personal.opened(conn, column, row._mapping[column.name]) for column in names)
            if any(name and wanted in name.casefold() for name in opened):
                found.append((layer, row))
        if len(rows) > left:
            return found, False
        left -= len(rows)
    return found, len(found) <= MAX_FOUND


def _order(layer: Layer, near: Position | None) -> list[sa.ColumnElement[Any]]:
    table = layer.table
    if near is None or GEOGRAPHY not in table.c:
        return [table.c.code]
    return [table.c[GEOGRAPHY].op("<->")(sa.func.ST_GeogFromText(near.ewkt)), table.c.code]


def _hit(conn: sa.Connection, layer: Layer, row: sa.Row[Any]) -> Hit:
    shown = {"name": "", "phone": None} | {
        personal.kind_of(column): personal.masked(conn, column, row._mapping[column.name])
        for column in personal.columns(layer.table)
    }
    return Hit(
        layer.name, row.code, shown["name"] or row.code, shown["phone"], row.name_of, row.community, row.lon, row.lat
    )


def _seen(row: Any) -> Seen:
    detail = json.loads(row.detail)
    fields = tuple(str(name) for name in detail.get("fields", ()))
    reason, task, kind = (str(detail.get(name, "")) for name in ("reason", "task", "kind"))
    return Seen(row.at, row.actor, row.action, reason, task, fields, kind, row.chain, row.seq)
