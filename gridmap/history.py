"""Rows as they were: the current and the former rows of a table at a moment, and reads that look back.

Every table with former versions keeps them beside itself with their period [changed_at, until). `at` gives the rows
that stood at a moment; `look_back` makes a whole transaction read so, whatever it asks (design.md D13).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.sql import visitors
from sqlalchemy.sql.functions import now
from sqlalchemy.sql.selectable import AliasedReturnsRows

from gridmap.tables import VERSION_SUFFIX, metadata

OPTION = "as_of"
Views = dict[str, Callable[[Callable[[sa.Table], sa.FromClause]], sa.FromClause]]
_VIEWS: Views = {}  # name of a view -> how it is made of tables, given what stands for each of them


def register_view(name: str, make: Callable[[Callable[[sa.Table], sa.FromClause]], sa.FromClause]) -> None:
    """Say what a view is made of, so that it can be seen as it was; `make` is given what stands for a table."""
    _VIEWS[name] = make


def former(table: sa.Table) -> sa.Table | None:
    """Return the table that keeps a table's former rows, or None if nothing keeps them."""
    return metadata.tables.get(table.name + VERSION_SUFFIX)


def at(table: sa.Table, moment: datetime, name: str | None = None) -> sa.Subquery:
    """Return the rows of a table that stood at a moment, with the table's columns and, if not told, its name.

    Notes
    -----
    Current and former rows one below the other: conditions reach both, and the indexes of both serve.
    """
    kept = former(table)
    if kept is None:
        raise ValueError(f"{table.name} keeps no former rows")
    when = literal(moment)
    standing = _stood(table, table, when)
    return sa.union_all(standing, _stood(kept, table, when).where(kept.c.until > when)).subquery(name or table.name)


def _stood(source: sa.Table, table: sa.Table, when: sa.ColumnElement[datetime]) -> sa.Select[Any]:
    """Select the rows of a table, or of its former rows, that had begun by a moment and were not over then."""
    columns: list[sa.ColumnElement[Any]] = [source.c[column.name] for column in table.columns]
    stood = source.c.changed_at <= when
    if "valid_to" in table.c:  # who is in force at the moment has no end yet
        end = source.c.valid_to
        stood = sa.and_(stood, source.c.valid_from <= when, sa.or_(end.is_(None), end > when))
        columns = [sa.cast(sa.null(), end.type).label("valid_to") if c is end else c for c in columns]
    return sa.select(*columns).where(stood)


def literal(moment: datetime) -> sa.ColumnElement[datetime]:
    """Return a moment as a bound value."""
    return sa.literal(moment, TIMESTAMP(timezone=True))


def look_back(conn: sa.Connection, moment: datetime) -> None:
    """Make every later question of a connection's transaction see the rows, and the time, of a moment."""
    conn.execution_options(**{OPTION: moment})


def moment_of(conn: sa.Connection) -> datetime | None:
    """Return the moment a connection looks back to, None if it does not."""
    moment: datetime | None = conn.get_execution_options().get(OPTION)
    return moment


def listen(engine: sa.Engine) -> None:
    """Let connections of an engine look back."""
    sa.event.listen(engine, "before_execute", _before_execute, retval=True)


def _before_execute(conn: sa.Connection, statement: Any, many: Any, params: Any, options: Any) -> tuple[Any, Any, Any]:
    moment = options.get(OPTION)
    if moment is not None:
        if isinstance(statement, sa.TextClause) or statement.is_dml:
            raise ValueError("A transaction that looks back reads, and not by plain SQL.")
        statement = as_it_was(statement, moment)
    return statement, many, params


def as_it_was(statement: Any, moment: datetime) -> Any:
    """Return a query that asks the same of the rows as they were at a moment; `now()` is that moment."""
    return _Past(moment).of(statement)


class _Past:
    """Puts the rows of a moment in the place of each table of one statement."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        self._made: dict[int, Any] = {}  # by identity of the original, which is kept alive in `_kept`
        self._kept: list[Any] = []
        self._open: set[int] = set()

    def of(self, element: Any) -> Any:
        return visitors.replacement_traverse(element, {}, self._replaced)

    def _replaced(self, element: Any, **_: Any) -> Any:
        if isinstance(element, now):
            return literal(self.moment)
        if isinstance(element, sa.ColumnClause) and element.table is not None:
            source = self._source(element.table)
            return None if source is element.table else source.c[element.key]
        if isinstance(element, sa.TableClause | AliasedReturnsRows) and id(element) not in self._open:
            source = self._source(element)
            return None if source is element else source
        return None

    def _source(self, element: Any) -> Any:
        """Return what stands for a table, a view, an alias or a subquery: always the same for the same one."""
        if id(element) in self._open:
            return element
        if id(element) not in self._made:
            self._kept.append(element)
            self._made[id(element)] = self._new(element)
        return self._made[id(element)]

    def _new(self, element: Any) -> Any:
        if isinstance(element, sa.Table):
            return element if former(element) is None else at(element, self.moment)
        if isinstance(element, sa.TableClause):
            make = _VIEWS.get(element.name)
            return element if make is None else make(lambda table: at(table, self.moment))
        if isinstance(element, sa.Alias) and isinstance(element.element, sa.Table):
            return element if former(element.element) is None else at(element.element, self.moment, element.name)
        if not isinstance(element, AliasedReturnsRows):
            return element
        self._open.add(id(element))
        try:
            return self.of(element)
        finally:
            self._open.discard(id(element))
