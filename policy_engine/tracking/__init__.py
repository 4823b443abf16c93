"""Evidence out of MLflow: what to read, how to read it, which run is the candidate."""
