from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.reading.formats import PICKLES
from mlops_policies.reading.safer import safer_than_pickle
from mlops_policies.serving.safe_serialization import SafeSerialization
from policy_engine.evidence import Needs
from policy_engine.evidence.record import Invalid, Unreadable
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import assert_outcome, bind, judge, model, run

AROUND = ("MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "registered_model_meta")
MLFLOW = {"loader_module": "mlflow.sklearn", "python_version": "3.11.7"}
SKOPS = {"pickled_model": "model.skops", "serialization_format": "skops"}
CLOUDPICKLE = {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}
SAFER = (
    'log it in a format that holds no code (scikit-learn: serialization_format="skops"; networks: '
    "safetensors or ONNX; boosters: their own), or store a scan's report in the model "
    "(ModelScan, modelaudit)"
)


def judged(
    *files: str,
    policy: SafeSerialization | None = None,
    flavors: dict[str, Any] | None = None,
    scan: object = None,
    audit: object = None,
    tags: dict[str, str] | None = None,
) -> list[Finding]:
    reports = {"modelscan.json": scan, "modelaudit.json": audit}
    texts = {
        name: each if isinstance(each, str) else json.dumps(each)
        for name, each in reports.items()
        if each is not None
    }
    paths = [*AROUND, *files, *texts]
    record = model(
        files=dict.fromkeys(paths, 100),
        mlmodel={"flavors": {"python_function": MLFLOW} | (flavors or {})},
        texts=texts,
    )
    return judge(policy or SafeSerialization(), candidate=run(model=record, tags=tags or {}))


def report(
    *scanned: str, skipped: tuple[str, ...] = (), issues: tuple[str, ...] = (), errors: int = 0
) -> dict[str, Any]:
    """A report as ModelScan 0.8 writes it."""
    skips = [{"category": "SCAN_NOT_SUPPORTED", "source": path} for path in skipped]
    return {
        "summary": {
            "total_issues": len(issues),
            "scanned": {"total_scanned": len(scanned), "scanned_files": list(scanned)},
            "skipped": {"total_skipped": len(skips), "skipped_files": skips},
        },
        "issues": [{"severity": severity, "operator": "system"} for severity in issues],
        "errors": [{"category": "MODEL_SCAN"}] * errors,
    }


def test_a_skops_model_passes_although_mlflow_calls_it_a_pickled_model() -> None:
    found = judged("model.skops", flavors={"sklearn": SKOPS})
    message = "no stored file is a pickle; the model is stored as skops"
    assert_outcome(found, "pass", message=message)


def test_a_pickle_without_a_scan_fails() -> None:
    found = judged("model.pkl", flavors={"own": CLOUDPICKLE})
    message = (
        "pickle present and no scan report: model.pkl (cloudpickle, by the MLmodel file); "
        "loading it can run any code"
    )
    finding = assert_outcome(found, "fail", message=message)
    assert finding.remedy == SAFER


def test_a_run_that_autologging_ended_is_told_to_log_the_model_within_its_own() -> None:
    """What is logged after `fit` lies in no run, and the next check finds no model at all."""
    found = judged("model.pkl", flavors={"sklearn": {}}, tags={"mlflow.autologging": "sklearn"})
    (finding,) = found
    assert finding.remedy == (
        f"{safer_than_pickle(['sklearn'])}; autologging ended this run with fit: call fit and this "
        "within `with mlflow.start_run():`"
    )


@pytest.mark.parametrize(
    ("flavor", "remedy"),
    [
        (
            "sklearn",
            (
                'log_model(…, serialization_format="skops"), for trees with '
                "skops_trusted_types=[…]; autologging: mlflow.sklearn.autolog(log_models=False), "
                "and log_model in the same run; or store a scan's report in the model (ModelScan, "
                "modelaudit)"
            ),
        ),
        (
            "pytorch",
            (
                "log the network as ONNX (mlflow.onnx.log_model); autologging pickles: "
                "mlflow.pytorch.autolog(log_models=False), and log it in the same run; or store a "
                "scan's report in the model (ModelScan, modelaudit)"
            ),
        ),
        (
            "statsmodels",
            (
                "MLflow stores statsmodels as a pickle only, and ModelScan skips its ending: store "
                "the report of `modelaudit scan --format json` in the model, as modelaudit.json; "
                "it warns of statsmodels' own classes, which `max_severity: medium` lets stand"
            ),
        ),
    ],
)
def test_the_remedy_is_what_mlflow_can_store_of_the_flavor(flavor: str, remedy: str) -> None:
    finding = assert_outcome(judged("data/model.pkl", flavors={flavor: {}}), "fail")
    assert finding.remedy == remedy


def test_the_way_that_is_named_for_statsmodels_leads_to_a_pass() -> None:
    """Its report has the shape and the severities of a scan of a real one by modelaudit 0.2."""
    audit = {
        "issues": [{"severity": "warning"}] * 14 + [{"severity": "info"}],
        "assets": [{"path": "model/model.statsmodels", "type": "pickle"}],
        "has_errors": False,
        "success": True,
    }
    flavors = {"statsmodels": {"data": "model.statsmodels"}}
    assert_outcome(judged("model.statsmodels", flavors=flavors, audit=audit), "fail")
    medium = bind(SafeSerialization, max_severity="medium")
    found = judged("model.statsmodels", policy=medium, flavors=flavors, audit=audit)
    message = (
        "modelaudit.json clears the 1 pickle (model.statsmodels): it names no issue above medium"
    )
    assert_outcome(found, "pass", message=message)


@pytest.mark.parametrize(
    "cached",
    [
        "__pycache__/chain.cpython-311.pyc",
        "__pycache__/chain.cpython-313.opt-1.pyc",
        "code/own/__pycache__/words.cpython-310.pyc",
    ],
)
def test_bytecode_is_code_as_its_source_beside_it_is(cached: str) -> None:
    both = ("chain.py", "code/own/words.py")
    message = "no stored file is a pickle"
    assert_outcome(judged(*both, cached), "pass", message=message)


@pytest.mark.parametrize(
    "path",
    [
        "__pycache__/other.cpython-311.pyc",
        "code/__pycache__/chain.cpython-311.pyc",
        "chain.cpython-311.pyc",
        "chain.pyc",
        "__pycache__/chain.pyc",
        "__pycache__/chain.py.cpython-311.pyc",
    ],
)
def test_bytecode_without_its_source_is_not_known(path: str) -> None:
    message = f"no stored file is a pickle, but it is not known by its name what {path} is"
    assert_outcome(judged("chain.py", path), "inconclusive", message=message)


def test_a_pickle_by_another_name_is_still_one() -> None:
    conf = CLOUDPICKLE | {"pickled_model": "model.txt"}
    finding = assert_outcome(judged("model.txt", flavors={"sklearn": conf}), "fail")
    assert "model.txt (cloudpickle, by the MLmodel file)" in finding.whole


def test_an_old_sklearn_model_that_says_no_format_is_a_pickle() -> None:
    conf = {"pickled_model": "model"}
    finding = assert_outcome(judged("model", flavors={"sklearn": conf}), "fail")
    assert "model (pickle, by the MLmodel file)" in finding.whole


def test_a_python_model_is_a_pickle_and_one_from_source_is_not() -> None:
    conf = MLFLOW | {"loader_module": "mlflow.pyfunc.model"}
    pickled = {"python_function": conf | {"python_model": "python_model"}}
    assert_outcome(judged("python_model", flavors=pickled), "fail")
    source = {"python_function": conf | {"python_model": "model.py"}}
    assert_outcome(judged("model.py", flavors=source), "pass", message="no stored file is a pickle")


def test_a_folder_of_pickles_is_found_by_what_mlmodel_says() -> None:
    conf = {"serialization_format": "pickle", "data": "data"}
    finding = assert_outcome(judged("data/a", "data/b/c", flavors={"own": conf}), "fail")
    assert "data/a (pickle, by the MLmodel file), data/b/c (pickle" in finding.whole


@pytest.mark.parametrize(
    "path", [f"data/model{ending}" for ending in sorted(PICKLES)] + ["M.PKL", "model.pkl.gz"]
)
def test_a_file_that_is_called_a_pickle_fails(path: str) -> None:
    finding = assert_outcome(judged(path), "fail")
    assert f"{path} (by its name)" in finding.whole


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("data/model.safetensors", "safetensors"),
        ("model.onnx", "onnx"),
        ("data/model.keras", "keras-v3"),
        ("model.xgb", "native-booster"),
        ("model.ubj", "native-booster"),
        ("model.lgb", "native-booster"),
        ("model.cb", "native-booster"),
    ],
)
def test_a_format_without_code_passes(path: str, form: str) -> None:
    message = f"no stored file is a pickle; the model is stored as {form}"
    assert_outcome(judged(path), "pass", message=message)


