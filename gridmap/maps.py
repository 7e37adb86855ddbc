"""Map pages by Folium: local assets, stable ids, no inline code, and no way for data to reach Folium (design.md D7, D8).

Folium renders the parts of a page; `web` puts them into its own frame. The parts are the same for everybody: language,
layers and figures reach our JavaScript as a JSON block of the page, never through Folium's templates.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

import folium
from branca.element import Element, Figure, MacroElement
from folium.elements import JSCSSMixin
from folium.template import Template

from gridmap.crs import to_folium

MAX_ZOOM = 20
MODULES = ("app", "grids", "summary")
NOWHERE = to_folium(104.0, 35.0)  # the middle of China, until our JavaScript shows the district

# Folium's names of assets and where set-up puts them, under static/. A name that is not here is refused.
_LOCAL = {
    "leaflet": "vendor/leaflet/leaflet.js",
    "leaflet_css": "vendor/leaflet/leaflet.css",
    "fullscreen": "vendor/leaflet.fullscreen/Control.FullScreen.js",
    "locate": "vendor/leaflet.locatecontrol/L.Control.Locate.min.js",
    "protomaps": "vendor/protomaps-leaflet/protomaps-leaflet.js",
}
# What folium.Map brings along for Popup and Icon, which are not used.
_DROPPED = frozenset({
    "jquery", "bootstrap", "bootstrap_css", "awesome_markers", "awesome_markers_css", "awesome_markers_font_css",
    "awesome_rotate_css", "glyphicons_css",
})  # fmt: skip
_INLINE = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)
_VIEWPORT = re.compile(r'<meta name="viewport".*?/>', re.DOTALL)  # ours lets people enlarge the page
_LINK = re.compile(r"""<\w[^>]*?\s(?:src|href|srcset|data|action)\s*=\s*["']?([^"'\s>]*)""", re.IGNORECASE)


class GridApp(JSCSSMixin, MacroElement):
    """Starts our own JavaScript on the map it is added to."""

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "import({{ this.module|tojson }}).then((app) => app.start({{ this._parent.get_name() }}));"
        "{% endmacro %}"
    )
    default_js = [(name, "") for name in ("protomaps", "fullscreen", "locate")]  # noqa: RUF012 - Folium's own shape

    def __init__(self, module: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "GridApp"
        self.module = module


@dataclass(frozen=True)
class MapParts:
    """The pieces of a map page: tags for the head, for the body and for its end, and the code moved out of them.

    `inline` holds what `/map-inline/<name>` answers: the name is made from the content.
    """

    head: str
    body: str
    foot: str
    inline: Mapping[str, str]


@cache
def grid_map(static: str, inline: str, module: str = "app") -> MapParts:
    """Return the parts of a page with a map.

    Parameters
    ----------
    static, inline : the addresses under which files are served
    module : our JavaScript module that is started on the map, one of MODULES
    """
    page = folium.Map(location=NOWHERE, zoom_start=4, tiles=None, zoom_control=False, maxZoom=MAX_ZOOM)
    GridApp(f"{static}/js/{module}.js").add_to(page)
    return rendered(page, static, inline)


def rendered(page: folium.Map, static: str, inline: str) -> MapParts:
    """Return a Folium map as parts that load nothing from another host and hold no inline code.

    Raises
    ------
    ValueError for an element that would execute texts, an asset without a local file, or a link to another place.
    """
    figure = cast(Figure, page.get_root())
    figure.header._children.pop("meta_http", None)
    for number, element in enumerate(_tree(figure)):
        _refuse_unsafe(element)
        element._id = str(number)
        if isinstance(element, JSCSSMixin):
            _localise(element, static)
    figure.render()
    code: dict[str, str] = {}
    head, body = (_without_inline(part.render(), code) for part in (figure.header, figure.html))
    code["script"] = code.get("script", "") + figure.script.render()
    parts = _with_files(head, body, code, inline)
    refuse_foreign_links(parts.head + parts.body + parts.foot, (static, inline))
    return parts


def refuse_foreign_links(html: str, places: tuple[str, ...] = ("",)) -> None:
    """Raise ValueError if a tag names anything but a local address below one of these places."""
    for target in _LINK.findall(html):
        local = target.startswith("#") or (target.startswith("/") and not target.startswith(("//", "/\\")))
        if not local or (target.startswith("/") and not target.startswith(tuple(f"{place}/" for place in places))):
            raise ValueError(f"A map page may not link to {target[:80]!r}.")


def _tree(element: Element) -> Iterator[Element]:
    yield element
    parts = (element.header, element.html, element.script) if isinstance(element, Figure) else ()
    for child in (*parts, *element._children.values()):
        yield from _tree(child)


def _refuse_unsafe(element: Element) -> None:
    """Let only elements pass that put no text into HTML or script: Folium's other elements do so unescaped."""
    if isinstance(element, folium.TileLayer):
        if not re.match(r"/(?![/\\])", str(element.tiles)):
            raise ValueError(f"Tiles must come from this service, not from {str(element.tiles)[:80]!r}.")
    elif type(element) not in (Element, Figure, folium.Map, GridApp) or element._template_str is not None:
        raise ValueError(f"{type(element).__name__} may not be put on a map page: data go to our JavaScript as JSON.")


def _localise(element: JSCSSMixin, static: str) -> None:
    """Give one element local assets; on the instance, since the lists belong to the class."""
    element.default_js = _local_links(element.default_js, static)
    element.default_css = _local_links(element.default_css, static)


def _local_links(links: list[tuple[str, str]], static: str) -> list[tuple[str, str]]:
    unknown = [name for name, _ in links if name not in _LOCAL and name not in _DROPPED]
    if unknown:
        raise ValueError(f"There is no local file for the asset {unknown[0]!r}.")
    return [(name, f"{static}/{_LOCAL[name]}") for name, _ in links if name in _LOCAL]


def _without_inline(html: str, code: dict[str, str]) -> str:
    """Return tags without their inline styles and scripts, which are appended to `code` by kind."""

    def taken(match: re.Match[str]) -> str:
        code[match[1]] = code.get(match[1], "") + match[2]
        return ""

    return _tidy(_INLINE.sub(taken, _VIEWPORT.sub("", html)))


def _with_files(head: str, body: str, code: dict[str, str], inline: str) -> MapParts:
    css, js = _tidy(code.get("style", "")), _tidy(code["script"])
    css_name, js_name = f"{_digest(css)}.css", f"{_digest(js)}.js"
    return MapParts(
        head=f'{head}\n<link rel="stylesheet" href="{inline}/{css_name}">',
        body=body,
        foot=f'<script src="{inline}/{js_name}"></script>',
        inline={css_name: css, js_name: js},
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _tidy(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())
