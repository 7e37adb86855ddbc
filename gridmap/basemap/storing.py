"""Writing a base map: it replaces the one before it in one transaction, or nothing changes."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain, islice
from pathlib import Path
from uuid import UUID

import psycopg
import sqlalchemy as sa
import uuid_utils.compat as uuids

from gridmap import audit
from gridmap.access import Actor
from gridmap.basemap import geopackage
from gridmap.basemap.shapes import WORLD_PX_M, Thing, rows
from gridmap.basemap.tables import BANDS, basemap, feature
from gridmap.db import translated
from gridmap.errors import InvalidInput

EDIT = "basemap.edit"  # held by whoever has the machine, by no role
CHUNK = 20_000  # rows a COPY; bounds what the audit sorts at once
LOCK = 4492
TOLERANCE_PX, SMALLEST_PX = 0.6, 3.0  # how far a line may move, and the side below which an area goes
Progress = Callable[[str, int], None]
_COLUMNS = ("basemap_id", "number", "band", "min_zoom", "layer", "kind", "name", "name_en", "rank", "tile_geom")


@dataclass(frozen=True)
class About:
    """What a base map says of itself: shown with it on screen and on paper."""

    name: str
    source: str
    attribution: str
    dated_on: date | None = None
    review_number: str | None = None


@dataclass(frozen=True)
class Stored:
    """The key of a base map, and how many things of each layer were read."""

    id: UUID
    counts: Mapping[str, int]


def read(path: Path, progress: Progress = lambda stage, done: None) -> Iterable[Thing]:
    """Return the things of a file: .osm.pbf, .osm (also .gz, .bz2) or .gpkg.

    Raises
    ------
    InvalidInput for another kind of file or none; while things are taken, for one that cannot be read.
    """
    name = path.name.lower()
    if not path.is_file():
        raise InvalidInput(f"There is no file {str(path)[:200]!r}.", where="file")
    if name.endswith((".pbf", ".osm", ".osm.gz", ".osm.bz2", ".osm.xml")):
        from gridmap.basemap import osm  # only now: the library is heavy, and the service's start needs none of it

        return osm.things(path, progress)
    if name.endswith(".gpkg"):
        return geopackage.things(path, progress)
    raise InvalidInput(f"{path.name} is not a base map: give .osm.pbf, .osm or .gpkg.", where="file")


def store(
    conn: sa.Connection,
    actor: Actor,
    things: Iterable[Thing],
    about: About,
    progress: Progress = lambda stage, done: None,
) -> Stored:
    """Store a base map as the current one, in the caller's transaction; that before it goes.

    Raises
    ------
    NotAllowed without `basemap.edit`; InvalidInput if nothing in it can be drawn, or it does not say whose it is.
    """
    actor.require(EDIT)
    if not (about.name.strip() and about.source.strip() and about.attribution.strip()):
        raise InvalidInput("A base map says its name, its source and whose data it is.", where="attribution")
    _end_current(conn)
    key = uuids.uuid7()
    conn.execute(basemap.insert().values(
        id=key, name=about.name.strip(), source=about.source.strip(), attribution=about.attribution.strip(),
        dated_on=about.dated_on, review_number=(about.review_number or "").strip() or None,
        valid_from=sa.func.clock_timestamp(),
    ))  # fmt: skip
    counts = _copy(conn, key, things, progress)
    if not counts:
        raise InvalidInput(
            "Nothing in this file can be drawn: no water, green, railway, street or place name. "
            "文件中没有可绘制的水系、绿地、铁路、道路或地名。",
            where="file",
        )
    _generalise(conn, key, counts.total(), progress)
    audit.record(conn, actor, "import", "basemap", rows=counts.total(), detail={"source": about.source})
    return Stored(key, dict(counts))


def clear(conn: sa.Connection, actor: Actor) -> bool:
    """Take the base map away, in the caller's transaction, and return whether there was one."""
    actor.require(EDIT)
    return _end_current(conn)


def _end_current(conn: sa.Connection) -> bool:
    conn.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
    ended = conn.scalars(
        basemap.update().where(basemap.c.valid_to.is_(None)).values(valid_to=sa.func.clock_timestamp())
        .returning(basemap.c.id)
    ).all()  # fmt: skip
    if ended:
        conn.execute(feature.delete().where(feature.c.basemap_id.in_(ended)))
    return bool(ended)


