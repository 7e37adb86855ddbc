"""The shapes of questions for grids and of what is proposed."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from gridmap.layer import N_
from gridmap.web.schemas import PlainText, Strict


class GridsBody(Strict):
    """How many households a grid should have."""

    low: int = Field(300, ge=1, le=100_000, description=N_("The fewest households a grid should have."))
    high: int = Field(500, ge=2, le=100_000, description=N_("The most households a grid should have."))
    seed: int = Field(1, ge=0, le=2**31 - 1, description=N_("The same seed gives the same grids."))


class RunPath(BaseModel):
    """A run's number in the path."""

    run: UUID


class MoveBody(Strict):
    """An atom, as numbered in the features, and the grid it should be in, counted from 1."""

    atom: int = Field(ge=0)
    to: int = Field(ge=1)


class AcceptBody(Strict):
    """The name of the boundary set that is made."""

    name: PlainText = Field(min_length=1, description=N_("What the set of boundaries is called."))


class ReachTold(BaseModel):
    """What the community's size allows: k grids can all lie in the band for k from `fewest` to `most`."""

    households: int
    count: int
    fewest: int
    most: int
    pieces: int
    too_large: int
    is_possible: bool


class GridTold(BaseModel):
    """A proposed grid; its quotient is 4 pi area / perimeter squared, 1 for a circle."""

    number: int
    households: int
    buildings: int
    quotient: float
    in_band: bool
    lon: float
    lat: float


class MeasuresTold(BaseModel):
    """The grids; shares are 0 to 1; `street_share` is null where no two grids touch."""

    grids: list[GridTold]
    in_band: float
    mean_quotient: float
    street_share: float | None


class GridsResult(BaseModel):
    """A proposal: the grid of each atom counted from 0, the moves made since, and its measures."""

    code: str
    name: str
    low: int
    high: int
    part: list[int]
    moves: list[tuple[int, int]]
    accepted: str | None
    has_streets: bool
    has_hidden: bool
    reach: ReachTold
    random_quotient: float
    measures: MeasuresTold


class GridsAnswer(BaseModel):
    """A run: its address, how far it is (0 to 1), and its result once it is done."""

    id: UUID
    href: str
    state: Literal["running", "done", "cancelled", "failed"]
    progress: float
    asked: dict[str, Any]
    result: GridsResult | None


class Accepted(BaseModel):
    """The boundary set a proposal became, not in force: its number, its community and how many grids it has."""

    id: int
    community: str
    grids: int
