"""Whose side a remedy is about, and what autologging has to do with it."""

import pytest

from policy_engine.evidence import MissingEvidence, Needs
from policy_engine.evidence.run import Run
from policy_engine.testing import run

LOG_IT = 'log it: mlflow.log_metric("val_f1", value)'
WITHIN = (
    "; autologging ended this run with fit: call fit and this within `with mlflow.start_run():`"
)
OF_BASELINE = (
    "it is the baseline that lacks this: train the baseline again, or move its alias to a version "
    "that has it ({})"
)


@pytest.mark.parametrize(
    ("role", "tags", "remedy"),
    [
        ("candidate", {}, LOG_IT),
        ("candidate", {"mlflow.autologging": "sklearn"}, LOG_IT + WITHIN),
        ("baseline", {}, OF_BASELINE.format(LOG_IT)),
        ("baseline", {"mlflow.autologging": "sklearn"}, OF_BASELINE.format(LOG_IT + WITHIN)),
        ("child of the candidate", {}, LOG_IT),
    ],
)
def test_a_remedy_asks_whoever_can_follow_it(role: str, tags: dict[str, str], remedy: str) -> None:
    with pytest.raises(MissingEvidence) as caught:
        Run(run(tags=tags, metrics={}), Needs.RUN, role).metric("val_f1")
    assert caught.value.remedy == remedy


@pytest.mark.parametrize(
    ("need", "what"),
    [
        (Needs.MODEL, "model"),
        (Needs.PREDICTIONS, "predictions"),
        (Needs.IMPORTANCE, "importance"),
    ],
)
def test_each_kind_of_evidence_that_a_baseline_lacks_is_asked_of_the_baseline(
    need: Needs, what: str
) -> None:
    with pytest.raises(MissingEvidence) as caught:
        getattr(Run(run(model=None), need, "baseline"), what)
    assert (caught.value.remedy or "").startswith("it is the baseline that lacks this: ")
