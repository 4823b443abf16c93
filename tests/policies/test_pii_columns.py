from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.data_care.pii_columns import PiiColumns
from mlops_policies.reading.personal_data import KINDS, Kind, kind_of_name, kind_of_text
from policy_engine.evidence import Dataset, Needs
from policy_engine.evidence.record import Invalid, ModelRecord, TableRecord, Unreadable
from policy_engine.policy import Finding
from policy_engine.testing import assert_outcome, bind, judge, model, run
from tests.command import command
from tests.policies.logged_data import SECRETS, logged

if TYPE_CHECKING:
    from policy_engine.evidence.record import RunRecord

MAIL, CARD, IBAN, IP = SECRETS


def signed(*names: str, **facts: Any) -> ModelRecord:
    inputs = json.dumps([{"name": name, "type": "double"} for name in names])
    known: dict[str, Any] = {"mlmodel": {"signature": {"inputs": inputs}}, "texts": {}}
    return model(**(known | facts))


def exampled(example: object, **facts: Any) -> RunRecord:
    text = example if isinstance(example, str) else json.dumps(example)
    return run(model=signed("age", texts={"input_example.json": text}, **facts))


@pytest.mark.parametrize("levels", [70, 100_000])
def test_a_signature_that_no_reader_takes_hides_no_column(levels: int) -> None:
    spec = "[" * levels + '{"name": "ssn"}' + "]" * levels
    found = judged(run(model=model(mlmodel={"signature": {"inputs": spec}}, texts={})))
    message = "the inputs in the model's signature are not a JSON list"
    assert_outcome(found, "fail", part="names", message=message)


def judged(candidate: RunRecord, **settings: Any) -> list[Finding]:
    return judge(bind(PiiColumns, **settings), candidate=candidate)


def test_plain_columns_pass_and_there_may_be_no_example() -> None:
    found = judged(run(model=signed("age", "zip")))
    message = "no name of 2 columns says that it holds personal data"
    assert_outcome(found, "pass", part="names", message=message)
    message = "model 'model' has no input example: nothing to look at"
    assert_outcome(found, "not-applicable", part="example", message=message)


def test_a_column_of_any_place_fails_and_each_place_is_named() -> None:
    table = TableRecord(run_id="r", source="t", columns={"row_id": (1,), "clientIp": (IP,)})
    candidate = run(
        model=signed("age", "e_mail"),
        datasets=(Dataset(name="d", columns=("age", "e_mail", "birth date")),),
        predictions=table,
    )
    message = (
        "3 columns may hold personal data: 'e_mail' (email; signature, dataset 'd'), "
        "'clientIp' (ip; predictions table), 'birth date' (dob; dataset 'd')"
    )
    finding = assert_outcome(judged(candidate), "fail", part="names", message=message)
    assert finding.remedy == (
        "leave the column out or replace it by what the model needs of it; if it holds no "
        "personal data, say so: `allow: {column: reason}`"
    )


def test_a_column_may_be_allowed_with_a_reason_which_the_report_repeats() -> None:
    candidate = run(model=signed("loyalty_card", "age"))
    found = judged(candidate, allow={"loyalty_card": "yes or no"})
    message = (
        "no name of 2 columns says that it holds personal data; allowed: 'loyalty_card' (yes or no)"
    )
    assert_outcome(found, "pass", part="names", message=message)
    assert_outcome(judged(candidate, allow={"other": "x"}), "fail", part="names")


def test_columns_in_nested_objects_are_seen() -> None:
    spec = [{"name": "who", "type": "object", "properties": {"ssn": {"type": "string"}}}]
    nested = model(mlmodel={"signature": {"inputs": json.dumps(spec)}}, texts={})
    message = "1 column may hold personal data: 'ssn' (ssn; signature)"
    assert_outcome(judged(run(model=nested)), "fail", part="names", message=message)


def test_no_column_anywhere_is_missing() -> None:
    candidate = run(model=model(mlmodel={"signature": None}, texts={}))
    message = (
        "there is no schema to inspect: neither the model's signature nor a dataset input nor a "
        "predictions table names a column"
    )
    assert_outcome(judged(candidate), "missing", part="names", message=message)
    assert_outcome(judged(run()), "missing", part="names")
    assert_outcome(judged(run()), "missing", part="example")


NAME_THE_DATA = (
    "log the data with its column names: mlflow.log_input(mlflow.data.from_pandas(X_train), "
    'context="training")'
)