@pytest.mark.parametrize(
    ("path", "form", "remedy"),
    [
        (
            "data/model.pt2",
            "torch-export",
            (
                "log the network as ONNX (mlflow.onnx.log_model), or add torch-export to `allow` "
                "where every model is loaded with MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false and "
                "torch 2.10 or newer: MLflow then refuses an archive with pickled code, which "
                "torch.export.load would run"
            ),
        ),
        (
            "data/model.h5",
            "hdf5",
            "log the model in an allowed format, or add the format to allow and say why",
        ),
    ],
)
def test_a_format_passes_only_if_it_is_allowed(path: str, form: str, remedy: str) -> None:
    message = f"a format that `allow` does not have: {path} ({form})"
    finding = assert_outcome(judged(path), "fail", message=message)
    assert finding.remedy == remedy
    allowing = bind(SafeSerialization, allow=[form])
    assert_outcome(judged(path, policy=allowing), "pass")
    assert_outcome(judged("model.skops", policy=allowing), "fail")


def test_a_file_that_nobody_knows_by_its_name_decides_nothing() -> None:
    message = (
        "no stored file is a pickle, but it is not known by its name what data/tokenizer.model is"
    )
    found = judged("data/model.safetensors", "data/tokenizer.model")
    finding = assert_outcome(found, "inconclusive", message=message)
    assert finding.remedy is not None


