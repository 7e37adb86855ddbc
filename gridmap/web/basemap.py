"""Vector tiles of the base map over HTTP: nothing of the register, the same for everyone who is signed in."""

from flask import Response
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from gridmap import tiles
from gridmap.basemap import drawing
from gridmap.layer import N_
from gridmap.web import schemas
from gridmap.web.answers import revalidated, with_etag
from gridmap.web.permissions import SIGNED_IN, permission
from gridmap.web.session import begin

bp = APIBlueprint("basemap", __name__, abp_tags=[Tag(name="Tiles")], abp_responses=schemas.REFUSALS)


class BasemapPath(BaseModel):
    """The address of a tile of the base map."""

    z: int = Field(description=N_("Zoom."))
    x: int = Field(description=N_("Column, counted from 180 degrees west."))
    y: int = Field(description=N_("Row, counted from the north."))


@bp.get("/tiles/basemap/<int:z>/<int:x>/<int:y>.mvt", responses={200: schemas.TILE})
@permission(SIGNED_IN)
def tile(path: BasemapPath) -> Response:
    """One Mapbox Vector Tile of the base map: the layers water, green, railway, street and label."""
    tiles.check_address(path.z, path.x, path.y)
    with begin() as conn:
        shown = drawing.current(conn)
        etag = drawing.revision(shown)
        if (unchanged := revalidated(etag)) is not None:
            return unchanged
        encoded = drawing.tile(conn, shown, path.z, path.x, path.y) if shown else b""
    return with_etag(Response(encoded, content_type=schemas.MVT), etag)
