from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_policies.serving.pinned_requirements import PinnedRequirements
from policy_engine.evidence import Needs
from policy_engine.evidence.record import Unreadable
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import assert_outcome, bind, judge, model, run

PINNED = "mlflow==3.17.2\nscikit-learn==1.9.1\n"
PYTHON = (
    "python: 3.11.7\nbuild_dependencies:\n- pip==23.2.1\ndependencies:\n- -r requirements.txt\n"
)
SHA1, SHA256 = "c0ffee00" * 5, "c0ffee00" * 8


def judged(
    requirements: str | None = PINNED,
    python: str | None = PYTHON,
    trained: Any = "3.11.7",
    policy: PinnedRequirements | None = None,
) -> list[Finding]:
    texts = {"requirements.txt": requirements, "python_env.yaml": python}
    record = model(
        mlmodel={"flavors": {"python_function": {"python_version": trained}}},
        files={"MLmodel": 900, "wheels/rules-1.0-py3-none-any.whl": 5000},
        texts={path: text for path, text in texts.items() if text is not None},
    )
    return judge(policy or PinnedRequirements(), candidate=run(model=record))


def loose(requirements: str, **settings: Any) -> int:
    """Return how many requirements count as not pinned."""
    policy = bind(PinnedRequirements, python_minor_match=False, **settings)
    (finding,) = judged(requirements, policy=policy)
    assert finding.measured is not None
    assert (finding.outcome is Outcome.PASS) == (finding.measured.value == 0)
    return int(finding.measured.value)


def test_a_model_whose_requirements_are_pinned_passes() -> None:
    found = judged()
    message = "0 of 2 requirements are not pinned; none may be"
    assert_outcome(found, "pass", part="requirements", message=message)
    message = "Python is 3.11.7 in python_env.yaml and 3.11.7 in the MLmodel file: "
    finding = assert_outcome(found, "pass", part="python")
    assert finding.whole == f"{message}one minor version"


def test_each_loose_requirement_is_named() -> None:
    found = judged("mlflow==3.17.2\nscikit-learn\npandas>=2,<3\n")
    message = "2 of 3 requirements are not pinned: scikit-learn, pandas>=2,<3; none may be"
    finding = assert_outcome(found, "fail", part="requirements", message=message)
    assert finding.remedy == (
        "write each as name==version, or let log_model infer them: leave pip_requirements out"
    )


@pytest.mark.parametrize(
    "line",
    [
        "pandas==2.2.3",
        "pandas == 2.2.3",
        "pandas===2.2.3",
        "pandas (==2.2.3)",
        "pandas[parquet,aws]==2.2.3",
        "pandas==2.2.3,>=2",
        "pandas==2.2.3 ; python_version < '3.13'",
        "pandas==2.2.3  # because of the parquet fix",
        f"pandas==2.2.3 --hash=sha256:{SHA256}",
        f"pandas==2.2.3 \\\n    --hash=sha256:{SHA256}",
        f"pandas @ https://host/pandas-2.2.3.whl#sha256={SHA256}",
        f"rules @ git+https://host/rules@{SHA1}",
        f"git+https://host/rules.git@{SHA1}#egg=rules",
        f"-e git+https://host/rules.git@{SHA1}#egg=rules",
        "wheels/rules-1.0-py3-none-any.whl",
        "./wheels/rules-1.0-py3-none-any.whl",
    ],
)
def test_what_names_one_thing_alone_is_pinned(line: str) -> None:
    assert loose(f"{line}\n") == 0


@pytest.mark.parametrize(
    "line",
    [
        "pandas",
        "pandas>=2.2.3",
        "pandas<=2.2.3",
        "pandas!=2.2.3",
        "pandas~=2.2",
        "pandas==2.2.*",
        "pandas==*",
        "pandas; python_version == '3.11'",
        "pandas  # ==2.2.3",
        "pandas @ https://host/pandas.whl",
        "pandas @ https://host/pandas.whl#md5=d41d8cd98f00b204e9800998ecf8427e",
        "rules @ git+https://host/rules@main",
        "rules @ git+https://host/rules@c0ffee0",
        "git+https://host/rules.git",
        "-e ../rules",
        "-r other.txt",
        "-rother.txt",
        "--requirement=other.txt",
        "wheels/absent-1.0-py3-none-any.whl",
        "/home/me/rules.whl",
        "x" * 5000 + "==1",
    ],
)
def test_what_may_be_another_thing_tomorrow_is_not(line: str) -> None:
    assert loose(f"mlflow==3.17.2\n{line}\n") == 1


