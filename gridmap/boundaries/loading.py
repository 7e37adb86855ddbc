"""A file of grids taken as a set beside those in force, by the rules and with the report of an import."""

import sqlalchemy as sa
from geoalchemy2.shape import to_shape

from gridmap.boundaries import sets
from gridmap.boundaries.sets import Cell
from gridmap.exchange.takeover import Instead
from gridmap.exchange.work import Work
from gridmap.hierarchy import neighbourhood


def into_set(name: str) -> Instead:
    """Return what takes the good rows of an import of grids as one new set for each community, instead of storing them.

    Parameters
    ----------
    name : of the set; each community's has it

    Notes
    -----
    A row whose code or key is that of a grid in force goes on as that grid. In a file without codes the others go on as
    the grid they share most of their area with, or are new.
    """

    def take(work: Work) -> None:
        for community, cells in _cells(work).items():
            made = sets.propose(work.conn, work.actor, community, cells, name=name, source=work.report.name)
            work.report.inserted += len(cells)
            if work.report.is_dry_run:
                continue  # undone in a moment
            work.report.sets.append(made)
            work.report.note(
                "boundary_set",
                f"{len(cells)} grids of {community} are the set {made}, not in force. Compare it at /boundaries/{made}.",
                f"{community} 的 {len(cells)} 个网格已存为第 {made} 套（未启用），可在 /boundaries/{made} 对比。",
            )

    return take


def _cells(work: Work) -> dict[str, list[Cell]]:
    """Return the good rows as cells by community, in the order of the file."""
    rows, n = work.rows, neighbourhood.c
    same = sa.and_(n.county == rows.c.county, n.id == rows.c.id, n.valid_to.is_(None))
    told = rows.c.name if "name" in rows.c else sa.null()
    query = (
        sa.select(rows.c.community, sa.func.coalesce(told, n.name), rows.c.code, rows.c.is_new, rows.c.geom)
        .join_from(rows, neighbourhood, same, isouter=True)
        .where(work.good)
        .order_by(rows.c.row)
    )
    has_codes = work.plan.has("code")
    found: dict[str, list[Cell]] = {}
    for community, name, code, is_new, geom in work.conn.execute(query):
        known = code if has_codes or not is_new else None
        found.setdefault(community, []).append(Cell(name, known, to_shape(geom)))
    return found
