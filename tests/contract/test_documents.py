"""What people can type or set is told in the documents; a new one that is not fails here."""

import re
from pathlib import Path

import pytest

from gridmap.exchange.columns import DETAILS
from gridmap.exchange.words import chinese
from gridmap.layers import LAYERS
from gridmap.settings import Settings

ROOT = Path(__file__).parent.parent.parent


def test_every_setting_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert [name for name in Settings.model_fields if f"GRIDMAP_{name.upper()}" not in readme] == []


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: layer.name)
def test_every_column_of_a_spreadsheet_is_in_the_import_guide(layer):
    guide = (ROOT / "docs" / "import.md").read_text().split("\n### ")
    section = next((part for part in guide if part.startswith(f"{layer.name}\n")), "")
    for field in (*layer.fields, *DETAILS.get(layer.name, ())):
        assert f"| `{field.column}`" in section
        assert all(alias in section for alias in field.aliases)
        if field.kind != "boolean":
            assert all(f"`{word}` {chinese(title)}" in section for word, title in field.choices.items())


def test_every_route_of_the_api_is_in_its_guide(app):
    guide = (ROOT / "docs" / "api.md").read_text()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1"):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            path = path.replace("{layer}", "supply_point", rule.rule.count("nearest/<"))
            assert path in guide, path


def test_every_decision_is_in_their_list():
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text()
    assert [path.name for path in folder.glob("0*.md") if path.name not in listed] == []


def test_every_dependency_has_its_reason():
    told = (ROOT / "docs" / "dependencies.md").read_text()
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    for requirement in names:
        name = requirement.partition(">")[0].partition("=")[0].partition("[")[0]
        assert name in told, name