def test_comments_and_options_require_nothing() -> None:
    text = "# ours\n\n--index-url https://host/simple\n-c constraints.txt\n--pre\nmlflow==3.17.2\n"
    assert loose(text) == 0


def test_a_password_in_a_url_is_not_shown() -> None:
    (finding, _) = judged(
        "mlflow==3.17.2\nhttps://me:s3cret@host/a.whl\nrules @ git+https://me:s3cret@host/rules\n"
    )
    assert "s3cret" not in finding.whole
    assert finding.whole.endswith("not pinned: line 2, rules @ (a URL); none may be")


def test_a_package_may_be_left_unpinned_by_any_spelling_of_its_name() -> None:
    assert loose("Fraud_Rules>=1\n", allow_unpinned=["fraud-rules"]) == 0
    assert loose("Fraud_Rules>=1\nother\n", allow_unpinned=["fraud.rules"]) == 1


def test_only_the_first_five_are_named() -> None:
    (finding, _) = judged("".join(f"package{n}\n" for n in range(7)))
    assert finding.whole.endswith("package3, package4 and 2 more; none may be")


def test_without_a_file_it_is_missing() -> None:
    found = judged(None, None)
    message = "model 'model' has no requirements.txt"
    assert_outcome(found, "missing", part="requirements", message=message)
    message = "model 'model' has no python_env.yaml"
    assert_outcome(found, "missing", part="python", message=message)


@pytest.mark.parametrize("text", ["", "# nothing\n", "--pre\n"])
def test_a_file_that_names_no_package_is_missing(text: str) -> None:
    message = "requirements.txt of the model names no package"
    assert_outcome(judged(text), "missing", part="requirements", message=message)


def test_another_minor_python_fails() -> None:
    found = judged(trained="3.12.1")
    message = (
        "Python is 3.11.7 in python_env.yaml and 3.12.1 in the MLmodel file; "
        "the minor versions must be equal"
    )
    finding = assert_outcome(found, "fail", part="python", message=message)
    assert finding.remedy == "log the model again from the Python that it shall be served with"


@pytest.mark.parametrize(
    ("environment", "trained", "outcome"),
    [
        ("python: 3.11.9\n", "3.11.7", "pass"),
        ("python: '3.10'\n", "3.10.2", "pass"),
        ("python: 3.1\n", "3.10.2", "fail"),
        ("python: 3\n", "3.10.2", "fail"),
        ("python: 3.11.7\n", "nan", "fail"),
        ("python: 3.11.7\n", None, "missing"),
        ("dependencies: []\n", "3.11.7", "missing"),
    ],
)
def test_pythons_are_compared_by_their_minor_version(
    environment: str, trained: Any, outcome: str
) -> None:
    assert_outcome(judged(python=environment, trained=trained), outcome, part="python")


def test_the_python_may_be_left_unjudged() -> None:
    policy = bind(PinnedRequirements, python_minor_match=False)
    (finding,) = judged(python=None, policy=policy)
    assert_outcome([finding], "pass", part="requirements")


def test_a_file_that_cannot_be_read_is_an_error() -> None:
    record = model(files={"MLmodel": 900}, texts={}).model_copy(
        update={"texts": {"requirements.txt": Unreadable(unreadable="over 1 MB")}}
    )
    found = judge(PinnedRequirements(), candidate=run(model=record))
    assert_outcome(found, "error", part="requirements")


def test_it_reads_the_model_and_its_small_files() -> None:
    assert PinnedRequirements().reads() == Needs.MODEL | Needs.FILES


names = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,8}[A-Za-z0-9]", fullmatch=True)
versions = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}(rc1|\.post1)?", fullmatch=True)
lines = st.tuples(names, st.sampled_from(["==", "===", ">=", "~=", "!=", "<", ">", ""]), versions)


@given(wanted=st.lists(lines, min_size=1, max_size=12))
def test_the_count_is_that_of_the_lines_without_an_exact_version(
    wanted: list[tuple[str, str, str]],
) -> None:
    text = "\n".join(f"{name}{op}{version if op else ''}" for name, op, version in wanted)
    assert loose(text) == sum(op not in {"==", "==="} for _, op, _ in wanted)


@given(text=st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    assert all(f.outcome is not Outcome.ERROR for f in judged(text))
