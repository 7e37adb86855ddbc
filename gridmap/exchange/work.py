"""What the steps of one import share: the connection, the temporary table, the plan and the report."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gridmap.access import Actor
from gridmap.exchange.columns import Plan
from gridmap.exchange.reasons import problem
from gridmap.exchange.report import ImportReport
from gridmap.layer import Layer
from gridmap.tables import metadata


@dataclass
class Work:
    """One import under way."""

    conn: sa.Connection
    actor: Actor
    layer: Layer
    rows: sa.Table
    plan: Plan
    report: ImportReport

    @property
    def good(self) -> sa.ColumnElement[bool]:
        """Return the condition that nothing speaks against a row yet."""
        return sa.not_(self.rows.c.refused)

    def set(self, where: sa.ColumnElement[bool], **values: Any) -> int:
        """Set columns of the good rows that meet a condition (which may name other tables) and return how many."""
        change = sa.update(self.rows).where(self.good, where).values(values)
        return self.conn.execute(change).rowcount

    def mark_changed(self, changes: sa.UpdateBase) -> int:
        """Change what belongs to the things of the file, mark their rows as changed, and return how many changes.

        `changes` returns the county and the id of the thing for each change.
        """
        done = changes.cte("done")
        county, own = list(done.c)
        touched = sa.and_(self.rows.c.county == county, self.rows.c.id == own)
        marked = sa.update(self.rows).where(touched).values(is_changed=True).returning(self.rows.c.row).cte("marked")
        count = sa.select(sa.func.count()).select_from(done)
        return self.conn.scalar(count.add_cte(marked)) or 0

    def refuse(self, where: sa.ColumnElement[bool], column: str, code: str, *, value: Any = None, **facts: Any) -> None:
        """Refuse the good rows that meet a condition; `value` and `facts` may be SQL expressions or plain values."""
        asked = {name: fact for name, fact in facts.items() if isinstance(fact, sa.ColumnElement)}
        shown = value if value is not None else sa.null()
        change = (
            sa.update(self.rows)
            .where(self.good, where)
            .values(refused=True)
            .returning(self.rows.c.row, shown.label("shown"), *(fact.label(name) for name, fact in asked.items()))
        )
        for found in self.conn.execute(change):
            told = {**facts, **{name: getattr(found, name) for name in asked}}
            self.report.problems.append(problem(found.row, column, found.shown, code, **told))

    def refuse_rows(self, rows: Iterable[int]) -> None:
        """Mark rows as refused whose reasons are in the report already."""
        listed = list(rows)
        if listed:
            self.conn.execute(sa.update(self.rows).where(self.rows.c.row.in_(listed)).values(refused=True))

    def current(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Return the condition that a stored row is in force."""
        return table.c.valid_to.is_(None)


def covers(area: sa.ColumnElement, point: sa.ColumnElement) -> sa.ColumnElement[bool]:
    """Return the condition that an area holds a point, its edge included; the index of either serves."""
    return sa.and_(area.op("&&", is_comparison=True)(point), sa.func.ST_Covers(area, point))


def stored(name: str) -> sa.Table:
    """Return a table of the database by its name."""
    return metadata.tables[name]
