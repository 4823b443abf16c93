"""GitHub: what its Actions say of the change under judgement."""
