"""Grids of one community merged, parted and reshaped: what they cover together stays covered once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gridmap.access import COMMUNITY_DIGITS, Actor
from gridmap.errors import Conflict, InvalidInput, NotFound
from gridmap.exchange.reasons import Note
from gridmap.hierarchy import NEIGHBOURHOOD_DIGITS, neighbourhood
from gridmap.layer import Layer
from gridmap.shaping import mosaic, redraw, returning, versions
from gridmap.shaping.mosaic import Area
from gridmap.shaping.redraw import Ground, Plan

MERGE, SPLIT, RESHAPE = SOURCES = ("merge", "split", "reshape")
MOST = 20  # merged at once
NAME_LENGTH = 100


@dataclass(frozen=True)
class Redrawn:
    """What came of a redrawing: the code that goes on, a new code if one was made, versions now, what to know."""

    code: str
    new: str | None
    versions: Mapping[str, int]
    notes: tuple[Note, ...]


def merge(
    conn: sa.Connection,
    actor: Actor,
    survivor: str,
    others: Sequence[str],
    told: Mapping[str, int],
    name: str | None = None,
) -> Redrawn:
    """Let one grid take in others of its community, which end; what stands in them follows.

    Raises
    ------
    NotFound for a grid that is not in force; Stale; VersionsNeeded; InvalidInput where they do not border on each other.
    """
    merged = list(dict.fromkeys(others))
    if not merged or survivor in merged or len(merged) > MOST:
        raise InvalidInput(f"Name 1 to {MOST} other grids. 请选择 1 至 {MOST} 个其他网格。", where="others")
    on = _ground(conn, actor, survivor)
    touched = [survivor, *merged]
    shapes = [_area(on, code) for code in touched]
    _check(conn, on, told, touched)
    plan = Plan(areas={survivor: mosaic.merged(shapes)}, ended=dict.fromkeys(merged, survivor))
    if name:
        plan.names[survivor] = _name(name)
    return _done(conn, on, survivor, None, redraw.carry_out(conn, actor, on, plan, MERGE))


def split(
    conn: sa.Connection, actor: Actor, code: str, told: Mapping[str, int], line: Any, name: str | None = None
) -> Redrawn:
    """Part a grid along a line: the larger part goes on, the other is a new grid with the next free code.

    Parameters
    ----------
    line : shapely LineString, EPSG:4490
    name : of the new grid; that of the old one with a number behind it, if none is given

    Raises
    ------
    InvalidInput unless the line parts it in two; the rest as `merge`.
    """
    on = _ground(conn, actor, code)
    area = _area(on, code)
    _check(conn, on, told, [code])
    kept, parted = mosaic.parted(area, line)
    new = redraw.free_codes(conn, on.code, list(on.grids), 1)[0]
    grid = on.grids[code]
    plan = Plan(areas={code: kept})
    plan.new[new] = (_name(name or f"{grid.name[: NAME_LENGTH - 3]}-2"), grid.kind, parted, code)
    return _done(conn, on, code, new, redraw.carry_out(conn, actor, on, plan, SPLIT))


def reshape(conn: sa.Connection, actor: Actor, code: str, told: Mapping[str, int], drawn: Area) -> Redrawn:
    """Give a grid a drawn shape; its neighbours' edges move along, in the same transaction.

    Raises
    ------
    VersionsNeeded naming the neighbours it changes; InvalidInput where one would be left without area or fall apart.
    """
    on = _ground(conn, actor, code)
    shapes = on.shapes()
    shapes.setdefault(code, drawn)
    areas = mosaic.reshaped(shapes, code, drawn, on.geom)
    _check(conn, on, told, areas)
    return _done(conn, on, code, None, redraw.carry_out(conn, actor, on, Plan(areas=areas), RESHAPE))


def undo(conn: sa.Connection, actor: Actor, layer: Layer, code: str, told: Mapping[str, int]) -> None:
    """Take back the merging, parting or reshaping that made a grid's present version, with all that followed it.

    Raises
    ------
    Conflict if its present version was made by something else, or what it made has changed since.
    """
    community = code[:COMMUNITY_DIGITS]
    redraw.ground(conn, actor, community)
    n = neighbourhood.c
    latest = sa.select(neighbourhood).where(n.code == code).order_by(n.valid_to.desc().nulls_first()).limit(1)
    row = conn.execute(latest).first()
    if row is None:
        raise NotFound(f"There is no grid with the code {code[:40]!r}. 没有该网格。", where="code")
    versions.check({code: row}, told, [code], {code: row.changed_by})
    if row.source not in SOURCES:
        raise Conflict(
            "Its last change was no merging, parting or reshaping. 最近一次修改不是合并、拆分或调整边界。", where="code"
        )
    returning.take_back(conn, actor, layer, community, row.changed_at, row.changed_by, f"{row.source} {code}")


def _ground(conn: sa.Connection, actor: Actor, code: str) -> Ground:
    if len(code) != NEIGHBOURHOOD_DIGITS or not code.isdigit():
        raise NotFound(f"There is no grid with the code {code[:40]!r}. 没有该网格。", where="code")
    return redraw.ground(conn, actor, code[:COMMUNITY_DIGITS])


def _area(on: Ground, code: str) -> Area:
    grid = on.grids.get(code)
    if grid is None:
        raise NotFound(f"There is no grid {code[:40]!r} in {on.code}. 该社区没有此网格。", where="code")
    if grid.geom is None:
        raise Conflict(f"{code} has no outline yet: draw it first. {code} 尚未绘制范围。", where="code")
    return grid.geom


def _name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        raise InvalidInput("A name has 1 to 100 characters. 名称须为 1 至 100 个字符。", where="name")
    return name


def _check(conn: sa.Connection, on: Ground, told: Mapping[str, int], touched: Any) -> None:
    n = neighbourhood.c
    rows = conn.execute(sa.select(n.code, n.changed_by).where(n.code.in_(list(touched)), n.valid_to.is_(None)))
    versions.check(on.grids, told, touched, {row.code: row.changed_by for row in rows})


def _done(conn: sa.Connection, on: Ground, code: str, new: str | None, notes: list[Note]) -> Redrawn:
    n = neighbourhood.c
    rows = conn.execute(sa.select(n.code, n.version).where(n.community == on.code, n.changed_at == sa.func.now()))
    return Redrawn(code, new, {row.code: row.version for row in rows}, tuple(notes))
