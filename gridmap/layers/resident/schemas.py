"""What programs send about residents and households, and what comes back."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gridmap.web.schemas import NO_CONTROLS, Strict

Text = Annotated[str, Field(max_length=100, pattern=NO_CONTROLS)]
Code = Annotated[str, Field(max_length=64, pattern="^[0-9A-Za-z._-]{1,64}$")]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
Tags = Annotated[list[Text], Field(max_length=20)]


class PersonBody(Strict):
    """A person's record; what is left out is not known, or stays as it is."""

    name: Text | None = None
    phone: Text | None = None
    id_number: Text | None = None
    birth_year: Annotated[int, Field(ge=1000, le=9999)] | None = None
    sex: Text | None = None
    relation: Text | None = None
    care_level: Text | None = None
    basis: Text | None = None
    consented_on: date | None = None
    moved_in_on: date | None = None
    tags: Tags | None = None
    version: Version | None = Field(None, description="The version that was looked at; If-Match says the same.")


class MoveBody(Strict):
    """Where a person moves to, and when."""

    household: Code
    on: date | None = None
    version: Version | None = None


class MoveOutBody(Strict):
    """When a person moves out."""

    on: date | None = None
    version: Version | None = None


class RestoreBody(Strict):
    """Which former version is wanted back."""

    to: Annotated[int, Field(ge=1, le=2**31 - 1)]
    version: Version | None = None


class SplitBody(Strict):
    """The door of the new household and who goes along: code to the version that was looked at."""

    unit: Text
    room: Text
    residents: Annotated[dict[Code, Version], Field(max_length=500)]
    version: Version | None = None


class JoinBody(Strict):
    """The household that is taken in."""

    other: Code
    other_version: Version | None = None
    version: Version | None = None


class OccupancyBody(Strict):
    """How a household is used from now on, and whether its residents move out."""

    occupancy: Text
    residents: Literal["keep", "move_out"] = "keep"
    version: Version | None = None


class StepItem(Strict):
    """What an operation did to one row: its version before (0: it was not there) and after."""

    kind: Literal["resident", "household"]
    code: Code
    before: Annotated[int, Field(ge=0, le=2**31 - 1)]
    after: Version


class UndoBody(Strict):
    """The steps of an operation, as it answered them."""

    steps: Annotated[list[StepItem], Field(min_length=1, max_length=600)]


class DoneAnswer(BaseModel):
    """What came of an operation; sent to `undo`, it is taken back."""

    steps: list[StepItem]


class PersonAnswer(BaseModel):
    """A resident, masked."""

    code: str
    version: int
    household: str
    name: str
    phone: str | None
    id_number: str | None
    birth_year: int | None
    sex: str | None
    relation: str | None
    basis: str
    consented_on: str | None
    moved_in_on: str | None
    moved_out_on: str | None
    changed_at: str
    care_level: str | None
    tags: list[str] | None
    may_reveal: bool


class ResidentsAnswer(BaseModel):
    """The residents of a household."""

    items: list[PersonAnswer]


class VersionsAnswer(BaseModel):
    """The versions of a record, the present one first."""

    items: list[dict[str, Any]]
