"""The plugin as policy-engine loads it: needs acme-policies installed."""

from collections.abc import Callable

from policy_engine.evidence import Dataset
from policy_engine.report import Report
from policy_engine.testing import run

POLICY_FILE = """\
version: 1
plugins: [acme-policies]
extends: [acme]
policies:
  acme-approved-datasets: {approved: ["payments-*"]}
"""


def test_the_pack_and_the_policies_judge_a_run_together(
    check_policies: Callable[..., Report],
) -> None:
    candidate = run(tags={"risk": "low"}, datasets=(Dataset(name="scraped"),))
    report = check_policies(POLICY_FILE, candidate=candidate)
    (subject,) = report.subjects
    assert {f.id: (f.outcome.value, f.effect.value) for f in subject.findings} == {
        "acme-high-risk-review": ("pass", "none"),
        "acme-model-naming": ("missing", "warn"),
        "acme-approved-datasets": ("fail", "block"),
    }
    assert report.exit_code == 1
