import pytest

from tests.exchange.making import COMMUNITY, EAST, NORTH, SOUTH, WEST, box, geojson, take


@pytest.fixture
def district(empty_database, tmp_path):
    """A database with one community, 陆家嘴社区, and its two halves as grids."""
    middle = (WEST + EAST) / 2
    area = box(WEST, SOUTH, EAST, NORTH)
    take(
        empty_database, "community", geojson(tmp_path / "c.geojson", (area, {"code": COMMUNITY, "name": "陆家嘴社区"}))
    )
    halves = [box(WEST, SOUTH, middle, NORTH), box(middle, SOUTH, EAST, NORTH)]
    grids = [(half, {"name": f"第{n}网格"}) for n, half in enumerate(halves, start=1)]
    report = take(empty_database, "neighbourhood", geojson(tmp_path / "n.geojson", *grids))
    assert (report.inserted, report.refused) == (2, 0)
    return empty_database
