"""Which things a text is the beginning of a name of, now or at a past moment: `search_term` and its former rows.

Conditions on terms are ranges and equalities: of those on text only these use an index under row-level security.
"""

from collections.abc import Callable

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.tables import former_search_term as former
from gridmap.tables import search_term as term

END = "\U0010ffff"  # after every text that begins like the one before it, byte by byte
Condition = Callable[[sa.ColumnElement[str]], sa.ColumnElement[bool]]


def begins(text: str) -> Condition:
    """Return the condition that a term begins with a text, however it is written."""
    begun = sa.func.search_norm(text)
    return lambda found: sa.and_(found >= begun, found < begun + END)


def equals(texts: list[str]) -> Condition:
    """Return the condition that a term is one of some texts, which are normalised already."""
    return lambda found: found.in_(texts)


def keys(
    actor: Actor, table: sa.Table, condition: Condition, *, is_past: bool, limit: int
) -> sa.Select[tuple[int, object]]:
    """Select county and thing_id of the things of a layer with such a term, in the actor's scope.

    Notes
    -----
    A present term counts at a past moment unless the name of then is one that the thing gave up since (or gave up and
    took again); a former term counts where the name it was made of is the name of then. `table` stands for the rows of
    the moment in a transaction that looks back.
    """
    now = sa.and_(term.c.layer == table.name, condition(term.c.term), within_scope(term, actor))
    present = sa.select(term.c.county, term.c.thing_id).where(now).order_by(term.c.term).limit(limit)
    if not is_past:
        return present
    same = sa.and_(table.c.county == term.c.county, table.c.id == term.c.thing_id)
    given_up = sa.exists().where(
        former.c.county == table.c.county, former.c.layer == table.name, former.c.thing_id == table.c.id,
        former.c.name == table.c.name,
    )  # fmt: skip
    present = (
        sa.select(term.c.county, term.c.thing_id)
        .join(table, same)
        .where(now, sa.not_(given_up))
        .order_by(term.c.term)
        .limit(limit)
    )
    named = sa.and_(
        table.c.county == former.c.county, table.c.id == former.c.thing_id, table.c.name == former.c.name
    )  # fmt: skip
    then = (
        sa.select(former.c.county, former.c.thing_id)
        .join(table, named)
        .where(former.c.layer == table.name, condition(former.c.term), within_scope(former, actor))
        .order_by(former.c.term)
        .limit(limit)
    )
    return sa.select(sa.union(present.subquery().select(), then.subquery().select()).subquery("stood"))
