"""Grids of one community redrawn in one transaction: changed, new and ended ones, with all that stands in them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import shapely
import sqlalchemy as sa
import uuid_utils.compat as uuids
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy.dialects.postgresql import insert

from gridmap import db
from gridmap.access import COMMUNITY_DIGITS, Actor, acting
from gridmap.accounts.grants import in_force
from gridmap.accounts.tables import access_grant
from gridmap.crs import STORAGE_SRID
from gridmap.errors import Conflict, NotAllowed, NotFound
from gridmap.exchange import following
from gridmap.exchange.reasons import Note
from gridmap.hierarchy import NEIGHBOURHOOD_DIGITS, community, neighbourhood
from gridmap.roles import ROLES
from gridmap.shaping import mosaic
from gridmap.shaping.mosaic import Area
from gridmap.tables import metadata

EDIT = "neighbourhood.edit"
WAIT_S = 10
MOST = 10 ** (NEIGHBOURHOOD_DIGITS - COMMUNITY_DIGITS) - 1


@dataclass(frozen=True)
class Grid:
    """A grid in force: its code, name, kind, version and area (EPSG:4490), None where none is drawn."""

    code: str
    name: str
    kind: str
    version: int
    geom: Area | None


@dataclass(frozen=True)
class Ground:
    """A community whose grids are redrawn, locked, with its area (EPSG:4490, or None) and its grids in force by code."""

    county: int
    id: Any
    code: str
    geom: Area | None
    grids: Mapping[str, Grid]

    def shapes(self) -> dict[str, Area]:
        """Return the areas of the grids that have one."""
        return {code: grid.geom for code, grid in self.grids.items() if grid.geom is not None}

    def whole(self) -> Area | None:
        """Return what its grids are to cover: the community, or what they cover now if it has no area of its own."""
        if self.geom is not None:
            return self.geom
        shapes = list(self.shapes().values())
        return shapely.union_all(shapes) if shapes else None


@dataclass
class Plan:
    """What is to become of grids: new areas and names by code, new grids, and ended ones with the grid that follows each."""

    areas: dict[str, Area] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    new: dict[str, tuple[str, str, Area, str | None]] = field(default_factory=dict)  # name, kind, area, from which grid
    ended: dict[str, str | None] = field(default_factory=dict)


def require(actor: Actor, code: str, *verbs: str) -> None:
    """Raise NotAllowed unless the actor may edit grids in the whole of a community: borders are two grids' matter.

    With `verbs` one of these is enough.
    """
    places = actor.places_for(*(verbs or (EDIT,)))
    if not any(len(place) <= COMMUNITY_DIGITS and code.startswith(place) for place in places):
        raise NotAllowed(
            "Grids are redrawn by who may edit the whole community. 调整网格边界须有全社区的编辑权限。",
            where="community",
        )


def ground(
    conn: sa.Connection, actor: Actor, code: str, *, lock: bool = True, verbs: tuple[str, ...] = (EDIT,)
) -> Ground:
    """Return a community with its grids; with `lock` nobody else redraws or imports grids until the transaction ends.

    Raises
    ------
    NotFound if there is no such community; NotAllowed without one of the verbs, else the right to edit, in all of it.
    """
    require(actor, code, *verbs)
    if lock:
        conn.execute(sa.select(sa.func.set_config("lock_timeout", f"{WAIT_S}s", True)))
        for name in ("import neighbourhood", "import building"):
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(name))))
    c, n = community.c, neighbourhood.c
    found = conn.execute(sa.select(c.county, c.id, c.code, c.geom).where(c.code == code, c.valid_to.is_(None))).first()
    if found is None:
        raise NotFound(f"There is no community with the code {code[:40]!r}. 没有该社区。", where="community")
    query = sa.select(n.code, n.name, n.kind, n.version, n.geom).where(n.community == code, n.valid_to.is_(None))
    query = query.order_by(n.code)
    grids = {
        row.code: Grid(*row[:4], _shape(row.geom)) for row in conn.execute(query.with_for_update() if lock else query)
    }
    return Ground(found.county, found.id, found.code, _shape(found.geom), grids)


def _shape(stored: Any) -> Area | None:
    return None if stored is None else to_shape(stored)


def free_codes(conn: sa.Connection, code: str, taken: Sequence[str], count: int) -> list[str]:
    """Return the next codes of grids in a community that none had ever and that are not among `taken`."""
    n, former = neighbourhood.c, metadata.tables["neighbourhood_version"].c
    used = set(taken)
    for column in (n.code, former.code):
        used |= set(conn.scalars(sa.select(column).where(column.like(f"{code}%")).distinct()))
    free = [f"{code}{i:03d}" for i in range(1, MOST + 1) if f"{code}{i:03d}" not in used]
    if len(free) < count:
        raise Conflict("No codes of grids are left in this community. 该社区的网格编码已用尽。", where="code")
    return free[:count]


@contextmanager
def seeing_all(conn: sa.Connection, actor: Actor, code: str) -> Iterator[Actor]:
    """Let the rest of a change reach every row of the community: what follows a grid does so whoever sees it."""
    wide = acting(actor.name, None, (code,))
    db.become(conn, wide)
    yield wide
    db.become(conn, actor)


def carry_out(conn: sa.Connection, actor: Actor, on: Ground, plan: Plan, source: str) -> list[Note]:
    """Redraw the grids and all that follows, and return what a person should know.

    Raises
    ------
    Conflict if the code of a new grid is taken.
    """
    with seeing_all(conn, actor, on.code) as wide:
        for code in sorted({*plan.areas, *plan.names}):
            values: dict[str, Any] = {"name": plan.names[code]} if code in plan.names else {}
            if code in plan.areas:
                values["geom"] = stored(plan.areas[code])
            _step(conn, actor, code, source=source, **values)
        for code, (name, kind, area, _) in sorted(plan.new.items()):
            if code in on.grids:
                raise Conflict(f"The code {code} is taken. 代码 {code} 已被使用。", where="code")
            row = {
                "county": on.county, "id": uuids.uuid7(), "community": on.code, "community_id": on.id, "code": code,
                "name": name, "kind": kind, "geom": stored(area), "changed_by": actor.name, "source": source,
            }  # fmt: skip
            conn.execute(sa.insert(neighbourhood).values(row))
        for code in sorted(plan.ended):
            _step(conn, actor, code, source=source, valid_to=sa.func.now())
        heirs = dict(plan.ended)
        step = following.Step(conn, wide, sa.select(sa.literal(on.code)), heirs)
        following.redrawn(step)
        notes = [*step.report.notes, *_party_units(conn, plan), *grants_told(conn, plan.ended)]
    return notes


def stored(area: Area) -> Any:
    """Return an area as a value of a column."""
    return from_shape(mosaic.multi(shapely.orient_polygons(area)), srid=STORAGE_SRID)


def stored_value(area: Area) -> sa.ColumnElement:
    """Return an area as an expression that functions of PostGIS take."""
    return sa.func.ST_GeomFromEWKT(f"SRID={STORAGE_SRID};{mosaic.multi(area).wkt}")


def _step(conn: sa.Connection, actor: Actor, code: str, **values: Any) -> None:
    n = neighbourhood.c
    own = {"version": n.version + 1, "changed_at": sa.func.now(), "changed_by": actor.name}
    conn.execute(sa.update(neighbourhood).where(n.code == code, n.valid_to.is_(None)).values(own | values))


def _party_units(conn: sa.Connection, plan: Plan) -> list[Note]:
    """Let party units cover the grid that follows an ended one, and the part that was split off one they cover."""
    pair, n = metadata.tables["neighbourhood_party_unit"], neighbourhood.c
    follows = {old: heir for old, heir in plan.ended.items() if heir}
    follows_all = [*follows.items(), *((origin, code) for code, (_, _, _, origin) in plan.new.items() if origin)]
    notes, count = [], 0
    ids: dict[str, Any] = {}
    for row in conn.execute(
        sa.select(n.code, n.id, n.county).where(n.code.in_({code for both in follows_all for code in both} | set(plan.ended)))
        .order_by(n.valid_to.asc().nulls_last())
    ):  # fmt: skip
        ids[row.code] = row
    for old, heir in follows_all:
        covering = sa.select(pair.c.county, sa.literal(ids[heir].id, sa.Uuid), pair.c.party_unit_id).where(
            pair.c.county == ids[old].county, pair.c.neighbourhood_id == ids[old].id
        )
        more = insert(pair).from_select(["county", "neighbourhood_id", "party_unit_id"], covering)
        made = conn.execute(more.on_conflict_do_nothing().returning(pair.c.party_unit_id))
        count += len(made.all())
    for old in plan.ended:
        gone = sa.and_(pair.c.county == ids[old].county, pair.c.neighbourhood_id == ids[old].id)
        lost = conn.execute(sa.delete(pair).where(gone)).rowcount
        if lost and old not in follows:
            notes.append(Note("party_cover_ended", f"{lost} party units covered {old}, which ended.",
                              f"{lost} 个党组织覆盖的网格 {old} 已停用。"))  # fmt: skip
    if count:
        notes.append(
            Note(
                "party_cover_followed", f"{count} covers of party units follow.", f"{count} 个党组织覆盖关系随之调整。"
            )
        )
    return notes


def grants_told(conn: sa.Connection, ended: Mapping[str, str | None]) -> list[Note]:
    """Return what becomes of grants over grids that end: they show nothing more until somebody hands them over."""
    notes = []
    for code, role, count in grants_over(conn, list(ended)):
        heir = ended[code]
        new_en, new_zh = (f", such as over {heir}", f"（如 {heir}）") if heir else ("", "")
        notes.append(Note(
            "grant_ended",
            f"{count} × {ROLES[role].title} held over {code}, which ended: grant anew{new_en}.",
            f"{count} 个{ROLES[role].title_zh}授权指向已停用的网格 {code}，请重新授权{new_zh}。",
        ))  # fmt: skip
    return notes


def grants_over(conn: sa.Connection, codes: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return (grid, role, how many) of the grants in force over some grids."""
    g = access_grant.c
    query = sa.select(g.place, g.role, sa.func.count()).where(g.place.in_(codes), in_force())
    return [(row[0], row[1], row[2]) for row in conn.execute(query.group_by(g.place, g.role).order_by(g.place, g.role))]
