"""Which test, what it showed of a gain, and how that is said."""
