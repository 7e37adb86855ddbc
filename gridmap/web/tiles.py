"""Vector tiles over HTTP."""

from flask import Blueprint, Response

from gridmap import tiles
from gridmap.web.answers import revalidated, with_etag
from gridmap.web.permissions import permission
from gridmap.web.session import actor, begin, layers

bp = Blueprint("tiles", __name__)


@bp.get("/tiles/<layers>/<int:z>/<int:x>/<int:y>.mvt", endpoint="tile")
@permission("{layer}.view")
def tile(layers: str, z: int, x: int, y: int) -> Response:
    """One Mapbox Vector Tile with one or several layers, their names joined by commas."""
    wanted = _named(layers)
    tiles.check_address(z, x, y)
    with begin() as conn:
        etag = tiles.revision(conn, actor(), wanted)
        if (unchanged := revalidated(etag)) is not None:
            return unchanged
        encoded = tiles.tile(conn, actor(), wanted, z, x, y)
    return with_etag(Response(encoded, content_type="application/vnd.mapbox-vector-tile"), etag)


def _named(names: str) -> list:
    known = layers()
    return [known[name] for name in dict.fromkeys(names.split(","))]
