"""Loading the demo: the generator's rows by COPY into an empty database, all or nothing."""

from collections.abc import Callable, Iterator
from datetime import date
from itertools import chain, repeat
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from gridmap import hierarchy, personal
from gridmap.access import LOCAL, Actor
from gridmap.basemap import drawing
from gridmap.basemap import storing as basemap
from gridmap.db import transaction, translated
from gridmap.demo import ground_map
from gridmap.demo.district import DEFAULT_HOUSEHOLDS, generate
from gridmap.demo.rows import COUNTY, Batch
from gridmap.errors import Conflict
from gridmap.layers import closure_zone, party_household, party_unit, street, supply_point, volunteer
from gridmap.layers.household.visits import visit
from gridmap.occupants import resident, resident_priority
from gridmap.streets import files, storing

SOURCE = "gridmap demo"
ATTRIBUTION = "演示数据 Demo data (gridmap)"
DEMO = Actor("demo", LOCAL.rights)
Progress = Callable[[int, int], None]  # households done, households wanted

ORDER = (  # parents before children
    hierarchy.division, street.table, hierarchy.community, hierarchy.neighbourhood, hierarchy.estate,
    hierarchy.building, hierarchy.building_estate, hierarchy.household, hierarchy.household_priority, resident, resident_priority, visit,
    party_unit.table, party_unit.neighbourhood_party_unit, party_unit.building_party_unit, party_household.table,
    supply_point.table, supply_point.stock_count, volunteer.table, volunteer.building_volunteer, closure_zone.table,
)  # fmt: skip
_CHUNK = 5_000  # households written at once; bounds the memory
_LOCK = COUNTY  # the advisory lock at which a second load waits

Chunk = dict[sa.Table, list[Batch]]


def load(
    engine: sa.Engine,
    actor: Actor,
    *,
    households: int = DEFAULT_HOUSEHOLDS,
    seed: int = 1,
    day: date | None = None,
    progress: Progress = lambda done, wanted: None,
) -> int:
    """Load a synthetic district into an empty database, in one transaction, and return its households.

    Parameters
    ----------
    households, seed : as for `generate`
    day : what the counts of stock and the closure zones are dated by; today in Asia/Shanghai unless told otherwise
    progress : called now and then with the households done and wanted

    Raises
    ------
    Conflict if the database has communities already; InvalidInput for a number of households out of range.
    """
    actor.require("demo.load")
    done = 0
    with transaction(engine, actor) as conn:
        _refuse_unless_empty(conn)
        cells = 0
        for chunk in _chunks(generate(households, seed, day=day or _today(conn))):
            cells += len(chunk.get(street.table, ()))  # one batch of streets a cell
            _write(conn, chunk, actor)
            done += sum(map(len, chunk[hierarchy.household]))
            progress(min(done, households), households)
        for table in ORDER:
            conn.execute(sa.text("ANALYZE " + conn.dialect.identifier_preparer.format_table(table)))
        walkable = files.from_layer(conn, actor, street.table, COUNTY)
        storing.store(conn, actor, walkable, county=COUNTY, source=SOURCE)
        if drawing.current(conn) is None:  # a base map of one's own stays
            drawn = chain(ground_map.things(seed, cells), ground_map.places(conn))
            basemap.store(conn, actor, drawn, basemap.About(SOURCE, SOURCE, ATTRIBUTION))
    progress(households, households)
    return done


def load_sample(engine: sa.Engine, progress: Callable[[str], None] = lambda line: None) -> int:
    """Load what a newcomer sees first, the demo district in its usual size; `progress` is told a line at the end."""
    done = load(engine, DEMO)
    progress(f"The demo district has {done:,} households. 演示区共 {done:,} 户，全部为虚构数据。")
    return done


def _refuse_unless_empty(conn: sa.Connection) -> None:
    conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    if conn.scalar(sa.select(sa.exists(sa.select(hierarchy.community.c.id)))):
        raise Conflict(
            "This database has communities already, and the demo is for an empty one. Name another database by"
            " GRIDMAP_DATABASE_URL, or another folder by GRIDMAP_HOME, and load the demo there."
        )


def _today(conn: sa.Connection) -> date:
    today: date = conn.execute(sa.text("SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date")).scalar_one()
    return today


def _chunks(batches: Iterator[Batch]) -> Iterator[Chunk]:
    """Yield batches gathered by table, whole communities only, some thousand households at a time."""
    chunk: Chunk = {}
    households = 0
    for batch in batches:
        if batch.table is street.table and households >= _CHUNK:  # streets open the next community
            yield chunk
            chunk, households = {}, 0
        if batch.table is hierarchy.household:
            households += len(batch)
        chunk.setdefault(batch.table, []).append(batch)
    yield chunk


def _write(conn: sa.Connection, chunk: Chunk, actor: Actor) -> None:
    """Copy a chunk into its tables, parents first."""
    driver: Any = conn.connection.driver_connection
    vault = personal.hold(conn)
    for table in ORDER:
        if table not in chunk:
            continue
        sealed = [Batch(table, personal.sealed_columns(vault, table, batch.columns)) for batch in chunk[table]]
        try:
            with driver.cursor() as cursor:
                _copy(cursor, table, sealed, actor)
        except psycopg.Error as exc:
            raise translated(sa.exc.DBAPIError(f"COPY {table.name}", None, exc)) from exc


def _copy(cursor: psycopg.Cursor[Any], table: sa.Table, batches: list[Batch], actor: Actor) -> None:
    known = {"changed_by": actor.name, "source": SOURCE}
    marks = {name: value for name, value in known.items() if name in table.c}
    fields = sql.SQL(", ").join(map(sql.Identifier, [*batches[0].columns, *marks]))
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), fields)) as copy:
        for batch in batches:
            constants = [repeat(value, len(batch)) for value in marks.values()]
            for row in zip(*batch.columns.values(), *constants, strict=True):
                copy.write_row(row)
