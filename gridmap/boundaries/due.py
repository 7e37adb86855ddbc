"""Sets of grids whose day has come: the worker puts them in force, in the name and with the rights of who decided it."""

import sqlalchemy as sa
import structlog

from gridmap import db
from gridmap.access import LOCAL, Actor, acting
from gridmap.accounts import grants
from gridmap.accounts.tables import account
from gridmap.boundaries import sets
from gridmap.boundaries.tables import boundary_set
from gridmap.errors import GridmapError, NotAllowed
from gridmap.shaping import redraw
from gridmap.shaping.redraw import EDIT

WORKER = acting("boundary worker", (EDIT, "neighbourhood.view"), ("",))
_log = structlog.get_logger(__name__)


def activate_due(engine: sa.Engine) -> int:
    """Put the sets in force whose day has come, the earliest first, each in its own transaction; return how many.

    A set that cannot come, because who decided it may not any more or it does not fit, is a proposal again that says why.
    """
    count = 0
    for set_id in _due(engine):
        try:
            count += _activate(engine, set_id)
        except GridmapError as exc:
            _log.warning("boundary_set_waits", set=set_id, why=exc.detail)
            with db.transaction(engine, WORKER) as conn:
                stuck = sa.and_(boundary_set.c.id == set_id, boundary_set.c.state == "scheduled")
                conn.execute(
                    sa.update(boundary_set).where(stuck)
                    .values(state="proposed", due_at=None, trouble=exc.detail[:500])
                )  # fmt: skip
    return count


def _due(engine: sa.Engine) -> list[int]:
    s = boundary_set.c
    with db.transaction(engine, WORKER) as conn:
        ready = sa.select(s.id).where(s.state == "scheduled", s.due_at <= sa.func.clock_timestamp())
        return list(conn.scalars(ready.order_by(s.due_at, s.id)))


def _activate(engine: sa.Engine, set_id: int) -> bool:
    with db.transaction(engine, WORKER) as conn:
        one = sets.found(conn, WORKER, set_id)
        who = _decider(conn, one.decided_by or "")
    with db.transaction(engine, who) as conn:
        redraw.ground(conn, who, one.community)
        one = sets.found(conn, who, set_id, lock=True)
        if one.state != "scheduled":  # another worker was faster, or it was cancelled meanwhile
            return False
        sets.carry_out(conn, who, one, accept_faults=one.accepts_faults)
    return True


def _decider(conn: sa.Connection, name: str) -> Actor:
    """Return who decided, with the rights the account holds now; NotAllowed if it is disabled or holds them no more."""
    if name == LOCAL.name:
        return LOCAL
    a = account.c
    row = conn.execute(sa.select(a.id, a.disabled_at).where(a.name == name.partition(" ")[0])).first()
    rights = () if row is None or row.disabled_at is not None else grants.rights_of(grants.current(conn, row.id))
    who = Actor(name, tuple(rights))
    if not who.may(EDIT):
        raise NotAllowed(f"{name[:60]} decided it and may not edit grids any more. 决定人已无权编辑网格。")
    return who
