"""What a person chose for an import, from the form of its page: how columns, text and coordinates are to be read."""

from collections.abc import Mapping
from typing import Any

from gridmap import crs
from gridmap.errors import InvalidInput
from gridmap.exchange import columns, encodings
from gridmap.intake.jobs import Job
from gridmap.layer import N_, Layer
from gridmap.web import forms

# The systems a form offers; any other EPSG code can be typed.
SYSTEMS = {
    "EPSG:4490": N_("CGCS2000, degrees"), "EPSG:4326": N_("WGS 84 (GPS), degrees"), "GCJ-02": N_("GCJ-02 (Amap, Tencent)"),
    "BD-09": N_("BD-09 (Baidu)"), "EPSG:4547": N_("CGCS2000, zone at 114° E, metres"),
    "EPSG:4548": N_("CGCS2000, zone at 117° E, metres"), "EPSG:4549": N_("CGCS2000, zone at 120° E, metres"),
}  # fmt: skip
MAX_ASSIGNED = 40
SETS_OF = "neighbourhood"  # its rows can become a set beside those in force


def read_settings(form: Mapping[str, str], job: Job, layer: Layer) -> dict[str, Any]:
    """Return the settings of a form; InvalidInput names what cannot be meant."""
    fields = {field.column for field in (*columns.fields_of(layer), *columns.POSITION)}
    headings = job.evidence.get("headings", [])
    mapping: dict[str, str] = {}
    for number, heading in enumerate(headings):
        field = form.get(f"column-{number}", "")
        if field and field not in fields:
            raise InvalidInput(f"There is no field {field[:40]!r}. 没有该字段。", where=f"column-{number}")
        if field and field in mapping.values():
            raise InvalidInput(f"Two columns fill {field}. 两列对应同一字段。", where=f"column-{number}")
        mapping[heading] = field
    key = [form["key"]] if form.get("key") in headings else []
    return {
        "mapping": mapping, "crs": _system(form), "encoding": _encoding(form), "key": key, "assign": _assigned(form, fields),
        "merge": form.get("merge") == "yes", "repair": form.get("repair") == "yes", "as_set": _set_name(form, layer),
    }  # fmt: skip


def _set_name(form: Mapping[str, str], layer: Layer) -> str:
    """Return the name of the set the rows become instead of being put in force; empty for none."""
    if form.get("as-set") != "yes" or layer.name != SETS_OF:
        return ""
    name = forms.text(form, "set-name", 100)
    if not name or not name.isprintable():
        raise InvalidInput("Give the set a name. 请填写方案名称。", where="set-name")
    return name


def _system(form: Mapping[str, str]) -> str:
    written = forms.text(form, "crs-other") or forms.text(form, "crs")
    return crs.system(written).name if written and written != form.get("crs-stated") else written


def _encoding(form: Mapping[str, str]) -> str:
    written = forms.text(form, "encoding", 40)
    return encodings.stated(written).name if written else ""


def _assigned(form: Mapping[str, str], fields: set[str]) -> dict[str, str]:
    """Return field and value of each line `field=value`: what holds for every row of the file."""
    found: dict[str, str] = {}
    for line in form.get("assign", "").splitlines()[:MAX_ASSIGNED]:
        field, sign, value = (part.strip() for part in line.partition("="))
        if not line.strip():
            continue
        if not sign or field not in fields or not value.isprintable() or len(value) > forms.MAX_CHARS:
            raise InvalidInput(f"{line[:40]!r}: write a field, = and a value. 请写成 字段=值。", where="assign")
        found[field] = value
    return found
