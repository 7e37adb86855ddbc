"""A siting question about the register: who is to be served, where points may stand, which stand already."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.errors import InvalidInput
from gridmap.hierarchy import building, household
from gridmap.layers.supply_point import KINDS
from gridmap.reports import nodes, services
from gridmap.reports.nodes import COUNTED_BY, Node
from gridmap.roles import MIN_CELL
from gridmap.siting import Problem, Result, solve
from gridmap.walking import Walker, open_walker

MOST_CELLS = 20_000_000  # distances kept at once, 160 MB
Report = Callable[[float], None]


@dataclass(frozen=True)
class Question:
    """What is asked; `existing` points are kept as they are (fixed), may be moved (movable), or are not there (none)."""

    place: str
    service: str
    p: int
    objective: Literal["median", "cover"]
    reach_m: float
    existing: Literal["fixed", "movable", "none"]
    candidates: Literal["buildings", "venues"]
    method: str | None = None
    exact_s: float = 60.0


@dataclass(frozen=True)
class Place:
    """Somewhere a point may stand or stands; `is_existing` points come first."""

    code: str
    name: str
    lon: float
    lat: float
    is_existing: bool


@dataclass(frozen=True, eq=False)
class Prepared:
    """A question with all that the database knows of it; the distances are worked out when they are wanted."""

    question: Question
    places: list[Place]
    spots: list[tuple[float, float]]
    weights: np.ndarray
    count: int
    fixed: np.ndarray
    walker: Walker

    @cached_property
    def problem(self) -> Problem:
        """The numbers: metres on foot from each candidate to each building."""
        away = np.column_stack([_metres(self.walker, place, self.spots) for place in self.places])
        asked = self.question
        return Problem(away, self.weights, self.count, asked.objective, asked.reach_m, self.fixed)

    @property
    def cut_off(self) -> int:
        """Return how many buildings no candidate can be walked to from."""
        return int((~np.isfinite(self.problem.distance_m)).all(axis=1).sum())


def prepare(conn: sa.Connection, actor: Actor, question: Question) -> Prepared:
    """Return what a question needs of the database: buildings with their households, and candidate places.

    Notes
    -----
    Demand is households by building. For who holds no `household.exact`, a building with one to four counts as four, so
    that no answer tells a smaller number.

    Raises
    ------
    NotAllowed without `building.view`, `household.count` and the right to see supply points; InvalidInput for a question
    that is too large or asks for more points than there are candidates.
    """
    for verb in ("building.view", "household.count", "supply_point.view"):
        actor.require(verb)
    if question.service not in ("supply_point", *KINDS):
        raise InvalidInput(f"service must be one of: supply_point, {', '.join(KINDS)}.", where="service")
    node = nodes.find(conn, actor, question.place)
    demand = _demand(conn, actor, node)
    places = _existing(conn, actor, question) + _candidates(conn, actor, question, node)
    if not demand or not places:
        raise InvalidInput("There are no households or no candidate places here.", where="place")
    if len(demand) * len(places) > MOST_CELLS:
        raise InvalidInput(
            f"{len(demand):,} buildings and {len(places):,} candidates are too many at once: ask for a smaller place.",
            where="place",
        )
    walker = open_walker(conn, method=question.method)
    held = sum(place.is_existing for place in places)
    fixed = np.arange(held if question.existing == "fixed" else 0, dtype=np.int64)
    count = question.p + (held if question.existing == "movable" else 0)
    if count > len(places) - len(fixed):
        raise InvalidInput(f"There are {len(places) - held:,} candidate places: p is at most that.", where="p")
    weights = np.array([row.weight for row in demand], float)
    return Prepared(question, places, [(row.lon, row.lat) for row in demand], weights, count, fixed, walker)


def _metres(walker: Walker, place: Place, spots: list[tuple[float, float]]) -> list[float]:
    walks = walker.to_many((place.lon, place.lat), spots)
    return [np.inf if walk.distance_m is None else walk.distance_m for walk in walks]


def _demand(conn: sa.Connection, actor: Actor, node: Node) -> list[Any]:
    h, b = household.c, building.c
    inside = node.holds(household)
    seen = sa.and_(h.valid_to.is_(None), within_scope(household, actor, *COUNTED_BY))
    exact = sa.func.bool_and(within_scope(household, actor, "household.exact"))
    least = sa.case((exact, sa.func.count()), else_=sa.func.greatest(sa.func.count(), MIN_CELL - 1))
    counts = (
        sa.select(h.county, h.building_id, least.label("weight"))
        .where(seen, sa.true() if inside is None else inside)
        .group_by(h.county, h.building_id)
        .subquery("counts")
    )
    query = (
        sa.select(b.code, sa.func.ST_X(b.position).label("lon"), sa.func.ST_Y(b.position).label("lat"), counts.c.weight)
        .join(counts, sa.and_(counts.c.county == b.county, counts.c.building_id == b.id))
        .where(b.valid_to.is_(None), within_scope(building, actor))
        .order_by(b.code)
    )
    return list(conn.execute(query))


def _existing(conn: sa.Connection, actor: Actor, question: Question) -> list[Place]:
    if question.existing == "none":
        return []
    found = services.options(conn, actor, question.service, None).items
    return [Place(one.code, one.name or one.code, one.lon, one.lat, True) for one in found]


def _candidates(conn: sa.Connection, actor: Actor, question: Question, node: Node) -> list[Place]:
    if question.candidates == "venues":
        taken = {one.code for one in _existing(conn, actor, question)}
        offered = services.options(conn, actor, "venue", None).items
        return [
            Place(one.code, one.name or one.code, one.lon, one.lat, False) for one in offered if one.code not in taken
        ]
    b, inside = building.c, node.holds(building)
    rows = conn.execute(
        sa.select(b.code, b.name, sa.func.ST_X(b.position), sa.func.ST_Y(b.position))
        .where(b.valid_to.is_(None), within_scope(building, actor), sa.true() if inside is None else inside)
        .order_by(b.code)
    )
    return [Place(*row, False) for row in rows]


def answer(prepared: Prepared, report: Report = lambda share: None) -> dict[str, Any]:
    """Return the answer as plain values: the chosen places with what each adds, before and after, and how good it is."""
    result = solve(prepared.problem, exact_s=prepared.question.exact_s, report=report)
    problem, places = prepared.problem, prepared.places
    standing = [number for number, place in enumerate(places) if place.is_existing]
    opened = [*problem.fixed.tolist(), *result.opened]
    chosen = [
        {
            "code": places[number].code, "name": places[number].name, "lon": places[number].lon,
            "lat": places[number].lat, "is_existing": places[number].is_existing, **_served(problem, opened, number),
        }
        for number in result.opened
    ]  # fmt: skip
    return {
        "chosen": chosen, "status": result.status, "gap": result.gap, "method": prepared.walker.method,
        "before": _figures(problem, standing), "after": _figures(problem, opened),
        "cut_off_buildings": prepared.cut_off, **_objective(prepared, result),
    }  # fmt: skip


def _objective(prepared: Prepared, result: Result) -> dict[str, Any]:
    whole = float(prepared.problem.weights.sum())
    is_median = prepared.problem.objective == "median"
    return {
        "objective": prepared.problem.objective,
        "value": result.value / whole if is_median else result.value,
        "bound": None if result.bound is None else result.bound / whole if is_median else result.bound,
        "value_is": "mean_m" if is_median else "households_in_reach",
    }


def _served(problem: Problem, opened: list[int], number: int) -> dict[str, Any]:
    """Return whom a place is nearest to; fewer than five households are told as null."""
    nearest = np.array(opened)[problem.distance_m[:, opened].argmin(axis=1)]
    own = (nearest == number) & np.isfinite(problem.distance_m[:, number])
    served = int(problem.weights[own].sum())
    return {"households": served if served == 0 or served >= MIN_CELL else None}


def _figures(problem: Problem, opened: list[int]) -> dict[str, float | None]:
    """Return the mean walk in metres of those who have one, and the share of households within the reach, 0 to 1."""
    if not opened:
        return {"mean_m": None, "share_in_reach": 0.0}
    least = problem.distance_m[:, opened].min(axis=1)
    reached = np.isfinite(least)
    weight = float(problem.weights[reached].sum())
    mean = float(problem.weights[reached] @ least[reached]) / weight if weight else None
    inside = float(problem.weights[least <= problem.reach_m].sum())
    return {"mean_m": mean, "share_in_reach": inside / float(problem.weights.sum())}
