"""Whether the register holds together: what stands where it cannot, what is missing, what is there twice; and safe repairs."""

from gridmap.integrity.checks import CHECKS, Check, Fault, Found, check_of, run
from gridmap.integrity.repairs import Change, repair, would_change
from gridmap.integrity.undoing import Done, recent, undo

__all__ = [
    "CHECKS",
    "Change",
    "Check",
    "Done",
    "Fault",
    "Found",
    "check_of",
    "recent",
    "repair",
    "run",
    "undo",
    "would_change",
]
