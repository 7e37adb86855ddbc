"""The demo: a synthetic district, the same for the same seed, and its way into the database and into files."""

from gridmap.demo.district import DEFAULT_HOUSEHOLDS, FIXED_DAY, MAX_HOUSEHOLDS, generate
from gridmap.demo.loading import DEMO, load, load_sample
from gridmap.demo.sample import write_sample

__all__ = [
    "DEFAULT_HOUSEHOLDS",
    "DEMO",
    "FIXED_DAY",
    "MAX_HOUSEHOLDS",
    "generate",
    "load",
    "load_sample",
    "write_sample",
]
