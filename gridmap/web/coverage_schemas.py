"""The shapes of questions about coverage and of their answers."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field

from gridmap.layer import N_
from gridmap.web.schemas import InDigits, PlainText, Strict


class CoverageQuery(Strict):
    """Which service, of what place, within what reach."""

    service: PlainText = Field(
        description=N_(
            "supply_point, a kind of supply point, item:<7 digits>, volunteer, volunteer_on_duty, centre_household or"
            " party_group."
        )
    )
    place: PlainText | None = Field(
        None, description=N_("Code of a place, estate or party unit; else all you may see.")
    )
    threshold_m: Annotated[float, InDigits] | None = Field(
        None, gt=0, allow_inf_nan=False, description=N_("Metres; else 500.")
    )
    threshold_min: Annotated[float, InDigits] | None = Field(
        None, gt=0, allow_inf_nan=False, description=N_("Minutes at 1.2 m/s, instead of metres.")
    )
    method: Literal["walk", "geodesic"] | None = Field(
        None,
        description=N_("walk (the default; an estimate where no streets are loaded) or geodesic, the straight line."),
    )
    as_of: AwareDatetime | None = Field(None, description=N_("A past moment as ISO 8601 with its zone; else now."))
    zone: PlainText | None = Field(None, description=N_("Code of a zone, such as a draft, that is closed besides."))


class GapsQuery(CoverageQuery):
    """The same, and which page of the gaps."""

    limit: Annotated[int, InDigits] = Field(100, ge=1, le=1000)
    cursor: Annotated[str, Field(max_length=400, pattern="^[A-Za-z0-9_=-]*$")] | None = Field(
        None, description=N_("From the `next` link of the page before.")
    )


class CoverageShare(BaseModel):
    """The figures of a place; households of buildings with fewer than five are in no sum for who may not know them."""

    level: str
    code: str
    name: str
    buildings: int
    covered: int
    households: int | None
    covered_households: int | None
    buildings_under_5: int
    share: float | None
    household_share: float | None


class CoverageAnswer(BaseModel):
    """The shares of a place and its parts; `blocks_streets` is false if the asked zone cuts no street."""

    service: str
    threshold_m: float
    method: Literal["walk", "estimate", "geodesic", "party"]
    blocks_streets: bool | None
    whole: CoverageShare
    levels: list[CoverageShare]
    gaps: str
    as_of: str


class GapOption(BaseModel):
    """The nearest thing that serves; without a name where that would be a person's."""

    code: str
    name: str | None


class GapHome(BaseModel):
    """A household of a building that is not covered."""

    code: str
    unit: str
    room: str
    people_count: int


class GapItem(BaseModel):
    """A building that is not covered, and its nearest option; null if none can be walked to or be told."""

    code: str
    name: str
    community: str
    neighbourhood: str | None
    lon: float
    lat: float
    households: int | Literal["<5"] | None
    nearest: GapOption | None
    distance_m: float | None
    is_reachable: bool
    homes: list[GapHome] | None = None


class GapsAnswer(BaseModel):
    """A page of the gaps, how many there are in all, and the link to the next page."""

    items: list[GapItem]
    count: int
    next: str | None
    as_of: str
