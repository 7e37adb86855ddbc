"""The committed sample: what the generator makes today, small, readable by others."""

from pathlib import Path

import orjson
import pyogrio
import pytest

from gridmap import demo
from gridmap.layers import LAYERS

SAMPLE = Path(__file__).parents[2] / "data" / "boundaries"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    demo.write_sample(folder)
    return folder


def test_the_committed_sample_is_what_the_generator_makes(fresh):
    # after a wanted change of the generator, write the sample again: see data/boundaries/README.md
    assert sorted(path.name for path in SAMPLE.iterdir()) == sorted(path.name for path in fresh.iterdir())
    for path in fresh.iterdir():
        assert path.read_bytes() == SAMPLE.joinpath(path.name).read_bytes(), path.name


def test_the_sample_is_small_and_has_every_layer():
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 900_000
    for name in (layer.name for layer in LAYERS.drawn()):
        collection = orjson.loads(SAMPLE.joinpath(f"{name}.geojson").read_bytes())
        assert collection["features"]
        assert "crs" not in collection


def test_gdal_reads_the_sample_with_its_counts():
    for name in (layer.name for layer in LAYERS.drawn()):
        path = SAMPLE / f"{name}.geojson"
        assert pyogrio.read_info(path)["features"] == len(orjson.loads(path.read_bytes())["features"])


def test_the_readme_tells_source_date_system_counts_and_that_it_is_made_up():
    text = SAMPLE.joinpath("README.md").read_text("utf-8")
    households = len(orjson.loads(SAMPLE.joinpath("household.geojson").read_bytes())["features"])
    for part in (
        "made up",
        "虚构",
        "Source:",
        "Date: 2026-01-15",
        "EPSG:4490",
        f"| `household.geojson` | {households} |",
    ):
        assert part in text