def test_the_tensors_beside_an_onnx_model_are_part_of_it() -> None:
    onnx = {"onnx": {"data": "model.onnx"}}
    assert_outcome(judged("model.onnx", "fc1.weight", flavors=onnx), "pass")
    assert_outcome(judged("model.onnx", "fc1.weight", flavors={"other": {}}), "inconclusive")


def test_a_loader_of_its_own_decides_nothing() -> None:
    own = {"python_function": MLFLOW | {"loader_module": "fraud.loader"}}
    message = (
        "no stored file is a pickle, but its loader fraud.loader is not MLflow's and may unpickle "
        "anything"
    )
    assert_outcome(judged("weights.json", flavors=own), "inconclusive", message=message)


def test_types_that_a_skops_file_asks_to_be_trusted_with_are_to_be_allowed() -> None:
    conf = SKOPS | {"skops_trusted_types": ["sklearn.tree._tree.Tree"]}
    message = (
        "no stored file is a pickle, but its skops file asks to be trusted with "
        "sklearn.tree._tree.Tree"
    )
    found = judged("model.skops", flavors={"sklearn": conf})
    finding = assert_outcome(found, "inconclusive", message=message)
    assert finding.remedy == (
        "where you trust this library, write under safe-serialization in the policy file "
        "`trusted_types: [sklearn.tree._tree.Tree]`"
    )
    policy = bind(SafeSerialization, trusted_types=["sklearn.tree._tree.Tree"])
    assert_outcome(judged("model.skops", flavors={"sklearn": conf}, policy=policy), "pass")
    evil = SKOPS | {"skops_trusted_types": ["sklearn.tree._tree.Tree", "builtins.eval"]}
    found = judged("model.skops", flavors={"sklearn": evil}, policy=policy)
    finding = assert_outcome(found, "inconclusive")
    assert finding.remedy == (  # nobody is told to allow what could be anything
        "look at what is named; allow types that you know by trusted_types, and log the rest in a "
        "known format"
    )


def scanned(scan: object, **settings: Any) -> list[Finding]:
    policy = bind(SafeSerialization, **settings)
    return judged("model.pkl", flavors={"sklearn": CLOUDPICKLE}, scan=scan, policy=policy)


