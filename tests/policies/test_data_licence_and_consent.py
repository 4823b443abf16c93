from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.data_care.data_licence_and_consent import DataLicenceAndConsent
from policy_engine.evidence import Dataset, Needs
from policy_engine.policy import Finding
from policy_engine.testing import assert_outcome, bind, judge, run
from tests.policies.logged_data import logged

FACTS = {
    "data.licence": "CC-BY-4.0",
    "data.purpose": "fraud",
    "data.consent_basis": "contract",
    "data.owner": "payments",
}
CHOOSE = "use data whose licence is allowed, or add its licence to `licences` and say why"
TELL = (
    "say it where the data is logged: policy_engine.training.log_dataset(data, name=…, "
    "context=…, licence='CC-BY-4.0', purpose=…, consent_basis=…, owner=…)"
)


def data(name: str = "payments", *, without: str = "", **tags: str) -> Dataset:
    given = {f"data.{key}": value for key, value in tags.items()}
    facts = {k: v for k, v in (FACTS | given).items() if k != without}
    return Dataset(name=name, digest="0a1b2c3d", tags=facts)


def judged(*datasets: Dataset, **settings: Any) -> list[Finding]:
    known: dict[str, Any] = {"licences": ["CC-BY-4.0", "MIT"]}
    policy = bind(DataLicenceAndConsent, **(known | settings))
    return judge(policy, candidate=run(datasets=datasets))


def test_a_dataset_with_all_its_facts_passes() -> None:
    message = (
        "dataset 'payments' (0a1b2c3d) has the licence CC-BY-4.0 and says data.licence, "
        "data.purpose, data.consent_basis, data.owner"
    )
    assert_outcome(judged(data()), "pass", part="payments", message=message)


def test_a_licence_that_is_not_allowed_fails() -> None:
    message = (
        "dataset 'payments' (0a1b2c3d) has the licence CC-BY-NC-4.0, which is none of "
        "CC-BY-4.0, MIT"
    )
    finding = assert_outcome(judged(data(licence="CC-BY-NC-4.0")), "fail", message=message)
    assert finding.remedy == CHOOSE


@pytest.mark.parametrize("licence", ["cc-by-4.0", " MIT "])
def test_the_case_of_a_licence_does_not_matter(licence: str) -> None:
    assert_outcome(judged(data(licence=licence)), "pass")


@pytest.mark.parametrize("licence", ["MIT OR CC-BY-4.0", "nan", "MITX"])
def test_an_expression_or_nonsense_must_be_listed_as_a_whole(licence: str) -> None:
    assert_outcome(judged(data(licence=licence)), "fail")
    assert_outcome(judged(data(licence=licence), licences=[licence]), "pass")


@pytest.mark.parametrize("tag", FACTS)
def test_a_fact_that_is_not_there_is_missing(tag: str) -> None:
    message = f"dataset 'payments' (0a1b2c3d) has no {tag}"
    finding = assert_outcome(judged(data(without=tag)), "missing", message=message)
    assert finding.remedy == TELL


@pytest.mark.parametrize("fact", [tag.removeprefix("data.") for tag in FACTS])
def test_an_empty_fact_fails(fact: str) -> None:
    message = f"dataset 'payments' (0a1b2c3d) has an empty data.{fact}"
    assert_outcome(judged(data(**{fact: "  "})), "fail", message=message)


def test_all_that_is_wrong_is_said_at_once_and_the_worst_counts() -> None:
    dataset = Dataset(name="d", tags={"data.licence": "GPL-3.0-only", "data.owner": ""})
    message = (
        "dataset 'd' has no data.purpose, data.consent_basis, and has an empty data.owner, and "
        "has the licence GPL-3.0-only, which is none of CC-BY-4.0, MIT"
    )
    assert_outcome(judged(dataset), "fail", message=message)


def test_which_tags_are_required_is_a_setting() -> None:
    bare = Dataset(name="d", tags={"data.licence": "MIT"})
    assert_outcome(judged(bare, required_tags=[]), "pass")
    assert_outcome(judged(bare, required_tags=["data.retention"]), "missing")


def test_each_dataset_is_judged_whatever_its_context_and_twins_are_told_apart() -> None:
    found = judged(data(), data(without="data.owner"), data(licence="X"), data())
    assert [(f.part, f.outcome.value) for f in found] == [
        ("payments", "pass"),
        ("payments (no context)", "missing"),
        ("payments (0a1b2c3d)", "fail"),
        ("payments (4)", "pass"),
    ]


def test_a_run_without_datasets_is_missing() -> None:
    assert_outcome(judged(), "missing", message="the candidate run has no dataset inputs")


@pytest.mark.parametrize("settings", [{}, {"licences": []}, {"licences": "MIT"}])
def test_what_is_allowed_must_be_said(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        bind(DataLicenceAndConsent, **settings)


def test_it_reads_the_datasets_alone() -> None:
    assert DataLicenceAndConsent(licences=("MIT",)).reads() == Needs.DATASETS


def test_really_logged_data_is_told_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    runs = logged(tmp_path_factory)
    policy = bind(DataLicenceAndConsent, licences=["CC-BY-4.0"])
    careful = judge(policy, candidate=runs.careful)
    assert [(f.part, f.outcome.value) for f in careful] == [
        ("payments-train", "pass"),
        ("payments-test", "pass"),
    ]
    assert {f.outcome for f in judge(policy, candidate=runs.careless)} == {"missing"}


tags = st.dictionaries(st.sampled_from([*FACTS, "other"]), st.text(max_size=5) | st.just("MIT"))


@given(tags=tags, licences=st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3))
def test_to_allow_one_more_licence_never_fails_what_passed(
    tags: dict[str, str], licences: list[str]
) -> None:
    dataset = Dataset(name="d", tags=tags)
    (less,), (more,) = (judged(dataset, licences=each) for each in (licences, [*licences, "MIT"]))
    if less.outcome == "pass":
        assert more.outcome == "pass"
    if more.outcome == "pass":
        assert all(tags.get(tag, "").strip() for tag in FACTS)
