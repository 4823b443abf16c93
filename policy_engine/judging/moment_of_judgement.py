"""Moments that can be reckoned with."""

YEARS = range(1970, 9000)
"""Years in which a moment of judgement may lie: waivers and runs lie months before and after it."""
