from __future__ import annotations

from typing import Any

import pytest

from mlops_policies.baseline.baseline_logged import BaselineLogged
from policy_engine.evidence import Needs
from policy_engine.evidence.no_baseline import baseline_remedy
from policy_engine.evidence.record import RunRecord, VersionRecord
from policy_engine.policy import Finding
from policy_engine.testing import assert_outcome, judge, model, run


def judged(baseline: RunRecord | None, **facts: Any) -> list[Finding]:
    return judge(BaselineLogged(), **({"baseline": baseline, "metric": "val_f1"} | facts))


def champion(**facts: Any) -> RunRecord:
    return run(**({"run_name": "champ", "metrics": {"val_f1": 0.89}} | facts))


def test_a_finished_baseline_with_the_metric_passes() -> None:
    message = "baseline champ (alias: champion) has val_f1 0.89"
    finding = assert_outcome(judged(champion()), "pass", message=message)
    assert finding.baseline is not None
    assert str(finding.baseline.value) == "0.89"


def test_a_baseline_without_a_name_is_shown_by_its_id() -> None:
    message = f"baseline {'0' * 32} (alias: champion) has val_f1 0.89"
    assert_outcome(judged(champion(run_name=None)), "pass", message=message)


def test_no_baseline_is_missing_and_names_what_was_passed_over() -> None:
    message = "no baseline (alias: champion: the registered model has no such alias)"
    finding = assert_outcome(judged(None), "missing", message=message)
    assert finding.remedy == (
        "give the registered version to beat the alias `champion`; where the candidate is not "
        "registered, write `- alias: NAME@champion`; for the very first model say "
        "`first_run: true` at the top of the policy file"
    )


@pytest.mark.parametrize(
    ("rules", "first"),
    [
        (
            ({"commit": "merge-base"},),
            (
                "register the model to beat, give that version the alias `champion`, and write "
                "`- alias: NAME@champion` first under `baseline:`"
            ),
        ),
        (
            ({"commit": "merge-base"}, {"alias": "fraud@prod"}),
            "give the version of fraud to beat the alias `prod`",
        ),
    ],
)
def test_an_alias_is_asked_for_together_with_the_rule_that_reads_it(
    rules: tuple[dict[str, str], ...], first: str
) -> None:
    assert (
        baseline_remedy(rules)
        == f"{first}; for the very first model say `first_run: true` at the top of the policy file"
    )


def test_a_declared_first_run_is_not_applicable() -> None:
    message = "the policy file declares first_run: there is no baseline yet"
    assert_outcome(judged(None, first_run=True), "not-applicable", message=message)


def test_a_first_run_is_not_believed_where_earlier_versions_exist() -> None:
    later = run(model=model(versions=(VersionRecord(name="fraud", version="2"),)))
    message = (
        "no baseline (alias: champion: the registered model has no such alias; "
        "first_run is declared, but the registered model has earlier versions)"
    )
    assert_outcome(judged(None, candidate=later, first_run=True), "missing", message=message)


@pytest.mark.parametrize("status", ["RUNNING", "SCHEDULED", "FAILED", "KILLED"])
def test_an_unfinished_baseline_fails(status: str) -> None:
    message = (
        f"baseline champ (alias: champion) has status {status}; it must be FINISHED and not deleted"
    )
    finding = assert_outcome(judged(champion(status=status)), "fail", message=message)
    assert finding.remedy == "point the baseline rule at a run that ended well"


def test_a_deleted_baseline_fails() -> None:
    message = "baseline champ (alias: champion) is deleted; it must be FINISHED and not deleted"
    assert_outcome(judged(champion(lifecycle="deleted")), "fail", message=message)


def test_a_baseline_without_the_metric_is_missing_and_names_the_nearest() -> None:
    message = "the baseline run has no metric val_f1; nearest names: val_f2"
    assert_outcome(judged(champion(metrics={"val_f2": 0.9})), "missing", message=message)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_baseline_metric_that_is_no_number_never_passes(value: float) -> None:
    assert_outcome(judged(champion(metrics={"val_f1": value})), "fail")


def test_without_a_metric_it_is_missing() -> None:
    message = "neither the policy file nor the experiment says which metric counts"
    assert_outcome(judged(champion(), metric=None), "missing", message=message)


def test_it_reads_the_baseline() -> None:
    assert BaselineLogged().reads() == Needs.BASELINE
