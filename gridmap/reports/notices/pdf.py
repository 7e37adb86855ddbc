"""A notice as a PDF: the document's HTML set by WeasyPrint, its map as vectors, its fonts inside, nothing fetched."""

from typing import Any, NoReturn

from flask import render_template
from markupsafe import Markup

from gridmap.errors import Unavailable
from gridmap.reports.notices import listing, painting, wording
from gridmap.reports.notices.notice import Notice
from gridmap.reports.notices.sheet import Sheet


def of_notice(notice: Notice, sheet: Sheet) -> bytes:
    """Return the PDF of a notice: the document on A4, the map on its own paper, the list of buildings."""
    try:
        import weasyprint  # a second to load, and only here
    except OSError as exc:  # the package is there, the system's Pango is not
        raise Unavailable(
            "Install libpangoft2-1.0-0: a PDF needs Pango. DOCX works without. 缺少 Pango，可先导出 DOCX。"
        ) from exc

    html = render_template(
        "notice/document.html", notice=notice, words=wording.of_notice(notice), sheet=sheet,
        table=listing.of_notice(notice), drawing=Markup(painting.svg(sheet)),  # noqa: S704 - texts in it are escaped there
    )  # fmt: skip
    html_of: Any = weasyprint.HTML
    document: bytes = html_of(string=html, url_fetcher=_refuse).write_pdf()
    return document


def _refuse(url: str, *_: Any, **__: Any) -> NoReturn:
    raise ValueError(f"a notice fetches nothing, not {url[:40]!r}")
