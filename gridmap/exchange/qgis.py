"""A layer's style for QGIS, stored in the GeoPackage, so that the file opens there as the map looks here."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from gridmap.exchange import words
from gridmap.layer import Layer, Symbol

TABLE = """
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT, f_table_schema TEXT, f_table_name TEXT,
  f_geometry_column TEXT, styleName TEXT, styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT,
  owner TEXT, ui TEXT, update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))
"""
CONTENTS = "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('layer_styles', 'attributes', 'layer_styles')"
STYLE = (
    "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML,"
    " useAsDefault, description) VALUES ('', '', ?, (SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?),"
    " 'gridmap', ?, 1, 'gridmap')"
)
MARKER_PX, ICON_PX = 28, 14
HATCHES = {"dense-diagonal": 4, "wide-diagonal": 9}  # pixels between the lines
_KINDS = {"polygon": "fill", "line": "line", "point": "marker"}


def write_style(path: Path, layer: Layer) -> None:
    """Put a layer's style into the GeoPackage that holds its rows; a layer that is never drawn has none."""
    if not layer.style.symbols:
        return
    base = sqlite3.connect(path)
    try:
        with base:
            base.execute(TABLE)
            base.execute(CONTENTS)
            base.execute(STYLE, (layer.name, layer.name, qml(layer)))
    finally:
        base.close()


def qml(layer: Layer) -> str:
    """Return a layer's style as QGIS writes it: one symbol, or one for each value of a column, and the label."""
    root = ET.Element(
        "qgis", version="3.22", styleCategories="Symbology|Labeling", labelsEnabled=str(int(bool(layer.style.label)))
    )
    style = layer.style
    kind = "categorizedSymbol" if style.by else "singleSymbol"
    renderer = ET.SubElement(root, "renderer-v2", type=kind, enableorderby="0", forceraster="0", symbollevels="0")
    symbols = ET.Element("symbols")
    if style.by:
        renderer.set("attr", style.by)
        categories = ET.SubElement(renderer, "categories")
        is_boolean = layer.table.c[style.by].type.python_type is bool
        for number, (value, symbol) in enumerate(style.symbols.items()):
            ET.SubElement(
                categories, "category", symbol=str(number), value=value, render="true", label=words.chinese(symbol.title),
                type="bool" if is_boolean else "string",
            )  # fmt: skip
            symbols.append(_symbol(str(number), layer.geometry, symbol))
    else:
        symbols.append(_symbol("0", layer.geometry, next(iter(style.symbols.values()))))
    renderer.append(symbols)
    if style.label:
        labeling = ET.SubElement(root, "labeling", type="simple")
        settings = ET.SubElement(labeling, "settings")
        ET.SubElement(settings, "text-style", fieldName=style.label, isExpression="0", fontSize="9")
    return "<!DOCTYPE qgis>\n" + ET.tostring(root, encoding="unicode")


def _symbol(name: str, geometry: str, symbol: Symbol) -> ET.Element:
    made = ET.Element("symbol", name=name, type=_KINDS[geometry], alpha="1", clip_to_extent="1", force_rhr="0")
    parts = {"polygon": _area, "line": _line, "point": _point}[geometry](symbol)
    for kind, options in parts:
        part = ET.SubElement(made, "layer", {"class": kind, "enabled": "1", "pass": "0", "locked": "0"})
        held = ET.SubElement(part, "Option", type="Map")
        for option, value in options.items():
            ET.SubElement(held, "Option", name=option, value=value, type="QString")
    return made


def _area(symbol: Symbol) -> Iterator[tuple[str, dict[str, str]]]:
    has_edge = symbol.stroke != "transparent"
    yield "SimpleFill", {
        "color": rgba(symbol.fill), "style": "solid" if symbol.fill != "transparent" and not symbol.pattern else "no",
        "outline_color": rgba(symbol.stroke), "outline_width": str(symbol.width), "outline_width_unit": "Pixel",
        "outline_style": ("dash" if symbol.dash else "solid") if has_edge else "no",
    }  # fmt: skip
    if symbol.pattern:
        colour = symbol.fill if symbol.fill != "transparent" else symbol.stroke
        if symbol.pattern in HATCHES:
            yield (
                "LinePatternFill",
                {
                    "angle": "45",
                    "distance": str(HATCHES[symbol.pattern]),
                    "distance_unit": "Pixel",
                    "color": rgba(colour),
                },
            )
        else:
            yield "SimpleFill", {"color": rgba(colour), "style": "dense6", "outline_style": "no"}


def _line(symbol: Symbol) -> Iterator[tuple[str, dict[str, str]]]:
    yield "SimpleLine", {
        "line_color": rgba(symbol.stroke if symbol.stroke != "transparent" else symbol.fill),
        "line_width": str(symbol.width), "line_width_unit": "Pixel", "line_style": "dash" if symbol.dash else "solid",
    }  # fmt: skip


def _point(symbol: Symbol) -> Iterator[tuple[str, dict[str, str]]]:
    colour = symbol.stroke if symbol.stroke != "transparent" else symbol.fill
    yield "SimpleMarker", {
        "name": "circle", "color": rgba("#ffffff" if symbol.outlined else symbol.fill), "outline_color": rgba(colour),
        "outline_width": "2", "outline_width_unit": "Pixel", "size": str(MARKER_PX), "size_unit": "Pixel",
    }  # fmt: skip
    if symbol.icon:
        yield "FontMarker", {
            "chr": symbol.icon, "font": "Noto Sans CJK SC", "color": rgba(colour if symbol.outlined else "#ffffff"),
            "size": str(ICON_PX), "size_unit": "Pixel",
        }  # fmt: skip


def rgba(css: str) -> str:
    """Return a colour as QGIS writes it, from `#rrggbb`, `#rrggbbaa`, `rgba(…)` or transparent."""
    if css.startswith("#"):
        digits = css[1:]
        parts = [int(digits[i : i + 2], 16) for i in range(0, len(digits), 2)]
        return ",".join(map(str, [*parts, 255][:4]))
    if css.startswith("rgba("):
        red, green, blue, alpha = (part.strip() for part in css[5:-1].split(","))
        return f"{red},{green},{blue},{round(float(alpha) * 255)}"
    return "0,0,0,0"
