"""What stands around a paper map's frame: title, number, legend, scale, as-of, review number, north. Never on the map."""

import math
from typing import TYPE_CHECKING

from gridmap.layers.closure_zone import LAYER
from gridmap.reports.notices import wording
from gridmap.reports.notices.sheet import (
    EDGE,
    HOUSE,
    INK,
    INSIDE,
    MUTED,
    Area,
    Line,
    Mark,
    Point,
    Text,
    View,
    width_of,
)

if TYPE_CHECKING:
    from gridmap.reports.notices.ground import Ground
    from gridmap.reports.notices.notice import Notice

_SMALL, _TITLE = 2.8, 6.0


def around_the_frame(view: View, notice: "Notice", ground: "Ground", *, review_number: str | None) -> list[Mark]:
    """Return the marks outside the frame, and the frame itself."""
    x, y, wide, high = view.frame
    frame = Area((_box(x, y, wide, high),), edge=INK, width=0.4)
    title = f"{wording.zone_words(notice)}范围图"
    head = [
        Text(x, y - 12.5, "附件1", 3.6, bold=True),
        Text(view.width / 2, y - 6.5, title, min(_TITLE, (wide - 30) / max(len(title), 1)), anchor="middle", bold=True),
        Text(view.width / 2, y - 1.6, notice.doc_no or wording.ORAL_NUMBER, _SMALL, MUTED, "middle"),
        *_north(x + wide - 6, y - 13.5),
    ]
    return [frame, *head, *_legend(view, notice, y + high + 4), *_scale(view, y + high + 4),
            *_said(view, notice, ground, review_number, y + high + 18)]  # fmt: skip


def _legend(view: View, notice: "Notice", top: float) -> list[Mark]:
    symbol, x = LAYER.style.symbols[notice.type], view.frame[0]
    marks: list[Mark] = []
    rows = (
        (notice.kind_of_zone, None, symbol.stroke, 0.9),
        ("范围内楼栋", INSIDE, EDGE, 0.15),
        ("其他楼栋", HOUSE, EDGE, 0.15),
    )
    for name, fill, edge, width in rows:
        marks.append(Area((_box(x, top, 8, 4),), fill, edge, width))
        if fill is None:
            marks += [
                Line(((x + n, top + 4), (x + n + 3, top)), symbol.stroke, 0.25, round=False) for n in (0.5, 2.5, 4.5)
            ]
        marks.append(Text(x + 9.5, top + 3.2, name, _SMALL))
        x += 13 + width_of(name, _SMALL)
    return marks


def _scale(view: View, top: float) -> list[Mark]:
    """Return the scale as a bar of round length and as 1:n, at the right."""
    right = view.frame[0] + view.frame[2]
    length_m = _round_length(50 * view.scale / 1000)
    length = length_m * 1000 / view.scale
    left = right - length - 12
    halves = [_box(left + n * length / 2, top + 1.4, length / 2, 1.4) for n in (0, 1)]
    told = f"{length_m:g} 米" if length_m < 1000 else f"{length_m / 1000:g} 千米"
    return [
        Area((halves[0],), INK, INK, 0.2), Area((halves[1],), "#ffffff", INK, 0.2),
        Text(left, top + 6, "0", _SMALL, anchor="middle"), Text(left + length, top + 6, told, _SMALL, anchor="middle"),
        Text(left - 4, top + 3.2, f"比例尺 1:{view.scale}", _SMALL, anchor="end", bold=True),
    ]  # fmt: skip


def _round_length(most: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above `most`."""
    power: float = 10 ** math.floor(math.log10(most))
    return max(step * power for step in (1, 2, 5) if step * power <= most)


def _said(view: View, notice: "Notice", ground: "Ground", review_number: str | None, top: float) -> list[Mark]:
    x = view.frame[0]
    review = f"审图号：{review_number}" if review_number else "审图号：未登记，公开张贴前须依法送审"
    first = f"资料时间：{wording.moment(notice.as_of)}　　坐标系：CGCS2000　　{review}"
    second = f"{wording.PUBLIC_NOTE if notice.is_public else wording.INTERNAL_NOTE}　　区域编号：{notice.code}"
    lines = [first, second]
    if ground.credit:
        lines.append(f"底图：{ground.credit}")
    if ground.left_out:
        lines.append("范围过大，图上未逐一绘出楼栋或道路。")
    return [Text(x, top + n * 4.2, line, _SMALL, MUTED) for n, line in enumerate(lines)]


def _north(x: float, y: float) -> list[Mark]:
    arrow: tuple[Point, ...] = ((x, y), (x + 2, y + 7), (x, y + 5.4), (x - 2, y + 7), (x, y))
    return [Area((arrow,), INK, INK, 0.2), Text(x, y + 10.6, "北", 3.0, anchor="middle", bold=True)]


def _box(x: float, y: float, wide: float, high: float) -> tuple[Point, ...]:
    return ((x, y), (x + wide, y), (x + wide, y + high), (x, y + high), (x, y))
