"""Which column of a file means which field of a layer."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gridmap.errors import ImportRefused, InvalidInput
from gridmap.exchange import words
from gridmap.exchange.reasons import Note
from gridmap.exchange.source import Source
from gridmap.layer import N_, Field, Layer

LON = Field("lon", N_("Longitude"), aliases=("lng", "long", "longitude", "x", "经度"))
LAT = Field("lat", N_("Latitude"), aliases=("latitude", "y", "纬度"))
WKT = Field("wkt", N_("Geometry as WKT"), aliases=("geom", "geometry", "the_geom", "几何", "图形"))
POSITION = (LON, LAT, WKT)
COUNTY = Field(
    "county", N_("County"), kind="integer", aliases=("county_code", "区县代码", "行政区划代码"),
    minimum=100_000, maximum=999_999,
)  # fmt: skip
ORIGIN = Field("source", N_("Source"), aliases=("来源", "数据来源"))
ADDRESS = (
    Field("address", N_("Address"), aliases=("地址", "详细地址", "住址", "门牌地址", "家庭住址")),
    Field("estate", N_("Estate"), aliases=("小区", "小区名称", "所属小区")),
    Field("community_name", N_("Community"), aliases=("社区", "社区名称", "所属社区")),
)
# What a file may say of a layer beyond its own columns.
DETAILS: dict[str, tuple[Field, ...]] = {
    "household": ADDRESS,
    "resident": ADDRESS,
    "supply_point": (
        Field("item", N_("Item"), aliases=("物资", "物资名称", "物品", "品名", "item_code", "物资代码")),
        Field(
            "quantity", N_("Quantity"), kind="integer", aliases=("数量", "库存", "库存数量"), minimum=0, maximum=10**12
        ),
        Field("counted_on", N_("Counted on"), kind="date", aliases=("盘点日期", "盘点时间", "清点日期")),
    ),
}
# Headings of files from elsewhere, beyond those a layer names itself.
ELSEWHERE = {"name": ("poi_name", "placename", "名字")}
CODE_WORDS = ("code", "代码", "编码")
# Parts of a household's code, which have a form of their own.
PARTS = {"household": ("unit", "room")}
SHORT_NAME = 10  # a Shapefile cuts column names after ten bytes


@dataclass(frozen=True)
class Column:
    """A field that a file fills: from its column `index`, or with the same `constant` in every row."""

    field: Field
    index: int | None
    heading: str
    constant: Any = None


@dataclass(frozen=True)
class Plan:
    """How the columns of a file are read.

    `keys` are the columns that make a row's own key, as (name, index or None, constant).
    """

    columns: tuple[Column, ...]
    lon: int | None
    lat: int | None
    wkt: int | None
    keys: tuple[tuple[str, int | None, str], ...]
    notes: tuple[Note, ...]

    def has(self, column: str) -> bool:
        """Return whether the file fills a field."""
        return any(found.field.column == column for found in self.columns)

    @property
    def has_coordinates(self) -> bool:
        """Return whether geometry comes from columns of the table."""
        return self.wkt is not None or (self.lon is not None and self.lat is not None)


def fields_of(layer: Layer) -> tuple[Field, ...]:
    """Return the fields a file may fill: the layer's, its details, source, and county where a row may lie outside."""
    details = DETAILS.get(layer.name, ())
    community = layer.table.c.get("community")
    outside = (COUNTY,) if community is not None and community.nullable else ()
    parts = PARTS.get(layer.name, ())
    own = (replace(field, kind=field.column) if field.column in parts else field for field in layer.fields)
    return (*own, *details, *outside, ORIGIN)