@pytest.mark.parametrize("path", ["model.pkl", "runs/model/model.pkl", "model.pkl:data.pkl"])
def test_a_scan_that_found_nothing_clears_a_pickle(path: str) -> None:
    message = "modelscan.json clears the 1 pickle (model.pkl): it names no issue above low"
    assert_outcome(scanned(report(path)), "pass", message=message)


def test_files_that_are_no_pickles_may_be_skipped() -> None:
    assert_outcome(scanned(report("model.pkl", skipped=("MLmodel", "conda.yaml"))), "pass")


@pytest.mark.parametrize(
    ("scan", "why"),
    [
        (report("other.pkl"), "it left out model.pkl, and at most 0 may be"),
        (report("notmodel.pkl"), "it left out model.pkl, and at most 0 may be"),
        (
            report("model.pkl", skipped=("model.pkl",)),
            "it left out model.pkl, and at most 0 may be",
        ),
        (
            report("model.pkl", issues=("CRITICAL", "HIGH", "HIGH")),
            "it found 3 issues above low (critical, high)",
        ),
        (report("model.pkl", issues=("MEDIUM",)), "it found 1 issue above low (medium)"),
        (report("model.pkl", issues=("WEIRD",)), "it found 1 issue above low (weird)"),
        (report("model.pkl", errors=2), "it met 2 errors"),
    ],
)
def test_a_scan_that_does_not_clear_it_fails(scan: object, why: str) -> None:
    message = f"pickle present (model.pkl), and modelscan.json does not clear it: {why}"
    assert_outcome(scanned(scan), "fail", message=message)


def test_the_worst_issue_that_may_stand_is_at_the_limit() -> None:
    scan = report("model.pkl", issues=("LOW",))
    assert_outcome(scanned(scan), "pass")
    assert_outcome(scanned(scan, max_severity="none"), "fail")
    assert_outcome(scanned(report("model.pkl", issues=("HIGH",)), max_severity="high"), "pass")


def test_a_scan_may_leave_out_as_many_as_is_said() -> None:
    assert_outcome(scanned(report(), max_skipped=1), "pass")
    assert_outcome(scanned(report(), max_skipped=0), "fail")


@pytest.mark.parametrize("scan", ["{", "[]", "{}", '{"summary": 1}', '{"summary": {}}'])
def test_a_report_that_is_none_fails(scan: str) -> None:
    message = "modelscan.json of the model is not a ModelScan report"
    assert_outcome(scanned(scan), "fail", message=message)


def test_a_scan_that_does_not_say_what_it_skipped_clears_nothing() -> None:
    scan = report("model.pkl")
    del scan["summary"]["skipped"]
    message = "modelscan.json of the model does not say which files the scan skipped"
    finding = assert_outcome(scanned(scan), "fail", message=message)
    assert finding.remedy == (
        "scan the model again with `modelscan -r json --show-skipped`, and store what it writes"
    )


def audited(audit: object, *, scan: object = None, **settings: Any) -> list[Finding]:
    policy = bind(SafeSerialization, **settings)
    return judged(
        "model.pkl", flavors={"sklearn": CLOUDPICKLE}, audit=audit, scan=scan, policy=policy
    )


def audit_report(
    path: str = "model.pkl", kind: str = "pickle", issues: tuple[str, ...] = (), **facts: Any
) -> dict[str, Any]:
    """A report as modelaudit 0.2 writes it, of what is read here."""
    return {
        "issues": [{"message": "…", "severity": each, "location": path} for each in issues],
        "assets": [{"path": "MLmodel", "type": "unknown"}, {"path": path, "type": kind}],
        "has_errors": False,
        "success": True,
    } | facts


@pytest.mark.parametrize("path", ["model.pkl", "runs/model/model.pkl"])
def test_an_audit_that_found_nothing_clears_a_pickle(path: str) -> None:
    message = "modelaudit.json clears the 1 pickle (model.pkl): it names no issue above low"
    assert_outcome(audited(audit_report(path, issues=("info", "debug"))), "pass", message=message)


