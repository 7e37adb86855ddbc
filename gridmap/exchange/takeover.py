"""The way of a file into the database: one transaction, all rows or none unless a part was asked for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import sqlalchemy as sa

from gridmap import audit, personal
from gridmap import crs as systems
from gridmap.access import Actor
from gridmap.db import transaction
from gridmap.errors import ImportRefused, InvalidInput
from gridmap.exchange import (
    addressed,
    apart,
    chain,
    columns,
    counties,
    details,
    doubts,
    following,
    households,
    identity,
    incoming,
    overlaps,
    places,
    reading,
    residents,
    stock,
    store,
)
from gridmap.exchange.report import ImportReport
from gridmap.exchange.rows import Loader, Progress
from gridmap.exchange.source import Source
from gridmap.exchange.work import Work
from gridmap.layer import Layer

NO_SYSTEM = (
    "The file does not say its coordinate system. State it with --crs: EPSG:4490 (CGCS2000), EPSG:4326 (WGS 84, GPS),"
    " EPSG:4549 and the like (Gauss-Krüger), GCJ-02 (Amap, Tencent) or BD-09 (Baidu). Maps of China that come without"
    " it are often GCJ-02, half a kilometre off."
)
Stored = Callable[[sa.Connection, ImportReport], None]
Instead = Callable[[Work], None]
NEEDS_NO_SHAPE = ("party_household", "resident")  # they are where their household is


def quiet(stage: str, rows: int) -> None:
    """Tell nobody how far an import is."""


def nothing_else(conn: sa.Connection, report: ImportReport) -> None:
    """Do no more in an import's transaction."""


def import_file(
    engine: sa.Engine,
    actor: Actor,
    layer: Layer,
    path: str | Path,
    *,
    crs: str | None = None,
    encoding: str | None = None,
    key: Sequence[str] = (),
    assign: Mapping[str, str] | None = None,
    mapping: Mapping[str, str] | None = None,
    name: str = "",
    merge: bool = False,
    repair: bool = False,
    partial: bool = False,
    dry_run: bool = False,
    progress: Progress = quiet,
    waiting: Callable[[], None] = apart.never,
    finished: Stored = nothing_else,
    instead: Instead | None = None,
) -> ImportReport:
    """Bring the rows of a file into a layer and return what came of it.

    Parameters
    ----------
    crs : EPSG:xxxx, GCJ-02 or BD-09; needed unless the file states its own, and stronger than what the file states
    encoding : of the text; found out if not stated
    key : columns whose values name a thing where the file has no code; stored as its `source_key`
    assign : field to the value it has in every row
    mapping : heading of the file to the field it fills, or to nothing; other headings are known by their names
    name : the file's name to people, where its own is not
    merge : unite rows that are about one thing (parts of a shape cut at tile edges) instead of refusing them
    repair : close open rings and mend invalid polygons instead of refusing them
    partial : take the good rows although others are refused
    dry_run : do everything, then undo it
    progress : called with a stage and a number of rows
    waiting : called a few times a second while the file is read; it may raise to give up
    finished : called at the end of the transaction, to be stored with it or not at all
    instead : takes the good rows, each of which has a shape then, and the layer stays as it is

    Returns
    -------
    ImportReport; with refused rows and without `partial`, nothing was stored.

    Raises
    ------
    NotAllowed without the layer's edit verb; ImportRefused if the file as a whole cannot be taken; InvalidInput for an
    argument; Conflict or Unavailable from the database.
    """
    actor.require(layer.edit)
    if not layer.fields:
        raise InvalidInput(f"Rows of {layer.name} cannot be imported.", where="layer")
    report = ImportReport(layer.name, reading.checked_path(path), encoding=encoding, is_dry_run=dry_run)
    report.name = name or report.path.name
    with (
        apart.opened(path, encoding=encoding, layer=layer.name, waiting=waiting) as source,
        transaction(engine, actor) as conn,
    ):
        plan = columns.plan(layer, source, key=key, assign=assign or {}, mapping=mapping or {})
        system = _system(layer, source, plan, crs, report)
        report.format, report.notes = source.format, [*source.notes, *plan.notes, *report.notes]
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"import {layer.name}"))))
        with conn.begin_nested() as step:
            work = Work(conn, actor, layer, incoming.table(layer), plan, report)
            work.rows.create(conn)
            vault = personal.hold(conn) if personal.columns(layer.table) else None
            Loader(layer, source, plan, system, report, vault, repair=repair).load(conn, work.rows, progress)
            if not report.read:
                raise ImportRefused(f"{report.name!r} holds no rows.")
            resolve(work, merge=merge, progress=progress)
            if instead is not None:
                store.refuse_shapeless(work)
            report.is_stored = not dry_run and (partial or not report.problems)
            if partial or not report.problems:
                if instead is None:
                    write(work, progress)
                else:
                    instead(work)
            if not report.is_stored:
                step.rollback()
        if report.is_stored and instead is None and report.inserted + report.updated:
            _tell_audit(conn, actor, report)
        finished(conn, report)
    report.problems.sort(key=lambda found: (found.row, found.column))
    return report


