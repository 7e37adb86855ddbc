"""What a print or a picture of a map says about itself before it is made, and what it is told to carry."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from gridmap.layer import N_
from gridmap.web.schemas import NO_CONTROLS, Strict

Name = Annotated[str, Field(min_length=1, max_length=40, pattern=NO_CONTROLS)]
SCALES = (
    500, 1000, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10_000, 15_000, 20_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000,
)  # fmt: skip
MIN_SCALE, MAX_SCALE = 200, 5_000_000
RESOLUTIONS = (150, 300)  # dots per inch


class PrintBody(Strict):
    """One print or picture: what is drawn on it, where, how large, as of when."""

    kind: Literal["print", "png"] = Field(
        description=N_("print: on paper or as PDF by the browser; png: as a picture.")
    )
    layers: Annotated[list[Name], Field(max_length=50)] = Field(description=N_("Names of the layers that are drawn."))
    bbox: Annotated[str, Field(max_length=120)] = Field(
        description=N_("What ground the sheet shows: west,south,east,north in degrees, EPSG:4490.")
    )
    scale: int = Field(ge=MIN_SCALE, le=MAX_SCALE, description=N_("The n of 1:n."))
    paper: Literal["a4", "a3"]
    turn: Literal["landscape", "portrait"]
    dpi: Literal[150, 300] = Field(description=N_("Dots per inch."))
    title: Annotated[str, Field(max_length=80, pattern=NO_CONTROLS)] = Field("", description=N_("The sheet's title."))
    as_of: Annotated[str, Field(max_length=40)] | None = Field(
        None, description=N_("A moment, ISO 8601 with its zone; now, if it is left out.")
    )
    selection: Annotated[str, Field(max_length=120, pattern=NO_CONTROLS)] = Field(
        "", description=N_("What is outlined: layer/code.")
    )
    theme: Annotated[str, Field(max_length=400, pattern=NO_CONTROLS)] = Field(
        "", description=N_("The figures the areas are shaded by, as the page's address says it.")
    )


class PrintAnswer(BaseModel):
    """What the sheet carries: its number in the audit trail, who made it and when, and whether it is marked throughout."""

    number: str
    by: str
    at: str = Field(description=N_("ISO 8601 in Asia/Shanghai."))
    is_marked: bool = Field(
        description=N_("Whether it shows homes or persons: name and number lie over the whole map.")
    )
