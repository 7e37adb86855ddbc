"""The shapes of siting questions and their answers."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from gridmap.layer import N_
from gridmap.web.schemas import PlainText, Strict


class SitingBody(Strict):
    """Where p new points of a service should stand in a place."""

    place: PlainText = Field(description=N_("Code of the place whose households are to be served."))
    service: PlainText = Field("supply_point", description=N_("supply_point or a kind of it: what stands already."))
    p: int = Field(ge=1, le=500, description=N_("How many new points."))
    objective: Literal["median", "cover"] = Field(
        "median", description=N_("median: shortest walk on average; cover: most households within the reach.")
    )
    reach_m: float = Field(500.0, gt=0, le=20_000, allow_inf_nan=False, description=N_("Metres."))
    existing: Literal["fixed", "movable", "none"] = Field(
        "fixed", description=N_("Points that stand already are kept, may be moved, or are left out of account.")
    )
    candidates: Literal["buildings", "venues"] = Field("buildings", description=N_("Where new points may stand."))
    method: Literal["walk", "geodesic"] | None = None
    exact_s: float = Field(
        60.0, ge=0, le=600, allow_inf_nan=False, description=N_("Seconds an exact solution may take.")
    )


class RunPath(BaseModel):
    """A run's number in the path."""

    run: UUID


class SitingFigures(BaseModel):
    """The mean walk in metres of those who have one, and the share of households within the reach, 0 to 1."""

    mean_m: float | None
    share_in_reach: float


class SitingPlace(BaseModel):
    """A chosen place and the households it would be nearest to; null for fewer than five."""

    code: str
    name: str
    lon: float
    lat: float
    is_existing: bool
    households: int | None


class SitingResult(BaseModel):
    """The answer: `status` is optimal only where the solver proved it; `gap` 0 to 1, null if nothing is known of it."""

    chosen: list[SitingPlace]
    status: Literal["optimal", "time_limit", "heuristic"]
    objective: Literal["median", "cover"]
    value: float
    value_is: Literal["mean_m", "households_in_reach"]
    bound: float | None
    gap: float | None
    method: Literal["walk", "estimate", "geodesic"]
    before: SitingFigures
    after: SitingFigures
    cut_off_buildings: int


class SitingAnswer(BaseModel):
    """A run: its address, how far it is (0 to 1), and its result once it is done."""

    id: UUID
    href: str
    state: Literal["running", "done", "cancelled", "failed"]
    progress: float
    asked: dict[str, Any]
    result: SitingResult | None