@pytest.mark.parametrize(
    ("audit", "why"),
    [
        (audit_report("other.pkl"), "it left out model.pkl, and at most 0 may be"),
        (audit_report(kind="unknown"), "it left out model.pkl, and at most 0 may be"),
        (audit_report(issues=("warning",)), "it found 1 issue above low (medium)"),
        (audit_report(issues=("critical",)), "it found 1 issue above low (critical)"),
        (audit_report(issues=("weird",)), "it found 1 issue above low (weird)"),
        (audit_report(has_errors=True), "it met 1 error"),
        (audit_report(success=False), "it met 1 error"),
    ],
)
def test_an_audit_that_does_not_clear_it_fails(audit: object, why: str) -> None:
    message = f"pickle present (model.pkl), and modelaudit.json does not clear it: {why}"
    assert_outcome(audited(audit), "fail", message=message)


def test_a_warning_of_an_audit_is_a_medium_issue() -> None:
    audit = audit_report(issues=("warning",))
    assert_outcome(audited(audit, max_severity="medium"), "pass")


@pytest.mark.parametrize("audit", ["{", "[]", "{}", '{"assets": [], "issues": []}'])
def test_an_audit_that_is_none_fails(audit: str) -> None:
    message = "modelaudit.json of the model is not a modelaudit report"
    assert_outcome(audited(audit), "fail", message=message)


def test_where_both_reports_are_there_both_must_clear_the_pickle() -> None:
    message = (
        "modelscan.json and modelaudit.json clear the 1 pickle (model.pkl): they name no issue "
        "above low"
    )
    found = audited(audit_report(), scan=report("model.pkl"))
    assert_outcome(found, "pass", message=message)
    found = audited(audit_report(), scan=report("model.pkl", issues=("HIGH",)))
    assert_outcome(found, "fail")
    found = audited(audit_report(issues=("critical",)), scan=report("model.pkl"))
    assert_outcome(found, "fail")


@pytest.mark.parametrize(
    ("flavor", "conf", "files"),
    [
        ("prophet", {"data": "model.pr"}, ("model.pr",)),
        (
            "spark",
            {"model_data": "sparkml"},
            ("sparkml/metadata/part-00000", "sparkml/metadata/.part-00000.crc", "sparkml/_SUCCESS"),
        ),
        (
            "spacy",
            {"data": "model.spacy"},
            (
                "model.spacy/config.cfg",
                "model.spacy/tokenizer",
                "model.spacy/textcat/model",
                "model.spacy/vocab/key2row",
                "model.spacy/vocab/lookups.bin",
                "model.spacy/vocab/vectors",
            ),
        ),
        ("transformers", {}, ("components/tokenizer/spiece.model", "model/model.safetensors")),
        ("sentence_transformers", {}, ("model.sentence_transformer/sentencepiece.bpe.model",)),
        ("fasttext", {}, ("model.ftz",)),
        ("paddle", {}, ("model.pdmodel", "model.pdiparams")),
    ],
)
def test_the_only_format_of_a_flavor_is_known_by_the_flavor(
    flavor: str, conf: dict[str, Any], files: tuple[str, ...]
) -> None:
    finding = assert_outcome(judged(*files, flavors={flavor: conf}), "pass")
    assert finding.whole.startswith(
        "no stored file is a pickle; the model is stored as flavor-native"
    )


@pytest.mark.parametrize(
    ("flavor", "conf", "path"),
    [
        ("spacy", {"data": "model.spacy"}, "elsewhere/lookups.bin"),
        ("spacy", {"data": "model.spacy"}, "model.spacy/own/state.pkl"),
        ("spacy", {}, "lookups.bin"),
        ("transformers", {}, "model/pytorch_model.bin"),
        ("spark", {"model_data": "sparkml"}, "sparkml/stage/own.pkl"),
        ("fastai", {"data": "model.fastai"}, "model.fastai"),
    ],
)
def test_a_flavor_answers_for_its_own_files_alone(
    flavor: str, conf: dict[str, Any], path: str
) -> None:
    finding = assert_outcome(judged(path, flavors={flavor: conf}), "fail")
    assert f"{path} (by its name)" in finding.whole


