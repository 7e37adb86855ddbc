"""7,599 village polygons of Taiwan, a topology nobody cleaned: every fault is told, nothing crashes."""

import json

import geopandas
import numpy as np
import pytest
import shapely

from gridmap.access import LOCAL
from gridmap.db import transaction
from gridmap.exchange import import_file
from gridmap.integrity import check_of, run
from gridmap.layers import LAYERS
from tests.conftest import copy_of

pytestmark = pytest.mark.slow
M_PER_DEGREE = 111_000


@pytest.fixture(scope="module")
def villages(real_data, tmp_path_factory):
    """The villages with codes of their own, one county a file's county; the eight invalid ones are left as they are."""
    read = geopandas.read_file(real_data / "boundaries" / "tw-villages.topo.json", engine="pyogrio")
    read = read[read.geometry.notna()].reset_index(drop=True)
    counties = {
        name: 710000 + number for number, name in enumerate(sorted(set(read["COUNTYNAME"].fillna(""))), start=1)
    }
    numbers = read.groupby(read["COUNTYNAME"].fillna("")).cumcount() + 1
    read["code"] = [
        f"{counties[county]}{number:06d}" for county, number in zip(read["COUNTYNAME"].fillna(""), numbers, strict=True)
    ]
    read["name"] = read["VILLAGENAM"].fillna("").replace("", "村里")
    path = tmp_path_factory.mktemp("villages") / "villages.geojson"
    features = [
        {"type": "Feature", "properties": {"code": code, "name": name}, "geometry": shapely.geometry.mapping(shape)}
        for code, name, shape in zip(read["code"], read["name"], read.geometry, strict=True)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return read, path


@pytest.fixture(scope="module")
def stored(cluster, migrated, villages):
    with copy_of(cluster, migrated) as engine:
        report = import_file(engine, LOCAL, LAYERS["community"], villages[1], crs="EPSG:4326", partial=True)
        yield engine, report


def test_most_villages_are_taken_and_the_rest_refused_by_row(stored, villages):
    _, report = stored
    assert report.inserted + report.refused == len(villages[0])
    assert report.inserted > 7500


def test_every_deep_overlap_that_shapely_finds_is_told_and_no_other(stored, villages):
    engine, _ = stored
    with transaction(engine, LOCAL) as conn:
        found = run(conn, LOCAL, check_of("community_overlap"), limit=100_000)
    told = {(fault.code, fault.other) for fault in found.faults}
    assert found.count == len(told) == len(found.faults) > 0
    frame = villages[0][villages[0].geometry.is_valid].set_index("code")
    shapes, codes = frame.geometry.to_numpy(), frame.index.to_numpy()
    one, two = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = one < two
    one, two = one[pairs], two[pairs]
    shared = shapely.intersection(shapes[one], shapes[two])
    # by erosion in degrees: what is deeper than 3 m must be told, what is shallower than 0.3 m must not
    deep = ~shapely.is_empty(shapely.buffer(shared, -1.5 / M_PER_DEGREE))
    flat = shapely.is_empty(shapely.buffer(shared, -0.15 / M_PER_DEGREE))
    pair = [tuple(sorted(names)) for names in zip(codes[one], codes[two], strict=True)]
    valid = set(codes)
    assert {names for names, is_deep in zip(pair, deep, strict=True) if is_deep} <= told
    assert not {names for names, is_flat in zip(pair, flat, strict=True) if is_flat} & told
    assert np.all([set(names) <= valid for names in told])
