"""Taking a redrawing back as a whole: everything its transaction changed is again what it was."""

from datetime import datetime

import sqlalchemy as sa

from gridmap.access import Actor
from gridmap.errors import Conflict
from gridmap.intake import undoing
from gridmap.layer import Layer
from gridmap.shaping import redraw

NAMED = 5


def take_back(
    conn: sa.Connection, actor: Actor, layer: Layer, community: str, moment: datetime, by: str, what: str
) -> undoing.Undone:
    """Take back what the transaction of `moment` changed in a community in the name of `by`: all of it, or nothing.

    Raises
    ------
    Conflict naming what somebody changed since, or what depends by now on what the change made.
    """
    with redraw.seeing_all(conn, actor, community) as wide:
        done = undoing.undo(conn, wide, layer, moment, by, what, action="undo_redraw")
    if done.left:
        named = ", ".join(code for _, code in done.left[:NAMED]) + ("…" if len(done.left) > NAMED else "")
        raise Conflict(
            f"{len(done.left)} things changed since, or depend on it: {named}. Nothing was taken back."
            f" 其后已有 {len(done.left)} 项改动或依赖：{named}，未撤销。",
            where="code",
        )
    return done
