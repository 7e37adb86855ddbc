"""The shapes of what comes in and goes out over HTTP, for checking and for the API's description."""

from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
)

from gridmap.crs import decimal
from gridmap.layer import N_

GEOJSON, PROBLEM, MVT = "application/geo+json", "application/problem+json", "application/vnd.mapbox-vector-tile"


def _in_digits(value: object) -> object:
    """Refuse a text that is a number only to Python: 1_0, full-width digits, nan."""
    if isinstance(value, str):
        decimal(value.strip(" "))
    return value


InDigits = BeforeValidator(_in_digits)
DEGREES = N_("Degrees, EPSG:4490 (CGCS2000).")
Longitude = Annotated[float, InDigits, Field(ge=-180, le=180, allow_inf_nan=False, description=DEGREES)]
Latitude = Annotated[float, InDigits, Field(ge=-85, le=85, allow_inf_nan=False, description=DEGREES)]
Count = Annotated[int, InDigits, Field(ge=1, le=100, description=N_("How many, 1 to 100."))]
NO_CONTROLS = "^[^\\x00-\\x1f\\x7f]*$"
PlainText = Annotated[str, Field(max_length=100, pattern="^[^\\x00]*$")]


class Strict(BaseModel):
    """Refuses parameters it does not know, so that a misspelt filter is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class LanguageQuery(Strict):
    """The language of the texts."""

    lang: Literal["zh", "en"] | None = Field(None, description=N_("zh or en; else as the browser asks."))


AS_OF = N_("A moment, ISO 8601 with its zone: the answer is what it was then. Now, if it is left out.")
Moment = Annotated[str, Field(max_length=40, description=AS_OF)]


class Dated(Strict):
    """A read that can look back."""

    as_of: Moment | None = None  # `session` reads it


class CodePath(BaseModel):
    """A code in the path."""

    code: PlainText = Field(description=N_("Code of the place or point, as shown on the map."))


class LayerPath(BaseModel):
    """A layer's name in the path."""

    layer: PlainText = Field(description=N_("Name of a layer, singular, as listed by /api/v1/layers."))


class FeaturePath(LayerPath):
    """A layer's name and a code in the path."""

    code: PlainText


class TilePath(BaseModel):
    """Layers and the address of a tile."""

    layers: PlainText = Field(description=N_("Names of layers, joined by commas."))
    z: int = Field(description=N_("Zoom."))
    x: int = Field(description=N_("Column, counted from 180 degrees west."))
    y: int = Field(description=N_("Row, counted from the north."))


class NearestQuery(Dated):
    """How many, and of which kind."""

    k: Count = 5
    kind: PlainText | None = Field(None, description=N_("Only things of this kind."))


class NearestSupplyQuery(NearestQuery):
    """What the point must have, when it must be open, and how the way is measured."""

    item: PlainText | None = Field(
        None, description=N_("Only points where this item (7 digits) was last counted in stock.")
    )
    at: PlainText | None = Field(None, description=N_("Only points open at this moment, ISO 8601, or now."))
    method: Literal["walk", "geodesic"] | None = Field(
        None,
        description=N_(
            "walk (an estimate where no streets are loaded) or geodesic, the straight line; walk if item or at is asked for."
        ),
    )


class PositionQuery(Dated):
    """A position."""

    lon: Longitude
    lat: Latitude


class NearestPositionQuery(NearestSupplyQuery, PositionQuery):
    """A position, how many, and of which kind."""


class FeaturesQuery(Dated):
    """Which part of a layer."""

    bbox: PlainText | None = Field(None, description=N_("west,south,east,north in degrees; features that touch it."))
    limit: Annotated[int, InDigits] = Field(100, ge=1, le=1000)
    cursor: PlainText | None = Field(None, description=N_("From the `next` link of the page before."))


class ExportQuery(Strict):
    """How a layer is written to a file."""

    format: Literal["geojson", "gpkg", "zip", "csv", "xlsx"] = Field(
        "geojson", description=N_("geojson, gpkg (GeoPackage), zip (a Shapefile), csv or xlsx.")
    )
    crs: PlainText = Field("EPSG:4490", description=N_("EPSG:4490, any other EPSG code, GCJ-02 or BD-09."))
    encoding: PlainText | None = Field(None, description=N_("Of CSV and Shapefile: UTF-8 or GBK."))
    place: PlainText = Field("", description=N_("Code of a place: only what lies there."))


class BoxQuery(Dated):
    """A box."""

    bbox: PlainText = Field(description=N_("west,south,east,north in degrees."))


