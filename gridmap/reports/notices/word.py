"""A notice as a DOCX to be worked on: the same words, the map as a picture of 200 dpi on its own paper, the list."""

import io
from typing import TYPE_CHECKING, Any

from gridmap.reports.notices import listing, painting, wording
from gridmap.reports.notices.notice import Notice
from gridmap.reports.notices.sheet import Sheet

if TYPE_CHECKING:
    from docx.document import Document

BODY, TITLE, HEADING = "FangSong", "FZXiaoBiaoSong-B05S", "SimHei"  # Word takes its own where one is missing
_LINE_PT = 29
_TRIM_MM = 10  # the map's own empty margin, so that it stands at its scale and still fits between the page's


def of_notice(notice: Notice, sheet: Sheet) -> bytes:
    """Return the DOCX of a notice: the document on A4, the map on its own paper, the list of buildings."""
    import docx
    from docx.shared import Mm

    words, document = wording.of_notice(notice), docx.Document()
    _set_up(document, words, notice)
    _paragraph(document, words.note, size=10.5, align="RIGHT", line=16)
    _paragraph(document, words.title, font=TITLE, size=22, align="CENTER", line=36, bold=True, before=_LINE_PT / 2)
    _paragraph(document, words.number, align="CENTER", after=_LINE_PT / 2)
    _paragraph(document, words.opening, indent=True)
    for heading, paragraphs in words.sections:
        _paragraph(document, heading, font=HEADING, indent=True, keep=True, style="Heading 2")
        for text in paragraphs:
            _paragraph(document, text, indent=True)
    _paragraph(document, words.closing, indent=True, after=_LINE_PT / 2)
    for n, name in enumerate(words.attached, start=1):
        _paragraph(document, f"{'附件：' if n == 1 else '　　　'}{n}. {name}", indent=True)
    for n, name in enumerate(words.signature):
        _paragraph(document, f"{name}　　", align="RIGHT", before=0 if n else _LINE_PT, keep=True)
    _paragraph(document, f"{words.dated}　　　　", align="RIGHT")
    _number_pages(document.sections[0])
    page = _section(document, sheet.width, sheet.height, (_TRIM_MM - 1,) * 4)
    page.footer.is_linked_to_previous = False
    page.footer_distance = page.header_distance = Mm(2)
    document.add_picture(io.BytesIO(painting.png(sheet, trim_mm=_TRIM_MM)), width=Mm(sheet.width - 2 * _TRIM_MM))
    document.paragraphs[-1].paragraph_format.space_after = 0
    if notice.buildings is not None:
        last = _section(document, 210, 297, (37, 26, 35, 28))
        last.footer.is_linked_to_previous = False
        _number_pages(last)
        _list(document, notice)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _set_up(document: "Document", words: wording.Words, notice: Notice) -> None:
    from docx.shared import Mm, Pt

    document.core_properties.title, document.core_properties.author = words.title, notice.issuer
    document.core_properties.comments = words.note
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.right_margin, section.bottom_margin, section.left_margin = (
        Mm(37),
        Mm(26),
        Mm(35),
        Mm(28),
    )
    style = document.styles["Normal"]
    style.font.size = Pt(16)
    _font(style, BODY)


def _section(document: "Document", width: float, height: float, margins: tuple[int, int, int, int]) -> Any:
    from docx.enum.section import WD_ORIENT, WD_SECTION
    from docx.shared import Mm

    section = document.add_section(WD_SECTION.NEW_PAGE)
    section.page_width, section.page_height = Mm(width), Mm(height)
    section.orientation = WD_ORIENT.LANDSCAPE if width > height else WD_ORIENT.PORTRAIT
    top, right, bottom, left = map(Mm, margins)
    section.top_margin, section.right_margin, section.bottom_margin, section.left_margin = top, right, bottom, left
    return section


def _paragraph(
    document: "Document", text: str, *, font: str = BODY, size: float = 16, align: str = "JUSTIFY", line: float = _LINE_PT,
    indent: bool = False, bold: bool = False, keep: bool = False, before: float = 0, after: float = 0, style: str | None = None,
) -> None:  # fmt: skip
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt, RGBColor

    made = document.add_paragraph(style=style)
    form = made.paragraph_format
    form.alignment = getattr(WD_ALIGN_PARAGRAPH, align)
    form.line_spacing, form.space_before, form.space_after = Pt(line), Pt(before), Pt(after)
    form.first_line_indent, form.keep_with_next = Pt(2 * size) if indent else Pt(0), keep
    run = made.add_run(text)
    run.font.size, run.font.bold, run.font.color.rgb = Pt(size), bold, RGBColor(0, 0, 0)
    _font(run, font)


def _font(styled: Any, name: str) -> None:
    """Set a font for Chinese too: Word keeps that of East Asian letters apart."""
    from docx.oxml.ns import qn

    styled.font.name = name
    styled.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), name)


def _list(document: "Document", notice: Notice) -> None:
    told = listing.of_notice(notice)
    _paragraph(document, "附件2", font=HEADING, align="LEFT")
    _paragraph(document, "楼栋清单", font=TITLE, size=18, align="CENTER", bold=True, after=10)
    table = document.add_table(rows=1, cols=len(told.headings), style="Table Grid")
    _fill(table.rows[0], told.headings)
    _repeat(table.rows[0])
    for row in told.rows:
        _fill(table.add_row(), row)
    _paragraph(document, told.sum, size=10.5, align="LEFT", line=20)


def _fill(row: Any, values: tuple[str | int, ...]) -> None:
    from docx.shared import Pt

    for cell, value in zip(row.cells, values, strict=True):
        run = cell.paragraphs[0].add_run(str(value))
        run.font.size = Pt(10.5)


def _repeat(row: Any) -> None:
    """Let a table's first row stand on top of every page."""
    from docx.oxml import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _number_pages(section: Any) -> None:
    """Put the page's number between dashes at the foot, as GB/T 9704 has it."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    foot.add_run("— ")
    number = OxmlElement("w:fldSimple")
    number.set(qn("w:instr"), "PAGE")
    foot._p.append(number)
    foot.add_run(" —")
