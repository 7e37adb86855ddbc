"""The shapes of accounts and grants over HTTP. What comes in refuses every field it does not know."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from gridmap.layer import N_
from gridmap.web.schemas import InDigits, PlainText, Strict


def _is_text(value: object) -> object:
    """Refuse a number as a moment: nobody can tell seconds from milliseconds."""
    if not isinstance(value, str):
        raise ValueError("write a moment as 2026-11-24T16:30:00+08:00")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_is_text)]
PageSize = Annotated[int, InDigits, Field(ge=1, le=1000)]


class AccountPath(BaseModel):
    """An account in the path."""

    name: PlainText = Field(description=N_("The name somebody signs in by."))


class AccountsQuery(Strict):
    """Which accounts."""

    q: PlainText = Field("", description=N_("Only names that hold this text."))
    state: PlainText = Field("all", description=N_("all, active, unused or disabled."))
    limit: PageSize = 100
    cursor: PlainText = Field("", description=N_("From `cursor` of the page before."))


class NewAccount(Strict):
    """An account to make."""

    name: PlainText
    password: Annotated[str, Field(max_length=256)] | None = Field(
        None, description=N_("For the first sign-in; one is made if none is given.")
    )


class NewPassword(Strict):
    """A password to set."""

    password: Annotated[str, Field(max_length=256)] | None = Field(
        None, description=N_("For the next sign-in; one is made if none is given.")
    )


class AccountItem(BaseModel):
    """An account; `seen_at` is its last request in a session."""

    name: str
    created_at: str
    created_by: str
    seen_at: str | None
    disabled_at: str | None
    has_password: bool
    has_second_factor: bool
    has_token: bool
    is_unused: bool


class AccountsAnswer(BaseModel):
    """A page of accounts in the order of their names."""

    items: list[AccountItem]
    cursor: str | None


class SecretAnswer(BaseModel):
    """A password, told this once; it holds for one sign-in."""

    name: str
    password: str


class DoneAnswer(BaseModel):
    """What was changed."""

    name: str


class GrantPath(BaseModel):
    """A grant in the path."""

    grant: UUID


class GrantsQuery(Strict):
    """Which grants in force."""

    account: PlainText = Field("", description=N_("Only accounts whose name holds this text."))
    place: PlainText = Field(
        "", description=N_("Only places whose code begins with this; all for those over everything.")
    )
    role: PlainText | None = None
    limit: PageSize = 100
    cursor: UUID | None = Field(None, description=N_("From `cursor` of the page before."))


class NewGrant(Strict):
    """A grant to give."""

    account: PlainText
    role: PlainText
    place: PlainText = Field(description=N_("The code of a place, or all."))
    since: Moment | None = None
    until: Moment | None = None
    reason: Annotated[str, Field(max_length=200, pattern="^[^\\x00]*$")] | None = None


class HandOver(Strict):
    """A place whose grants go from one account to another."""

    place: PlainText
    before: PlainText = Field(alias="from")
    after: PlainText = Field(alias="to")


class GrantItem(BaseModel):
    """A grant; `stand_in_for` names whose it was handed on from."""

    id: UUID
    account: str
    role: str
    place: str
    valid_from: str
    valid_to: str | None
    granted_by: str
    reason: str | None
    stand_in_for: str | None


class GrantsAnswer(BaseModel):
    """A page of grants in force and to come, by account."""

    items: list[GrantItem]
    cursor: str | None


class GivenAnswer(BaseModel):
    """The grant that was given or ended."""

    id: UUID


class HandedOverAnswer(BaseModel):
    """How many grants moved."""

    moved: int


class PreviewQuery(Strict):
    """A grant that is not given yet; with an account also what it holds already."""

    role: PlainText
    place: PlainText
    account: PlainText | None = None


class ShownItem(BaseModel):
    """How many rows of a layer would be shown; `is_counted`: only their number."""

    layer: str
    rows: int
    is_counted: bool
    may_edit: bool


class PreviewAnswer(BaseModel):
    """What somebody would see with the grant."""

    layers: list[ShownItem]
    people: int | None
    verbs: list[str]
    place_name: str | None
