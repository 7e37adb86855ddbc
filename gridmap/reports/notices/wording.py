"""The words of an official notice 通告 after GB/T 9704-2012: title, number, body, signature. Always Chinese: it is the order.

The law asks for content, scope and period with an explanation (IDL 67, PHL 40) and for who decided (ERL 72).
"""

from dataclasses import dataclass
from datetime import date, datetime

from gridmap.reports.notices.notice import Notice
from gridmap.web.answers import SHOWN_ZONE

VERBS = {"impose": "划定", "adjust": "调整", "extend": "延长", "release": "解除", "revoke": "撤销"}
ENDS = ("release", "revoke")
PUBLIC_NOTE = "公开版：不含户室与人员信息"
INTERNAL_NOTE = "内部资料 · 含户数人数 · 不得对外提供"
ORAL_NUMBER = "（口头命令，书面文号待补）"


@dataclass(frozen=True)
class Words:
    """A notice in words: `opening` and `sections` (heading, paragraphs) are its body, `attached` what lies behind it."""

    title: str
    number: str
    opening: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    closing: str
    attached: tuple[str, ...]
    signature: tuple[str, ...]
    dated: str
    note: str


def of_notice(notice: Notice) -> Words:
    """Return the words of a notice."""
    zone = zone_words(notice)
    attached = ("区域范围图",) if notice.buildings is None else ("区域范围图", "楼栋清单")
    return Words(
        title=f"{notice.issuer}关于{VERBS[notice.kind]}{zone}{'期限' if notice.kind == 'extend' else ''}的通告",
        number=notice.doc_no or ORAL_NUMBER,
        opening=_opening(notice, zone),
        sections=tuple(_sections(notice)),
        closing="特此通告。",
        attached=attached,
        signature=(notice.issuer,) if not notice.parent_government else (notice.parent_government, notice.issuer),
        dated=day(notice.issued_at),
        note=PUBLIC_NOTE if notice.is_public else INTERNAL_NOTE,
    )


def zone_words(notice: Notice) -> str:
    """Return a zone's name with its kind, which is not said twice."""
    return notice.name if notice.kind_of_zone in notice.name else f"{notice.name}（{notice.kind_of_zone}）"


def _opening(notice: Notice, zone: str) -> str:
    basis = f"根据{basis_words(notice)}，" if notice.law else ""
    before = f"对{notice.first_doc_no}划定的" if notice.first_doc_no and notice.kind != "impose" else ""
    done = {
        "impose": f"决定划定{zone}", "adjust": f"决定{before or '对'}{zone}作出调整", "extend": f"决定延长{before}{zone}的期限",
        "release": f"决定解除{before}{zone}", "revoke": f"决定撤销{before}{zone}",
    }[notice.kind]  # fmt: skip
    return f"{basis}{notice.issuer}{done}。现将有关事项通告如下："


def basis_words(notice: Notice) -> str:
    """Return the cited article as it was in force on the day of the order; empty where none is cited."""
    if not notice.law or notice.law_from is None:
        return ""
    return f"《{notice.law.strip('《》')}》{notice.article}（{plain_day(notice.law_from)}起施行的条文）"


def _sections(notice: Notice) -> list[tuple[str, tuple[str, ...]]]:
    """Return the numbered sections: only what the order says, and that it says nothing where the law asks for it."""
    said: list[tuple[str, tuple[str, ...]]]
    if notice.kind in ENDS:
        said = [
            ("范围", (notice.scope_text,)),
            ("解除时间", (f"自{moment(notice.effective_at)}起，原管理措施停止执行。",)),
        ]
    else:
        measures = tuple(f"（{numeral(n)}）{one}" for n, one in enumerate(notice.measures, start=1))
        said = [
            ("范围", (f"{notice.scope_text}。具体边界见附件1。",)),
            ("措施", measures or ("命令未另列措施。",)),
            ("期限", (period(notice),)),
        ]
    said.insert(1 if notice.kind in ENDS else 2, ("理由", (notice.reason or "见发布机关公布的命令。",)))
    if not notice.law:
        said.append(("法律依据", ("命令未载明法律条款，待补。",)))
    if notice.papers_due_at is not None:
        said.append(("书面命令", (f"本命令为紧急口头命令，书面命令应于{moment(notice.papers_due_at)}前补发。",)))
    if notice.published:
        said.append(("公布", (notice.published,)))
    return [
        (f"{numeral(n)}、{heading}", tuple(map(_ended, paragraphs)))
        for n, (heading, paragraphs) in enumerate(said, start=1)
    ]


def period(notice: Notice) -> str:
    """Return how long an order holds: to a moment, or until notice."""
    start = f"自{moment(notice.effective_at)}起"
    if notice.ends_at is None:
        return f"{start}施行，解除时间另行通告。"
    return f"{start}至{moment(notice.ends_at)}止。"


def moment(at: datetime) -> str:
    """Return a moment as an order writes it: 2026年3月1日8时05分, without the minutes of a full hour."""
    here = at.astimezone(SHOWN_ZONE)
    return f"{plain_day(here.date())}{here.hour}时" + (f"{here.minute:02d}分" if here.minute else "")


def day(at: datetime) -> str:
    """Return the day of a moment as an order writes it."""
    return plain_day(at.astimezone(SHOWN_ZONE).date())


def plain_day(on: date) -> str:
    """Return a day as GB/T 9704 writes it, in figures without leading noughts."""
    return f"{on.year}年{on.month}月{on.day}日"


def numeral(number: int) -> str:
    """Return 1 to 99 in Chinese numerals."""
    tens, ones = divmod(number, 10)
    digits = "零一二三四五六七八九"
    head = "" if tens == 0 else "十" if tens == 1 else f"{digits[tens]}十"
    return head + (digits[ones] if ones or not tens else "")


def _ended(text: str) -> str:
    return text if text.endswith(("。", "！", "；", "：")) else f"{text}。"
