"""What training says of its code: tags that MLflow's client and ours set on a run."""

COMMIT_TAGS = ("policy_engine.head_sha", "mlflow.source.git.commit")
"""The tags that say which commit was trained; the first that a run has counts."""

DIRTY_TAGS = ("policy_engine.dirty", "mlflow.source.git.dirty")

DIFF_TAG = "mlflow.source.git.diff"

HELPER = "install policy-engine where training runs: MLflow then sets {} on each new run"
