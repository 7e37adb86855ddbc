"""From batches of a file to rows of the temporary table: every cell converted, every refusal noted."""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from gridmap import crs, personal
from gridmap.crs import STORAGE_SRID
from gridmap.exchange import incoming, shapes, words
from gridmap.exchange.columns import Column, Plan
from gridmap.exchange.reasons import problem
from gridmap.exchange.report import ImportReport
from gridmap.exchange.source import Batch, Fault, Source
from gridmap.exchange.values import BadValue, converter
from gridmap.layer import Field, Layer
from gridmap.vault import Vault

Progress = Callable[[str, int], None]
TOLD = ("name", "birth_year", "unit", "room")  # what names a thing beside places and geometry
CODED_BY_PARTS = ("household", "party_household")  # their codes name them; they need no key of their own


class Loader:
    """Brings the rows of one source into the temporary table; keeps what every batch needs."""

    def __init__(
        self,
        layer: Layer,
        source: Source,
        plan: Plan,
        system: crs.System | None,
        report: ImportReport,
        vault: Vault | None,
        *,
        repair: bool,
    ) -> None:
        self.layer, self.source, self.plan, self.system, self.report = layer, source, plan, system, report
        self.repair, self.repaired = repair, 0
        self.sealing = Sealing(layer, plan, vault) if vault is not None else None
        self.converters = [converter(column.field, is_escaped=source.is_escaped) for column in plan.columns]
        self.places = [column.field.column for column in plan.columns if column.field.kind == "place"]
        self.needs_digest = not plan.keys and layer.name not in CODED_BY_PARTS

    def load(self, conn: sa.Connection, into: sa.Table, progress: Progress) -> None:
        """Copy all batches; rows with a problem stay out, and the report tells why."""
        for batch in self.source.batches():
            self.report.read += len(batch.rows)
            incoming.copy(conn, into, self.names, self.rows(batch))
            progress("read", self.report.read)
        if self.repaired:
            self.report.note("repaired", f"{self.repaired} shapes were repaired.", f"已修复 {self.repaired} 个图形。")

    @property
    def names(self) -> list[str]:
        """Return the columns of the temporary table that `rows` fills, in order."""
        targets = [incoming.target_column(column) for column in self.plan.columns]
        beside = self.sealing.names if self.sealing else []
        return ["row", "id", "source_key", *targets, *beside, *(["geom"] if self.system else [])]

    def rows(self, batch: Batch) -> Iterator[tuple[Any, ...]]:
        """Return the good rows of a batch, ready to be copied."""
        import shapely

        count, before = len(batch.rows), len(self.report.problems)
        values = [self._values(batch, *pair) for pair in zip(self.plan.columns, self.converters, strict=True)]
        geometry = self._shapes(batch)
        keys = self._keys(batch, values, geometry)
        bad = {found.row for found in self.report.problems[before:]}
        if self.sealing is not None:
            keys, values = self.sealing.keys(keys), self.sealing.values(values)
        columns: list[Sequence[Any]] = [batch.rows, incoming.new_ids(count), keys, *values]
        if geometry is not None:
            columns.append(shapely.to_wkb(shapely.set_srid(geometry, STORAGE_SRID), hex=True, include_srid=True))
        return (row for row in zip(*columns, strict=True) if row[0] not in bad)

    def _values(self, batch: Batch, column: Column, convert: Callable[[Any], Any]) -> list[Any]:
        count = len(batch.rows)
        cells = [column.constant] * count if column.index is None else batch.columns[column.index]
        known: dict[Any, Any] = {}  # most columns repeat their cells
        values: list[Any] = []
        for i, cell in enumerate(cells):
            kind = (type(cell), cell)
            if kind not in known:
                try:
                    known[kind] = convert(cell)
                except BadValue as exc:
                    known[kind] = exc
            value = known[kind]
            if isinstance(value, BadValue):
                self._refuse(batch.rows[i], column.heading, self._shown(column, cell), value.code, **value.facts)
                value = None
            elif value is None and column.field.required and not _is_unread(batch.faults.get(i)):
                code, facts = missing(column.field)
                self._refuse(batch.rows[i], column.heading, None, code, **facts)
            values.append(value)
        return values

    def _shapes(self, batch: Batch) -> Any:
        found = shapes.of_batch(batch, self.plan)
        if found is None or self.system is None:
            for i, fault in batch.faults.items():
                self._refuse(batch.rows[i], fault.column, None, fault.code, **fault.facts)
            return None
        checked = shapes.check(found, self.layer.geometry, self.system, repair=self.repair)
        self.repaired += checked.repaired
        for i, fault in {**checked.faults, **{i: f for i, f in batch.faults.items() if f.mended is None}}.items():
            self._refuse(batch.rows[i], fault.column, None, fault.code, **fault.facts)
        return checked.shapes

    def _keys(self, batch: Batch, values: list[list[Any]], geometry: Any) -> list[str | None]:
        count = len(batch.rows)
        if self.plan.keys:
            keys = incoming.stated_keys(self.plan, batch.columns, count)
            names = "+".join(name for name, _, _ in self.plan.keys)
            for i in (i for i, key in enumerate(keys) if key is None):
                self._refuse(batch.rows[i], names, None, "key_empty")
            return keys
        by_column = {column.field.column: found for column, found in zip(self.plan.columns, values, strict=True)}
        codes = by_column.get("code", [None] * count)
        if not self.needs_digest or None not in codes:
            return [None] * count
        told = [cells for name, cells in by_column.items() if name in TOLD or name in self.places]
        made = incoming.digests([*told, [None] * count], geometry)
        return [key if code is None else None for code, key in zip(codes, made, strict=True)]

    def _shown(self, column: Column, cell: Any) -> Any:
        """Return a cell as a report may repeat it: of a person no more than any panel shows."""
        target = self.layer.table.c.get(column.field.column)
        if target is None or not target.info.get("personal"):
            return cell
        return personal.mask(target, str(cell))

    def _refuse(self, row: int, column: str, value: object, code: str, **facts: object) -> None:
        self.report.problems.append(problem(row, column, value, code, **facts))


