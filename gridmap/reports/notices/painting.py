"""A sheet of marks as SVG for the PDF, where letters stay letters, and as a PNG for the DOCX."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from gridmap.errors import Unavailable
from gridmap.reports.notices.sheet import LAND, Area, Line, Mark, Sheet

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

DPI = 200
FAMILY = "Noto Sans CJK SC"
FONTS = Path("/usr/share/fonts/opentype/noto")  # Debian's fonts-noto-cjk, as script/setup installs it
_REGULAR, _BOLD = FONTS / "NotoSansCJK-Regular.ttc", FONTS / "NotoSansCJK-Bold.ttc"
_SIMPLIFIED = 2  # the face of a .ttc: 0 JP, 1 KR, 2 SC


def svg(sheet: Sheet) -> str:
    """Return a sheet as an SVG element whose unit is the millimetre."""
    x, y, wide, high = sheet.frame
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sheet.width:g}mm" height="{sheet.height:g}mm"'
        f' viewBox="0 0 {sheet.width:g} {sheet.height:g}">'
        f'<defs><clipPath id="frame"><rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}"/></clipPath></defs>'
        f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" fill="{LAND}"/>'
        f'<g clip-path="url(#frame)">{_marks(sheet.inside)}</g><g>{_marks(sheet.outside)}</g></svg>'
    )


def require_fonts() -> None:
    """Raise Unavailable where the Chinese fonts are not installed: a document of empty boxes helps nobody."""
    if not _REGULAR.exists() or not _BOLD.exists():
        raise Unavailable("Install fonts-noto-cjk: a notice needs Chinese letters. 缺少中文字体 fonts-noto-cjk。")


def _marks(marks: Iterable[Mark]) -> str:
    return "".join(map(_mark, marks))


def _mark(mark: Mark) -> str:
    if isinstance(mark, Area):
        path = "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in ring) + "Z" for ring in mark.rings)
        return (
            f'<path d="{path}" fill-rule="evenodd" fill="{mark.fill or "none"}" stroke="{mark.edge or "none"}"'
            f' stroke-width="{mark.width:g}" stroke-linejoin="round"/>'
        )
    if isinstance(mark, Line):
        points = " ".join(f"{x:g},{y:g}" for x, y in mark.points)
        cap = "round" if mark.round else "butt"
        return f'<polyline points="{points}" fill="none" stroke="{mark.colour}" stroke-width="{mark.width:g}" stroke-linecap="{cap}" stroke-linejoin="round"/>'
    common = (
        f'x="{mark.x:g}" y="{mark.y:g}" font-family={quoteattr(FAMILY)} font-size="{mark.size:g}"'
        f' text-anchor="{mark.anchor}" font-weight="{"bold" if mark.bold else "normal"}"'
    )
    told = escape(mark.text)
    halo = f'<text {common} fill="none" stroke="#ffffff" stroke-width="0.7" stroke-linejoin="round">{told}</text>'
    return (halo if mark.halo else "") + f'<text {common} fill="{mark.colour}">{told}</text>'


def png(sheet: Sheet, *, trim_mm: float = 0.0, dpi: int = DPI) -> bytes:
    """Return a sheet as a PNG that says its resolution, of its paper's size or less by a trimmed margin all round."""
    from PIL import Image, ImageDraw

    k = dpi / 25.4
    image = Image.new("RGB", (round(sheet.width * k), round(sheet.height * k)), "#ffffff")
    x, y, wide, high = (value * k for value in sheet.frame)
    inner = Image.new("RGB", image.size, LAND)
    pen = ImageDraw.Draw(inner)
    for mark in sheet.inside:
        _paint(pen, mark, k, inner)
    box = (round(x), round(y), round(x + wide), round(y + high))
    image.paste(inner.crop(box), box[:2])
    pen = ImageDraw.Draw(image)
    for mark in sheet.outside:
        _paint(pen, mark, k, image)
    out = io.BytesIO()
    cut = round(trim_mm * k)
    image = image.crop((cut, cut, image.width - cut, image.height - cut))
    image.save(out, "PNG", dpi=(dpi, dpi), optimize=True)
    return out.getvalue()


def _paint(pen: "ImageDraw.ImageDraw", mark: Mark, k: float, image: "Image.Image") -> None:
    if isinstance(mark, Area):
        _paint_area(pen, mark, k, image)
    elif isinstance(mark, Line):
        pen.line([(x * k, y * k) for x, y in mark.points], mark.colour, max(1, round(mark.width * k)), "curve")
    else:
        from PIL import ImageFont

        font = ImageFont.truetype(str(_BOLD if mark.bold else _REGULAR), mark.size * k, index=_SIMPLIFIED)
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[mark.anchor]
        halo = round(0.35 * k) if mark.halo else 0
        pen.text(
            (mark.x * k, mark.y * k), mark.text, mark.colour, font, anchor, stroke_width=halo, stroke_fill="#ffffff"
        )


def _paint_area(pen: "ImageDraw.ImageDraw", mark: Area, k: float, image: "Image.Image") -> None:
    rings = [[(x * k, y * k) for x, y in ring] for ring in mark.rings]
    if mark.fill and len(rings) == 1:
        pen.polygon(rings[0], mark.fill)
    elif mark.fill:
        image.paste(mark.fill, (0, 0), _even_odd(rings, image.size))
    if mark.edge:
        for ring in rings:
            pen.line([*ring, *ring[1:2]], mark.edge, max(1, round(mark.width * k)), "curve")


def _even_odd(rings: list[list[tuple[float, float]]], size: tuple[int, int]) -> "Image.Image":
    """Return where rings cover the sheet: one within another opens it again."""
    from PIL import Image, ImageChops, ImageDraw

    covered = Image.new("1", size)
    for ring in rings:
        one = Image.new("1", size)
        ImageDraw.Draw(one).polygon(ring, 1)
        covered = ImageChops.logical_xor(covered, one)
    return covered
