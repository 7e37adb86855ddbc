"""Walking distance and time on the street network, under the zones in force; an estimate where no streets are loaded."""

from gridmap.walking.answers import Walk, Walker, open_walker
from gridmap.walking.measures import DETOUR, ESTIMATE, GEODESIC, WALK, WALKING_M_PER_S, seconds

__all__ = [
    "DETOUR", "ESTIMATE", "GEODESIC", "WALK", "WALKING_M_PER_S", "Walk", "Walker", "open_walker", "seconds",
]  # fmt: skip
