"""The shapes of what comes in and goes out about closure zones."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

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


class DraftBody(Strict):
    """What a draft says: a name, a kind, and a drawn area snapped to whole places or a list of places."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=NO_CONTROLS)]
    type: ZoneType
    geometry: dict[str, Any] | None = None
    items: Codes | None = None
    snap: Literal["building", "estate"] = "building"


class RedrawBody(DraftBody):
    """The same for a draft that is there; `version` is the one that was seen."""

    version: Annotated[int, Field(ge=1)]


Words = Annotated[str, Field(min_length=1, max_length=500, pattern=NO_CONTROLS)]


class OrderBody(Strict):
    """An order as it was given. Without `ends_at` it holds until notice; moments carry their zone."""

    issuer: Annotated[str, Field(min_length=2, max_length=100, pattern=NO_CONTROLS)]
    issuer_level: Literal["community", "street", "county", "city", "province", "state"]
    issued_at: AwareDatetime
    effective_at: AwareDatetime
    reason: Words
    doc_no: Annotated[str, Field(min_length=1, max_length=100, pattern=NO_CONTROLS)] | None = None
    ends_at: AwareDatetime | None = None
    legal_basis: Code | None = None
    parent_government: Words | None = None
    measures: Annotated[list[Words], Field(max_length=50)] = Field(default=[])
    published: Words | None = None
    is_oral: bool = False


class StepBody(Strict):
    """A step: the version that was seen, and the order where the step needs one."""

    version: Annotated[int, Field(ge=1)]
    order: OrderBody | None = None


class ZoneAnswer(BaseModel):
    """A zone with its scope, orders, next steps, legal bases, protocol and warnings."""

    code: str
    name: str
    type: str
    state: str
    status: str
    group: str
    version: int
    scope_text: str
    items: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    next_steps: list[str]
    legal_bases: list[dict[str, Any]]
    protocol: dict[str, Any] | None
    warnings: list[str]


class ZonesAnswer(BaseModel):
    """Zones by what they are now, those in force first."""

    items: list[dict[str, Any]]
    as_of: str
