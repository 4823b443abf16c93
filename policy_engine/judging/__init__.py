"""The decision, pure: policies and evidence in, a report out; no I/O, no environment, no clock."""
