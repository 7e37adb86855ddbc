"""Map pages: nothing from elsewhere, nothing inline, nothing that data could execute."""

import re

import folium
import pytest
from folium import plugins

from gridmap import maps

STATIC, INLINE = "/static", "/map-inline"


def page(**options) -> folium.Map:
    return folium.Map(location=(30.0, 104.0), tiles=None, **options)


def test_two_renders_are_byte_identical():
    first = maps.grid_map(STATIC, INLINE)
    maps.grid_map.cache_clear()
    assert maps.grid_map(STATIC, INLINE) == first


def test_every_asset_is_local_and_lies_where_set_up_puts_it(app):
    parts = maps.grid_map(STATIC, INLINE)
    links = re.findall(r'(?:src|href)="([^"]+)"', parts.head + parts.foot)
    client = app.test_client()
    assert len(links) >= 7
    for link in links:
        with client.get(link) as answer:
            assert answer.status_code == 200, link


def test_building_a_page_leaves_folium_itself_as_it_was():
    maps.grid_map.cache_clear()
    maps.grid_map(STATIC, INLINE)
    assert dict(folium.Map.default_js)["leaflet"].startswith("https://")


def test_an_asset_without_a_local_file_is_refused():
    element = maps.GridApp("/static/js/app.js")
    element.default_js = [("heat", "https://example.org/heat.js")]
    mapped = page()
    element.add_to(mapped)
    with pytest.raises(ValueError, match="'heat'"):
        maps.rendered(mapped, STATIC, INLINE)


@pytest.mark.parametrize(
    "url", ["https://tiles.example.org/{z}/{x}/{y}.png", "//tiles.example.org/{z}", "tiles/{z}", "/\\evil"]
)
def test_tiles_of_another_host_are_refused(url):
    mapped = page()
    folium.TileLayer(url, attr="-").add_to(mapped)
    with pytest.raises(ValueError, match="Tiles must come from this service"):
        maps.rendered(mapped, STATIC, INLINE)


@pytest.mark.parametrize("text", ["${alert(1)}", "`+alert(1)+`", "</script><script>alert(1)</script>"])
@pytest.mark.parametrize(
    "speaking",
    [
        lambda text: folium.Marker((30, 104), popup=text),
        lambda text: folium.Marker((30, 104), popup=folium.Popup(text, parse_html=True)),
        lambda text: folium.Marker((30, 104), tooltip=text),
        lambda text: folium.Marker((30, 104), icon=folium.DivIcon(html=text)),
        lambda text: folium.Element(text),
        lambda text: folium.GeoJson({"type": "FeatureCollection", "features": []}, name=text),
        lambda text: plugins.HeatMap([[30, 104]], name=text),
    ],
    ids=["popup", "parsed popup", "tooltip", "icon", "element", "geojson", "heat map"],
)
def test_folium_elements_that_carry_texts_are_refused(speaking, text):
    mapped = page()
    mapped.add_child(speaking(text))
    with pytest.raises(ValueError, match="may not be put on a map page"):
        maps.rendered(mapped, STATIC, INLINE)


def test_a_text_in_the_frame_of_a_figure_is_refused():
    mapped = page()
    mapped.get_root().html.add_child(folium.Element("<b>`${alert(1)}`</b>"))
    with pytest.raises(ValueError, match="may not be put on a map page"):
        maps.rendered(mapped, STATIC, INLINE)


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://example.org/a.js"></script>', "<img src=//example.org/a.png>", '<link href="http://a/b.css">',
        '<iframe  src="javascript:alert(1)">', '<a href="/elsewhere/x">', '<script src="/\\example.org/a.js">',
    ],
)  # fmt: skip
def test_a_link_to_another_place_is_refused(tag):
    with pytest.raises(ValueError, match="may not link"):
        maps.refuse_foreign_links(tag, (STATIC, INLINE))


def test_local_links_pass():
    maps.refuse_foreign_links('<script src="/static/a.js"></script><a href="#sel">', (STATIC, INLINE))


def test_the_page_stays_small_with_a_district_in_it(client):
    assert len(client.get("/").data) < 60_000


def test_the_page_holds_no_inline_code(client):
    html = client.get("/").get_data(as_text=True)
    scripts = re.findall(r"<script([^>]*)>", html)
    assert [tag for tag in scripts if "src=" not in tag and 'type="application/json"' not in tag] == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", html) == []


def test_the_code_folium_wrote_is_served_forever_under_the_name_of_its_content(client):
    names = re.findall(r"/map-inline/([\w.]+)", client.get("/").get_data(as_text=True))
    assert sorted(name.rpartition(".")[2] for name in names) == ["css", "js"]
    for name in names:
        answer = client.get(f"/map-inline/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
    assert client.get("/map-inline/0.js").status_code == 404


def test_the_code_folium_wrote_is_the_same_in_every_language(client):
    def names(language: str) -> list[str]:
        return re.findall(r"/map-inline/[\w.]+", client.get(f"/?lang={language}").get_data(as_text=True))

    assert names("zh") == names("en")
