"""The list of buildings of a notice as a table: headings, rows, and the line under it."""

from collections import defaultdict
from dataclasses import dataclass

from gridmap.layers.closure_zone.scope import Item, worded
from gridmap.reports.notices import wording
from gridmap.reports.notices.notice import Listed, Notice

MAX_ROWS = 200  # single buildings; more are told by estate and grid, in runs as orders write them
Row = tuple[str | int, ...]
_COUNTED = ("户数", "人数")


@dataclass(frozen=True)
class Table:
    """Headings, rows and the line under the table."""

    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    sum: str


def of_notice(notice: Notice) -> Table:
    """Return the list of a notice's buildings; the internal version has homes and people, the public one has not."""
    buildings = notice.buildings or ()
    headings, rows = _single(buildings) if len(buildings) <= MAX_ROWS else _grouped(buildings)
    if notice.is_public:
        headings, rows = headings[:-2], [row[:-2] for row in rows]
    return Table(headings, tuple(rows), _sum(notice, buildings))


def _single(buildings: tuple[Listed, ...]) -> tuple[tuple[str, ...], list[Row]]:
    rows: list[Row] = [
        (n, one.name, one.estate or "—", one.grid or "—", one.part, one.code, *_counts([one]))
        for n, one in enumerate(buildings, start=1)
    ]
    return ("序号", "楼栋", "小区", "网格", "范围", "楼栋代码", *_COUNTED), rows


def _grouped(buildings: tuple[Listed, ...]) -> tuple[tuple[str, ...], list[Row]]:
    """Return one row for the buildings of an estate in a grid; one that is inside in part says so behind the others."""
    groups: dict[tuple[str, str, str], list[Listed]] = defaultdict(list)
    for one in buildings:
        groups[one.code[:12], one.estate, one.grid].append(one)
    rows: list[Row] = []
    for n, ((_, estate, grid), held) in enumerate(groups.items(), start=1):
        whole = worded([Item("building", one.code, one.name) for one in held if one.part == "整幢"])
        parts = [f"{one.name}{one.part}" for one in held if one.part != "整幢"]
        names = "、".join([whole, *parts] if whole else parts)
        rows.append((n, estate or "—", grid or "—", names, len(held), *_counts(held)))
    return ("序号", "小区", "网格", "楼栋", "幢数", *_COUNTED), rows


def _counts(held: list[Listed]) -> Row:
    """Return homes and people, a dash where the reader may not count a part of them."""
    if any(one.households is None for one in held):
        return "—", "—"
    return sum(one.households or 0 for one in held), sum(one.people or 0 for one in held)


def _sum(notice: Notice, buildings: tuple[Listed, ...]) -> str:
    told = f"共 {len(buildings)} 幢"
    if not notice.is_public:
        homes, people = _counts(list(buildings))
        told += f"，{homes} 户，{people} 人"
    return f"{told}。资料时间：{wording.moment(notice.as_of)}。"
