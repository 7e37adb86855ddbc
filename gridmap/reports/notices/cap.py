"""An order as an alert in the Common Alerting Protocol 1.2 (OASIS, 1 July 2010), for partners' systems.

One order is one message: the first order an Alert, a later one an Update, the end a Cancel that names those before it.
An alert holds what the public may read and no reason; its area is cut where a hole would need a ring CAP does not have.
"""

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from gridmap.reports.notices import wording
from gridmap.reports.notices.notice import Notice
from gridmap.web.answers import shown

if TYPE_CHECKING:
    from shapely import Geometry, Polygon

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
CONTENT_TYPE = "application/cap+xml"
MESSAGES = {"impose": "Alert", "adjust": "Update", "extend": "Update", "release": "Cancel", "revoke": "Cancel"}
RESPONSES = {
    "lockdown": "Shelter", "high_risk": "Shelter", "evacuation": "Evacuate", "cordon": "Avoid", "control": "Avoid",
    "medium_risk": "Avoid", "prevention": "Monitor", "low_risk": "Monitor",
}  # fmt: skip
SEVERITIES = {
    "lockdown": "Severe", "high_risk": "Severe", "evacuation": "Extreme", "cordon": "Severe", "control": "Moderate",
    "medium_risk": "Moderate", "prevention": "Minor", "low_risk": "Minor",
}  # fmt: skip
SAFETY = ("cordon", "evacuation")  # of any hazard; the others are measures against disease
RESTRICTION = "命令未登记公布方式：仅供授权合作单位使用，不得转发公众。"


def sender_of(county: int) -> str:
    """Return the sender of a county's alerts: no space, comma, < or &, as CAP wants it."""
    return f"CN-{county}.gridmap"


def identifier_of(county: int, code: str, version: int) -> str:
    """Return the identifier of the alert of an order that made a version of a zone."""
    return f"{sender_of(county)}.{code}.{version}"


def of_notice(notice: Notice) -> bytes:
    """Return the alert of an order as XML in UTF-8; the notice must be the public one."""
    ET.register_namespace("", NAMESPACE)
    alert = ET.Element(f"{{{NAMESPACE}}}alert")
    sender, message = sender_of(notice.county), MESSAGES[notice.kind]
    is_open = bool(notice.published)
    _add(alert, "identifier", identifier_of(notice.county, notice.code, notice.version))
    _add(alert, "sender", sender)
    _add(alert, "sent", shown(notice.issued_at))
    _add(alert, "status", "Actual")
    _add(alert, "msgType", message)
    _add(alert, "scope", "Public" if is_open else "Restricted")
    if not is_open:
        _add(alert, "restriction", RESTRICTION)
    if message != "Alert":
        before = (f"{sender},{identifier_of(notice.county, notice.code, v)},{shown(at)}" for v, at in notice.earlier)
        _add(alert, "references", " ".join(before))
    _inform(alert, notice)
    ET.indent(alert)
    return bytes(ET.tostring(alert, encoding="utf-8", xml_declaration=True))


def _inform(alert: ET.Element, notice: Notice) -> None:
    """Add the alert's information, its elements in the schema's order."""
    over = notice.kind in wording.ENDS
    words = wording.of_notice(notice)
    info = ET.SubElement(alert, f"{{{NAMESPACE}}}info")
    _add(info, "language", "zh-CN")
    _add(info, "category", "Safety" if notice.type in SAFETY else "Health")
    _add(info, "event", notice.kind_of_zone)
    _add(info, "responseType", "AllClear" if over else RESPONSES[notice.type])
    _add(info, "urgency", _urgency(notice, over=over))
    _add(info, "severity", "Minor" if over else SEVERITIES[notice.type])
    _add(info, "certainty", "Observed")
    _add(info, "effective", shown(notice.issued_at))
    _add(info, "onset", shown(notice.effective_at))
    if notice.ends_at is not None:
        _add(info, "expires", shown(notice.ends_at))
    _add(info, "senderName", notice.issuer)
    _add(info, "headline", words.title)
    _add(
        info,
        "description",
        f"{wording.basis_words(notice)}{'：' if notice.law else ''}{notice.scope_text}。{wording.period(notice) if not over else ''}",
    )
    if notice.measures and not over:
        _add(info, "instruction", "；".join(notice.measures))
    for name, value in _parameters(notice):
        parameter = ET.SubElement(info, f"{{{NAMESPACE}}}parameter")
        _add(parameter, "valueName", name)
        _add(parameter, "value", value)
    area = ET.SubElement(info, f"{{{NAMESPACE}}}area")
    _add(area, "areaDesc", notice.scope_text)
    for part in without_holes(notice.area):
        _add(area, "polygon", " ".join(f"{lat:.7f},{lon:.7f}" for lon, lat in part.exterior.coords))
    for name, code in (("GB/T 2260", str(notice.county)), ("community", notice.community)):
        if code:
            geocode = ET.SubElement(area, f"{{{NAMESPACE}}}geocode")
            _add(geocode, "valueName", name)
            _add(geocode, "value", code)


def _parameters(notice: Notice) -> list[tuple[str, str]]:
    told = [("order", notice.doc_no or wording.ORAL_NUMBER), ("zone", notice.code), ("type", notice.type)]
    return told if notice.ends_at or notice.kind in wording.ENDS else [*told, ("period", "until_notice")]


def _urgency(notice: Notice, *, over: bool) -> str:
    if over:
        return "Past"
    return "Immediate" if notice.effective_at <= max(notice.issued_at, notice.as_of) else "Future"


def without_holes(area: "Geometry") -> "list[Polygon]":
    """Return polygons without holes that cover an area exactly: one with a hole is cut through its middle."""
    import shapely

    done, waiting = [], [part for part in shapely.get_parts(area) if part.geom_type == "Polygon"]
    while waiting:
        part = waiting.pop()
        if not part.interiors:
            done.append(part)
            continue
        west, south, east, north = part.bounds
        x = part.interiors[0].centroid.x
        for half in (shapely.box(west, south, x, north), shapely.box(x, south, east, north)):
            cut = shapely.get_parts(shapely.intersection(part, half))
            waiting += [piece for piece in cut if piece.geom_type == "Polygon"]
    return sorted(done, key=lambda part: part.bounds)


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{NAMESPACE}}}{name}").text = text
