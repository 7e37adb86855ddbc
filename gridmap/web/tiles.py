"""Vector tiles over HTTP."""

from flask import Response
from flask_openapi3 import APIBlueprint, Tag

from gridmap import tiles
from gridmap.web import schemas
from gridmap.web.answers import revalidated, with_etag
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, layers, looked_at

bp = APIBlueprint("tiles", __name__, abp_tags=[Tag(name="Tiles")], abp_responses=schemas.REFUSALS)


@bp.get("/tiles/<layers>/<int:z>/<int:x>/<int:y>.mvt", responses={200: schemas.TILE})
@permission("{layer}.view")
def tile(path: schemas.TilePath, query: schemas.Dated) -> Response:
    """One Mapbox Vector Tile with one or several layers, their names joined by commas."""
    wanted = _named(path.layers)
    tiles.check_address(path.z, path.x, path.y)
    with begin() as conn:
        etag = tiles.revision(conn, actor(), wanted) + looked_at()
        if (unchanged := revalidated(etag)) is not None:
            return unchanged
        encoded = tiles.tile(conn, actor(), wanted, path.z, path.x, path.y)
    return with_etag(Response(encoded, content_type=schemas.MVT), etag)


def _named(names: str) -> list:
    known = layers()
    return [known[name] for name in dict.fromkeys(names.split(","))]
