"""Where the next points should stand: p-median and maximal covering, exact where that fits, a good answer with its gap above."""

from gridmap.siting.problem import Cancelled, Problem, Result
from gridmap.siting.solving import solve

__all__ = ["Cancelled", "Problem", "Result", "solve"]