def plan(
    layer: Layer,
    source: Source,
    *,
    key: Sequence[str] = (),
    assign: Mapping[str, str] | None = None,
    mapping: Mapping[str, str] | None = None,
) -> Plan:
    """Return how a file's columns fill a layer's fields.

    Parameters
    ----------
    key : headings or fields whose values together name a row
    assign : field (or heading of it) to the value it has in every row, whatever the file says
    mapping : heading to the field it fills, or to nothing; a heading that is not named is known by itself

    Raises
    ------
    InvalidInput for an unknown field in `assign`; ImportRefused if a key column is missing or nothing is known.
    """
    found = {folded(name): i for i, name in reversed(list(enumerate(source.columns))) if name}
    fields = fields_of(layer)
    told = {folded(heading): field for heading, field in (mapping or {}).items()}
    pinned = {field: found[heading] for heading, field in told.items() if field and heading in found}
    free = {heading: i for heading, i in found.items() if heading not in told}
    assign = assign or {}
    constants = {_assigned(fields, name).column: value for name, value in assign.items()}
    columns = []
    for field in fields:
        index = pinned.get(field.column, _index(field, free, cut=source.cuts_names))
        if field.column in constants:
            columns.append(Column(field, None, field.column, constants[field.column]))
        elif index is not None:
            columns.append(Column(field, index, source.columns[index]))
    lon, lat, wkt = (None if source.has_shapes else pinned.get(f.column, _index(f, free)) for f in POSITION)
    made = Plan(tuple(columns), lon, lat, wkt, (), ())
    if not made.columns and not source.has_shapes:
        raise ImportRefused(
            f"No column is known. The file has: {', '.join(source.columns[:20])}."
            f" A {layer.name} has: {', '.join(f.column for f in fields)}."
        )
    keys = tuple(_key(name, found, source, made, assign) for name in key)
    return replace(made, keys=keys, notes=_unused(source, made, keys))


def folded(heading: str) -> str:
    """Return a heading without case, width, spaces and a star that marks what is required."""
    return unicodedata.normalize("NFKC", heading).strip().strip("*").strip().casefold().replace(" ", "_")


def _index(field: Field, found: Mapping[str, int], *, cut: bool = False) -> int | None:
    titles = (field.title, words.chinese(field.title))  # as templates and screens head them
    names = (field.column, *titles, *field.aliases, *ELSEWHERE.get(field.column, ()))
    if field.kind == "place":  # a file that gives the name of a place beside its code means the code
        names = tuple(sorted(names, key=lambda name: not name.endswith(CODE_WORDS)))
    for name in names:
        if (index := found.get(folded(name))) is not None:
            return index
    if cut and len(field.column) > SHORT_NAME:
        return found.get(field.column[:SHORT_NAME])
    return None


def _assigned(fields: Sequence[Field], name: str) -> Field:
    for field in fields:
        if folded(name) in (folded(alias) for alias in (field.column, field.title, *field.aliases)):
            return field
    known = ", ".join(field.column for field in fields)
    raise InvalidInput(f"There is no column {name[:40]!r} to set. Columns: {known}.", where="set")


def _key(
    name: str, found: Mapping[str, int], source: Source, made: Plan, assign: Mapping[str, str]
) -> tuple[str, int | None, str]:
    if name in assign:
        return name, None, assign[name]
    index = found.get(folded(name))
    if index is None:
        index = next((c.index for c in made.columns if c.field.column == name), None)
    if index is None:
        raise ImportRefused(
            f"There is no key column {name[:40]!r}. The file has: {', '.join(source.columns[:20])}.", where="key"
        )
    return name, index, ""


def _unused(source: Source, made: Plan, keys: Sequence[tuple[str, int | None, str]]) -> tuple[Note, ...]:
    used = {c.index for c in made.columns} | {made.lon, made.lat, made.wkt} | {index for _, index, _ in keys}
    left = [name for i, name in enumerate(source.columns) if i not in used and name]
    if not left:
        return ()
    names = ", ".join(left[:12]) + ("…" if len(left) > 12 else "")
    return (Note("columns_unused", f"Columns not used: {names}.", f"未使用的列：{names}。"),)
