"""Walks are as short as an own Dijkstra finds them, with closures and without, and what is cut off is said to be."""

import random

import numpy as np
import pytest
import shapely
import sqlalchemy as sa
from shapely.geometry import LineString, Point, Polygon

from gridmap.access import LOCAL
from gridmap.db import transaction
from gridmap.layers.closure_zone import in_force
from gridmap.layers.closure_zone import table as zone_table
from gridmap.streets import files, network
from gridmap.walking import DETOUR, ESTIMATE, WALK, Walker, open_walker
from gridmap.walking.closures import close
from gridmap.walking.loading import of_network, open_graph
from tests.walking.brute import distances

PAIRS = 250
MILLIMETRE = 1e-3


def walker_of(*lines: list) -> Walker:
    return Walker(WALK, of_network(network.of_lines([LineString(line) for line in lines])))


def nodes_of(graph) -> np.ndarray:
    """Where the nodes of a graph lie, in degrees."""
    at = np.zeros((graph.count, 2))
    at[graph.starts] = shapely.get_coordinates(shapely.get_point(graph.lines, 0))
    at[graph.ends] = shapely.get_coordinates(shapely.get_point(graph.lines, -1))
    return graph.degrees(at)


def edges_of(graph) -> list:
    return list(zip(graph.starts.tolist(), graph.ends.tolist(), graph.lengths_m.tolist(), strict=True))


