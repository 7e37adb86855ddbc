"""The shapes of redrawings and of sets of grids over HTTP."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field, StrictBool

from gridmap.layer import N_
from gridmap.web.schemas import Strict

Code = Annotated[str, Field(pattern="^[0-9]{15,17}$", max_length=17)]
Versions = Annotated[dict[Code, Annotated[int, Field(ge=1, strict=True)]], Field(max_length=100)]
VERSIONS = N_("The version of every thing that is touched, by code: what If-Match is for one thing.")
Name = Annotated[str, Field(min_length=1, max_length=100, pattern="^[^\\x00-\\x1f\\x7f]*$")]


class ThingPath(Strict):
    """A grid or a building."""

    layer: Annotated[str, Field(pattern="^(neighbourhood|building)$", description=N_("neighbourhood or building."))]
    code: Code


class GridPath(Strict):
    """A grid."""

    code: Code


class MergeBody(Strict):
    """Which other things a thing takes in."""

    others: Annotated[list[Code], Field(min_length=1, max_length=20)]
    versions: Annotated[Versions, Field(description=VERSIONS)]
    name: Name | None = None


class SplitBody(Strict):
    """Along which line a thing is parted."""

    line: dict[str, Any] = Field(description=N_("A GeoJSON LineString, EPSG:4490."))
    versions: Annotated[Versions, Field(description=VERSIONS)]
    name: Name | None = None
    units: Annotated[list[Annotated[str, Field(pattern="^[0-9]{1,2}$")]], Field(max_length=99)] = Field(
        default=[], description=N_("Of a building: the stair units that go to the new one.")
    )


class ReshapeBody(Strict):
    """The shape a grid is to have; its neighbours' edges move along."""

    geometry: dict[str, Any] = Field(description=N_("A GeoJSON Polygon or MultiPolygon, EPSG:4490."))
    versions: Annotated[Versions, Field(description=VERSIONS)]


class UndoBody(Strict):
    """The version that is taken back."""

    versions: Annotated[Versions, Field(description=VERSIONS)]


class ToldNote(Strict):
    """What a person should know, in both languages."""

    code: str
    en: str
    zh: str


class RedrawnAnswer(Strict):
    """What came of a redrawing: the code that goes on, a new one, versions now by code."""

    code: str
    new: str | None
    versions: dict[str, int]
    notes: list[ToldNote]


class SetPath(Strict):
    """A set of grids."""

    set_id: Annotated[int, Field(ge=1, le=2**62)]


class SetsQuery(Strict):
    """Of which community."""

    community: Annotated[str, Field(pattern="^[0-9]{0,12}$", description=N_("The first digits of its code."))] = ""


class CellBody(Strict):
    """One grid of a set."""

    name: Name
    code: Code | None = Field(None, description=N_("Left out: the grid it shares most with, or a new one."))
    geometry: dict[str, Any] = Field(description=N_("A GeoJSON Polygon or MultiPolygon, EPSG:4490."))


class SetBody(Strict):
    """A new set of grids of a community."""

    community: Annotated[str, Field(pattern="^[0-9]{12}$")]
    name: Name
    source: Annotated[str, Field(max_length=200, pattern="^[^\\x00-\\x1f\\x7f]*$")] = ""
    cells: Annotated[list[CellBody], Field(min_length=1, max_length=400)]


class ActivateBody(Strict):
    """When a set comes into force."""

    on: date = Field(description=N_("The day, Asia/Shanghai; today or earlier is at once."))
    accept_faults: StrictBool = Field(False, description=N_("Take it although it leaves gaps or overlaps."))


class SetAnswer(Strict):
    """A set of grids."""

    id: int
    community: str
    name: str
    source: str
    state: str
    proposed_by: str
    proposed_at: str
    decided_by: str | None
    due_at: str | None
    trouble: str | None
    activated_at: str | None
    cells: int
    place: str | None = Field(description=N_("The name of its community."))
    notes: list[ToldNote] = Field(default=[])


class SetsAnswer(Strict):
    """Sets of grids, latest first."""

    items: list[SetAnswer]


class ComparisonAnswer(Strict):
    """A set beside the present grids."""

    set: SetAnswer
    parts: list[dict[str, Any]]
    flows: list[dict[str, Any]]
    grants: list[dict[str, Any]]
    faults: list[dict[str, Any]]
    moved: dict[str, int]
    leaves_out_few: bool = Field(
        description=N_("Households and people of buildings with fewer than five households are counted nowhere.")
    )
