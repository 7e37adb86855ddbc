"""Rows of a layer as a file: the page where a person chooses, and the address for programs."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask_openapi3 import APIBlueprint, Tag
from werkzeug.wsgi import FileWrapper

from gridmap.errors import GridmapError, InvalidInput
from gridmap.exchange import export_file
from gridmap.exchange.export import MAX_REASON, MIN_REASON, REVEAL
from gridmap.exchange.writing import FORMATS
from gridmap.layer import N_
from gridmap.web import forms, schemas
from gridmap.web.import_settings import SYSTEMS
from gridmap.web.permissions import SIGNED_IN, permission
from gridmap.web.session import actor, engine, layers

bp = Blueprint("exports", __name__, template_folder="templates", url_prefix="/export")
api = APIBlueprint(
    "layer_files",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="Layers and features")],
    abp_responses=schemas.REFUSALS,
)

KINDS = {
    "gpkg": (N_("GeoPackage, with the map's style (QGIS)"), "application/geopackage+sqlite3"),
    "xlsx": (N_("Excel"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "csv": (N_("CSV"), "text/csv"),
    "geojson": (N_("GeoJSON"), schemas.GEOJSON),
    "zip": (N_("Shapefile (zipped)"), "application/zip"),
}
ENCODINGS = ("utf-8", "gbk", "gb18030")
_CHUNK = 1 << 16


@bp.get("")
@permission(SIGNED_IN)
def page() -> str:
    """Choose what is written, how, and whether persons are in it."""
    return _page(request.args.get("layer", ""))


@bp.post("/<layer>")
@permission("{layer}.view")
def download(layer: str) -> Response | tuple[str, int]:
    """The file; with a reason it holds personal columns, marked with who took them, and that is on record."""
    form = request.form
    try:
        kind, encoding = form.get("format", ""), forms.text(form, "encoding", 20) or None
        if kind not in KINDS or (encoding and encoding not in ENCODINGS):
            raise InvalidInput(f"Choose a format: {FORMATS}. 请选择格式。", where="format")
        reason = forms.text(form, "reason", MAX_REASON) if form.get("personal") == "yes" else None
        return _file(
            layer, kind, crs=forms.text(form, "crs", 20) or "EPSG:4490", encoding=encoding,
            place=forms.text(form, "place", 64), reason=reason,
        )  # fmt: skip
    except GridmapError as exc:
        return _page(layer, trouble=exc), exc.status


@api.get("/layers/<layer>/export", responses={200: {"content": {schemas.GEOJSON: {}, "application/octet-stream": {}}}})
@permission("{layer}.view")
def export_layer(path: schemas.LayerPath, query: schemas.ExportQuery) -> Response:
    """A layer's rows in the caller's area as a file, without personal columns."""
    return _file(path.layer, query.format, crs=query.crs, encoding=query.encoding, place=query.place)


def _file(layer: str, kind: str, **how: Any) -> Response:
    """Return the file as it is written, sent in parts; it is gone from here when the answer is out."""
    folder = tempfile.TemporaryDirectory(prefix="gridmap-export-")
    name = f"{layer}.{kind}"
    try:
        made = Path(folder.name) / name
        export_file(engine(), actor(), layers()[layer], made, name=name, **how)
        size, file = made.stat().st_size, made.open("rb")
    except BaseException:
        folder.cleanup()
        raise

    def parts() -> Iterator[bytes]:
        try:
            yield from FileWrapper(file, _CHUNK)
        finally:
            file.close()
            folder.cleanup()

    response = Response(parts(), content_type=KINDS[kind][1])
    response.call_on_close(file.close)
    response.call_on_close(folder.cleanup)
    response.content_length = size
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _page(chosen: str, trouble: GridmapError | None = None) -> str:
    may = [layer for layer in layers().values() if actor().may(layer.view)]
    layer = next((one for one in may if one.name == chosen), may[0] if may else None)
    personal = [column.name for column in layer.table.columns if column.info.get("personal")] if layer else []
    titles = {field.column: field.title for field in layer.fields} if layer else {}
    return render_template(
        "import/export.html", may=may, chosen=layer, kinds=KINDS, encodings=ENCODINGS, systems=SYSTEMS, trouble=trouble,
        personal=[titles.get(name, name) for name in personal] if actor().may(REVEAL) else [], least=MIN_REASON,
        most=MAX_REASON, form=request.form,
    )  # fmt: skip
