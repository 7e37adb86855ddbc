"""The shapes of what comes in and goes out about closure zones."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gridmap.layer import N_
from gridmap.web.schemas import NO_CONTROLS, Strict

ZoneType = Literal[
    "lockdown", "control", "prevention", "high_risk", "medium_risk", "low_risk", "cordon", "evacuation"
]  # fmt: skip
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_CONTROLS)]
Codes = Annotated[list[Code], Field(max_length=2000)]


class ScopeBody(Strict):
    """A drawn area or a list of places, one of the two."""

    type: ZoneType
    geometry: dict[str, Any] | None = Field(
        None, description=N_("GeoJSON Polygon or MultiPolygon, degrees, EPSG:4490.")
    )
    items: Codes | None = Field(None, description=N_("Codes of grids, estates, buildings, stair units or households."))
    index: Annotated[list[Code], Field(max_length=200)] = Field(
        default=[], description=N_("Codes of the buildings, units or households that are the reason.")
    )


class CutOff(BaseModel):
    """A supply point with usual households on the other side of the border."""

    code: str
    name: str
    kind: str
    is_inside: bool
    households: int | None


class ImpactAnswer(BaseModel):
    """Whom a zone touches. None stands for what the reader may not know."""

    buildings: int | None
    households: int | None
    people: int | None
    suppressed: bool
    priority: dict[str, int] | None
    supply_points: dict[str, Any]
    volunteers: dict[str, int | None]
    needs_per_day: list[dict[str, Any]]
    days_of_cover: list[dict[str, Any]]
    overlaps: list[dict[str, Any]]
    smaller: dict[str, Any]
    scope_text: str
    as_of: str