class Sealing:
    """Seals the personal columns of an import before they leave this process.

    Beside each comes its index, where it has one, and a mark that is the same for the same value within this import,
    made with a key that is thrown away after it.
    """

    def __init__(self, layer: Layer, plan: Plan, vault: Vault) -> None:
        self.layer, self.vault, self._once = layer, vault, secrets.token_bytes(32)
        self.targets = [layer.table.c.get(incoming.target_column(column)) for column in plan.columns]
        personal_cells = {
            column.index
            for column, target in zip(plan.columns, self.targets, strict=True)
            if target is not None and target.info.get("personal")
        }
        of_persons = bool(layer.table.c.name.info.get("personal")) if "name" in layer.table.c else False
        self._hides_keys = of_persons or any(index in personal_cells for _, index, _ in plan.keys)

    @property
    def names(self) -> list[str]:
        """Return the columns that come beside those of the file, in the order `values` gives them."""
        return [name for target in self._personal() for name in (*self._index(target), f"{target.name}_same")]

    def keys(self, keys: list[str | None]) -> list[str | None]:
        """Return keys of rows as they are stored."""
        return incoming.hidden(self.vault, self.layer, keys) if self._hides_keys else keys

    def values(self, values: list[list[Any]]) -> list[list[Any]]:
        """Return the values of columns sealed, those of `names` behind them."""
        beside: list[list[Any]] = []
        made = list(values)
        for i, target in enumerate(self.targets):
            if target is None or not target.info.get("personal"):
                continue
            context = personal.context_of(target)
            made[i] = [value and self.vault.seal(value, context) for value in values[i]]
            for _ in self._index(target):
                beside.append([value and personal.index_of(self.vault, target, value) for value in values[i]])
            beside.append([value and self._mark(value) for value in values[i]])
        return [*made, *beside]

    def _personal(self) -> list[sa.Column[Any]]:
        return [target for target in self.targets if target is not None and target.info.get("personal")]

    def _index(self, target: sa.Column[Any]) -> list[str]:
        return [name for name in (f"{target.name}_index",) if name in self.layer.table.c]

    def _mark(self, value: str) -> str:
        return hashlib.blake2b(value.encode(), key=self._once, digest_size=16).hexdigest()


def _is_unread(fault: Fault | None) -> bool:
    """Return whether a row is refused already because a cell of it, now empty, could not be decoded."""
    return fault is not None and fault.code == "undecodable"


def missing(field: Field) -> tuple[str, dict[str, object]]:
    """Return the reason, with its facts, against an empty cell of a required field."""
    if field.column != "kind":
        return "required", {}
    known, known_zh = words.listed(field)
    return "unknown_kind", {"known": known, "known_zh": known_zh}
