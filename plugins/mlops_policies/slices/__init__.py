"""The slices of the evaluation rows: which there are, their tests, their findings."""
