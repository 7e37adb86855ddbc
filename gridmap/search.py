"""Search by code, by name (as it is written, in pinyin, or by initials, from the beginning of any part) and by address.

`search_term` holds the beginnings one may type; triggers keep it in step with the tables (migration 0014), and what is
given up stays for searches of the past (migration 0020). gridmap.terms asks them.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from gridmap import address_search, terms
from gridmap.access import COMMUNITY_DIGITS, Actor, within_scope
from gridmap.crs import Position
from gridmap.errors import InvalidInput
from gridmap.hierarchy import LEVELS, building, building_estate, estate, household
from gridmap.history import moment_of
from gridmap.layer import Layer
from gridmap.tables import geography

MAX_QUERY_CHARS = 60
MAX_MATCHES = 2000  # of one layer that are sorted by distance; a text that more things begin with is too short
MAX_OF_ONE_SIGN = 300  # the same for a single letter or digit: first results while typing
_NUMBER_IN = re.compile(r"(?P<estate>[^\d]+)(?P<number>\d+)(?:号楼|号|栋|座|楼|幢|#)?")


@dataclass(frozen=True)
class Found:
    """One result of a search."""

    layer: str
    code: str
    name: str
    community: str | None
    lon: float | None
    lat: float | None
    distance_m: float | None


def search(
    conn: sa.Connection, actor: Actor, layers: Sequence[Layer], text: str, *, near: Position | None, limit: int = 8
) -> list[Found]:
    """Return what a text is the beginning of, the best first: a code, a part of a name, its pinyin or its initials.

    A text that is an address with a room (gridmap.address_search) finds its household too.

    Parameters
    ----------
    text : full-width digits and letters, 号, 栋, 座 and 幢 behind a number are taken alike; an estate's name may stand
        before a building's number
    limit : of each layer

    Notes
    -----
    Whole codes and names come first; then the levels of the hierarchy from above, then the other layers; in each the
    nearest to `near`. Names of persons are not searched (gridmap.persons does that, by right and on record).
    """
    wanted = text.strip()
    if len(wanted) > MAX_QUERY_CHARS or "\x00" in wanted:
        raise InvalidInput(f"A search holds at most {MAX_QUERY_CHARS} characters.", where="q")
    is_past = moment_of(conn) is not None
    asked = [
        _matches(actor, layer, wanted, near, limit, is_past=is_past)
        for layer in layers
        if actor.may(layer.view) and (is_named(layer) or not _is_too_short(layer, wanted))
    ]
    households = next((layer for layer in layers if layer.table is household and actor.may(layer.view)), None)
    if households is not None:
        homes = address_search.homes(conn, actor, wanted, near, limit, is_past=is_past)
        asked += [] if homes is None else [homes]
    if not wanted or not asked:
        return []
    rows = conn.execute(sa.union_all(*asked))
    found = [(row.is_whole, row.distance_m is None, row.distance_m or 0.0, Found(*row[:7])) for row in rows]
    found.sort(key=lambda one: (not one[0], _level(one[3].layer), one[3].layer, one[1], one[2], one[3].code))
    return [one[3] for one in found]


def is_named(layer: Layer) -> bool:
    """Return whether a layer's things have a name that everybody who sees them may know."""
    return "name" in layer.table.c and not layer.table.c.name.info.get("personal")


def _level(layer: str) -> int:
    """Return how deep a layer lies in the hierarchy; the other layers come after all of its levels."""
    return LEVELS.index(layer) if layer in LEVELS else len(LEVELS)


def _matches(actor: Actor, layer: Layer, text: str, near: Position | None, limit: int, *, is_past: bool) -> sa.Select:
    table, written = layer.table, unicodedata.normalize("NFKC", text)
    name, is_whole = table.c.code, table.c.code == written
    if is_named(layer):
        name, is_whole = table.c.name, sa.or_(is_whole, sa.func.search_norm(table.c.name) == sa.func.search_norm(text))
    spot = sa.func.ST_PointOnSurface(layer.geom)
    away_m: sa.ColumnElement = sa.cast(sa.null(), sa.Float)
    if near is not None and layer.is_drawn:
        away_m = sa.func.ST_Distance(geography(spot), sa.func.ST_GeogFromText(near.ewkt))
    keys = _keys(actor, layer, written, is_past=is_past).cte(f"{layer.name}_keys").prefix_with("MATERIALIZED")
    inner = (
        sa.select(
            sa.literal(layer.name).label("layer"), table.c.code, name.label("name"),
            (table.c.community if "community" in table.c else sa.cast(sa.null(), sa.Text)).label("community"),
            sa.func.ST_X(spot).label("lon"), sa.func.ST_Y(spot).label("lat"), away_m.label("distance_m"),
            is_whole.label("is_whole"),
        )
        .join(keys, sa.and_(keys.c.county == table.c.county, keys.c.thing_id == table.c.id))
        .where(layer.current(), within_scope(table, actor))
        .order_by(sa.desc("is_whole"), sa.text("distance_m NULLS LAST"), table.c.code)
        .limit(limit)
        .subquery()
    )  # fmt: skip
    return sa.select(inner)


def _keys(actor: Actor, layer: Layer, text: str, *, is_past: bool) -> sa.CompoundSelect:
    """Select the keys of what a text begins, by code and by name."""
    table = layer.table
    parts = [_by_code(actor, layer, text).subquery().select()]
    if is_named(layer):
        parts.append(_by_name(actor, table, text, is_past=is_past).subquery().select())
    if table is building and (found := _NUMBER_IN.fullmatch(text.replace(" ", ""))):
        parts.append(_numbered(actor, found["estate"], found["number"], is_past=is_past))
    return sa.union(*parts)


def _by_code(actor: Actor, layer: Layer, text: str) -> sa.Select:
    """Select what a text is the beginning of the code of."""
    table = layer.table
    begun = sa.and_(table.c.code >= text, table.c.code < text + terms.END)
    return (
        sa.select(table.c.county, table.c.id.label("thing_id"))
        .where(begun, layer.current(), within_scope(table, actor))
        .order_by(table.c.code)
        .limit(_most(text))
    )


def _is_too_short(layer: Layer, text: str) -> bool:
    """Return whether too many codes begin so: those of households are sought from their community's code on."""
    return "building" in layer.table.c and len(text) < COMMUNITY_DIGITS


def _most(text: str) -> int:
    return MAX_MATCHES if len(text) > 1 else MAX_OF_ONE_SIGN


def _by_name(actor: Actor, table: sa.Table, text: str, *, is_past: bool) -> sa.Select:
    return terms.keys(actor, table, terms.begins(text), is_past=is_past, limit=_most(text))


def _numbered(actor: Actor, estate_name: str, number: str, *, is_past: bool) -> sa.Select:
    """Select the buildings with a number in the estates whose name begins so: 芳草苑3, fcy3幢."""
    estates = _by_name(actor, estate, estate_name, is_past=is_past).subquery("estates")
    b, pair = building.c, building_estate.c
    begun = sa.func.search_norm(number + "幢")
    return (
        sa.select(b.county, b.id.label("thing_id"))
        .select_from(estates)
        .join(building_estate, sa.and_(pair.county == estates.c.county, pair.estate_id == estates.c.thing_id))
        .join(building, sa.and_(b.county == pair.county, b.id == pair.building_id))
        .where(sa.func.search_norm(b.name) == begun, b.valid_to.is_(None), within_scope(building, actor))
    )
