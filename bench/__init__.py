"""Measurements: ratios against a named reference in one run, never part of the tests."""
