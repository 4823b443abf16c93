"""What training says of its code: tags that MLflow's client and ours set on a run."""

DIRTY_TAGS = ("policy_engine.dirty", "mlflow.source.git.dirty")

DIFF_TAG = "mlflow.source.git.diff"

HELPER = "install policy-engine where training runs: MLflow then sets {} on each new run"
