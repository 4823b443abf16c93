"""A repository, as git and the CI system tell of it."""
