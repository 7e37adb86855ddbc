"""The same problems as integer programmes for HiGHS, whose own status and bound are told."""

from dataclasses import dataclass

import highspy
import numpy as np
from scipy.sparse import csr_matrix, vstack

from gridmap.siting.problem import Problem, Status, Whole

MAX_CELLS = 120_000  # assignments of demand to candidates up to which the exact model is tried


@dataclass(frozen=True)
class Solved:
    """What HiGHS found: the open candidates (None if none), its status and its bound."""

    opened: Whole | None
    status: Status
    bound: float | None


def cells(problem: Problem) -> int:
    """Return how many assignments the exact model has."""
    demand, candidates = problem.distance_m.shape
    if problem.objective == "cover":
        return int(problem.covers.sum())
    return demand * _kept(problem, candidates)


def _kept(problem: Problem, candidates: int) -> int:
    """Return how many nearest candidates of a demand matter: of more than that one is open in any case."""
    return candidates - problem.count - len(problem.fixed) + 1


def solve(problem: Problem, start: Whole, *, limit_s: float) -> Solved:
    """Return the best answer within a time, beginning with a known one."""
    model = _cover(problem) if problem.objective == "cover" else _median(problem)
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("time_limit", float(limit_s))
    solver.setOptionValue("mip_rel_gap", 1e-9)
    solver.passModel(model)
    first = np.zeros(problem.distance_m.shape[1])
    first[start] = 1.0
    solver.setSolution(len(first), np.arange(len(first), dtype=np.int32), first)
    solver.run()
    is_optimal = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    info = solver.getInfo()
    values = np.array(solver.getSolution().col_value[: len(first)])
    has_answer = len(values) == len(first) and values.sum() > 0.5
    sign = -1.0 if problem.objective == "cover" else 1.0
    bound = sign * info.mip_dual_bound if np.isfinite(info.mip_dual_bound) else None
    return Solved(
        np.flatnonzero(values > 0.5) if has_answer else None, "optimal" if is_optimal else "time_limit", bound
    )


def _median(problem: Problem) -> highspy.HighsLp:
    """x_j opens j; z_ij assigns i to one of its nearest candidates: each i once, and only to an open one."""
    demand, candidates = problem.distance_m.shape
    kept = _kept(problem, candidates)
    costs = problem.costs
    near = np.argsort(costs, axis=1, kind="stable")[:, :kept]
    count = demand * kept
    rows = np.repeat(np.arange(demand), kept)
    assigned = csr_matrix((np.ones(count), (rows, candidates + np.arange(count))), shape=(demand, candidates + count))
    linked = csr_matrix(
        (
            np.concatenate([np.ones(count), -np.ones(count)]),
            (np.tile(np.arange(count), 2), np.concatenate([candidates + np.arange(count), near.ravel()])),
        ),
        shape=(count, candidates + count),
    )
    weighted = (problem.weights[:, None] * np.take_along_axis(costs, near, axis=1)).ravel()
    return _model(
        problem, np.concatenate([np.zeros(candidates), weighted]), [assigned, linked],
        np.concatenate([np.ones(demand), np.full(count, -np.inf)]), np.concatenate([np.ones(demand), np.zeros(count)]),
    )  # fmt: skip


def _cover(problem: Problem) -> highspy.HighsLp:
    """x_j opens j; y_i is covered if one that reaches it is open. Demand reached by the same candidates is one."""
    patterns, group = np.unique(problem.covers, axis=0, return_inverse=True)
    weights = np.bincount(group.ravel(), weights=problem.weights, minlength=len(patterns))
    candidates = patterns.shape[1]
    reach = csr_matrix(patterns.astype(float))
    own = csr_matrix((np.ones(len(patterns)), (np.arange(len(patterns)),) * 2), shape=(len(patterns),) * 2)
    linked = csr_matrix(np.hstack([-reach.toarray(), own.toarray()]))
    costs = np.concatenate([np.zeros(candidates), -weights])
    return _model(problem, costs, [linked], np.full(len(patterns), -np.inf), np.zeros(len(patterns)))


def _model(
    problem: Problem, costs: np.ndarray, parts: list[csr_matrix], lower: np.ndarray, upper: np.ndarray
) -> highspy.HighsLp:
    candidates, columns = problem.distance_m.shape[1], len(costs)
    chosen = csr_matrix((np.ones(candidates), (np.zeros(candidates), np.arange(candidates))), shape=(1, columns))
    matrix = vstack([*parts, chosen], format="csr")
    opened = float(problem.count + len(problem.fixed))
    least = np.zeros(columns)
    least[problem.fixed] = 1.0
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, matrix.shape[0]
    model.col_cost_, model.col_lower_, model.col_upper_ = costs, least, np.ones(columns)
    model.row_lower_, model.row_upper_ = np.append(lower, opened), np.append(upper, opened)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data
    whole, real = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
    model.integrality_ = [whole] * candidates + [real] * (columns - candidates)
    return model
