from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.render.links import Links
from policy_engine.report import Where
from tests.render import reports

RUN = reports.candidate(run_id="8f0c" + "0" * 28)
LINE = Where("policies/fraud.yaml", 14)
GITHUB = Links(server="https://github.com", repository="acme/fraud", commit="1a2b3c4d" * 5)


@pytest.mark.parametrize(
    ("uri", "base"),
    [
        ("https://mlflow.example", "https://mlflow.example"),
        ("http://127.0.0.1:5000/", "http://127.0.0.1:5000"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("https://mlflow.example/ml flow//x/", "https://mlflow.example/ml%20flow/x"),
        ("https://ana:secret@mlflow.example/base?token=secret#x", "https://mlflow.example/base"),
        ("https://mlflow.example/a/../%2e%2e/b", "https://mlflow.example/a/b"),
    ],
)
def test_a_run_leads_to_mlflows_page_without_credentials(uri: str, base: str) -> None:
    assert Links(mlflow=uri).run(RUN) == f"{base}/#/runs/{RUN.run_id}"


@pytest.mark.parametrize(
    "uri",
    [
        *("sqlite:///mlflow.db", "databricks", "file:///mlruns", "javascript:alert(1)", "", "//h"),
        *("https://", "https://a b", "http://h:x", "http://[::1", 'https://h"onclick="x', "uc:x"),
        "https://mlflow.example/\ud800",
    ],
)
def test_a_store_without_pages_has_no_links(uri: str) -> None:
    assert Links(mlflow=uri).run(RUN) is None


@pytest.mark.parametrize("run_id", ["", "a/b", "../x", "a b", "x?y", "x#y", "é", "x" * 300])
def test_a_run_id_that_mlflow_would_not_take_is_no_link(run_id: str) -> None:
    assert Links(mlflow="https://h").run(reports.candidate(run_id=run_id)) is None


def test_a_rule_leads_to_its_line_as_it_was_when_it_judged() -> None:
    assert GITHUB.line(LINE) == (
        "https://github.com/acme/fraud/blob/"
        "1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d/policies/fraud.yaml#L14"
    )
    assert GITHUB.line(Where("policies/a#b ?.yaml", 3)) == (
        "https://github.com/acme/fraud/blob/"
        "1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d1a2b3c4d/policies/a%23b%20%3F.yaml#L3"
    )


@pytest.mark.parametrize("file", ["../x", "/etc/passwd", "a/./b", "a\nb", "", "a//b", "C:/x"])
def test_a_file_outside_the_repository_is_no_link(file: str) -> None:
    assert GITHUB.line(Where(file, 1)) is None


@pytest.mark.parametrize(
    "links",
    [
        Links(),
        Links(server="https://github.com", repository="acme/fraud"),
        Links(server="https://github.com", commit="1a2b3c4"),
        Links(repository="acme/fraud", commit="1a2b3c4"),
        Links(server="https://github.com", repository="acme/fraud/x", commit="1a2b3c4"),
        Links(server="https://github.com", repository="acme/fraud", commit="main"),
        Links(server="ftp://github.com", repository="acme/fraud", commit="1a2b3c4"),
    ],
)
def test_without_server_repository_and_commit_there_is_no_link_to_a_rule(links: Links) -> None:
    assert links.line(LINE) is None


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_no_text_changes_the_host_of_a_link(text: str) -> None:
    made = [
        Links(mlflow="https://mlflow.example").run(reports.candidate(run_id=text)),
        GITHUB.line(Where(text, 1)),
        Links(mlflow=f"https://mlflow.example/{text}").run(RUN),
    ]
    for address in filter(None, made):
        assert urlsplit(address).hostname in {"mlflow.example", "github.com"}
        assert address.isascii()
        assert not set(address) & set(" \"'<>`|\\()")