def test_a_signature_that_names_no_column_is_not_asked_for_again() -> None:
    spec = {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 30]}}
    tensor = model(mlmodel={"signature": {"inputs": json.dumps([spec])}}, texts={})
    finding = assert_outcome(judged(run(model=tensor)), "missing", part="names")
    assert finding.remedy == NAME_THE_DATA
    unsigned = model(mlmodel={"signature": None}, texts={})
    for candidate in (run(model=unsigned), run()):
        finding = assert_outcome(judged(candidate), "missing", part="names")
        assert finding.remedy == (
            "log the model with a signature of named columns (mlflow.models.infer_signature), or "
            + NAME_THE_DATA
        )


def test_what_could_not_be_looked_at_is_said_unless_something_was_found_anyway() -> None:
    gap = Unreadable(unreadable="over the cap")
    assert_outcome(judged(run(model=signed("age"), predictions=gap)), "error", part="names")
    assert_outcome(judged(run(model=signed("ssn"), predictions=gap)), "fail", part="names")
    invalid = run(model=signed("age"), predictions=Invalid(invalid="no table"))
    assert_outcome(judged(invalid), "fail", part="names")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("email", "email"),
        ("customerEmail", "email"),
        ("num__e-mail", "email"),
        ("HOME_PHONE", "phone"),
        ("ssn_last4", "ssn"),
        ("IBAN", "iban"),
        ("passport_no", "passport"),
        ("dateOfBirth", "dob"),
        ("IPAddress", "ip"),
        ("ipv6", "ip"),
        ("first_name", "name"),
        ("surname", "name"),
        ("address2", "address"),
        ("creditCard", "card"),
        ("phone_number", "phone"),
        ("card_number", "card"),
        ("cardType_number", "card"),
        ("ip_address", "ip"),
        ("email_address", "email"),
        ("sender_email", "email"),
        ("user_name", "name"),
        ("patientName", "name"),
        ("PhoneService", None),
        ("phone_model", None),
        ("num_phones", None),
        ("phone_mobile_valid", None),
        ("card_type", None),
        ("cat__card_type", None),
        ("HasCrCard", None),
        ("yellow_cards", None),
        ("card_balance", None),
        ("ip_count", None),
        ("ip_risk_score", None),
        ("email_opens_30d", None),
        ("emails_4w", None),
        ("email_domain_is_free", None),
        ("number_of_emails", None),
        ("name_email_similarity", None),
        ("date_of_birth_distinct_emails_4w", None),
        ("n_addresses", None),
        ("address_matches_card", None),
        ("months_at_current_address", None),
        ("prev_address_months_count", None),
        ("first_name_length", None),
        ("host_name", None),
        ("zip", None),
        ("recipe", None),
        ("name", None),
        ("product_name", None),
        ("discard", None),
        ("script", None),
        ("mean radius", None),
        ("", None),
    ],
)
def test_whole_words_of_a_name_decide(name: str, kind: Kind | None) -> None:
    assert kind_of_name(name, KINDS) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (MAIL, "email"),
        (f"write to {MAIL}.", "email"),
        ("4111 1111 1111 1111", "card"),
        (CARD, "card"),
        ("DE89 3704 0044 0532 0130 00 ANNA", "iban"),
        (IBAN, "iban"),
        ("078-05-1120", "ssn"),
        ("+49 170 1234567", "phone"),
        ("(212) 555-0187", "phone"),
        (f"from {IP}", "ip"),
        ("2001:db8::1", "ip"),
        ("4111111111111112", None),
        ("1700000000000", None),
        ("0.4111111111111111", None),
        ("DE88370400440532013000", None),
        ("2026-01-31T08:00:00+00:00", None),
        ("12:30:45", None),
        ("550e8400-e29b-41d4-a716-446655440000", None),
        ("256.1.1.1", None),
        ("1.2.3", None),
        ("a@b", None),
        ("-1.5", None),
    ],
)
def test_the_form_of_a_text_decides(text: str, kind: Kind | None) -> None:
    assert kind_of_text(text, KINDS) == kind


SPLIT = {"columns": ["age", "who"], "data": [[30, MAIL], [31, MAIL], [32, "none"]]}


@pytest.mark.parametrize(
    ("example", "where"),
    [
        (SPLIT, "email in 2 cells of 'who'"),
        ({"dataframe_split": SPLIT}, "email in 2 cells of 'who'"),
        ({"inputs": {"pan": [int(CARD)]}}, "card in 1 cell of 'pan'"),
        ([["x", IP]], "ip in 1 cell of the whole file"),
        (f"no JSON, but {MAIL}", "email in 1 cell of the whole file"),
        ({MAIL: 1}, "email in 1 cell of a column named by a value"),
        ({"columns": ["a"], "data": [[1, MAIL]]}, "email in 1 cell of 'data'"),
    ],
)
def test_an_example_with_personal_data_fails_and_shows_where_but_not_what(
    example: object, where: str
) -> None:
    message = f"the input example looks like personal data (values are not shown): {where}"
    finding = assert_outcome(judged(exampled(example)), "fail", part="example", message=message)
    assert finding.remedy == (
        "log the model with a made-up input example; MLflow stores the example as it is given"
    )


