"""Texts with places: YAML and JSON that remember where they stand, and what is wrong there."""
