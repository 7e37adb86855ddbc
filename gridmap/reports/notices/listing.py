"""The list of buildings of a notice as a table: headings, rows, and the line under it."""

from dataclasses import dataclass

from gridmap.reports.notices import wording
from gridmap.reports.notices.notice import Notice

MAX_ROWS = 1_000  # some thirty pages; a zone of more is told by its grids and estates, and its buildings by the export


@dataclass(frozen=True)
class Table:
    """Headings, rows and the line under the table."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    sum: str


def of_notice(notice: Notice) -> Table:
    """Return the list of a notice's buildings; the internal version has homes and people, the public one has not."""
    buildings = notice.buildings or ()
    headings: tuple[str, ...] = ("序号", "楼栋", "小区", "网格", "范围", "楼栋代码")
    rows: tuple[tuple[str | int, ...], ...] = tuple(
        (n, one.name, one.estate or "—", one.grid or "—", one.part, one.code)
        for n, one in enumerate(buildings[:MAX_ROWS], start=1)
    )
    told = f"共 {len(buildings)} 幢"
    if not notice.is_public:
        headings += ("户数", "人数")
        rows = tuple(
            (*row, _figure(one.households), _figure(one.people))
            for row, one in zip(rows, buildings[:MAX_ROWS], strict=True)
        )
        told += f"，{sum(one.households or 0 for one in buildings)} 户，{sum(one.people or 0 for one in buildings)} 人"
    if len(buildings) > MAX_ROWS:
        told += f"；本表列前 {MAX_ROWS} 幢，其余见楼栋导出文件"
    return Table(headings, rows, f"{told}。资料时间：{wording.moment(notice.as_of)}。")


def _figure(count: int | None) -> str | int:
    """Return a count, or a dash where the reader may not count."""
    return "—" if count is None else count
