"""Answers to siting problems are the best there are where that can be proved, and near it where not; each says which."""

from itertools import combinations

import numpy as np
import pytest

from gridmap.errors import InvalidInput
from gridmap.siting import Cancelled, Problem, solve
from tests.siting import pmed

EXACT_S = 20.0
WITHIN = 0.01


def random_problem(
    seed: int, objective: str, *, demand: int = 30, candidates: int = 9, fixed: int = 1, p: int = 3
) -> Problem:
    dice = np.random.default_rng(seed)
    here, there = dice.uniform(0, 2000, (demand, 2)), dice.uniform(0, 2000, (candidates, 2))
    away = np.hypot(*(here[:, None] - there[None, :]).transpose(2, 0, 1))
    away[dice.random(away.shape) < 0.05] = np.inf  # cut off
    return Problem(
        away, dice.integers(1, 40, demand).astype(float), p, objective, 600.0, np.arange(fixed, dtype=np.int64)
    )  # fmt: skip


def every_value(problem: Problem) -> list[float]:
    free = np.setdiff1d(np.arange(problem.distance_m.shape[1]), problem.fixed)
    chosen = combinations(free.tolist(), problem.count)
    return [problem.value(np.concatenate([problem.fixed, np.array(one, np.int64)])) for one in chosen]


@pytest.mark.parametrize("objective", ["median", "cover"])
@pytest.mark.parametrize("fixed", [0, 2])
@pytest.mark.parametrize("seed", range(6))
def test_small_problems_are_solved_as_well_as_by_trying_everything(objective, seed, fixed):
    problem = random_problem(seed, objective, fixed=fixed)
    best = min(every_value(problem)) if objective == "median" else max(every_value(problem))
    found = solve(problem, exact_s=EXACT_S)
    assert (found.status, found.gap) == ("optimal", 0.0)
    assert found.value == pytest.approx(best, rel=1e-9)
    assert len(found.opened) == problem.count
    assert not set(found.opened) & set(problem.fixed.tolist())


@pytest.mark.parametrize("objective", ["median", "cover"])
def test_the_heuristic_alone_is_near_the_best_and_claims_no_more(objective):
    for seed in range(10):
        problem = random_problem(seed, objective, demand=40, candidates=12, p=4)
        values = every_value(problem)
        best = min(values) if objective == "median" else max(values)
        found = solve(problem, exact_s=0)
        assert (found.status, found.bound, found.gap) == ("heuristic", None, None)
        assert abs(found.value - best) <= 0.02 * best


@pytest.fixture(scope="module")
def library(real_data):
    folder = real_data / "siting" / "pmed"
    return folder, pmed.optima(folder)


def test_published_p_median_graphs_are_solved_within_one_percent_and_half_of_them_exactly(library):
    folder, optima = library
    exact = 0
    for name, optimum in optima.items():
        found = solve(pmed.read(folder / f"{name}.txt"), exact_s=0)
        print(f"{name:7} {found.value:6.0f}  published {optimum:6}  {found.value / optimum - 1:+.2%}")  # noqa: T201 - shown by -s
        assert optimum <= found.value <= optimum * (1 + WITHIN), name
        exact += found.value == optimum
    assert exact >= len(optima) / 2


@pytest.mark.parametrize("name", ["pmed1", "pmed3", "pmed5"])
def test_small_published_graphs_are_proved_optimal(library, name):
    folder, optima = library
    found = solve(pmed.read(folder / f"{name}.txt"), exact_s=120.0)
    assert (found.status, found.value) == ("optimal", optima[name])


def test_a_time_out_is_said_to_be_one_with_its_bound(library):
    folder, optima = library
    found = solve(pmed.read(folder / "pmed11.txt"), exact_s=0.05)
    assert found.status == "time_limit"
    assert found.bound is None or found.bound <= optima["pmed11"] + 1e-6


def test_what_cannot_be_reached_counts_as_a_stated_length_never_as_infinity():
    away = np.array([[10.0, np.inf], [np.inf, np.inf]])
    found = solve(Problem(away, np.ones(2), 1, unreached_m=500.0))
    assert (found.opened, found.value) == ((0,), 510.0)


def test_a_large_problem_is_left_to_the_heuristic(monkeypatch):
    from gridmap.siting import exact

    monkeypatch.setattr(exact, "MAX_CELLS", 10)
    assert solve(random_problem(1, "median")).status == "heuristic"


def test_an_answer_nobody_wants_any_more_is_not_finished():
    def stop(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        solve(random_problem(1, "median"), report=stop)


@pytest.mark.parametrize("p", [0, 9])
def test_a_number_of_points_that_cannot_be_opened_is_refused(p):
    with pytest.raises(InvalidInput):
        random_problem(1, "median", p=p)
