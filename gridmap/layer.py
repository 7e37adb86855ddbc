"""The contract of a layer: everything gridmap must be told about one kind of thing on the map (design.md D5).

A layer is a declaration. Drawing, legend, tiles, lists, search, import and export are the same code for all of them.
Texts for people are message ids in English, marked by `N_`; `web` translates them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from geoalchemy2 import Geometry

from gridmap.errors import NotFound


def N_(message: str) -> str:  # noqa: N802 - the customary name that marks a text for extraction
    """Return the text unchanged; its name marks it for the translation catalogue."""
    return message


@dataclass(frozen=True)
class Symbol:
    """How one kind of feature is drawn, on the map and in the legend alike. Colours are CSS; widths are pixels."""

    title: str
    fill: str = "transparent"
    stroke: str = "transparent"
    width: float = 1.0
    dash: tuple[int, ...] = ()
    pattern: str = ""  # one of: dense-diagonal, wide-diagonal, dots
    icon: str = ""  # one character in a round marker
    outlined: bool = False  # a marker that is off: white inside, coloured edge


@dataclass(frozen=True)
class Style:
    """Which symbol a feature gets: the one named by the value of column `by`, or the only one.

    `label` is the column written on the feature from zoom `label_zoom` on.
    """

    symbols: Mapping[str, Symbol]
    by: str = ""
    label: str = ""
    label_zoom: int = 16


@dataclass(frozen=True)
class Field:
    """One column of a layer that people fill in: in a spreadsheet now, in a form later.

    `kind` is text, integer, boolean, date, identity (a citizen's number), words (a list separated by ; or ,), priority
    (such words with numbers), tags (such words alone), unit or room (digits of a household's code) or place (a code or a name of the layer `place`). `aliases` are headings under which
    spreadsheets carry it. Of a choice the import takes the stored word, its title in either language and its `synonyms`.
    """

    column: str
    title: str
    kind: str = "text"
    required: bool = False
    aliases: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)  # stored word -> title
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # stored word -> what people write besides
    place: str = ""
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True)
class Layer:
    """One kind of thing on the map.

    Attributes
    ----------
    name : the word used everywhere, singular
    table : its current rows, retired ones included
    geometry : point, line or polygon, as stored in `geom`; empty for rows that have none and are never drawn
    tile_columns : what a tile carries; never a personal column
    list_columns : what a list, a search and an export carry beside them
    computed : properties worked out when asked, such as whether a zone is in force now
    min_zoom : the zoom from which single features are drawn
    cluster_zoom : points are drawn as counted clusters from here to `min_zoom`; None for no clusters
    drawn : what tiles read when it is not the table itself (with `code`, `tile_geom` and the tile columns)
    draws_from : the other layers whose changes alter what `drawn` shows
    name_column : the column that names a thing to people
    code_letter : the letter in generated codes of layers whose codes are not a chain of digits
    is_live : small and changing: fetched whole as GeoJSON, not as tiles
    is_on : drawn when the map opens
    shows_persons : its features are where persons live or stand: prints of it are marked with who made them
    """

    name: str
    title: str
    table: sa.Table
    geometry: str
    style: Style
    tile_columns: tuple[str, ...]
    min_zoom: int
    view: str
    edit: str
    list_columns: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    computed: Mapping[str, sa.ColumnElement] = field(default_factory=dict)
    cluster_zoom: int | None = None
    drawn: sa.FromClause | None = None
    name_column: str = "name"
    draws_from: tuple[str, ...] = ()
    code_letter: str = ""
    is_live: bool = False
    is_on: bool = True
    shows_persons: bool = False

    @property
    def is_drawn(self) -> bool:
        """Return whether the layer's rows are things on the map."""
        return self.geometry != ""

    @property
    def geom(self) -> sa.ColumnElement:
        """Return the geometry of the layer's rows, NULL for a layer that is not drawn."""
        return self.table.c.geom if self.is_drawn else sa.cast(sa.null(), Geometry())

    @property
    def source(self) -> sa.FromClause:
        """Return what tiles read: `drawn`, or the table."""
        return self.table if self.drawn is None else self.drawn

    @property
    def public_columns(self) -> tuple[str, ...]:
        """Return the columns of a feature's properties, personal ones left out."""
        wanted = dict.fromkeys(("code", *self.tile_columns, *self.list_columns))
        return tuple(name for name in wanted if name in self.table.c and not self.table.c[name].info.get("personal"))

    def current(self) -> sa.ColumnElement[bool]:
        """Return the condition that a row is in force: not retired."""
        return self.table.c.valid_to.is_(None)


class Layers(Mapping[str, Layer]):
    """The layers of an application by name, in drawing order: the first lies lowest."""

    def __init__(self, layers: Iterable[Layer]) -> None:
        self._by_name = {layer.name: layer for layer in layers}

    def __getitem__(self, name: str) -> Layer:
        try:
            return self._by_name[name]
        except KeyError:
            raise NotFound(f"There is no layer {name[:60]!r}. Layers: {', '.join(self._by_name)}.") from None

    def drawn(self) -> list[Layer]:
        """Return the layers that are drawn, the lowest first."""
        return [layer for layer in self._by_name.values() if layer.is_drawn]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)
