"""Counts and rates of groups of people, and how far they are apart."""
