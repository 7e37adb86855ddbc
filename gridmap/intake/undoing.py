"""Taking an import back in one step: by the moment of its transaction, over every table it touched.

Rows it made are retired, rows it changed get their former content as a further version, pairs and counts return to what
they were. What somebody changed since, or what has come to depend on a new row, is left and named.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gridmap import audit
from gridmap.access import Actor
from gridmap.layer import Layer
from gridmap.tables import VERSION_SUFFIX, metadata

NAMED = 50  # codes of rows that were left
_OWN = ("version", "changed_at", "changed_by")


@dataclass
class Undone:
    """What came of taking an import back: how many rows returned or went, and which were left, as (layer, code)."""

    restored: int = 0
    retired: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)


def undo(
    conn: sa.Connection,
    actor: Actor,
    layer: Layer,
    moment: datetime,
    by: str,
    file: str,
    *,
    action: str = "undo_import",
) -> Undone:
    """Take back what the transaction of `moment` changed in the name of `by`.

    Raises
    ------
    NotAllowed without the layer's edit verb.
    """
    actor.require(layer.edit)
    found, step = Undone(), Step(conn, actor, moment, by)
    versioned = [table for table in _kept_tables() if "version" in table.c]
    for table in reversed(versioned):  # children first: a household that goes frees its building
        found.left += [(table.name, code) for code in step.changed_since(table)]
        found.left += [(table.name, code) for code in step.in_use(table)]
        found.left += [(table.name, code) for code in step.moved(table)]
    for table in _kept_tables():
        if "version" not in table.c:
            step.return_pairs(table)
    for table in versioned:
        found.restored += step.restore(table)
    for table in reversed(versioned):
        found.retired += step.retire(table)
    facts = {"file": file, "stored_at": moment.isoformat(), "left": len(found.left)}
    audit.record(conn, actor, action, layer.name, rows=found.restored + found.retired, detail=facts)
    return found


def _kept_tables() -> list[sa.Table]:
    return [
        table
        for table in metadata.sorted_tables
        if table.name + VERSION_SUFFIX in metadata.tables and not table.info.get("is_journal")
    ]


class Step:
    """The statements that take back what the transaction of a moment changed in somebody's name, table by table."""

    def __init__(self, conn: sa.Connection, actor: Actor, moment: datetime, by: str) -> None:
        self.conn, self.actor, self.moment, self.by = conn, actor, moment, by

    def ours(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        """Return the condition that a row stands as the import left it."""
        return sa.and_(table.c.changed_at == self.moment, table.c.changed_by == self.by)

    def changed_since(self, table: sa.Table) -> list[str]:
        """Return the codes of rows whose version by the import was replaced by somebody."""
        former = metadata.tables[table.name + VERSION_SUFFIX]
        query = sa.select(former.c.code).where(self.ours(former)).distinct().order_by(former.c.code).limit(NAMED)
        return list(self.conn.scalars(query))

    def in_use(self, table: sa.Table) -> list[str]:
        """Return the codes of rows the import made on which others depend by now."""
        used = self._used(table)
        if used is None:
            return []
        query = sa.select(table.c.code).where(self._new(table), used).order_by(table.c.code).limit(NAMED)
        return list(self.conn.scalars(query))

    def moved(self, table: sa.Table) -> list[str]:
        """Return the codes of rows that the import put under another county: their former key is another."""
        former = metadata.tables[table.name + VERSION_SUFFIX]
        before = sa.exists().where(former.c.county == table.c.county, former.c.id == table.c.id)
        query = sa.select(table.c.code).where(self.ours(table), table.c.version > 1, sa.not_(before))
        return list(self.conn.scalars(query.order_by(table.c.code).limit(NAMED)))

    def _new(self, table: sa.Table) -> sa.ColumnElement[bool]:
        return sa.and_(self.ours(table), table.c.version == 1, table.c.valid_to.is_(None))

    def _used(self, table: sa.Table) -> sa.ColumnElement[bool] | None:
        """Return the condition that a current row which the import did not make refers to a row of the table."""
        conditions: list[sa.ColumnElement[bool]] = []
        for child in (kept for kept in _kept_tables() if "version" in kept.c):
            for key in child.foreign_key_constraints:
                if key.referred_table is not table or len(key.elements) != 2:
                    continue
                other = child.alias("child")
                pairs = [other.c[e.parent.name] == table.c[e.column.name] for e in key.elements]
                later = sa.not_(self.ours(other))
                conditions.append(sa.exists().where(*pairs, later, other.c.valid_to.is_(None)))
        return sa.or_(*conditions) if conditions else None

    def restore(self, table: sa.Table) -> int:
        """Give rows that stand as the import left them the content of the version it replaced."""
        former = metadata.tables[table.name + VERSION_SUFFIX]
        names = [
            column.name
            for column in table.columns
            if column.computed is None and column.name in former.c and column.name not in (*_OWN, "county", "id")
        ]
        values: dict[str, Any] = {name: former.c[name] for name in names}
        values |= {"version": table.c.version + 1, "changed_at": sa.func.now(), "changed_by": self.actor.name}
        same = sa.and_(
            former.c.county == table.c.county, former.c.id == table.c.id, former.c.version == table.c.version - 1,
            former.c.until == self.moment,
        )  # fmt: skip
        return self.conn.execute(sa.update(table).where(self.ours(table), same).values(values)).rowcount

    def retire(self, table: sa.Table) -> int:
        """Retire the rows that the import made and nothing else needs."""
        used = self._used(table)
        free = [sa.not_(used)] if used is not None else []
        values = {
            "valid_to": sa.func.now(), "version": table.c.version + 1, "changed_at": sa.func.now(),
            "changed_by": self.actor.name,
        }  # fmt: skip
        return self.conn.execute(sa.update(table).where(self._new(table), *free).values(values)).rowcount

    def return_pairs(self, table: sa.Table) -> None:
        """Take away pairs and counts that the import made, and put back those it took away or replaced."""
        former = metadata.tables[table.name + VERSION_SUFFIX]
        key = [column.name for column in table.primary_key.columns]
        names = [c.name for c in table.columns if c.computed is None and c.name not in ("changed_at", "changed_by")]
        if self._is_any(self.ours(table)):  # the service may not delete from every table, and an import not from most
            self.conn.execute(sa.delete(table).where(self.ours(table)))
        ended = sa.and_(former.c.until == self.moment, former.c.ended_by == self.by, former.c.changed_at < self.moment)
        if self._is_any(ended):
            back = insert(table).from_select(names, sa.select(*(former.c[name] for name in names)).where(ended))
            self.conn.execute(back.on_conflict_do_nothing(index_elements=key))

    def _is_any(self, condition: sa.ColumnElement[bool]) -> bool:
        return bool(self.conn.scalar(sa.select(sa.exists().where(condition))))