def test_a_harmless_example_passes() -> None:
    example = {"columns": ["age", "ok"], "data": [[30, True], [None, 4.5]]}
    message = "no cell of the input example has the form of personal data"
    assert_outcome(judged(exampled(example)), "pass", part="example", message=message)
    assert_outcome(judged(exampled("[NaN]")), "pass", part="example")


def test_the_same_rows_in_both_example_files_count_once() -> None:
    texts = {
        "input_example.json": json.dumps(SPLIT),
        "serving_input_example.json": json.dumps({"dataframe_split": SPLIT}),
    }
    (_, found) = judged(run(model=signed("age", texts=texts)))
    assert "email in 2 cells of 'who'" in found.whole


def test_an_allowed_column_and_a_pattern_that_is_not_asked_for_are_not_scanned() -> None:
    assert_outcome(judged(exampled(SPLIT), allow={"who": "made up"}), "pass", part="example")
    assert_outcome(judged(exampled(SPLIT), patterns=["ip"]), "pass", part="example")


def test_an_example_that_is_no_json_file_is_missing() -> None:
    info = {"saved_input_example_info": {"artifact_path": "example.npz"}}
    found = judged(run(model=model(mlmodel=info, texts={})))
    message = "the input example of model 'model' is not JSON file: nobody can say what it holds"
    assert_outcome(found, "missing", part="example", message=message)


def test_an_example_that_could_not_be_read_is_an_error() -> None:
    texts = {"input_example.json": Unreadable(unreadable="over 1 MB")}
    assert_outcome(judged(run(model=signed("age", texts=texts))), "error", part="example")


def test_the_example_is_read_only_where_it_is_scanned() -> None:
    policy = bind(PiiColumns, scan_example=False)
    assert Needs.FILES in PiiColumns().reads()
    assert Needs.FILES not in policy.reads()
    assert_outcome(judge(policy, candidate=exampled(SPLIT)), "pass", part="names")


@pytest.mark.parametrize(
    "settings",
    [{"patterns": []}, {"patterns": ["emial"]}, {"allow": {"ip": ""}}, {"allow": ["ip"]}],
)
def test_a_setting_that_would_look_for_nothing_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        bind(PiiColumns, **settings)


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_no_report_on_a_real_run_holds_a_value_of_its_data(
    form: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = logged(tmp_path_factory)
    assert [secret for secret in SECRETS if secret not in f"{runs.careless.model}"] == []
    monkeypatch.chdir(runs.folder)
    told = command(
        *("check", "--run", runs.careless.run_id, "--tracking-uri", runs.uri, "--format", form)
    )
    assert told.code == 1
    assert "looks like personal data" in told.out
    assert [secret for secret in SECRETS if secret in told.out + told.err] == []


def test_really_logged_models_are_told_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    runs = logged(tmp_path_factory)
    assert {f.outcome for f in judged(runs.careful)} == {"pass"}
    careless = judged(runs.careless)
    assert_outcome(careless, "fail", part="names")
    example = assert_outcome(careless, "fail", part="example")
    assert example.message.endswith(
        "email in 2 cells of 'contact', card in 2 cells of 'payment_card', "
        "iban in 2 cells of 'note', ip in 2 cells of 'client_ip'"
    )


names = st.text("abcIp_. Email1card", max_size=12)


@given(names=st.lists(names, max_size=5), patterns=st.sets(st.sampled_from(KINDS), min_size=1))
def test_to_look_for_more_never_lets_more_pass(names: list[str], patterns: set[Kind]) -> None:
    candidate = run(model=signed(*names))
    (few, *_), (all_, *_) = judged(candidate, patterns=sorted(patterns)), judged(candidate)
    if all_.outcome == "pass":
        assert few.outcome == "pass"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(SECRETS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", MAIL]), inner)
    ),
    max_leaves=8,
)


@given(example=values)
def test_no_message_ever_holds_a_value_and_none_is_overlooked(example: object) -> None:
    text = json.dumps(example)
    (_, found) = judged(exampled(text))
    held = [secret for secret in SECRETS if secret in text]
    assert [secret for secret in SECRETS if secret in f"{found}"] == []
    if held:
        assert found.outcome == "fail"