class MomentQuery(Strict):
    """The moment an answer is for."""

    as_of: AwareDatetime | None = Field(
        None, description=N_("A past moment as ISO 8601 with its zone, such as 2026-11-24T08:00:00Z; else now.")
    )


class SearchQuery(Dated):
    """What to look for, and where one stands."""

    q: Annotated[str, Field(max_length=60, pattern="^[^\\x00]*$")]
    lon: Longitude | None = None
    lat: Latitude | None = None


class SearchBody(Dated):
    """What to look for, and where one stands. In a body, so that no log of addresses holds it."""

    q: Annotated[str, Field(max_length=60, pattern=NO_CONTROLS)]
    lon: Longitude | None = None
    lat: Latitude | None = None


class RevealBody(Strict):
    """Why a person is shown in the clear, and for which task."""

    reason: Annotated[str, Field(max_length=300, pattern=NO_CONTROLS, description="4 to 200 characters; it is kept.")]
    task: Annotated[str, Field(max_length=200, pattern=NO_CONTROLS)] = ""


class RevealedField(BaseModel):
    """One personal value in the clear."""

    column: str
    title: str
    value: str


class RevealAnswer(BaseModel):
    """A person, in the clear for `hide_after_s` seconds on a screen."""

    layer: str
    code: str
    fields: list[RevealedField]
    hide_after_s: int


class PersonItem(BaseModel):
    """A person who was found, masked."""

    layer: str
    code: str
    name: str
    phone: str | None
    context: str
    lon: float | None
    lat: float | None


class PersonsAnswer(BaseModel):
    """Persons found by `kind` (phone, id_number or name); not `complete` where a bound was met."""

    kind: Literal["phone", "id_number", "name"]
    items: list[PersonItem]
    complete: bool


class SeenItem(BaseModel):
    """One look at a person."""

    at: str
    actor: str
    action: Literal["reveal", "search"]
    reason: str
    task: str
    fields: list[str]
    kind: str
    chain: str
    entry: int


class SeenAnswer(BaseModel):
    """Who saw a person, latest first."""

    items: list[SeenItem]


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    where: str | None = None
    errors: list[dict[str, str]] | None = None


class Origin(BaseModel):
    """Where distances start."""

    lon: float
    lat: float
    code: str | None = None


class NearestItem(BaseModel):
    """A thing near the origin."""

    code: str
    name: str
    layer: str
    kind: str | None
    distance_m: float
    walk_s: int | None = None
    method: Literal["walk", "estimate", "geodesic"]
    lon: float
    lat: float


class SkippedItem(BaseModel):
    """A nearer point that was passed over; of one outside the reader's area only the distance is told."""

    code: str | None
    distance_m: float
    reason: Literal["empty", "closed", "cut_off", "outside"]
    method: Literal["walk", "estimate", "geodesic"]


class NearestAnswer(BaseModel):
    """The nearest things, nearest first, ties by code; and for supply points the nearer ones that do not serve."""

    items: list[NearestItem]
    skipped: list[SkippedItem] = []
    as_of: str
    origin: Origin


class VolunteerItem(BaseModel):
    """A volunteer who covers the origin, and why."""

    code: str
    name: str
    phone: str | None
    skills: list[str]
    reason: Literal["assigned", "radius"]
    on_duty: bool
    distance_m: float
    radius_m: int | None
    lon: float
    lat: float


class VolunteersAnswer(BaseModel):
    """The volunteers who cover the origin, those on duty first, then nearest first."""

    items: list[VolunteerItem]
    as_of: str
    origin: Origin


class LayerItem(BaseModel):
    """A layer and how it is drawn."""

    name: str
    title: str
    geometry: Literal["point", "line", "polygon"] | None
    min_zoom: int
    cluster_zoom: int | None
    is_live: bool
    columns: list[str]
    style: dict[str, Any]
    links: list[dict[str, str]]


class LayersAnswer(BaseModel):
    """All layers, in drawing order."""

    items: list[LayerItem]


class Feature(BaseModel):
    """A GeoJSON feature (RFC 7946); `properties.code` is its code."""

    type: Literal["Feature"]
    id: str
    version: int | None = Field(None, description=N_("Only of a single feature; the ETag says it too."))
    geometry: dict[str, Any] | None
    properties: dict[str, Any]


class ChangedFeature(Feature):
    """A feature as it was stored, and what a person should know about it."""

    notes: list[dict[str, str]]


class FeatureCollection(BaseModel):
    """A page of GeoJSON features; the link `next` leads on."""

    type: Literal["FeatureCollection"]
    features: list[Feature]
    links: list[dict[str, str]]


