"""The demo: models trained here into an embedded MLflow store, and what the gate says of them.

    from policy_engine.cli import demo

    exit_code = demo.run(Path("policy-engine-demo"))

It is our end-to-end check too: its exit code is 0 when each pull request came out as told.
"""

from policy_engine.cli.demo.story import run_demo

__all__ = ["run_demo"]
