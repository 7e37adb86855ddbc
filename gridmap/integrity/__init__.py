"""Whether the register holds together: what stands where it cannot, what is missing, what is there twice; and safe repairs."""

from gridmap.integrity.checks import CHECKS, Check, Fault, Found, check_of, run
from gridmap.integrity.repairs import Change, repair, would_change

__all__ = ["CHECKS", "Change", "Check", "Fault", "Found", "check_of", "repair", "run", "would_change"]