def _copy(conn: sa.Connection, key: UUID, things: Iterable[Thing], progress: Progress) -> Counter[str]:
    """Copy rows in their full form into the last band, and count them by layer."""
    driver: psycopg.Connection = conn.connection.driver_connection  # type: ignore[assignment]
    names = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, _COLUMNS))
    command = psycopg.sql.SQL("COPY {} ({}) FROM STDIN").format(psycopg.sql.Identifier(feature.name), names)
    counts: Counter[str] = Counter()
    made = rows(things)
    try:
        while (first := next(made, None)) is not None:
            with driver.cursor() as cursor, cursor.copy(command) as copy:
                for min_zoom, layer, *rest in chain([first], islice(made, CHUNK - 1)):
                    copy.write_row((key, counts.total(), len(BANDS) - 1, min_zoom, layer, *rest))
                    counts[layer] += 1
            progress("store", counts.total())
    except psycopg.Error as exc:
        raise translated(sa.exc.DBAPIError("COPY basemap_feature", None, exc)) from exc
    return counts


def _generalise(conn: sa.Connection, key: UUID, number: int, progress: Progress) -> None:
    """Derive each band of smaller zooms from the one below it: points as they are, lines joined, areas simplified."""
    last = sa.select(sa.func.max(feature.c.number)).where(feature.c.basemap_id == key)
    for band in reversed(range(len(BANDS) - 1)):
        px_m = WORLD_PX_M / 2 ** BANDS[band]
        for query in (_points(key, band), _lines(key, band, px_m), _areas(key, band, px_m)):
            source = query.subquery()
            numbered = sa.select(
                sa.literal(key, sa.Uuid),
                sa.literal(number, sa.BigInteger) + sa.func.row_number().over(order_by=source.c.first),
                sa.literal(band, sa.SmallInteger),
                *(source.c[name] for name in _COLUMNS[3:]),
            ).where(~sa.func.ST_IsEmpty(source.c.tile_geom))
            conn.execute(feature.insert().from_select(_COLUMNS, numbered))
            number = conn.execute(last).scalar_one()
        progress("generalise", number)


def _of_band(key: UUID, band: int, dimension: int) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of what is drawn in a band too, of the band below it: 0 points, 1 lines, 2 areas."""
    f = feature.c
    return [
        f.basemap_id == key, f.band == band + 1, f.min_zoom <= BANDS[band], sa.func.ST_Dimension(f.tile_geom) == dimension
    ]  # fmt: skip


def _points(key: UUID, band: int) -> sa.Select:
    f = feature.c
    return sa.select(
        f.number.label("first"), f.min_zoom, f.layer, f.kind, f.name, f.name_en, f.rank, f.tile_geom
    ).where(*_of_band(key, band, 0))


def _lines(key: UUID, band: int, px_m: float) -> sa.Select:
    """Join lines of a kind within cells of a tile's width: pieces of one street are one line, without its name."""
    f, cell = feature.c, 512 * px_m
    middle = sa.func.ST_Centroid(sa.func.ST_Envelope(f.tile_geom))
    column, line = (sa.func.floor(axis(middle) / cell) for axis in (sa.func.ST_X, sa.func.ST_Y))
    together = sa.func.ST_CollectionHomogenize(sa.func.ST_Collect(f.tile_geom))  # several MultiLineStrings are none
    joined = sa.func.ST_Simplify(sa.func.ST_LineMerge(together), px_m * TOLERANCE_PX, True)
    none = sa.cast(sa.null(), sa.Text)
    return (
        sa.select(
            sa.func.min(f.number).label("first"), f.min_zoom, f.layer, f.kind, none.label("name"),
            none.label("name_en"), f.rank, joined.label("tile_geom"),
        )
        .where(*_of_band(key, band, 1))
        .group_by(f.layer, f.kind, f.min_zoom, f.rank, column, line)
    )  # fmt: skip


def _areas(key: UUID, band: int, px_m: float) -> sa.Select:
    f = feature.c
    simple = sa.func.ST_CollectionExtract(
        sa.func.ST_MakeValid(sa.func.ST_Simplify(f.tile_geom, px_m * TOLERANCE_PX, True)), 3
    )
    return sa.select(
        f.number.label("first"), f.min_zoom, f.layer, f.kind, f.name, f.name_en, f.rank, simple.label("tile_geom")
    ).where(*_of_band(key, band, 2), sa.func.ST_Area(f.tile_geom) >= (SMALLEST_PX * px_m) ** 2)