class CountItem(BaseModel):
    """How many features touch the box; `more` when counting stopped."""

    count: int
    more: bool


class CountsAnswer(BaseModel):
    """Counts by layer."""

    items: dict[str, CountItem]


class SearchItem(BaseModel):
    """One result of a search."""

    layer: str
    code: str
    name: str
    context: str
    lon: float | None
    lat: float | None
    distance_m: float | None


class SearchAnswer(BaseModel):
    """Results, the best first: whole codes and names, then the hierarchy from above, then the other layers."""

    items: list[SearchItem]


class PlaceItem(BaseModel):
    """A place of the hierarchy."""

    level: str
    code: str
    name: str
    bbox: list[float] | None


class PlacesAnswer(BaseModel):
    """The places a position lies in, county first."""

    items: list[PlaceItem]


class SummaryPlace(BaseModel):
    """The place that figures are for; `whole` is false where the caller may count a part of it only.

    `suppressed`: households of buildings with fewer than five are in none of the figures.
    """

    level: str
    code: str
    name: str
    whole: bool
    suppressed: bool


class SummaryAnswer(BaseModel):
    """The figures of a place; null for what the caller may not know, `<5` for a small number of households."""

    buildings: int | None
    households: int | Literal["<5"] | None
    people: int | None
    priority: dict[str, int] | None
    layers: dict[str, int]
    place: SummaryPlace
    as_of: str


Cell = StrictStr | StrictInt | StrictFloat | StrictBool | list[StrictStr] | None


class FeatureChange(Strict):
    """A GeoJSON feature (RFC 7946) with what is to change: only the properties named, the geometry only if it is there."""

    type: Literal["Feature"] = "Feature"
    id: StrictStr | StrictInt | None = None
    geometry: dict[str, Any] | None = None
    properties: dict[str, Cell] = Field(default_factory=dict, max_length=100)


class NewFeature(FeatureChange):
    """A GeoJSON feature (RFC 7946) that is to be made; its properties are the fields of the layer's form."""

    type: Literal["Feature"]


class RestoreBody(Strict):
    """Which version a thing is to be again."""

    version: StrictInt = Field(ge=1, le=10**9)


class FormQuery(LanguageQuery):
    """Which thing is to be changed; none for a new one."""

    code: PlainText | None = None


class Retired(BaseModel):
    """A thing that is out of force now, and the version that says so."""

    code: str
    version: int


class StaleProblem(Problem):
    """What is stored and what was sent, where somebody else was faster."""

    version: int
    stored: dict[str, Any]
    sent: dict[str, Any]


class Choice(BaseModel):
    """A word that can be chosen."""

    value: str
    title: str


class Option(BaseModel):
    """A place that can be named."""

    code: str
    name: str


class FormField(BaseModel):
    """One field of a form; `value` of what concerns a person is masked, `fixed` cannot be changed any more."""

    column: str
    title: str
    kind: str
    required: bool
    fixed: bool
    personal: bool
    value: Any
    place: str
    names: dict[str, str]
    minimum: int | None
    maximum: int | None
    choices: list[Choice]
    options: list[Option] | None


class FormAnswer(BaseModel):
    """What is to be filled in; `geometry` is null for things that stand where another thing stands."""

    layer: str
    title: str
    code: str | None
    version: int | None
    geometry: Literal["point", "line", "polygon"] | None
    needs_geometry: bool
    fields: list[FormField]


class ChangeItem(BaseModel):
    """One value a version changed."""

    column: str
    title: str
    before: Any
    after: Any


class VersionItem(BaseModel):
    """One version of a thing, from `changed_at` to `until`, which is null for the present one."""

    version: int
    changed_at: str
    until: str | None
    changed_by: str
    source: str | None
    is_retired: bool
    moved: bool
    geometry: dict[str, Any] | None
    changes: list[ChangeItem]


class VersionsAnswer(BaseModel):
    """The versions of a thing, newest first."""

    items: list[VersionItem]


class Health(BaseModel):
    """The process lives."""

    status: Literal["ok"]


class Readiness(Health):
    """The database answers: which schema it has, and which PostGIS."""

    schema_: str = Field(alias="schema")
    postgis: str


TILE: dict[str, Any] = {"content": {MVT: {"schema": {"type": "string", "format": "binary"}}}}
SENT_AS = {
    "Problem": PROBLEM, "StaleProblem": PROBLEM, "Feature": GEOJSON, "ChangedFeature": GEOJSON, "FeatureCollection": GEOJSON,
}  # fmt: skip
REFUSALS: dict[Any, Any] = {"404": Problem, "422": Problem, "503": Problem}