def agree(graph, edges: list, *, seed: int = 4) -> int:
    """Hold random pairs of nodes to the own Dijkstra over some edges; return how many of them are cut off."""
    walker, at = Walker(WALK, graph), nodes_of(graph)
    dice, known = random.Random(seed), sorted({node for edge in edges for node in edge[:2]})
    cut = 0
    for origin in dice.sample(known, min(10, len(known))):
        expected = distances(edges, origin)
        targets = dice.choices(known, k=PAIRS // 10)
        walks = walker.to_many(tuple(at[origin]), [tuple(at[target]) for target in targets])
        for target, walk in zip(targets, walks, strict=True):
            cut += target not in expected
            if target in expected:
                assert walk.distance_m == pytest.approx(expected[target], abs=MILLIMETRE)
            else:
                assert (walk.distance_m, walk.walk_s) == (None, None)
    return cut


@pytest.fixture(params=["helsinki-centre", "singapore-bayfront", "demo"])
def graph(request):
    if request.param == "demo":
        with transaction(request.getfixturevalue("demo"), LOCAL) as conn:
            return open_graph(conn)
    folder = request.getfixturevalue("real_data")
    return of_network(files.read(folder / "osm" / f"{request.param}.osm.pbf"))


def test_walks_agree_with_an_own_dijkstra_to_a_millimetre(graph):
    assert agree(graph, edges_of(graph)) == 0


def test_walks_agree_with_an_own_dijkstra_that_leaves_out_the_streets_a_zone_cuts(graph):
    middle = shapely.get_coordinates(graph.lines).mean(axis=0)
    radius = 0.25 * np.ptp(shapely.get_coordinates(graph.lines), axis=0).min()
    area = shapely.transform(Point(middle).buffer(radius), graph.degrees)
    barrier = shapely.boundary(shapely.transform(area, graph.project))
    closed = close(graph, [area])
    crossing = shapely.intersects(graph.lines, barrier)
    assert closed.cuts == (True,)
    assert crossing.any()
    open_edges = [edge for edge, is_cut in zip(edges_of(graph), crossing, strict=True) if not is_cut]
    walker, at = Walker(WALK, closed.graph), nodes_of(graph)
    known = sorted({node for edge in open_edges for node in edge[:2]})
    dice, cut = random.Random(7), 0
    for origin in dice.sample(known, 10):
        expected = distances(open_edges, origin)
        for target in dice.choices(known, k=25):
            metres = closed.graph._to_nodes(closed.graph.snap(at[[origin]]), np.inf)[target]
            assert metres == pytest.approx(expected.get(target, np.inf), abs=MILLIMETRE) or target not in expected
            cut += target not in expected
            if target not in expected:
                assert not walker.to_many(tuple(at[origin]), [tuple(at[target])])[0].is_reachable
    assert cut > 0


def test_the_nearest_of_several_is_the_shortest_of_all_walks(graph):
    walker, at = Walker(WALK, graph), nodes_of(graph)
    dice = random.Random(2)
    low, high = at.min(axis=0), at.max(axis=0)
    places = [tuple(low + (high - low) * (dice.random(), dice.random())) for _ in range(90)]
    targets, origins = places[:12], places[12:]
    metres, which = walker.nearest_of(origins, targets)
    for number, origin in enumerate(origins):
        walks = [walk.distance_m or np.inf for walk in walker.to_many(origin, targets)]
        if np.isnan(metres[number]):
            assert min(walks) == np.inf
            assert which[number] == -1
            continue
        assert metres[number] == pytest.approx(min(walks), abs=MILLIMETRE)
        assert walks[which[number]] == pytest.approx(min(walks), abs=MILLIMETRE)
        first = walker.nearest(origin, targets, 3)
        assert [walk.distance_m for _, walk in first] == pytest.approx(sorted(walks)[: len(first)], abs=MILLIMETRE)


def test_the_route_is_as_long_as_the_walk(graph):
    walker, at = Walker(WALK, graph), nodes_of(graph)
    dice = random.Random(3)
    low, high = at.min(axis=0), at.max(axis=0)
    for _ in range(20):
        one, other = (tuple(low + (high - low) * (dice.random(), dice.random())) for _ in range(2))
        walk = walker.to_many(one, [other])[0]
        line = walker.route(one, other)
        if not walk.is_reachable:
            assert line == []
            continue
        along = network.of_lines([LineString(line)]) if len(line) > 1 else None
        drawn = shapely.length(LineString([graph.project(np.array([spot]))[0] for spot in line]))
        assert along is not None
        assert drawn == pytest.approx(walk.distance_m, rel=2e-3, abs=0.1)
        assert (line[0], line[-1]) == (one, other)


def test_of_parallel_streets_the_shorter_is_walked():
    walker = walker_of([(121, 31), (121.005, 31.005), (121.01, 31)], [(121, 31), (121.01, 31)])
    walk = walker.to_many((121, 31), [(121.01, 31)])[0]
    assert walk.distance_m == pytest.approx(955.2, abs=1)
    assert walk.walk_s == round(walk.distance_m / 1.2)


def test_two_doors_on_one_street_walk_along_it_not_round_its_ends():
    walker = walker_of([(121, 31), (121.01, 31)])
    walk = walker.to_many((121.004, 31.0001), [(121.005, 31.0001)])[0]
    assert walk.distance_m == pytest.approx(95.5 + 2 * 11.09, abs=0.5)


LADDER = (
    [(121, 31), (121.002, 31), (121.004, 31)], [(121, 31.002), (121.002, 31.002), (121.004, 31.002)],
    [(121, 31), (121, 31.002)], [(121.002, 31), (121.002, 31.002)], [(121.004, 31), (121.004, 31.002)],
)  # fmt: skip
WEST = Polygon([(120.999, 30.999), (121.001, 30.999), (121.001, 31.003), (120.999, 31.003)])


def test_a_closed_area_is_left_through_its_gate_only():
    base = walker_of(*LADDER).graph
    inside, outside = (121.0, 31.0003), (121.003, 31.0)
    shut = Walker(WALK, close(base, [WEST]).graph)
    assert not shut.to_many(inside, [outside])[0].is_reachable
    assert shut.to_many(inside, [(121.0005, 31.002)])[0].is_reachable
    gated = Walker(WALK, close(base, [WEST], gates=[Point(121.001, 31.002)]).graph)
    by_gate = gated.to_many(inside, [outside])[0].distance_m
    assert by_gate > Walker(WALK, base).to_many(inside, [outside])[0].distance_m + 100


def test_a_house_inside_is_not_put_on_a_street_outside_the_boundary():
    base = walker_of(*LADDER).graph
    yard = Polygon([(121.0005, 31.0001), (121.0015, 31.0001), (121.0015, 31.001), (121.0005, 31.001)])
    closed = close(base, [yard])
    assert closed.cuts == (False,)  # it stands between the streets: a closure that blocks no street
    assert not Walker(WALK, closed.graph).to_many((121.001, 31.0003), [(121.003, 31.0)])[0].is_reachable


def test_a_place_far_from_every_street_is_unreachable_not_infinite():
    walker = walker_of(*LADDER)
    assert walker.to_many((121.5, 31), [(121.003, 31.0)])[0].distance_m is None
    metres, which = walker.nearest_of([(121.5, 31), (121, 31)], [(121.003, 31.0)])
    assert np.isnan(metres[0])
    assert list(which) == [-1, 0]


def test_without_streets_the_straight_line_times_a_detour_is_an_estimate(conn):
    walker = open_walker(conn)
    walk = walker.to_many((121, 31), [(121.01, 31)])[0]
    assert (walker.method, walk.method) == (ESTIMATE, ESTIMATE)
    assert walk.distance_m == pytest.approx(955.2 * DETOUR, abs=1)
    metres, which = walker.nearest_of([(121, 31)], [(121.02, 31), (121.01, 31)])
    assert (metres[0], which[0]) == (pytest.approx(walk.distance_m), 1)


def test_the_zones_that_close_streets_are_those_in_force(demo):
    with transaction(demo, LOCAL) as conn:
        told = conn.scalars(sa.text("SELECT id FROM closures_in_force(now())")).all()
        assert set(told) == set(conn.scalars(sa.select(zone_table.c.id).where(in_force(sa.func.now()))))
        assert told


def test_a_zone_that_ends_opens_the_streets_in_the_next_transaction(empty_database):
    from gridmap.demo import load

    load(empty_database, LOCAL, households=900, seed=1)
    with transaction(empty_database, LOCAL) as conn:
        before = open_walker(conn)
        assert open_walker(conn) == before  # made once
        z = zone_table.c
        ended = {"state": "released", "version": z.version + 1, "changed_at": sa.func.now()}
        conn.execute(zone_table.update().where(z.state == "active").values(**ended))
    with transaction(empty_database, LOCAL) as conn:
        after = open_walker(conn)
        assert any(before.cuts)
        assert (after.cuts, after.graph) == ((), open_graph(conn))