def _tell_audit(conn: sa.Connection, actor: Actor, report: ImportReport) -> None:
    """Record which file the changed rows came from; the triggers recorded the changes themselves."""
    facts = {"file": report.name, "crs": report.crs, "new": report.inserted, "changed": report.updated}
    audit.record(conn, actor, "import", report.layer, rows=report.inserted + report.updated, detail=facts)


def resolve(work: Work, *, merge: bool = False, progress: Progress = quiet) -> None:
    """Find out for every row which thing it is and where it belongs, and refuse what cannot be."""
    progress("check", work.report.read)
    work.conn.execute(sa.text("ANALYZE incoming"))
    identity.check_codes(work)
    if work.layer.name == "household":
        identity.match(work)
        addressed.read(work)
        places.find_building(work)
        households.make_codes(work)
    if work.layer.name == "resident":
        residents.refuse_union(work, merge=merge)
        residents.resolve(work)
    _bring_together(work, merge=merge)
    identity.match(work)
    identity.refuse_same_code(work)
    if work.layer.name == "household":
        residents.refuse_stated_counts(work)
    store.refuse_incomplete(work)
    if work.layer.name not in ("household", "resident"):
        places.find(work)
        counties.correct(work)
    if work.layer.name == "party_unit":
        places.find_parents(work)
    details.refuse_unknown_links(work)
    doubts.refuse_impossible(work)
    places.check(work)
    if work.layer.name not in ("community", "household", "party_household", "resident"):
        identity.number(work)
    if work.layer.name == "resident":
        residents.number(work)
    if work.layer.name == "party_unit":
        chain.check(work)


def _bring_together(work: Work, *, merge: bool) -> None:
    has_stock = stock.is_told(work)
    if has_stock:
        stock.set_aside(work)
    identity.group(work)
    if has_stock:
        stock.assign(work)
        identity.refuse_differing(work)
    if has_stock or merge:
        gone = identity.unite(work)
        if gone:
            work.report.note("united", f"{gone} rows were united with others.", f"{gone} 行已并入同一对象。")
    else:
        identity.refuse_repeated(work)


def write(work: Work, progress: Progress = quiet) -> None:
    """Store the good rows, with what belongs to them and what has to follow."""
    progress("write", work.report.read)
    counties.move(work)
    store.complete(work)
    store.keep_equal_shapes(work)
    store.keep_equal_persons(work)
    if work.layer.name == "resident":
        residents.mark_other_tags(work)
    store.write(work)
    details.write_links(work)
    if stock.is_told(work):
        stock.write(work)
    if work.layer.name == "household" and work.plan.has("priority"):
        details.write_priorities(work)
    if work.layer.name == "resident":
        residents.write_tags(work)
        residents.tell_returned(work)
        residents.count_people(work)
    if work.layer.name in ("building", "estate"):
        details.write_membership(work)
    following.follow(work)
    if work.layer.name == "building" and "geom" in work.rows.c:
        overlaps.tell(work)
    doubts.tell(work)
    store.count(work)


def _system(
    layer: Layer, source: Source, plan: columns.Plan, stated: str | None, report: ImportReport
) -> systems.System | None:
    """Return the coordinate system of a file's geometry, None if it has none; refuse a guess."""
    system = systems.system(stated) if stated else None
    if layer.name in NEEDS_NO_SHAPE or not (source.has_shapes or plan.has_coordinates):
        return None
    used = system or source.crs
    if used is None:
        raise ImportRefused(NO_SYSTEM, where="crs")
    if system and source.crs and system.name != source.crs.name:
        report.note(
            "crs_differs",
            f"The file says {source.crs.name}, but {system.name} was stated; the stated one was used.",
            f"文件注明 {source.crs.name}，但指定了 {system.name}；按指定的处理。",
        )
    report.crs = used.name
    how, how_zh = ("as stated", "按指定") if system else ("as the file says", "按文件注明")
    report.note("crs", f"Coordinates were read as {used.name}, {how}.", f"坐标按 {used.name} 读取（{how_zh}）。")
    if not used.is_exact:
        report.note(
            "crs_inexact",
            f"PROJ knows no exact way from {used.name} to CGCS2000: positions may be off by up to some hundred metres.",
            f"PROJ 没有 {used.name} 到 CGCS2000 的精确转换，位置误差可能达百米。",
        )
    return used