def test_a_format_that_may_hold_code_is_known_by_the_flavor_and_must_be_allowed() -> None:
    h2o = {"h2o": {"data": "model.h2o"}}
    message = "a format that `allow` does not have: model.h2o/GBM_model_1 (h2o)"
    assert_outcome(judged("model.h2o/GBM_model_1", flavors=h2o), "fail", message=message)
    saved = {"tensorflow": {"saved_model_dir": "tf2model"}}
    variables = ("tf2model/variables/variables.index", "tf2model/saved_model.pb")
    policy = bind(SafeSerialization, allow=["saved-model", "h2o"])
    assert_outcome(judged("model.h2o/GBM_model_1", flavors=h2o, policy=policy), "pass")
    assert_outcome(judged(*variables, flavors=saved, policy=policy), "pass")


def test_the_types_that_mlflows_lightgbm_always_names_need_no_permission() -> None:
    types = ["lightgbm.basic.Booster", "collections.OrderedDict"]
    conf = {"serialization_format": "skops", "skops_trusted_types": types}
    assert_outcome(judged("model.skops", flavors={"lightgbm": conf}), "pass")
    conf = {"serialization_format": "skops", "skops_trusted_types": [*types, "os.system"]}
    message = "no stored file is a pickle, but its skops file asks to be trusted with os.system"
    found = judged("model.skops", flavors={"lightgbm": conf})
    assert_outcome(found, "inconclusive", message=message)
    found = judged("model.skops", flavors={"sklearn": SKOPS | {"skops_trusted_types": types}})
    assert_outcome(found, "inconclusive")


def test_all_types_to_trust_are_listed_and_only_where_a_skops_file_is_stored() -> None:
    types = [f"own.Type{number}" for number in range(6)]
    conf = SKOPS | {"skops_trusted_types": types}
    message = (
        "no stored file is a pickle, but its skops file asks to be trusted with own.Type0, "
        "own.Type1, own.Type2, own.Type3, own.Type4, own.Type5"
    )
    found = judged("model.skops", flavors={"sklearn": conf})
    assert_outcome(found, "inconclusive", message=message)
    assert_outcome(judged("model.lgb", flavors={"lightgbm": conf}), "pass")


def test_a_cleared_pickle_beside_an_unknown_file_decides_nothing() -> None:
    found = judged("model.pkl", "blob", scan=report("model.pkl"))
    assert_outcome(found, "inconclusive")


def test_a_model_without_files_is_missing() -> None:
    record = model(files={}, mlmodel={"flavors": {}})
    found = judge(SafeSerialization(), candidate=run(model=record))
    assert_outcome(found, "missing", message="model 'model' has no stored files")


@pytest.mark.parametrize("field", ["files", "mlmodel"])
@pytest.mark.parametrize(
    ("gap", "outcome"),
    [(Unreadable(unreadable="HTTP 500"), "error"), (Invalid(invalid="no"), "fail")],
)
def test_what_is_no_value_never_passes(field: str, gap: Invalid | Unreadable, outcome: str) -> None:
    record = model(files={"model.skops": 1}, mlmodel={"flavors": {}}, texts={})
    record = record.model_copy(update={field: gap})
    assert_outcome(judge(SafeSerialization(), candidate=run(model=record)), outcome)


def test_it_reads_the_model_and_its_small_files() -> None:
    assert SafeSerialization().reads() == Needs.MODEL | Needs.FILES


@pytest.mark.parametrize(
    "settings", [{"allow": ["pickle"]}, {"max_severity": "LOW"}, {"max_skipped": -1}]
)
def test_a_setting_that_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SafeSerialization.model_validate(settings)


names = st.sampled_from(
    ["model.skops", "model.onnx", "a.json", "b.txt", "blob", "model.pkl", "x.joblib", "w.pt2"]
)


@given(files=st.lists(names, min_size=1, max_size=6, unique=True), more=names)
def test_one_file_more_never_makes_a_model_safer(files: list[str], more: str) -> None:
    order = [Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL]
    (before,), (after,) = judged(*files), judged(*{*files, more})
    assert order.index(after.outcome) >= order.index(before.outcome)


@given(files=st.lists(names, min_size=1, max_size=6, unique=True))
def test_no_model_with_a_pickle_passes_without_a_scan(files: list[str]) -> None:
    (finding,) = judged(*files)
    if {"model.pkl", "x.joblib"}.intersection(files):
        assert finding.outcome is Outcome.FAIL
