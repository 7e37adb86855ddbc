"""What building grids needs of the register: a community, its buildings with households, and the streets in it."""

from dataclasses import dataclass, field
from typing import Any

import shapely
import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.districting import Band, Footprint, reach
from gridmap.districting.atoms import require_fit
from gridmap.errors import InvalidInput, NotAllowed, NotFound
from gridmap.hierarchy import building, community, estate_names, household
from gridmap.reports.aggregates import FEW
from gridmap.reports.nodes import COUNTED_BY
from gridmap.roles import MIN_CELL
from gridmap.streets.tables import edge, network

MOST_GRIDS = 200
STAND_IN = MIN_CELL // 2  # households that a building with a small number counts as
NEEDED = ("community.view", "building.view", "household.count")


@dataclass(frozen=True)
class Question:
    """Which community is to be parted, and into grids of how many households."""

    code: str
    band: Band
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Prepared:
    """A question with all that the database knows of it.

    `hidden` are the buildings whose households whoever asks may not be told; each of them counts as two.
    """

    question: Question
    name: str
    area: Any
    footprints: list[Footprint]
    names: dict[str, str]
    streets: list[Any]
    hidden: dict[str, str] = field(default_factory=dict)


def prepare(conn: sa.Connection, actor: Actor, question: Question) -> Prepared:
    """Return what a question needs of the database.

    Notes
    -----
    Without `household.exact`, buildings with one to four households are hidden, and each counts as two: no figure of grids,
    however buildings are moved between them, nor a difference from any other table of figures tells a small number.

    Raises
    ------
    NotAllowed without the verbs, or for somebody who sees a part of the community only; NotFound; InvalidInput for a
    community without area, buildings or households, or a band that is none.
    """
    for verb in NEEDED:
        actor.require(verb)
    if not 1 <= question.band.low < question.band.high:
        raise InvalidInput("The most households of a grid must be more than the fewest. 上限须大于下限。", where="high")
    c = community.c
    row = conn.execute(
        sa.select(c.name, sa.func.ST_AsBinary(c.geom).label("shape")).where(
            c.code == question.code, c.valid_to.is_(None), within_scope(community, actor)
        )
    ).first()
    if row is None:
        raise NotFound(f"There is no community with the code {question.code[:40]!r}.", where="code")
    if not all(_holds_whole(actor, verb, question.code) for verb in NEEDED):
        raise NotAllowed(
            "You see a part of this community only; grids are built for a whole one. 只能为整个社区划分网格。"
        )
    if row.shape is None:
        raise InvalidInput("This community has no area on the map yet. Draw or import it first.", where="code")
    counts = _buildings(conn, actor, question.code)
    reasons = {} if _holds_whole(actor, "household.exact", question.code) else _hidden(counts)
    told = {one.code: STAND_IN if one.code in reasons else int(one.households) for one in counts}
    _require_reachable(sum(told.values()), question.band)
    footprints = [Footprint(one.code, told[one.code], shapely.from_wkb(bytes(one.shape))) for one in counts]
    area = shapely.from_wkb(bytes(row.shape))
    require_fit(area, footprints)
    names = _names(conn, actor, counts)
    return Prepared(question, row.name, area, footprints, names, _streets(conn, question.code), reasons)


def _require_reachable(households: int, band: Band) -> None:
    if not households:
        raise InvalidInput(
            "There are no households in this community yet. Enter or import them first. 该社区尚无住户，请先录入或导入。",
            where="code",
        )
    count = reach(households, band).count
    if count > MOST_GRIDS:
        raise InvalidInput(
            f"{households:,} households would make {count:,} grids, {MOST_GRIDS} at most: ask for larger ones."
            f" 将划出 {count:,} 个网格，超过 {MOST_GRIDS} 个，请调大范围。",
            where="high",
        )


def _holds_whole(actor: Actor, verb: str, code: str) -> bool:
    return any(code.startswith(place) for place in actor.places_for(verb))


def _buildings(conn: sa.Connection, actor: Actor, code: str) -> list[Any]:
    b, h = building.c, household.c
    counts = (
        sa.select(h.county, h.building_id, sa.func.count().label("households"))
        .where(h.valid_to.is_(None), h.community == code, within_scope(household, actor, *COUNTED_BY))
        .group_by(h.county, h.building_id)
        .subquery("counts")
    )
    held = sa.func.coalesce(counts.c.households, 0).label("households")
    query = (
        sa.select(b.code, b.name, held, sa.func.ST_AsBinary(b.geom).label("shape"))
        .select_from(building.outerjoin(counts, sa.and_(counts.c.county == b.county, counts.c.building_id == b.id)))
        .where(b.valid_to.is_(None), b.community == code, within_scope(building, actor))
        .order_by(b.code)
    )
    return list(conn.execute(query))


def _names(conn: sa.Connection, actor: Actor, counts: list[Any]) -> dict[str, str]:
    """Return buildings by code as people call them: two estates may each have a 1幢."""
    estates = estate_names(conn, actor, {one.code for one in counts}) if actor.may("estate.view") else {}
    return {one.code: f"{estates.get(one.code, '')}{one.name}" for one in counts}


def _hidden(counts: list[Any]) -> dict[str, str]:
    """Return the buildings whose households are not told, and why."""
    return {one.code: FEW for one in counts if 0 < one.households < MIN_CELL}


def _streets(conn: sa.Connection, code: str) -> list[Any]:
    c = community.c
    area = sa.select(c.geom).where(c.code == code, c.valid_to.is_(None)).scalar_subquery()
    query = (
        sa.select(sa.func.ST_AsBinary(edge.c.geom))
        .join(network, sa.and_(network.c.county == edge.c.county, network.c.id == edge.c.street_network_id))
        .where(network.c.valid_to.is_(None), edge.c.geom.op("&&")(area))
        .order_by(edge.c.county, edge.c.number)
    )
    lines = [shapely.from_wkb(bytes(line)) for line in conn.scalars(query)]
    unique = {line.normalize().wkb: line for line in lines}  # both ways of a street
    return [unique[key] for key in sorted(unique)]
