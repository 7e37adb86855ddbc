"""The rows of a table as they stood at a moment, read from the table and from its former versions."""

from collections.abc import Callable, Iterable
from datetime import datetime

import sqlalchemy as sa

from gridmap.errors import InvalidInput
from gridmap.tables import VERSION_SUFFIX, metadata

Condition = Callable[[sa.Table], sa.ColumnElement[bool]]


def rows_at(table: sa.Table, as_of: datetime | None, columns: Iterable[str], where: Condition) -> sa.Subquery:
    """Return some columns of the rows in force at a moment, or now where none is given.

    Parameters
    ----------
    where : the condition on a row, made for the table and for its former versions alike
    as_of : with zone; a row's period is [changed_at, until), and inside it [valid_from, valid_to)
    """
    names = tuple(columns)
    if as_of is None:
        current = table.c.valid_to.is_(None) if "valid_to" in table.c else sa.true()
        return sa.select(*(table.c[name] for name in names)).where(current, where(table)).subquery(table.name)
    former = metadata.tables[table.name + VERSION_SUFFIX]
    parts = [
        sa.select(*(one.c[name] for name in names)).where(_stood(one, as_of), where(one)) for one in (table, former)
    ]
    return sa.union_all(*parts).subquery(table.name)


def _stood(table: sa.Table, as_of: datetime) -> sa.ColumnElement[bool]:
    c = table.c
    tests = [c.changed_at <= as_of]
    if "until" in c:
        tests.append(c.until > as_of)
    if "valid_from" in c:
        tests += [c.valid_from <= as_of, sa.or_(c.valid_to.is_(None), c.valid_to > as_of)]
    return sa.and_(*tests)


def check_moment(as_of: datetime | None) -> None:
    """Raise InvalidInput for a moment that has not come yet: nothing is known of it."""
    if as_of is not None and as_of > datetime.now(as_of.tzinfo):
        raise InvalidInput("as_of lies in the future. as_of 是未来的时间。", where="as_of")
