"""Greedy, then best swaps until none helps, from several starts: Teitz and Bart's interchange by whole matrices."""

import time
from collections.abc import Callable

import numpy as np

from gridmap.siting.problem import Problem, Whole

ENOUGH = 1e-9  # of the value: a smaller gain is rounding, and would be swapped for ever
LIMIT_S = 30.0  # after which no further start is made
COLUMNS = 256  # candidates weighed at once; bounds the memory
Report = Callable[[float], None]


def best(
    problem: Problem, *, starts: int = 40, seed: int = 1, limit_s: float = LIMIT_S, report: Report = lambda share: None
) -> Whole:
    """Return the open candidates, fixed ones first, of the best of some starts: greedy, and kicks of the best so far.

    Parameters
    ----------
    limit_s : seconds after which no further start is made
    report : told the share done, 0 to 1; it may raise Cancelled
    """
    dice = np.random.default_rng(seed)
    found = _improved(problem, _greedy(problem, report))
    value = _signed(problem, found)
    begun = time.monotonic()
    for start in range(1, starts):
        if time.monotonic() - begun > limit_s:
            break
        report(start / starts)
        tried = _improved(problem, _kicked(problem, found, dice))
        if _signed(problem, tried) < value - ENOUGH * abs(value):
            found, value = tried, _signed(problem, tried)
    report(1.0)
    return found


def _signed(problem: Problem, opened: Whole) -> float:
    value = problem.value(opened)
    return value if problem.objective == "median" else -value


def _greedy(problem: Problem, report: Report) -> Whole:
    """Return the fixed candidates and, one after the other, those that add most."""
    opened = list(problem.fixed)
    now = _loss_now(problem, opened)
    losses = _losses(problem)
    while len(opened) < len(problem.fixed) + problem.count:
        report(0.0)
        gains = np.concatenate([
            (problem.weights[:, None] * np.maximum(now[:, None] - losses[:, at : at + COLUMNS], 0)).sum(axis=0)
            for at in range(0, losses.shape[1], COLUMNS)
        ])  # fmt: skip
        gains[opened] = -1.0
        opened.append(int(gains.argmax()))
        now = np.minimum(now, losses[:, opened[-1]])
    return np.array(opened, np.int64)


def _losses(problem: Problem) -> np.ndarray:
    """Return what each demand loses if served by each candidate: metres, or 1 where it is out of reach."""
    return problem.costs if problem.objective == "median" else (~problem.covers).astype(float)


def _loss_now(problem: Problem, opened: list[int]) -> np.ndarray:
    worst = problem.unreached_m if problem.objective == "median" else 1.0
    losses = _losses(problem)
    return losses[:, opened].min(axis=1) if opened else np.full(len(losses), worst)


def _kicked(problem: Problem, opened: Whole, dice: np.random.Generator) -> Whole:
    """Return the candidates with a part of the free ones drawn anew."""
    free = opened[len(problem.fixed) :].copy()
    others = np.setdiff1d(np.arange(problem.distance_m.shape[1]), opened)
    count = min(max(2, len(free) // 5), len(free), len(others))
    free[dice.choice(len(free), count, replace=False)] = dice.choice(others, count, replace=False)
    return np.concatenate([problem.fixed, free])


def _improved(problem: Problem, opened: Whole) -> Whole:
    """Return the candidates after the best swap of an open for a closed one, as long as one helps."""
    opened, losses, weights = opened.copy(), _losses(problem), problem.weights
    fixed = len(problem.fixed)
    value = _signed_loss(losses, weights, opened)
    while True:
        out, into, change = _best_swap(losses, weights, opened, fixed)
        if change >= -ENOUGH * max(abs(value), 1.0):
            return opened
        opened[out] = into
        value += change


def _signed_loss(losses: np.ndarray, weights: np.ndarray, opened: Whole) -> float:
    return float(weights @ losses[:, opened].min(axis=1))


def _best_swap(losses: np.ndarray, weights: np.ndarray, opened: Whole, fixed: int) -> tuple[int, int, float]:
    """Return which open one (by its place) goes, which comes, and what changes; less is better."""
    served = losses[:, opened]
    if served.shape[1] > 1:
        two = np.argpartition(served, 1, axis=1)[:, :2]
        pair = np.take_along_axis(served, two, axis=1)
        order = pair.argsort(axis=1)
        two, pair = np.take_along_axis(two, order, axis=1), np.take_along_axis(pair, order, axis=1)
        owner, first, second = two[:, 0], pair[:, 0], pair[:, 1]
    else:
        owner, first = np.zeros(len(losses), np.int64), served[:, 0]
        second = np.full(len(losses), losses.max() + 1.0)
    by_owner = np.argsort(owner, kind="stable")
    owners, begins = np.unique(owner[by_owner], return_index=True)
    best = (0, 0, np.inf)
    for at in range(0, losses.shape[1], COLUMNS):
        part = losses[:, at : at + COLUMNS]
        gain = (weights[:, None] * np.maximum(first[:, None] - part, 0)).sum(axis=0)
        worse = weights[:, None] * np.maximum(np.minimum(second[:, None], part) - first[:, None], 0)
        lost = np.zeros((len(opened), part.shape[1]))
        lost[owners] = np.add.reduceat(worse[by_owner], begins, axis=0)
        change = lost - gain[None, :]
        change[:fixed] = np.inf
        held = opened[(opened >= at) & (opened < at + part.shape[1])] - at
        change[:, held] = np.inf
        out, into = np.unravel_index(change.argmin(), change.shape)
        if change[out, into] < best[2]:
            best = (int(out), int(into) + at, float(change[out, into]))
    return best
