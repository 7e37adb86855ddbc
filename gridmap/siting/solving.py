"""Which method answers: the heuristic always, then HiGHS from its answer where the model is small enough."""

from collections.abc import Callable

import numpy as np

from gridmap.siting import exact, heuristic
from gridmap.siting.problem import Problem, Result, Status

EXACT_S = 60.0
HEURISTIC_SHARE = 0.4  # of the progress, where an exact run follows


def solve(
    problem: Problem,
    *,
    exact_s: float = EXACT_S,
    starts: int = 40,
    seed: int = 1,
    report: Callable[[float], None] = lambda share: None,
) -> Result:
    """Return where to open, how good it is, and how well that is known.

    Parameters
    ----------
    exact_s : seconds that HiGHS may take; none with 0
    report : told the share done, 0 to 1; it may raise Cancelled, between steps

    Notes
    -----
    What HiGHS finds in its time and the heuristic's answer are compared by the problem's own value; the better is
    returned, with HiGHS' bound. A time-out is never called optimal.
    """
    is_exact = exact_s > 0 and exact.cells(problem) <= exact.MAX_CELLS
    share = HEURISTIC_SHARE if is_exact else 1.0
    opened = heuristic.best(problem, starts=starts, seed=seed, report=lambda done: report(done * share))
    if not is_exact:
        return _result(problem, opened, "heuristic", None)
    solved = exact.solve(problem, opened, limit_s=exact_s)
    report(1.0)
    if solved.opened is not None and _is_better(problem, solved.opened, opened):
        opened = solved.opened
    return _result(problem, opened, solved.status, solved.bound)


def _is_better(problem: Problem, one: np.ndarray, other: np.ndarray) -> bool:
    value, held = problem.value(one), problem.value(other)
    return value < held if problem.objective == "median" else value > held


def _result(problem: Problem, opened: np.ndarray, status: Status, bound: float | None) -> Result:
    value = problem.value(opened)
    new = tuple(sorted(int(one) for one in np.setdiff1d(opened, problem.fixed)))
    if status == "optimal":
        bound = value
    gap = None if bound is None else abs(value - bound) / max(abs(value), 1e-9)
    return Result(new, value, status, bound, gap)
