"""The one place that loads GDAL, with every driver and network door shut that an import does not need."""

import os
from functools import cache
from types import ModuleType

# Drivers are opened by content, so a VRT named .shp would read any file: all are shut but those for GeoJSON, Shapefile,
# GeoPackage, KML, CSV and memory. The magic bytes are checked as well (`vector`), for drivers that
# later builds add and for a GDAL that something else loaded before.
SHUT_DRIVERS = (
    "PCIDSK", "PDS4", "VICAR", "PDF", "MBTiles", "EEDA", "OGCAPI", "GDALG", "MapInfo File", "LVBAG", "S57", "DGN",
    "OGR_VRT", "GML", "GPX", "GeoJSONSeq", "ESRIJSON", "TopoJSON", "OGR_GMT", "SQLite", "WAsP", "OpenFileGDB", "DXF",
    "FlatGeobuf", "GeoRSS", "VFK", "PGDUMP", "OSM", "GPSBabel", "OGR_PDS", "WFS", "OAPIF", "EDIGEO", "Idrisi", "ODS",
    "XLSX", "Elasticsearch", "Carto", "AmigoCloud", "SXF", "Selafin", "JML", "PLSCENES", "CSW", "VDV", "MVT", "NGW",
    "MapML", "GTFS", "PMTiles", "JSONFG", "MiraMonVector", "ADBC", "AVCBin", "AVCE00", "AIVector", "HTTP",
)  # fmt: skip
SAFE_OPTIONS = {
    "OGR_SKIP": ",".join(SHUT_DRIVERS),
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "none",
    "GDAL_DRIVER_PATH": "disable",
    "OGR_SQLITE_LOAD_EXTENSIONS": "NO",
    "SHAPE_RESTORE_SHX": "NO",
}


@cache
def pyogrio() -> ModuleType:
    """Return pyogrio, loaded after the options that shut GDAL's doors are set."""
    os.environ.update(SAFE_OPTIONS)
    import pyogrio.raw

    return pyogrio
